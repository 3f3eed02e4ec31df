// SPDX-License-Identifier: BSD-2-Clause
/*
 * Tests of the laws of delay, and of the statistics that judge by them.
 *
 * Theory of operation
 * -------------------
 * Delays are drawn as netem draws them, here with a generator of our own, and passed through the
 * rule that keeps them in order. What comes out must have the law that jitter.h states, and must
 * not have a law that is a little different.
 */

#include "lab/calibrate/verdict.h"
#include "lab/scenario/jitter.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define SAMPLES 4000
#define TRAIN   3

static uint32_t random_number(void)
{
	static uint64_t state = 1;
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(state >> 32);
}

static double draw(const struct shape *v)
{
	size_t n;
	const int16_t *table = jitter_table(v->distribution, &n);
	if (table)
		return v->delay_ms + v->jitter_ms * table[random_number() % n] / JITTER_TABLE_ONE;
	uint32_t span = (uint32_t)(2 * v->jitter_ms * 1e6);
	return v->delay_ms - v->jitter_ms + (random_number() % span) / 1e6;
}

/* The distance between what a train's last packet sees on a link like `real`, and what it would see
 * on one like `expected`. */
static double distance(const struct shape *real, const struct shape *expected)
{
	static double low[SAMPLES], high[SAMPLES];
	double spacing = jitter_deviation_ms(real) / 2, ahead[TRAIN - 1];
	for (int i = 0; i < TRAIN - 1; i++)
		ahead[i] = (i + 1) * spacing;
	for (int s = 0; s < SAMPLES; s++) {
		double delay = draw(real);
		for (int i = 1; i < TRAIN; i++)
			delay = real->reorder ? draw(real) : fmax(draw(real), delay - spacing);
		size_t n = expected->reorder ? 0 : TRAIN - 1;
		/* A table's law has steps: on either side of one. */
		low[s] = jitter_law_in_order(expected, delay - 1e-5, ahead, n);
		high[s] = jitter_law_in_order(expected, delay + 1e-5, ahead, n);
	}
	return ks_distance(low, high, SAMPLES);
}

static void test_laws(void **state)
{
	(void)state;
	for (enum jitter_distribution d = JITTER_UNIFORM; d <= JITTER_PARETONORMAL; d++) {
		struct shape v = {.delay_ms = 50, .jitter_ms = 3, .distribution = d};
		assert_true(distance(&v, &v) < ks_limit(SAMPLES, 1));
		struct shape other = v;
		other.jitter_ms *= 1.2;
		assert_true(distance(&v, &other) > ks_limit(SAMPLES, 1));
		other = v;
		other.reorder = true;
		assert_true(distance(&other, &other) < ks_limit(SAMPLES, 1));
		assert_true(distance(&v, &other) > ks_limit(SAMPLES, 1));
		assert_true(distance(&other, &v) > ks_limit(SAMPLES, 1));
		other = v;
		other.distribution = d == JITTER_UNIFORM ? JITTER_NORMAL : JITTER_UNIFORM;
		assert_true(distance(&v, &other) > ks_limit(SAMPLES, 1));
	}
}

static void test_fixed_delay(void **state)
{
	(void)state;
	struct shape v = {.delay_ms = 5};
	assert_true(jitter_law(&v, 4.999) == 0 && jitter_law(&v, 5) == 1);
	assert_true(jitter_span_ms(&v) == 0);
}

/* delay_ms is the mean and jitter_ms the deviation, and no value is out of netem's range. */
static void test_tables(void **state)
{
	(void)state;
	for (enum jitter_distribution d = JITTER_NORMAL; d <= JITTER_PARETONORMAL; d++) {
		size_t n;
		const int16_t *table = jitter_table(d, &n);
		assert_int_equal(n, 4096);
		double sum = 0, squares = 0;
		for (size_t i = 0; i < n; i++) {
			assert_true(i == 0 || table[i] >= table[i - 1]);
			sum += table[i];
			squares += (double)table[i] * table[i];
		}
		assert_true(fabs(sum / 4096) < 20);
		assert_true(fabs(sqrt(squares / 4096) / JITTER_TABLE_ONE - 1) < 0.01);
	}
	size_t n;
	const int16_t *normal = jitter_table(JITTER_NORMAL, &n);
	/* 84.13 % are below one standard deviation. */
	assert_true(abs(normal[3446] - JITTER_TABLE_ONE) < 20);
	assert_true(jitter_lowest(JITTER_PARETO) > -1 && jitter_highest(JITTER_PARETO) > 3.9);
}

