// SPDX-License-Identifier: BSD-2-Clause
/* Arrivals: rows, the longest gap wherever it is, and when it was all back after an event. */

#include "experiments/record/arrivals.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define MS 1000
#define S  1000000

/* 1000 bytes every 10 ms from one time on to before another. */
static void steady(struct arrivals *a, int64_t from, int64_t to)
{
	for (int64_t t = from; t < to; t += 10 * MS)
		arrivals_add(a, t, 1000);
}

static void near_ones_are_one_row(void **state)
{
	(void)state;
	struct arrivals a = {0};
	arrivals_add(&a, 100, 10);
	arrivals_add(&a, 100 + ARRIVAL_US - 1, 20); /* still of the first row */
	arrivals_add(&a, 100 + ARRIVAL_US, 30);     /* by the row's first, not its last */
	assert_int_equal(a.count, 2);
	assert_int_equal(a.list[0].last_us, 100 + ARRIVAL_US - 1);
	assert_int_equal(a.list[0].bytes, 30);
	assert_int_equal(a.list[1].first_us, 100 + ARRIVAL_US);
	assert_true(arrivals_bytes(&a, 0, 100 + ARRIVAL_US) == 30);
	assert_true(arrivals_bytes(&a, 100 + ARRIVAL_US, INT64_MAX) == 30);
	assert_true(arrivals_bytes(&a, 0, INT64_MAX) == 60);
	arrivals_free(&a);
}

static void expect_gap(const struct arrivals *a, const struct spans *w, int64_t from, int64_t to,
	int64_t longest, int64_t at)
{
	struct gap g = arrivals_gap(a, w, from, to);
	assert_int_equal(g.longest_us, longest);
	if (longest > 0)
		assert_int_equal(g.at_us, at);
}

static void the_longest_gap(void **state)
{
	(void)state;
	struct arrivals a = {0};
	steady(&a, -1 * S, 2 * S);
	steady(&a, 2 * S + 250 * MS, 4 * S); /* the last one before is at 1.99 s */
	expect_gap(&a, NULL, 0, 4 * S, 260 * MS, 1990 * MS);
	/* cut by the edges */
	expect_gap(&a, NULL, 0, 2 * S + 100 * MS, 110 * MS, 1990 * MS);
	expect_gap(&a, NULL, 2 * S + 100 * MS, 3 * S, 150 * MS, 2 * S + 100 * MS);
	/* nothing at all, behind all, and nothing to look at */
	expect_gap(&a, NULL, 2 * S, 2 * S + 200 * MS, 200 * MS, 2 * S);
	expect_gap(&a, NULL, 3 * S, 9 * S, 9 * S - (4 * S - 10 * MS), 4 * S - 10 * MS);
	expect_gap(&a, NULL, S, S, 0, 0);
	/* from the end of what came together to the beginning of what came then */
	struct arrivals few = {0};
	arrivals_add(&few, 0, 1);
	arrivals_add(&few, 1500, 1);
	arrivals_add(&few, 10000, 1);
	expect_gap(&few, NULL, 0, 10000, 8500, 1500);
	arrivals_free(&few);
	struct arrivals none = {0};
	expect_gap(&none, NULL, 0, 5 * S, 5 * S, 0);
	arrivals_free(&a);
}

/* A pause in which nothing was to come is no gap; waiting for the first byte is one. */
static void only_what_is_waited_for(void **state)
{
	(void)state;
	struct arrivals a = {0};
	steady(&a, 100 * MS, 500 * MS);
	steady(&a, 3 * S, 3 * S + 200 * MS);
	struct span list[] = {{50 * MS, 490 * MS}, {2 * S + 900 * MS, 3 * S + 200 * MS}};
	struct spans w = {list, 2};
	expect_gap(&a, &w, 0, 4 * S, 100 * MS, 2 * S + 900 * MS);
	struct spans none = {list, 0};
	expect_gap(&a, &none, 0, 4 * S, 0, 0);
	arrivals_free(&a);
}

static void after_an_event(void **state)
{
	(void)state;
	struct arrivals a = {0};
	/* 0.8 Mbit/s, nothing for 300 ms, half as much for a second, then all again */
	steady(&a, 0, 5 * S);
	for (int64_t t = 5 * S + 300 * MS; t < 6 * S + 300 * MS; t += 20 * MS)
		arrivals_add(&a, t, 1000);
	steady(&a, 6 * S + 300 * MS, 10 * S);
	struct recovery r = arrivals_recovery(&a, NULL, 0, 5 * S, 10 * S);
	assert_float_equal(r.before_bps, 0.8e6, 1);
	assert_float_equal(r.after_bps, 0.8e6 * (0.5 + 3.7) / 5, 3000);
	assert_int_equal(r.gap.longest_us, 300 * MS);
	/* 90 % of half a second: 40 ms before all is back */
	assert_in_range(r.recovered_us, 1100 * MS, 1300 * MS);

	/* over before it is back; one that changes nothing; one without anything before */
	assert_int_equal(arrivals_recovery(&a, NULL, 0, 5 * S, 6 * S).recovered_us, -1);
	assert_int_equal(arrivals_recovery(&a, NULL, 0, 3 * S, 5 * S).recovered_us, 0);
	r = arrivals_recovery(&a, NULL, 3 * S, 3 * S, 5 * S);
	assert_true(isnan(r.before_bps) && r.recovered_us == -1);
	/* what came before the event before it does not count */
	r = arrivals_recovery(&a, NULL, 5 * S + 300 * MS, 6 * S, 10 * S);
	assert_float_equal(r.before_bps, 0.4e6, 1e4);
	assert_int_equal(r.recovered_us, 0);
	arrivals_free(&a);
}

static void written_and_read(void **state)
{
	(void)state;
	char file[] = "/tmp/arrivals_test.XXXXXX", *error = NULL;
	int fd = mkstemp(file);
	assert_true(fd >= 0);
	close(fd);
	struct arrivals a = {0}, b;
	steady(&a, 0, S);
	a.list[3].last_us += 900;
	assert_int_equal(arrivals_write(&a, 300 * MS, file, &error), 0);
	assert_int_equal(arrivals_read(file, &b, &error), 0);
	assert_int_equal(b.count, a.count);
	for (size_t i = 0; i < a.count; i++) {
		assert_int_equal(b.list[i].first_us, a.list[i].first_us - 300 * MS);
		assert_int_equal(b.list[i].last_us, a.list[i].last_us - 300 * MS);
		assert_int_equal(b.list[i].bytes, a.list[i].bytes);
	}
	arrivals_free(&a);
	arrivals_free(&b);

	static const char *const bad[] = {"", "first_us,bytes\n", ARRIVALS_HEADER "\n1,2\n",
		ARRIVALS_HEADER "\n1,2,3,4\n", ARRIVALS_HEADER "\n5,4,3\n",
		ARRIVALS_HEADER "\n5000,6000,3\n1,2,3\n", ARRIVALS_HEADER "\n1,2,3"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		FILE *f = fopen(file, "w");
		assert_non_null(f);
		fputs(bad[i], f);
		fclose(f);
		assert_int_equal(arrivals_read(file, &b, &error), -1);
		assert_non_null(strstr(error, "expected "));
		free(error);
		error = NULL;
	}
	unlink(file);
	assert_int_equal(arrivals_write(&a, 0, "/nonexistent/a.csv", &error), -1);
	free(error);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(near_ones_are_one_row),
		cmocka_unit_test(the_longest_gap),
		cmocka_unit_test(only_what_is_waited_for),
		cmocka_unit_test(after_an_event),
		cmocka_unit_test(written_and_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
