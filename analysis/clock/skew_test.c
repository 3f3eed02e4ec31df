// SPDX-License-Identifier: BSD-2-Clause
/* The skew against a brute-force solution of the linear program, and against skews and steps that
 * are put into made-up delays with queuing noise. */

#include "analysis/clock/skew.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static uint64_t state_of_random = 1;

/* Evenly from 0 to 1. */
static double even(void)
{
	state_of_random = state_of_random * 6364136223846793005u + 1442695040888963407u;
	return (double)(state_of_random >> 11) / 9007199254740992.0;
}

static double exponential(double mean)
{
	return -mean * log(1 - even());
}

/* What the linear program minimises, for a slope: all delays above their path's line. */
static double objective(const struct delay_log *log, double slope)
{
	double sum = 0, floor[4] = {INFINITY, INFINITY, INFINITY, INFINITY};
	for (size_t i = 0; i < log->count; i++)
		floor[log->path[i]] =
			fmin(floor[log->path[i]], log->delay_s[i] - slope * log->sent_s[i]);
	for (size_t i = 0; i < log->count; i++)
		sum += log->delay_s[i] - slope * log->sent_s[i] - floor[log->path[i]];
	return sum;
}

/* The optimum lies at a slope between two points of one path: try all of them. */
static double brute_force(const struct delay_log *log)
{
	double best = INFINITY;
	for (size_t i = 0; i < log->count; i++)
		for (size_t k = 0; k < i; k++)
			if (log->path[i] == log->path[k] && log->sent_s[i] > log->sent_s[k])
				best = fmin(best,
					objective(log, (log->delay_s[i] - log->delay_s[k]) /
							       (log->sent_s[i] - log->sent_s[k])));
	return best;
}

static void as_the_linear_program(void **state)
{
	(void)state;
	for (int round = 0; round < 400; round++) {
		struct delay_log log = {0};
		unsigned paths = 1 + (unsigned)round % 3;
		size_t count = 6 + (size_t)(even() * 40);
		for (size_t i = 0; i < count; i++) {
			unsigned path = (unsigned)(even() * paths);
			/* Coarse numbers in some rounds, so that points are equal or in a line. */
			double d = round % 4 ? exponential(1e-3) : floor(even() * 5) * 1e-3;
			double t = round % 4 ? even() * 100 : floor(even() * 20);
			delay_log_add(&log, t, d + path * 0.01 + t * (round - 200) * 1e-5, path);
		}
		delay_log_order(&log);
		struct skew s = {0};
		char *error = NULL;
		assert_int_equal(skew_estimate_between(&log, &s, &error), 0);
		double got = objective(&log, s.skew), wanted = brute_force(&log);
		if (fabs(got - wanted) > 1e-9 * (1 + wanted))
			fail_msg("round %d: %.12g, the optimum is %.12g", round, got, wanted);
		delay_log_free(&log);
	}
}

/* A day of delays, so many a path: `skew`, exponential queues, a base delay for each path. */
static struct delay_log a_day(double skew, unsigned paths, size_t count)
{
	struct delay_log log = {0};
	for (size_t i = 0; i < count; i++) {
		double t = 84000 * (double)i / (double)count;
		for (unsigned p = 0; p < paths; p++)
			delay_log_add(&log, t + 0.001 * p,
				3600 + 0.002 * p + exponential(0.5e-3) + skew * t, p);
	}
	delay_log_order(&log);
	return log;
}

static void expect_skew(const struct delay_log *log, double wanted, size_t steps)
{
	struct skew s;
	char *error = NULL;
	assert_int_equal(skew_estimate(log, &s, &error), 0);
	if (s.step_count != steps)
		fail_msg("%zu steps found, %zu put in", s.step_count, steps);
	if (fabs(s.skew - wanted) > 0.02 * fabs(wanted) + 1e-10)
		fail_msg("%.4g ppm found, %.4g ppm put in", 1e6 * s.skew, 1e6 * wanted);
}

static void skews_from_a_tenth_to_200_ppm(void **state)
{
	(void)state;
	static const double ppm[] = {0.1, 0.3, 1, 4.17, 15, 50, 200, -0.1, -4.17, -200, 0};
	for (size_t i = 0; i < sizeof(ppm) / sizeof(ppm[0]); i++) {
		for (unsigned paths = 1; paths <= 4; paths += 3) {
			struct delay_log log = a_day(ppm[i] * 1e-6, paths, 20000);
			expect_skew(&log, ppm[i] * 1e-6, 0);
			delay_log_free(&log);
		}
	}
}

