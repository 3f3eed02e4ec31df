// SPDX-License-Identifier: BSD-2-Clause
/* Sweeps: how cells become experiments and runs, and which runs are the same. */

#include "experiments/sweeper/plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[] = "/tmp/plan_test.XXXXXX";

static const char lab[] =
	"{\"hosts\": [{\"name\": \"client\", \"nics\": [{\"name\": \"eth0\", \"address\": "
	"\"10.0.1.2/24\"}]},"
	"{\"name\": \"server\", \"nics\": [{\"name\": \"eth0\", \"address\": \"10.0.2.2/24\"}]}],"
	"\"routers\": [{\"name\": \"router\", \"ports\": [{\"name\": \"c\", \"address\": "
	"\"10.0.1.1/24\"},"
	"{\"name\": \"s\", \"address\": \"10.0.2.1/24\"}]}],"
	"\"links\": [{\"ends\": [\"client.eth0\", \"router.c\"], \"rate_mbit\": 5},"
	"{\"ends\": [\"server.eth0\", \"router.s\"], \"rate_mbit\": 5}]}";

static const char experiment[] =
	"{\"title\": \"t\", \"scenario\": \"lab.json\", \"workload\": {\"kind\": \"tcp\"},"
	"\"duration_s\": 9, \"repeats\": 3, \"contestants\": [{\"name\": \"plain\"},"
	"{\"name\": \"own\", \"scenario\": \"lab.json\"},"
	"{\"name\": \"mpip\", \"mpipd\": {\"scheduler\": \"algorithm-1\"}}]}";

static void write_file(const char *name, const char *content)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/%s", directory, name);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(content, f);
	fclose(f);
}

static int set_up(void **state)
{
	(void)state;
	if (!mkdtemp(directory))
		return -1;
	write_file("lab.json", lab);
	write_file("e.json", experiment);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	static const char *const files[] = {"lab.json", "e.json", "s.json"};
	for (size_t i = 0; i < 3; i++) {
		char path[128];
		snprintf(path, sizeof(path), "%s/%s", directory, files[i]);
		unlink(path);
	}
	return rmdir(directory);
}

/* A sweep over these axes, with seeds 1 and 2. */
static struct sweep *load(const char *axes)
{
	char text[1024], path[128], *error = NULL;
	snprintf(text, sizeof(text),
		"{\"experiment\": \"e.json\", \"axes\": [%s], \"seeds\": [2, 1], \"duration_s\": "
		"1}",
		axes);
	write_file("s.json", text);
	snprintf(path, sizeof(path), "%s/s.json", directory);
	struct sweep *s = sweep_load(path, &error);
	if (!s)
		fail_msg("%s", error);
	return s;
}

#define RATE  "{\"name\":\"rate\",\"pointer\":\"/scenario/links/0/rate_mbit\",\"values\":[1,2,4]}"
#define DELAY "{\"name\":\"delay\",\"pointer\":\"/scenario/links/0/delay_ms\",\"values\":[0,3]}"
#define RULE                                                                                       \
	"{\"name\":\"rule\",\"pointer\":\"/contestants/2/mpipd/scheduler\","                       \
	"\"values\":[\"algorithm-1\",\"x\"]}"

/* Every cell has its own values, in the experiment's scenario and in that of a contestant. */
static void test_cells(void **state)
{
	(void)state;
	char *error = NULL;
	struct sweep *s = load(RATE "," DELAY);
	struct grid g = {0};
	assert_int_equal(sweep_cells(s), 6);
	assert_int_equal(grid_open(&g, s, &error), 0);
	json_t *e = grid_experiment(&g, 3, &error);
	json_t *link = json_array_get(json_object_get(json_object_get(e, "scenario"), "links"), 0);
	json_t *own =
		json_object_get(json_array_get(json_object_get(e, "contestants"), 1), "scenario");
	assert_int_equal(json_integer_value(json_object_get(link, "rate_mbit")), 2);
	assert_int_equal(json_integer_value(json_object_get(link, "delay_ms")), 3);
	assert_true(json_equal(own, json_object_get(e, "scenario")));
	assert_int_equal(json_integer_value(json_object_get(e, "duration_s")), 1);
	char *text = sweep_cell_text(s, 3);
	assert_string_equal(text, "rate=2, delay=3");
	json_t *values = sweep_cell_json(s, 3);
	assert_int_equal(sweep_find_cell(s, values), 3);
	json_object_set_new(values, "delay", json_integer(4));
	assert_int_equal(sweep_find_cell(s, values), 6);
	json_decref(values);
	free(text);
	json_decref(e);
	grid_close(&g);
	sweep_free(s);
}

