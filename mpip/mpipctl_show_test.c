// SPDX-License-Identifier: BSD-2-Clause
/* mpipd's answers as tables: their order, and what is left out. */

#include "mpip/mpipctl_show.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static json_t *row(const char *connection_src, int path, const char *src, bool ended)
{
	return json_pack("{s:i, s:s, s:s, s:s, s:b, s:i, s:s, s:s, s:s}", "session_id", 7,
		"protocol", "tcp", "connection_src", connection_src, "connection_dst",
		"10.0.3.2:5201", "ended", ended, "path", path, "src", src, "dst", "10.0.3.2:5280",
		"state", "in use");
}

/* In no order. */
static json_t *paths(void)
{
	return json_pack("{s:[o, o, o, o, o]}", "paths",
		row("10.0.1.2:40000", 3, "10.0.10.2:5280", false),
		row("10.0.1.2:9000", 8, "10.0.9.2:5280", true),
		row("10.0.1.2:40000", 12, "10.0.9.2:5280", false),
		row("10.0.1.2:9000", 7, "10.0.10.2:5280", true),
		row("10.0.1.2:9001", 5, "10.0.9.2:5280", true));
}

/* The rows' paths in the order in which they stand. */
static void expect_order(const json_t *answer, const int *path, size_t n)
{
	json_t *rows = json_object_get(answer, "paths");
	assert_int_equal(json_array_size(rows), n);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(
			json_integer_value(json_object_get(json_array_get(rows, i), "path")),
			path[i]);
}

/* By connection, then by path; 9 before 10, 9000 before 40000. */
static void sorts(void **state)
{
	(void)state;
	json_t *answer = paths();
	show_sort(answer);
	expect_order(answer, (const int[]){8, 7, 5, 12, 3}, 5);
	json_decref(answer);
}

static char *shown(json_t *answer, bool all)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	assert_non_null(out);
	show_sort(answer);
	show_answer(out, "paths", answer, all);
	fclose(out);
	return text;
}

static void leaves_out_what_has_ended(void **state)
{
	(void)state;
	json_t *answer = paths();
	char *text = shown(answer, false);
	expect_order(answer, (const int[]){12, 3}, 2);
	assert_non_null(strstr(text, "40000-5201"));
	assert_null(strstr(text, "9000-5201"));
	assert_non_null(strstr(text, "\n2 connections that have ended are not shown"));
	free(text);
	json_decref(answer);

	answer = paths();
	text = shown(answer, true);
	expect_order(answer, (const int[]){8, 7, 5, 12, 3}, 5);
	assert_non_null(strstr(text, "9000-5201"));
	assert_non_null(strstr(text, "ended"));
	assert_null(strstr(text, "not shown"));
	free(text);
	json_decref(answer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sorts),
		cmocka_unit_test(leaves_out_what_has_ended),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