static void steps_are_found_and_taken_off(void **state)
{
	(void)state;
	static const struct skew_step put_in[] = {{.at_s = 20000.5, .size_s = 0.010},
		{.at_s = 50000.5, .size_s = -0.004}, {.at_s = 70000.5, .size_s = 0.9}};
	for (unsigned paths = 1; paths <= 3; paths++) {
		struct delay_log log = a_day(4.17e-6, paths, 20000);
		for (size_t i = 0; i < log.count; i++)
			for (size_t k = 0; k < 3; k++)
				if (log.sent_s[i] > put_in[k].at_s)
					log.delay_s[i] += put_in[k].size_s;
		expect_skew(&log, 4.17e-6, 3);
		struct skew s;
		char *error = NULL;
		assert_int_equal(skew_estimate(&log, &s, &error), 0);
		for (size_t k = 0; k < 3; k++) {
			/* Samples are 4.2 s apart. A step within a packet's queuing delay shows
			 * some packets later. */
			assert_true(fabs(s.steps[k].at_s - put_in[k].at_s) < 5 * 4.2);
			assert_true(fabs(s.steps[k].size_s - put_in[k].size_s) < 0.2e-3);
		}
		delay_log_free(&log);
	}
}

/* A clock that is set again and again, at regular intervals, is not one that runs fast. */
static void a_hundred_regular_steps_are_no_skew(void **state)
{
	(void)state;
	for (unsigned paths = 1; paths <= 2; paths++) {
		struct delay_log log = a_day(10e-6, paths, 20000);
		for (size_t i = 0; i < log.count; i++)
			log.delay_s[i] += 0.002 * floor(log.sent_s[i] / 840);
		expect_skew(&log, 10e-6, 99);
		delay_log_free(&log);
	}
}

/* A load on one path for a fifth of the time is no step, and does not bend the skew. */
static void a_loaded_path_is_no_step(void **state)
{
	(void)state;
	struct delay_log log = a_day(4.17e-6, 2, 20000);
	for (size_t i = 0; i < log.count; i++)
		if (log.path[i] == 0 && log.sent_s[i] > 30000 && log.sent_s[i] < 47000)
			log.delay_s[i] += 0.02 + exponential(0.005);
	expect_skew(&log, 4.17e-6, 0);
	delay_log_free(&log);
}

/* The interval of the trend holds zero after the correction, and the skew before it. */
static void trends_before_and_after(void **state)
{
	(void)state;
	int holds_zero = 0, holds_skew = 0, rounds = 100;
	for (int round = 0; round < rounds; round++) {
		struct delay_log log = a_day(2e-6, 2, 5000);
		struct skew_trend before = skew_trend(&log);
		assert_true(before.low > 0 && before.r2 > 0.99);
		holds_skew += before.low <= 2e-6 && before.high >= 2e-6;
		struct skew s;
		char *error = NULL;
		assert_int_equal(skew_estimate(&log, &s, &error), 0);
		skew_correct(&log, &s);
		struct skew_trend after = skew_trend(&log);
		holds_zero += after.low <= 0 && after.high >= 0;
		delay_log_free(&log);
	}
	/* Of 100 intervals of 95 %, fewer than 87 hold once in a thousand times. */
	assert_in_range(holds_zero, 87, rounds);
	assert_in_range(holds_skew, 87, rounds);
}

/* Delays of 600 s with mean 1 ms: queues of one law or another, none in some packets, a hole of 12
 * s around a step. */
struct made_up {
	double skew, no_wait; /* the part of packets that do not wait */
	double step_s;        /* at 300 s */
	unsigned paths;
	int law; /* 0: exponential, 1: the sum of two of these, 2: one of them squared */
};

static struct delay_log make_up(const struct made_up *m, size_t count)
{
	struct delay_log log = {0};
	for (size_t i = 0; i < count; i++) {
		double t = 600 * ((double)i + even()) / (double)count;
		if (m->step_s != 0 && t > 295 && t < 307)
			continue;
		for (unsigned p = 0; p < m->paths; p++) {
			double wait = exponential(1);
			if (m->law == 1)
				wait = (wait + exponential(1)) / 2;
			else if (m->law == 2)
				wait = wait * wait / 2;
			delay_log_add(&log, t,
				5 + p + m->skew * t + (t > 300 ? m->step_s : 0) +
					(even() < m->no_wait ? 0 : 1e-3 * wait),
				p);
		}
	}
	delay_log_order(&log);
	return log;
}

