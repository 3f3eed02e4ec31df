// SPDX-License-Identifier: BSD-2-Clause
/* Axes: which values each way of writing one has, and the words for what is wrong. */

#include "experiments/sweeper/axis.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* An axis with these words beside its name. */
static struct axis read_axis(const char *words, char **error)
{
	char text[512];
	snprintf(text, sizeof(text), "{\"name\": \"x\", %s}", words);
	struct jdoc *doc = jdoc_parse("f", text, strlen(text));
	struct axis a = axis_read(jdoc_root(doc));
	*error = jdoc_take_error(doc);
	jdoc_free(doc);
	return a;
}

static void has_values(const char *words, const char *expected)
{
	char *error;
	struct axis a = read_axis(words, &error);
	if (error)
		fail_msg("%s: %s", words, error);
	json_t *json = axis_json(&a);
	char *text =
		json_dumps(json_object_get(json, "values"), JSON_COMPACT | JSON_REAL_PRECISION(15));
	assert_string_equal(text, expected);
	free(text);
	json_decref(json);
	axis_free(&a);
}

static void is_refused(const char *words, const char *expected)
{
	char *error;
	struct axis a = read_axis(words, &error);
	if (!error || !strstr(error, expected))
		fail_msg("%s: %s", words, error ? error : "taken");
	free(error);
	axis_free(&a);
}

#define AT "\"pointer\": \"/a\", "

static void test_values(void **state)
{
	(void)state;
	has_values(AT "\"values\": [1, 2.5, \"udp\", true]", "[1,2.5,\"udp\",\"true\"]");
	has_values(AT "\"range\": {\"from\": 0, \"to\": 20, \"step\": 10}", "[0,10,20]");
	/* the end belongs to it, and a tenth is a tenth */
	has_values(AT "\"range\": {\"from\": 0, \"to\": 0.3, \"step\": 0.1}", "[0,0.1,0.2,0.3]");
	has_values(AT "\"range\": {\"from\": 3, \"to\": 1, \"step\": -1}", "[3,2,1]");
	has_values(AT "\"range\": {\"from\": 1, \"to\": 4, \"step\": 2}", "[1,3]");
	has_values(
		AT "\"log_range\": {\"from\": 1, \"to\": 1000, \"count\": 4}", "[1,10,100,1000]");
	has_values(AT "\"log_range\": {\"from\": 1, \"to\": 10, \"count\": 3}", "[1,3.162,10]");
	has_values("\"cases\": [{\"name\": \"one\", \"set\": {\"/a\": 1}}]", "[\"one\"]");
}

/* What a value sets: all that it says, by the value's own type. */
static void test_sets(void **state)
{
	(void)state;
	char *error;
	struct axis a = read_axis("\"pointers\": [\"/a\", \"/b\"], \"values\": [true]", &error);
	assert_null(error);
	assert_int_equal(json_object_size(a.values[0].set), 2);
	assert_true(json_is_true(json_object_get(a.values[0].set, "/b")));
	axis_free(&a);
}

static void test_refused(void **state)
{
	(void)state;
	is_refused(AT "\"values\": []", "f: values: expected a list of at least one value");
	is_refused(AT "\"values\": [{}]", "f: values[0]: expected a number, a text");
	is_refused(AT "\"values\": [1, 1.0]", "expected values that differ");
	is_refused(AT "\"range\": {\"from\": 10, \"to\": 1, \"step\": 1}",
		"f: range: expected a range with values");
	is_refused(AT "\"range\": {\"from\": 2, \"to\": 1, \"step\": 1}", "has none");
	is_refused(
		AT "\"range\": {\"from\": 1, \"to\": 2, \"step\": 0}", "f: range.step: expected");
	is_refused(AT "\"range\": {\"from\": 0, \"to\": 1, \"step\": 1e-9}", "expected at most");
	is_refused(AT "\"log_range\": {\"from\": 0, \"to\": 10, \"count\": 3}",
		"f: log_range.from: expected a number");
	is_refused(AT "\"log_range\": {\"from\": 1, \"to\": 10, \"count\": 1}",
		"f: log_range.count: expected at least 2");
	is_refused(AT "\"values\": [1], \"range\": {}", "expected one of \"values\", \"range\"");
	is_refused("\"values\": [1]", "expected one of \"pointer\" and \"pointers\"");
	is_refused("\"pointer\": \"a\", \"values\": [1]", "f: pointer: expected a JSON pointer");
	is_refused("\"cases\": [{\"name\": \"n\", \"set\": {}}]", "f: cases[0].set: expected");
	is_refused("\"cases\": [{\"name\": \"n\", \"set\": {\"x\": 1}}]",
		"f: cases[0].set.x: expected a JSON pointer");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_sets),
		cmocka_unit_test(test_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
