// SPDX-License-Identifier: BSD-2-Clause
/*
 * Tests of reading events: each bad one is the only fault of its scenario, and the good ones come
 * out in the order of their times.
 */

#include "lab/scenario/events.h"

#include "mpip/base/error.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define SCENARIO                                                                                   \
	"{ \"hosts\": [ { \"name\": \"client\", \"nics\": ["                                       \
	"  { \"name\": \"eth0\", \"address\": \"10.0.1.2/24\" },"                                  \
	"  { \"name\": \"eth1\", \"address\": \"10.0.2.2/24\" } ] } ],"                            \
	"  \"routers\": [ { \"name\": \"home\", \"nat\": \"symmetric\", \"ports\": ["              \
	"  { \"name\": \"c0\", \"address\": \"10.0.1.1/24\" },"                                    \
	"  { \"name\": \"c1\", \"address\": \"10.0.2.1/24\", \"outside\": true } ] } ],"           \
	"  \"links\": [ { \"ends\": [\"client.eth0\", \"home.c0\"], \"up\": { \"rate_mbit\": 5 } " \
	"},"                                                                                       \
	"  { \"ends\": [\"client.eth1\", \"home.c1\"] } ], \"events\": [ %s ] }"

static struct scenario *load(const char *events, char **error)
{
	char path[] = "/tmp/events_test.XXXXXX", *full = NULL,
	     *text = text_format(SCENARIO, events);
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	free(text);
	struct scenario *s = scenario_load(path, &full);
	unlink(path);
	*error = full ? strdup(full + strlen(path) + 2) : NULL;
	free(full);
	return s;
}

static const struct {
	const char *events, *error;
} bad[] = {
	{"7", "events[0].at_s: missing, expected a number"},
	{"{ \"link\": \"client.eth0\", \"action\": \"down\" }",
		"events[0].at_s: missing, expected a number"},
	{"{ \"at_s\": -1, \"link\": \"client.eth0\", \"action\": \"down\" }",
		"events[0].at_s: expected a number from 0 to 1e+06"},
	{"{ \"at_s\": 1, \"action\": \"down\" }",
		"events[0]: expected one of the keys \"link\", \"nic\", \"nat\" and \"path\""},
	{"{ \"at_s\": 1, \"nat\": \"home\", \"link\": \"client.eth0\", \"action\": \"down\" }",
		"events[0]: expected one of the keys \"link\", \"nic\", \"nat\" and \"path\""},
	{"{ \"at_s\": 1, \"link\": \"client.eth0\" }",
		"events[0].action: missing, expected a string"},
	{"{ \"at_s\": 1, \"link\": \"client.eth0\", \"action\": \"rebind\" }",
		"events[0].action: expected down, up, rate or loss"},
	{"{ \"at_s\": 1, \"link\": \"client.eth7\", \"action\": \"down\" }",
		"events[0].link: expected HOST.NIC or ROUTER.PORT, \"client\" has no such NIC"},
	{"{ \"at_s\": 1, \"link\": \"client.eth0\", \"action\": \"down\", \"rate_mbit\": 1 }",
		"events[0].rate_mbit: unknown key, expected link, at_s, every_s, times or action"},
	{"{ \"at_s\": 1, \"link\": \"client.eth0\", \"action\": \"rate\", \"rate_mbit\": 1 }",
		"events[0].link: expected a link that has a rate_mbit to begin with"},
	{"{ \"at_s\": 1, \"nic\": \"home.c0\", \"action\": \"down\" }",
		"events[0].nic: expected a host's NIC, this is a router's port"},
	{"{ \"at_s\": 1, \"nic\": \"client.eth0\", \"action\": \"add\" }",
		"events[0].address: missing, expected a string"},
	{"{ \"at_s\": 1, \"nic\": \"client.eth0\", \"action\": \"add\", \"address\": "
	 "\"10.0.2.3/24\" }",
		"events[0].address: expected an address in the network of \"eth0\""},
	{"{ \"at_s\": 1, \"nic\": \"client.eth0\", \"action\": \"add\", \"address\": "
	 "\"10.0.1.1/24\" }",
		"events[0].address: expected an address of its own, home.c0 has this one"},
	{"{ \"at_s\": 1, \"nic\": \"client.eth0\", \"action\": \"add\", \"address\": "
	 "\"10.0.1.2/24\" }",
		"events[0]: expected an address that the NIC does not have at that time"},
	{"{ \"at_s\": 2, \"nic\": \"client.eth0\", \"action\": \"remove\" }, { \"at_s\": 1, "
	 "\"nic\": \"client.eth0\", \"action\": \"remove\" }",
		"events[0]: expected an address that the NIC has at that time"},
	{"{ \"at_s\": 1, \"nat\": \"client\", \"action\": \"rebind\" }",
		"events[0].nat: expected a router with a NAT"},
	{"{ \"at_s\": 1, \"nat\": \"home\", \"action\": \"down\" }",
		"events[0].action: expected rebind"},
	{"{ \"at_s\": 1, \"link\": \"client.eth0\", \"action\": \"loss\" }",
		"events[0].loss_percent: missing, expected a number"},
	{"{ \"at_s\": 1, \"link\": \"client.eth0\", \"action\": \"loss\", \"loss_percent\": "
	 "101 }",
		"events[0].loss_percent: expected a number from 0 to 100"},
	{"{ \"at_s\": 1, \"path\": [\"client.eth0\"], \"action\": \"drop\" }",
		"events[0].path: expected a list of two hosts' NICs, like [\"client.eth0\", "
		"\"server.eth0\"]"},
	{"{ \"at_s\": 1, \"path\": [\"client.eth0\", \"home.c0\"], \"action\": \"drop\" }",
		"events[0].path[1]: expected a host's NIC, this is a router's port"},
	{"{ \"at_s\": 1, \"path\": [\"client.eth0\", \"client.eth1\"], \"action\": \"pass\" }",
		"events[0].path: expected NICs of two hosts"},
	{"{ \"at_s\": 1, \"path\": [\"client.eth0\", \"client.eth1\"], \"action\": \"down\" }",
		"events[0].action: expected drop or pass"},
	{"{ \"at_s\": 1, \"link\": \"client.eth0\", \"action\": \"down\", \"every_s\": 1 }",
		"events[0].times: missing, expected a whole number"},
	{"{ \"at_s\": 1, \"link\": \"client.eth0\", \"action\": \"down\", \"times\": 3 }",
		"events[0].every_s: missing, expected a number"},
	{"{ \"at_s\": 1, \"nic\": \"client.eth0\", \"action\": \"remove\", \"every_s\": 1, "
	 "\"times\": 2 }",
		"events[0]: expected an address that the NIC has at that time"},
};