/* The interval holds the skew as often as it says, and is not wide for nothing: the hull's error is
 * about a delay over samples and time, the interval takes some ten times that. */
static void intervals_hold_the_skew(void **state)
{
	(void)state;
	int holds = 0, narrow = 0, rounds = 600;
	for (int round = 0; round < rounds; round++) {
		struct made_up m = {.skew = (even() - 0.5) * 1e-4,
			.no_wait = round % 5 ? 0 : 0.1 * even(),
			.step_s = round % 2 ? 0 : 0.08,
			.paths = 1 + (unsigned)round % 3,
			.law = round % 4 % 3};
		size_t count = 100 + (size_t)(even() * 900);
		struct delay_log log = make_up(&m, count);
		struct skew s;
		char *error = NULL;
		assert_int_equal(skew_estimate(&log, &s, &error), 0);
		holds += s.interval.low <= m.skew && m.skew <= s.interval.high;
		assert_true(s.interval.low <= s.skew && s.skew <= s.interval.high);
		narrow += s.interval.high - s.interval.low < 100 * 1e-3 / (double)count / 600;
		delay_log_free(&log);
	}
	/* Of 95 %, less than 92 % once in a thousand times. */
	assert_in_range(holds, rounds * 92 / 100, rounds);
	assert_in_range(narrow, rounds / 2, rounds);
}

static void a_step_within_a_hole_is_found(void **state)
{
	(void)state;
	for (int round = 0; round < 40; round++) {
		struct made_up m = {.skew = -12e-6,
			.step_s = round % 2 ? 0.08 : -0.01,
			.paths = 1 + (unsigned)round % 3};
		struct delay_log log = make_up(&m, round % 4 < 2 ? 600 : 3000);
		struct skew s;
		char *error = NULL;
		assert_int_equal(skew_estimate(&log, &s, &error), 0);
		assert_int_equal(s.step_count, 1);
		assert_true(s.steps[0].from_s < 300 && s.steps[0].to_s > 300);
		assert_true(fabs(s.steps[0].size_s - m.step_s) < 0.5e-3);
		assert_true(fabs(s.skew - m.skew) < 2e-6);
		delay_log_free(&log);
	}
}

/* Where most windows have a packet that did not wait, their spread is zero, and the others are no
 * steps. */
static void packets_that_do_not_wait_are_no_steps(void **state)
{
	(void)state;
	for (int round = 0; round < 60; round++) {
		struct made_up m = {.skew = 5e-6, .no_wait = 0.05 + 0.0009 * round, .paths = 1};
		struct delay_log log = make_up(&m, 6000);
		struct skew s;
		char *error = NULL;
		assert_int_equal(skew_estimate(&log, &s, &error), 0);
		if (s.step_count > 0)
			fail_msg("round %d: %zu steps, one of %g ms after %g s", round,
				s.step_count, 1e3 * s.steps[0].size_s, s.steps[0].at_s);
		delay_log_free(&log);
	}
}

static void too_little_to_say(void **state)
{
	(void)state;
	struct delay_log log = {0};
	struct skew s;
	char *error = NULL;
	delay_log_add(&log, 1, 2, 0);
	delay_log_add(&log, 1, 3, 0);
	delay_log_order(&log);
	assert_int_equal(skew_estimate(&log, &s, &error), -1);
	assert_string_equal(error, "expected delays at different times");
	assert_true(isnan(skew_trend(&log).slope));
	free(error);
	delay_log_free(&log);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_the_linear_program),
		cmocka_unit_test(skews_from_a_tenth_to_200_ppm),
		cmocka_unit_test(steps_are_found_and_taken_off),
		cmocka_unit_test(a_hundred_regular_steps_are_no_skew),
		cmocka_unit_test(a_loaded_path_is_no_step),
		cmocka_unit_test(trends_before_and_after),
		cmocka_unit_test(intervals_hold_the_skew),
		cmocka_unit_test(a_step_within_a_hole_is_found),
		cmocka_unit_test(packets_that_do_not_wait_are_no_steps),
		cmocka_unit_test(too_little_to_say),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
