// SPDX-License-Identifier: BSD-2-Clause
/* Tests of judging losses, on counters as lab_counters() has them. */

#include "lab/calibrate/losses.h"

#include "mpip/base/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static struct nic nics[] = {{.name = "eth0"}, {.name = "c0"}};
static struct node nodes[] = {{.name = "client", .nics = &nics[0], .n_nics = 1},
	{.name = "router", .router = true, .nics = &nics[1], .n_nics = 1}};
static struct lab_link links[] = {{.near = {0, 0},
	.far = {1, 0},
	.up = {.rate_mbit = 10, .delay_ms = 5, .loss_percent = 1},
	.down = {.rate_mbit = 10}}};
static const struct scenario scenario = {
	.nodes = nodes, .n_nodes = 2, .n_hosts = 1, .links = links, .n_links = 1};

static json_t *counters(int packets, int drops, int backlog)
{
	return json_pack("{s:[{s:{s:[{s:s, s:i}, {s:s, s:i, s:i, s:i}]}, s:{s:[]}}]}", "links",
		"up", "qdiscs", "kind", "tbf", "drops", 777, "kind", "netem", "packets", packets,
		"drops", drops, "backlog_packets", backlog, "down", "qdiscs");
}

static json_t *judged(json_t *before, json_t *after, char **error)
{
	json_t *out = losses_judge(&scenario, before, after, error);
	json_decref(before);
	json_decref(after);
	return out;
}

static void test_judged(void **state)
{
	(void)state;
	static const struct {
		int packets, drops, backlog;
		bool good;
	} rows[] = {
		{9900, 100, 0, true},
		{9895, 100, 5, true},
		{9860, 140, 0, true},
		{9850, 150, 0, false},
		{9950, 50, 0, false},
		{0, 0, 0, true},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *error = NULL;
		json_t *out = judged(counters(1000, 10, 3),
			counters(1000 + rows[i].packets, 10 + rows[i].drops, 3 + rows[i].backlog),
			&error);
		assert_non_null(out);
		assert_int_equal(json_array_size(out), 1);
		json_t *one = json_array_get(out, 0);
		assert_int_equal(json_integer_value(json_object_get(one, "lost")), rows[i].drops);
		assert_int_equal(json_integer_value(json_object_get(one, "packets")),
			rows[i].packets + rows[i].drops + rows[i].backlog);
		assert_int_equal(losses_good(out), rows[i].good);
		json_decref(out);
	}
}

static void test_wrong_readings(void **state)
{
	(void)state;
	char *error = NULL;
	assert_null(judged(counters(1000, 10, 0), counters(1000, 9, 0), &error));
	assert_string_equal(
		error, "client.eth0 up: expected two readings of its netem, the later one second");
	free(error);
	error = NULL;
	assert_null(judged(json_object(), counters(1, 0, 0), &error));
	assert_non_null(error);
	free(error);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_judged),
		cmocka_unit_test(test_wrong_readings),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
