// SPDX-License-Identifier: BSD-2-Clause
/* Each keyword of the schema checker, with a value that fits and one that does not. */

#include "experiments/record/schema.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* `expected` NULL: the value fits. */
static void expect(const char *schema_text, const char *value_text, const char *expected)
{
	json_t *schema = json_loads(schema_text, 0, NULL);
	json_t *value = json_loads(value_text, JSON_DECODE_ANY, NULL);
	assert_non_null(schema);
	assert_non_null(value);
	char *error = NULL;
	int rc = schema_check(schema, value, &error);
	if (expected) {
		assert_int_equal(rc, -1);
		assert_string_equal(error, expected);
	} else {
		assert_null(error);
		assert_int_equal(rc, 0);
	}
	free(error);
	json_decref(schema);
	json_decref(value);
}

static void types(void **state)
{
	(void)state;
	static const char *const examples[][2] = {
		{"number", "1.5"},
		{"integer", "3"},
		{"string", "\"a\""},
		{"boolean", "true"},
		{"object", "{}"},
		{"array", "[]"},
		{"null", "null"},
	};
	size_t count = sizeof(examples) / sizeof(examples[0]);
	for (size_t i = 0; i < count; i++) {
		for (size_t j = 0; j < count; j++) {
			char schema[64], expected[64];
			snprintf(schema, sizeof(schema), "{\"type\": \"%s\"}", examples[i][0]);
			snprintf(expected, sizeof(expected), "top level: expected %s",
				examples[i][0]);
			bool fits = i == j || (i == 0 && j == 1); /* an integer is a number */
			expect(schema, examples[j][1], fits ? NULL : expected);
		}
	}
	expect("{\"type\": [\"number\", \"null\"]}", "null", NULL);
	expect("{\"type\": [\"number\", \"null\"]}", "true", "top level: expected number or null");
}

static void objects(void **state)
{
	(void)state;
	const char *schema =
		"{\"type\": \"object\", \"required\": [\"a\"], \"additionalProperties\": "
		"false, \"properties\": {\"a\": {\"type\": \"integer\"}, \"b\": "
		"{\"required\": [\"c\"]}}}";
	expect(schema, "{\"a\": 1}", NULL);
	expect(schema, "{}", "a: missing");
	expect(schema, "{\"a\": 1, \"z\": 2}", "z: unknown key");
	expect(schema, "{\"a\": \"1\"}", "a: expected integer");
	expect(schema, "{\"a\": 1, \"b\": {}}", "b.c: missing");
	expect("{\"additionalProperties\": {\"type\": \"integer\"}}", "{\"x\": 1}", NULL);
	expect("{\"additionalProperties\": {\"type\": \"integer\"}}", "{\"x\": \"1\"}",
		"x: expected integer");
}

static void lists_and_bounds(void **state)
{
	(void)state;
	const char *schema = "{\"items\": {\"minimum\": 1, \"maximum\": 3}, \"minItems\": 1, "
			     "\"maxItems\": 2}";
	expect(schema, "[1, 3]", NULL);
	expect(schema, "[1, 0]", "[1]: expected at least 1, got 0");
	expect(schema, "[4]", "[0]: expected at most 3, got 4");
	expect(schema, "[]", "top level: expected at least 1, got 0");
	expect(schema, "[1, 1, 1]", "top level: expected at most 2, got 3");
}

static void text_values(void **state)
{
	(void)state;
	expect("{\"enum\": [\"host\", \"vm\"]}", "\"vm\"", NULL);
	expect("{\"enum\": [\"host\", \"vm\"]}", "\"moon\"",
		"top level: expected one of [\"host\",\"vm\"]");
	expect("{\"pattern\": \"^[0-9a-f]+$\"}", "\"c0de\"", NULL);
	expect("{\"pattern\": \"^[0-9a-f]+$\"}", "\"code\"",
		"top level: expected text like ^[0-9a-f]+$");
}

static void references_and_unknown_rules(void **state)
{
	(void)state;
	const char *schema = "{\"definitions\": {\"n\": {\"type\": \"number\"}}, \"properties\": "
			     "{\"a\": {\"$ref\": \"#/definitions/n\"}}}";
	expect(schema, "{\"a\": 2}", NULL);
	expect(schema, "{\"a\": \"2\"}", "a: expected number");
	expect("{\"$ref\": \"#/definitions/none\"}", "1",
		"top level: expected a schema whose $ref names one of its definitions");
	expect("{\"multipleOf\": 2}", "3",
		"top level: the schema's keyword multipleOf is not supported");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(types),
		cmocka_unit_test(objects),
		cmocka_unit_test(lists_and_bounds),
		cmocka_unit_test(text_values),
		cmocka_unit_test(references_and_unknown_rules),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