static void plan_of(const char *axes, struct sweep **s, struct grid *g, struct plan *p)
{
	char *error = NULL;
	*s = load(axes);
	if (grid_open(g, *s, &error) != 0 || plan_make(p, g, NULL, &error) != 0)
		fail_msg("%s", error);
}

static void drop(struct sweep *s, struct grid *g, struct plan *p)
{
	plan_free(p);
	grid_close(g);
	sweep_free(s);
}

/* Rows are by seed, cell, contestant; each has its number and its run. */
static void test_rows(void **state)
{
	(void)state;
	struct sweep *s = NULL;
	struct grid g = {0};
	struct plan p = {0};
	plan_of(RATE "," DELAY, &s, &g, &p);
	assert_int_equal(p.row_count, 2 * 6 * 3);
	for (size_t i = 0; i < p.row_count; i++) {
		struct row row = plan_row(&p, i);
		const char *name = p.contestants[row.contestant];
		assert_int_equal(plan_find_row(&p, row.cell, name, row.seed), i);
		assert_true(plan_run(&p, i)->id == p.ids[i]);
	}
	assert_int_equal(plan_row(&p, 0).seed, 1);
	assert_int_equal(plan_row(&p, p.row_count - 1).seed, 2);
	assert_int_equal(plan_find_row(&p, 0, "plain", 3), p.row_count);
	assert_int_equal(plan_find_row(&p, 0, "other", 1), p.row_count);
	/* all differ: the same name would be the same run, and here none is */
	assert_int_equal(p.run_count, p.row_count);
	drop(s, &g, &p);
}

/* What an axis does not change for a contestant is one run of it. */
static void test_shared(void **state)
{
	(void)state;
	struct sweep *s = NULL;
	struct grid g = {0};
	struct plan p = {0};
	plan_of(RATE "," RULE, &s, &g, &p);
	assert_int_equal(p.row_count, 2 * 6 * 3);
	assert_int_equal(p.run_count, 2 * (3 + 3 + 6));
	size_t a = plan_find_row(&p, 0, "plain", 1), b = plan_find_row(&p, 1, "plain", 1);
	assert_ptr_equal(plan_run(&p, a), plan_run(&p, b));
	assert_int_equal(plan_run(&p, a)->count, 2);
	assert_ptr_not_equal(plan_run(&p, plan_find_row(&p, 0, "mpip", 1)),
		plan_run(&p, plan_find_row(&p, 1, "mpip", 1)));
	drop(s, &g, &p);
}

/* The same cell, seed and contestant is the same run, whatever the other cells of its sweep are. */
static void test_same_run(void **state)
{
	(void)state;
	struct sweep *s, *t;
	struct grid g, h;
	struct plan p, q;
	plan_of(RATE "," DELAY, &s, &g, &p);
	plan_of(DELAY "," RATE, &t, &h, &q);
	for (size_t i = 0; i < p.run_count; i++)
		assert_non_null(plan_find(&q, p.runs[i].id));
	drop(s, &g, &p);
	drop(t, &h, &q);
}

static void takes_seeds(const char *text, int first, int count)
{
	char *error = NULL;
	struct sweep *s = load(RATE);
	int rc = sweep_take_seeds(s, text, &error);
	if (rc != (count ? 0 : -1))
		fail_msg("%s: %s", text, error ? error : "taken");
	if (count) {
		assert_int_equal(s->seeds[0], first);
		assert_int_equal(s->seed_count, count);
	}
	free(error);
	sweep_free(s);
}

static void test_seeds(void **state)
{
	(void)state;
	takes_seeds("7", 7, 1);
	takes_seeds("3-12", 3, 10);
	takes_seeds("1,3,5-9", 1, 7);
	static const char *const bad[] = {
		"", "x", "1-", "-1", "5-1", "1,1", "1,", "1 2", "1-200000"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		takes_seeds(bad[i], 0, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cells),
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_shared),
		cmocka_unit_test(test_same_run),
		cmocka_unit_test(test_seeds),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
