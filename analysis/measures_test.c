// SPDX-License-Identifier: BSD-2-Clause
/* Measures of results that are small enough to be worked out by hand. */

#include "analysis/measures.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* A measure of a result that is written with ' for ". */
static double of(const char *name, const char *text)
{
	char quoted[8192];
	size_t n = 0;
	for (; text[n] && n + 1 < sizeof(quoted); n++)
		quoted[n] = (char)(text[n] == '\'' ? '"' : text[n]);
	quoted[n] = '\0';
	json_error_t e;
	json_t *result = json_loads(quoted, 0, &e);
	if (!result)
		fail_msg("column %d: %s", e.column, e.text);
	assert_true(measure_exists(name));
	double value = measure(result, name);
	json_decref(result);
	return value;
}

static void expect_measure(const char *name, const char *result, double wanted)
{
	double got = of(name, result);
	if (!(fabs(got - wanted) <= 1e-9))
		fail_msg("%s: got %.12g, wanted %.12g", name, got, wanted);
}

static void names(void **state)
{
	(void)state;
	assert_true(measure_exists("/any/pointer"));
	assert_true(measure_exists("path_share/1+2"));
	assert_false(measure_exists("path_share"));
	assert_false(measure_exists("path"));
	assert_false(measure_exists("goodput_mbit/1"));
}

/* Two pairs of addresses; the second path went, and came back with a number of its own. */
static const char came_back[] =
	"{ 'duration_s': 2, 'paths': ["
	"{ 'session': 7, 'src': '10.0.1.2', 'dst': '10.0.3.2', 'bytes': 600000, 'packets': 500 },"
	"{ 'session': 7, 'src': '10.0.1.2', 'dst': '10.0.4.2', 'bytes': 200000, 'packets': 1000 },"
	"{ 'session': 7, 'src': '10.0.1.2', 'dst': '10.0.5.2', 'bytes': 1, 'packets': 500 },"
	"{ 'session': 7, 'src': '10.0.1.2', 'dst': '10.0.4.2', 'bytes': 199999, 'packets': 0 },"
	"{ 'session': 9, 'src': '10.0.1.2', 'dst': '10.0.3.2', 'bytes': 999999, 'packets': 1 } ] }";

static void a_path_that_came_back_is_one(void **state)
{
	(void)state;
	expect_measure("path_share/1", came_back, 0.6);
	expect_measure("path_mbit/2", came_back, 399999 * 8e-6 / 2);
	expect_measure("path_share/3", came_back, 1e-6);
	expect_measure("path_share_of_largest/2", came_back, 0.999999);
	expect_measure("paths_used", came_back, 2);
	expect_measure("path_packet_share/1+2", came_back, 0.75);
	assert_true(isnan(of("path_share/4", came_back)));
	assert_true(isnan(of("paths_used", "{ 'paths': [] }")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),
		cmocka_unit_test(a_path_that_came_back_is_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
