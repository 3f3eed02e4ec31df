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

/* Queuing delays of 1, 2, 3 and of 11, 13 ms: means 2 and 12, sds 1 and sqrt 2. What the first path
 * is said to have before and after the measured part or while it is not usable is not in them. */
static const char queues[] =
	"{ 'duration_s': 3, 'paths': ["
	"{ 'session': 7, 'src': '10.0.1.2', 'dst': '10.0.3.2', 'bytes': 1,"
	"  'time_s': [-1, 0, 1, 1.5, 2, 4], 'usable': [true, true, true, false, true, true],"
	"  'queuing_delay_ms': [90, 1, 2, 80, 3, 70], 'one_way_delay_ms': [9, 1, 2, 8, 3, 7] },"
	"{ 'session': 7, 'src': '10.0.2.2', 'dst': '10.0.3.2', 'bytes': 1,"
	"  'time_s': [0, 1], 'usable': [true, true],"
	"  'queuing_delay_ms': [11, 13], 'one_way_delay_ms': [1, 2] },"
	"{ 'session': 7, 'src': '10.0.2.2', 'dst': '10.0.4.2', 'bytes': 0,"
	"  'time_s': [0, 1], 'usable': [false, false],"
	"  'queuing_delay_ms': [0, 0], 'one_way_delay_ms': [0, 0] } ] }";

static void queuing_delays_are_each_paths_own(void **state)
{
	(void)state;
	expect_measure("queuing_ms/1", queues, 2);
	expect_measure("queuing_ms/1+2", queues, 7);
	expect_measure("queuing_sd_ms/1", queues, 1);
	expect_measure("queuing_sd_ms/1+2+3", queues, (1 + sqrt(2)) / 2);
	expect_measure("queuing_cv/1+2+3", queues, (1.0 / 2 + sqrt(2) / 12) / 2);
	assert_true(isnan(of("queuing_ms/3", queues)));
	/* 1 ms in a second on both */
	expect_measure("skew_ppm", queues, 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),
		cmocka_unit_test(a_path_that_came_back_is_one),
		cmocka_unit_test(queuing_delays_are_each_paths_own),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