static void test_bad(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char *error;
		struct scenario *s = load(bad[i].events, &error);
		if (s)
			fail_msg("row %zu was accepted, expected: %s", i, bad[i].error);
		assert_string_equal(error, bad[i].error);
		free(error);
	}
}

static void test_order(void **state)
{
	(void)state;
	static const char *const expected[] = {"nic client.eth0 add 10.0.1.9",
		"nic client.eth0 remove", "link client.eth0 rate 2.5 Mbit/s up",
		"nic client.eth0 change 10.0.1.2", "link client.eth1 down", "nat home rebind"};
	char *error;
	struct scenario *s = load(
		"{ \"at_s\": 3, \"nat\": \"home\", \"action\": \"rebind\" },"
		"{ \"at_s\": 0.5, \"nic\": \"client.eth0\", \"action\": \"add\", \"address\": "
		"\"10.0.1.9/24\" },"
		"{ \"at_s\": 1, \"nic\": \"client.eth0\", \"action\": \"remove\" },"
		"{ \"at_s\": 1, \"link\": \"home.c0\", \"action\": \"rate\", \"rate_mbit\": 2.5, "
		"\"direction\": \"up\" },"
		"{ \"at_s\": 2, \"nic\": \"client.eth0\", \"action\": \"change\", \"address\": "
		"\"10.0.1.2/24\" },"
		"{ \"at_s\": 2.5, \"link\": \"home.c1\", \"action\": \"down\" }",
		&error);
	if (!s) {
		fail_msg("%s", error);
		return;
	}
	assert_int_equal(s->n_events, sizeof(expected) / sizeof(expected[0]));
	for (size_t i = 0; i < s->n_events; i++) {
		char *text = event_text(s, &s->events[i]);
		assert_string_equal(text, expected[i]);
		free(text);
	}
	assert_int_equal(s->events[0].at_us, 500000);
	scenario_free(s);
}

/* A flap: what happens several times is as many events, in the order of their times; and a loss
 * that changes asks for netem in its directions. */
static void test_times(void **state)
{
	(void)state;
	static const struct {
		int64_t at_us;
		const char *text;
	} expected[] = {
		{1000000, "link client.eth0 down"},
		{1250000, "link client.eth0 up"},
		{1500000, "link client.eth0 loss 2.5 % up"},
		{2000000, "link client.eth0 down"},
		{2250000, "link client.eth0 up"},
		{3000000, "link client.eth0 down"},
		{3250000, "link client.eth0 up"},
	};
	char *error, *place = NULL;
	struct scenario *s =
		load("{ \"at_s\": 1.25, \"link\": \"client.eth0\", \"action\": \"up\", "
		     "\"every_s\": 1, \"times\": 3 },"
		     "{ \"at_s\": 1, \"link\": \"client.eth0\", \"action\": "
		     "\"down\", \"every_s\": 1, \"times\": 3 },"
		     "{ \"at_s\": 1.5, \"link\": \"client.eth0\", \"action\": "
		     "\"loss\", \"loss_percent\": 2.5, \"direction\": \"up\" }",
			&error);
	if (!s) {
		fail_msg("%s", error);
		return;
	}
	assert_int_equal(s->n_events, sizeof(expected) / sizeof(expected[0]));
	for (size_t i = 0; i < s->n_events; i++) {
		char *text = event_text(s, &s->events[i]);
		assert_int_equal(s->events[i].at_us, expected[i].at_us);
		assert_string_equal(text, expected[i].text);
		free(text);
	}
	assert_true(shape_needs_netem(&s->links[0].up));
	assert_false(shape_needs_netem(&s->links[0].down));
	assert_true(scenario_needs_netem(s, &place));
	assert_string_equal(place, "events");
	free(place);
	scenario_free(s);
}

/* The first address is the one that goes when none is named, and the next takes its place. */
static void test_addresses(void **state)
{
	(void)state;
	struct nic_addresses now = {.list = {{1}, {2}, {3}}, .count = 3};
	struct lab_event remove_first = {.action = EVENT_NIC_REMOVE};
	struct lab_event remove_third = {.action = EVENT_NIC_REMOVE, .address = {3}};
	struct lab_event change = {.action = EVENT_NIC_CHANGE, .address = {7}};
	assert_null(addresses_after(&now, &remove_first));
	assert_int_equal(now.count, 2);
	assert_int_equal(now.list[0].s_addr, 2);
	assert_null(addresses_after(&now, &remove_third));
	assert_non_null(addresses_after(&now, &remove_third));
	assert_int_equal(now.count, 1);
	assert_null(addresses_after(&now, &change));
	assert_int_equal(now.list[0].s_addr, 7);
	assert_null(addresses_after(&now, &remove_first));
	assert_non_null(addresses_after(&now, &change));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_addresses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
