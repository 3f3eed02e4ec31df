// SPDX-License-Identifier: BSD-2-Clause
/*
 * Tests of rates that change with time, and of traces.
 *
 * Theory of operation
 * -------------------
 * Each test writes an object with rates, or a trace and an object that names it, into a directory
 * of its own, and reads it as a scenario does.
 */

#include "lab/scenario/rates.h"

#include "mpip/base/error.h"

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

static char directory[] = "/tmp/rates_test.XXXXXX";

static char *write_file(const char *name, const char *text)
{
	char *path = text_format("%s/%s", directory, name);
	FILE *f = fopen(path, "we");
	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
	return path;
}

/* Reads a shape; its error without the file's name, or NULL with the rates. */
static char *read_rates(const char *text, struct rates *r)
{
	char *path = write_file("shape.json", text), *error = NULL;
	struct jdoc *doc = jdoc_load(path);
	struct shape v = shape_read(jdoc_root(doc), shape_default());
	if (jdoc_error(doc))
		error = text_format("%s", jdoc_error(doc) + strlen(path) + 2);
	else
		*r = rates_of(&v);
	jdoc_free(doc);
	unlink(path);
	free(path);
	return error;
}

static struct rates read_trace(const char *lines)
{
	char *path = write_file("trace", lines);
	struct rates r = {0};
	char *error = read_rates("{ \"trace\": \"trace\" }", &r);
	if (error || !r.steps) {
		fail_msg("%s", error);
		abort();
	}
	unlink(path);
	free(path);
	return r;
}

static void test_list(void **state)
{
	(void)state;
	struct rates r = {0};
	assert_null(read_rates("{ \"rates\": [ { \"at_s\": 0, \"rate_mbit\": 8 }, "
			       "{ \"at_s\": 1.5, \"rate_mbit\": 16 } ] }",
		&r));
	assert_int_equal(r.n, 2);
	assert_int_equal(r.period_us, 0);
	assert_true(rates_bytes(&r, 1500000) == 1500000);
	assert_true(rates_bytes(&r, 3500000) == 1500000 + 4000000);
	rates_free(&r);

	assert_null(read_rates("{ \"rates\": [ { \"at_s\": 0, \"rate_mbit\": 8 }, "
			       "{ \"at_s\": 1, \"rate_mbit\": 0 } ], \"rates_period_s\": 2 }",
		&r));
	assert_int_equal(r.period_us, 2000000);
	assert_true(rates_bytes(&r, 5500000) == 3000000);
	rates_free(&r);
}

static void test_trace(void **state)
{
	(void)state;
	/* One opportunity per ms, from 1 to 100: five windows of 20. */
	char lines[4096] = "";
	for (int ms = 1; ms <= 100; ms++)
		sprintf(lines + strlen(lines), "%d\n", ms);
	struct rates r = read_trace(lines);
	assert_int_equal(r.n, 5);
	assert_int_equal(r.period_us, 100000);
	for (int i = 0; i < 5; i++)
		assert_true(fabs(r.steps[i].rate_mbit - 12.032) < 1e-9);
	assert_true(fabs(rates_bytes(&r, 250000) - 250 * 1504) < 1e-6);
	rates_free(&r);
}

/* Every window has the bytes of its own opportunities, and all together have all. */
static void test_windows(void **state)
{
	(void)state;
	/* 10 in the first window, nothing until 205, 10 at once, 1 in the next window. */
	struct rates r = read_trace("0\n1\n1\n1\n1\n1\n5\n6\n20\n20\n"
				    "205\n205\n205\n205\n205\n205\n205\n205\n205\n220\n"
				    "221\n");
	assert_int_equal(r.n, 3);
	assert_int_equal(r.steps[1].at_us, 20000);
	assert_int_equal(r.steps[2].at_us, 200000);
	assert_int_equal(r.period_us, 221000);
	assert_true(fabs(rates_bytes(&r, 20000) - 10 * 1504) < 1e-6);
	assert_true(r.steps[1].rate_mbit == 0);
	assert_true(fabs(rates_bytes(&r, 221000) - 21 * 1504) < 1e-6);
	rates_free(&r);

	/* A slow one: windows grow until there are four packets in them. */
	r = read_trace("100\n200\n300\n400\n500\n600\n700\n800\n900\n1000\n1100\n1200\n");
	assert_true(r.n >= 2 && r.n <= 6);
	assert_true(fabs(rates_bytes(&r, 1200000) - 12 * 1504) < 1e-6);
	rates_free(&r);
}

