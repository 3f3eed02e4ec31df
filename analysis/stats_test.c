// SPDX-License-Identifier: BSD-2-Clause
/* Statistics against printed tables of Student's t and against examples worked by hand. */

#include "analysis/stats.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* cmocka compares floats only, and those not to a bound of our choice. */
static void expect_close(double got, double wanted, double within)
{
	if (!(fabs(got - wanted) <= within))
		fail_msg("got %.12g, wanted %.12g within %g", got, wanted, within);
}

static void means_and_deviations(void **state)
{
	(void)state;
	const double values[] = {2, 4, 4, 4, 5, 5, 7, 9};
	expect_close(stats_mean(values, 8), 5, 1e-12);
	expect_close(stats_sd(values, 8), sqrt(32.0 / 7), 1e-12);
	expect_close(stats_mean(values, 0), 0, 0);
	expect_close(stats_sd(values, 1), 0, 0);
}

/* Upper quantiles as any table of the t distribution has them. */
static void t_quantiles(void **state)
{
	(void)state;
	static const struct {
		double p, df, t;
	} table[] = {
		{0.975, 1, 12.706},
		{0.975, 2, 4.303},
		{0.975, 3, 3.182},
		{0.975, 4, 2.776},
		{0.975, 9, 2.262},
		{0.975, 29, 2.045},
		{0.975, 1000, 1.962},
		{0.95, 2, 2.920},
		{0.995, 2, 9.925},
		{0.995, 10, 3.169},
		{0.5, 5, 0},
	};
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		double t = stats_t_quantile(table[i].p, table[i].df);
		expect_close(t, table[i].t, 0.0006);
		expect_close(stats_t_quantile(1 - table[i].p, table[i].df), -t, 1e-6);
	}
}

static void confidence_intervals(void **state)
{
	(void)state;
	const double values[] = {170, 172, 171};
	/* t(2) = 4.3027, sd = 1 */
	expect_close(stats_ci95(values, 3), 4.30265 / sqrt(3), 1e-4);
	assert_true(isnan(stats_ci95(values, 1)));
}

static void aggregation_benefit(void **state)
{
	(void)state;
	const double equal[] = {100, 100}, unequal[] = {80, 40}, one[] = {100, 0};
	expect_close(stats_aggregation_benefit(200, equal, 2), 1, 1e-12);
	expect_close(stats_aggregation_benefit(100, equal, 2), 0, 1e-12);
	expect_close(stats_aggregation_benefit(150, equal, 2), 0.5, 1e-12);
	expect_close(stats_aggregation_benefit(0, equal, 2), -1, 1e-12);
	expect_close(stats_aggregation_benefit(100, unequal, 2), 0.5, 1e-12);
	expect_close(stats_aggregation_benefit(60, unequal, 2), -0.25, 1e-12);
	assert_true(isnan(stats_aggregation_benefit(50, one, 2)));
	assert_true(isnan(stats_aggregation_benefit(50, one, 0)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(means_and_deviations),
		cmocka_unit_test(t_quantiles),
		cmocka_unit_test(confidence_intervals),
		cmocka_unit_test(aggregation_benefit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