/* A long jitter: 2^32 is not a multiple of its range, and the low values come up once more. */
static void test_uneven(void **state)
{
	(void)state;
	struct shape v = {.delay_ms = 2000, .jitter_ms = 1000};
	/* 2^32 = 2 * 2e9 + 294967296: those below the rest have three chances instead of two. */
	double third = 3 * 200000001.0 / 4294967296.0;
	assert_true(fabs(jitter_law(&v, 1200) - third) < 1e-9);
	assert_true(jitter_law(&v, 3000) == 1 && jitter_law(&v, 999.9) == 0);
}

/* Arrivals of streams in order: the slopes of lines that are fitted are off as much as is said, at
 * most, and not by much less where the spacing is worst. */
static void test_slope(void **state)
{
	(void)state;
	enum { COUNT = 400, STREAMS = 300 };
	static const double spacings[] = {0.02, 0.1, 0.5, 1, 4};
	double worst = 0;
	for (int d = JITTER_UNIFORM; d <= JITTER_PARETONORMAL; d++) {
		struct shape v = {.delay_ms = 20, .jitter_ms = 1, .distribution = d};
		for (size_t s = 0; s < sizeof(spacings) / sizeof(spacings[0]); s++) {
			double squares = 0, step = spacings[s], last = 0;
			for (int stream = 0; stream < STREAMS; stream++) {
				double xx = 0, xy = 0;
				for (int i = -COUNT; i < COUNT; i++) {
					double sent = (stream * 2 * COUNT + i) * step;
					last = fmax(last, sent + draw(&v));
					double x = i >= 0 ? (i - (COUNT - 1) / 2.0) * step : 0;
					xx += x * x;
					xy += x * (last - sent);
				}
				squares += xy / xx * (xy / xx);
			}
			double error = sqrt(squares / STREAMS);
			double said = jitter_slope_error(&v, step, COUNT * step);
			worst = fmax(worst, error / said);
		}
	}
	assert_true(worst < 1.05 && worst > 0.5);
}

static void test_binomial(void **state)
{
	(void)state;
	int64_t low, high;
	binomial_interval(1000, 0, &low, &high);
	assert_true(low == 0 && high == 0);
	binomial_interval(1000, 1, &low, &high);
	assert_true(low == 1000 && high == 1000);
	/* By hand: of 1 trial either result is possible; of 20 at 1/2, P(X < 3) = 2.0e-4 and
	 * P(X < 2) = 2.0e-5. */
	binomial_interval(1, 0.01, &low, &high);
	assert_true(low == 0 && high == 1);
	binomial_interval(20, 0.5, &low, &high);
	assert_true(low == 2 && high == 18);
	/* Near the normal law, 3.89 deviations of 9.95 around 100. */
	binomial_interval(10000, 0.01, &low, &high);
	assert_true(low >= 62 && low <= 66 && high >= 138 && high <= 144);
	binomial_interval(10000000, 0.5, &low, &high);
	assert_true(llabs(low - 4993849) < 10 && llabs(high - 5006151) < 10);
}

static void test_ks(void **state)
{
	(void)state;
	double low[] = {0.5}, high[] = {0.5};
	assert_true(ks_distance(low, high, 1) == 0.5);
	double even_low[4] = {0.875, 0.125, 0.625, 0.375}, even_high[4];
	for (int i = 0; i < 4; i++)
		even_high[i] = even_low[i];
	assert_true(ks_distance(even_low, even_high, 4) == 0.125);
	/* A step of the law: every sample is on it, and all is as expected. */
	double below[] = {0, 0, 0}, upto[] = {1, 1, 1};
	assert_true(ks_distance(below, upto, 3) == 0);
	assert_true(fabs(ks_limit(100, 1) - 0.22253) < 1e-4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_laws),
		cmocka_unit_test(test_fixed_delay),
		cmocka_unit_test(test_tables),
		cmocka_unit_test(test_uneven),
		cmocka_unit_test(test_slope),
		cmocka_unit_test(test_binomial),
		cmocka_unit_test(test_ks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