static void test_bad(void **state)
{
	(void)state;
	static const struct {
		const char *text, *error;
	} rows[] = {
		{"{ \"rates\": [] }", "rates: expected a list of 1 to 100000 rates"},
		{"{ \"rates\": [ { \"at_s\": 1, \"rate_mbit\": 1 } ] }",
			"rates[0].at_s: expected 0, for the rate to begin with"},
		{"{ \"rates\": [ { \"at_s\": 0, \"rate_mbit\": 1 }, "
		 "{ \"at_s\": 0, \"rate_mbit\": 2 } ] }",
			"rates[1].at_s: expected a time at least 0.001 s after the one before"},
		{"{ \"rates\": [ { \"at_s\": 0, \"rate_mbit\": -1 } ] }",
			"rates[0].rate_mbit: expected a number from 0 to 10000"},
		{"{ \"rates\": [ { \"at_s\": 0, \"rate\": 1 } ] }",
			"rates[0].rate: unknown key, expected at_s or rate_mbit"},
		{"{ \"rates\": [ { \"at_s\": 0, \"rate_mbit\": 1 } ], \"rate_mbit\": 1 }",
			"rate_mbit: expected either a rate_mbit, rates or a trace"},
		{"{ \"rates\": [ { \"at_s\": 0, \"rate_mbit\": 1 } ], \"trace\": \"t\" }",
			"trace: expected either a trace or rates"},
		{"{ \"rates_period_s\": 1 }", "rates_period_s: expected rates to repeat"},
		{"{ \"rates\": [ { \"at_s\": 0, \"rate_mbit\": 1 } ], \"rates_period_s\": 0 }",
			"rates_period_s: expected a number from 0.001 to 86400"},
		{"{ \"trace\": \"/nonexistent\" }",
			"trace: /nonexistent: No such file or directory"},
		{"{ \"trace\": 1 }", "trace: expected a string"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct rates r;
		char *error = read_rates(rows[i].text, &r);
		if (!error)
			fail_msg("%s was accepted", rows[i].text);
		assert_string_equal(error, rows[i].error);
		free(error);
	}
	static const struct {
		const char *lines, *error;
	} traces[] = {
		{"", "expected lines with times in milliseconds, the last above 0"},
		{"0\n0\n", "expected lines with times in milliseconds, the last above 0"},
		{"1\n3\n2\n", "line 3: expected a time in milliseconds, not below the one before"},
		{"1\n2.5\n", "line 2: expected a time in milliseconds, not below the one before"},
		{"a\n", "line 1: expected a time in milliseconds, not below the one before"},
	};
	for (size_t i = 0; i < sizeof(traces) / sizeof(traces[0]); i++) {
		char *path = write_file("trace", traces[i].lines);
		struct rates r;
		char *error = read_rates("{ \"trace\": \"trace\" }", &r);
		if (!error)
			fail_msg("row %zu was accepted", i);
		char *expected = text_format("trace: %s: %s", path, traces[i].error);
		assert_string_equal(error, expected);
		free(expected);
		free(error);
		unlink(path);
		free(path);
	}
}

static int make_directory(void **state)
{
	(void)state;
	return mkdtemp(directory) ? 0 : -1;
}

static int remove_directory(void **state)
{
	(void)state;
	return rmdir(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_trace),
		cmocka_unit_test(test_windows),
		cmocka_unit_test(test_bad),
	};
	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
