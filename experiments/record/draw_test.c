// SPDX-License-Identifier: BSD-2-Clause
/* What is drawn: its range, its distribution, and that it is the same again. */

#include "experiments/record/draw.h"

#include "experiments/record/stats.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT 20000

/* Numbers that follow from the seed alone: what they are like does not change from run to run. */
static struct stats_distribution many(
	const struct drawn *d, uint64_t seed, double *above, double bound)
{
	double *values = calloc(COUNT, sizeof(*values));
	assert_non_null(values);
	*above = 0;
	for (uint64_t i = 0; i < COUNT; i++) {
		values[i] = drawn_value(d, seed, i);
		assert_true(values[i] >= d->min && values[i] <= d->max);
		*above += values[i] > bound ? 1.0 / COUNT : 0;
	}
	struct stats_distribution s = stats_distribution(values, COUNT);
	free(values);
	return s;
}

static void distributions(void **state)
{
	(void)state;
	double above;
	struct drawn uniform = {.of = DRAW_UNIFORM, .min = 100, .max = 300};
	struct stats_distribution s = many(&uniform, 1, &above, 250);
	assert_float_equal(s.mean, 200, 2);
	assert_float_equal(above, 0.25, 0.02);

	struct drawn exponential = {.of = DRAW_EXPONENTIAL, .min = 0, .max = 1e6, .mean = 40};
	s = many(&exponential, 2, &above, 80);
	assert_float_equal(s.mean, 40, 1.5);
	assert_float_equal(above, exp(-2), 0.01);

	/* cut: a quarter of what is above the median would be above 4 times the least */
	struct drawn pareto = {.of = DRAW_PARETO, .min = 1000, .max = 1e9, .shape = 1};
	s = many(&pareto, 3, &above, 4000);
	assert_float_equal(above, 0.25, 0.02);
	assert_float_equal(s.p50, 2000, 60);
	pareto.max = 2000;
	many(&pareto, 3, &above, 4000.0 / 3);
	assert_float_equal(above, 0.5, 0.02);

	struct drawn lognormal = {
		.of = DRAW_LOGNORMAL, .min = 1, .max = 1e9, .median = 5000, .sigma = 1};
	s = many(&lognormal, 4, &above, 5000 * exp(1));
	assert_float_equal(s.p50, 5000, 150);
	assert_float_equal(above, 0.1587, 0.01);
	lognormal.max = 5000;
	many(&lognormal, 4, &above, 4999.999);
	assert_true(above < 0.01); /* drawn again, not put on the edge */

	struct drawn fixed = {.of = DRAW_FIXED, .min = 7, .max = 7};
	assert_true(drawn_value(&fixed, 1, 2) == 7);
}

static void the_same_again(void **state)
{
	(void)state;
	struct drawn d = {.of = DRAW_LOGNORMAL, .min = 10, .max = 1e8, .median = 5000, .sigma = 2};
	for (uint64_t i = 0; i < 100; i++) {
		assert_true(drawn_value(&d, 1, i) == drawn_value(&d, 1, i));
		assert_true(drawn_value(&d, 1, i) != drawn_value(&d, 2, i));
		assert_true(drawn_value(&d, 1, i) != drawn_value(&d, 1, i + 1));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(distributions),
		cmocka_unit_test(the_same_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
