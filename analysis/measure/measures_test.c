// SPDX-License-Identifier: BSD-2-Clause
/* Measures of results that are small enough to be worked out by hand. */

#include "analysis/measure/measures.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

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

/* A path from one of the sender's NICs. */
#define PATH(nic, times, usable, weights)                                                          \
	"{ 'session': 7, 'bytes': 1, 'src': '10.0." nic ".2', 'dst': '10.0.9.2',"                  \
	"  'time_s': [" times "], 'usable': [" usable "], 'weight': [" weights "] }"
#define YES_4 "true, true, true, true"
#define YES_6 YES_4 ", true, true"

/* Both paths' weights rise and fall together, and the third path, which is not usable, keeps its
 * own: the shares stay. */
static void a_dead_path_has_no_share(void **state)
{
	(void)state;
	static const char dead[] =
		PATH("3", "0, 1, 2, 3", "true, false, false, false", "250, 250, 250, 250");
	char together[2048], apart[2048];
	snprintf(together, sizeof(together), "{ 'paths': [ %s, %s, %s ] }",
		PATH("1", "0, 1, 2, 3", YES_4, "100, 300, 200, 400"),
		PATH("2", "0, 1, 2, 3", YES_4, "100, 300, 100, 200"), dead);
	expect_measure("weight_fluctuation", together, 0);
	/* 1/2 and 3/4: an sd of 1 / (4 sqrt 2) of both, and of no third */
	snprintf(apart, sizeof(apart), "{ 'paths': [ %s, %s, %s ] }",
		PATH("1", "0, 1, 2, 3", YES_4, "1, 1, 100, 300"),
		PATH("2", "0, 1, 2, 3", YES_4, "1, 1, 100, 100"), dead);
	expect_measure("weight_fluctuation", apart, 1 / (4 * sqrt(2)));
	assert_true(isnan(of("weight_fluctuation", "{ 'paths': [] }")));
}

/* The second path came later, and has no row at 4 s; the third came in the place of the first.
 * Where their rows meet, the shares are one half and one half. */
static void weights_are_joined_by_time(void **state)
{
	(void)state;
	static const char late[] = "{ 'paths': [ " PATH(
		"1", "0, 1, 2, 3, 4, 5", YES_6, "100, 300, 100, 300, 100, 300") ", " PATH("2",
		"1, 2, 3, 5, 6, 7", YES_6, "300, 100, 300, 300, 200, 400") ", " PATH("1", "6, 7",
		"true, true", "200, 400") " ] }";
	expect_measure("weight_fluctuation", late, 0);
}

#define STEPS 80 /* of 0.1 s */

/* The convergence of two paths' weights, of 1000 together, the first of which has these. */
static double convergence_of(const double *weight)
{
	json_t *times = json_array(), *first = json_array(), *second = json_array();
	json_t *usable = json_array();
	for (int i = 0; i < STEPS; i++) {
		json_array_append_new(times, json_real(i / 10.0));
		json_array_append_new(first, json_real(weight[i]));
		json_array_append_new(second, json_real(1000 - weight[i]));
		json_array_append_new(usable, json_true());
	}
	json_t *result = json_pack("{s:[{s:i, s:s, s:s, s:i, s:o, s:o, s:o},"
				   "    {s:i, s:s, s:s, s:i, s:O, s:O, s:o}]}",
		"paths", "session", 7, "src", "10.0.1.2", "dst", "10.0.9.2", "bytes", 1, "time_s",
		times, "usable", usable, "weight", first, "session", 7, "src", "10.0.2.2", "dst",
		"10.0.9.2", "bytes", 1, "time_s", times, "usable", usable, "weight", second);
	assert_non_null(result);
	double after = measure(result, "convergence_s");
	json_decref(result);
	return after;
}

/* From 500 to 700: a ramp of 10 a step is within 0.05 from 650 on, after 1.5 s, give or take what
 * the mean does at its end. Swings of 200 around 500 that later are around 700 are so after the 2 s
 * that they take, not at the first swing. */
static void convergence_is_of_the_mean(void **state)
{
	(void)state;
	double ramp[STEPS], swings[STEPS];
	for (int i = 0; i < STEPS; i++) {
		ramp[i] = fmin(500 + 10 * i, 700);
		swings[i] = (i < 20 ? 500 : 700) + (i % 2 ? -200 : 200);
	}
	assert_true(fabs(convergence_of(ramp) - 1.5) <= 0.11);
	double rough = convergence_of(swings);
	if (!(fabs(rough - 2.2) <= 0.21))
		fail_msg("got %g s", rough);
}

/* Unplugged at 3 s, back at 6 s. */
static void back_is_when_the_first_full_second_begins(void **state)
{
	(void)state;
	static const char at_once[] = "{ 'series': [10, 10, 10, 5, 5, 5, 9, 10, 10] }";
	static const char later[] = "{ 'series': [10, 10, 10, 5, 5, 5, 8.9, 10, 10] }";
	static const char never[] = "{ 'series': [10, 10, 10, 5, 5, 5, 5, 5, 5] }";
	expect_measure("third_mbit/2", later, 5);
	expect_measure("back_s", at_once, 0);
	expect_measure("back_s", later, 1);
	expect_measure("back_s", never, 3);
	assert_true(isnan(of("back_s", "{ 'series': [10, 5, 10] }")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),
		cmocka_unit_test(a_path_that_came_back_is_one),
		cmocka_unit_test(back_is_when_the_first_full_second_begins),
		cmocka_unit_test(queuing_delays_are_each_paths_own),
		cmocka_unit_test(a_dead_path_has_no_share),
		cmocka_unit_test(weights_are_joined_by_time),
		cmocka_unit_test(convergence_is_of_the_mean),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
