// SPDX-License-Identifier: BSD-2-Clause
/* Statistics against printed tables of Student's t and against examples worked by hand. */

#include "experiments/record/stats.h"

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

/* Small ones are right, too: with one degree of freedom the tail is atan(1 / t) / pi, and with two
 * (1 - t / sqrt(2 + t^2)) / 2. */
static void t_tails(void **state)
{
	(void)state;
	static const double values[] = {0, 0.5, 1, 3, 50, 1e4};
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		double t = values[i], root = sqrt(2 + t * t);
		double one = atan2(1, t) / M_PI, two = 1 / (root * (root + t));
		expect_close(stats_t_tail(t, 1) / one, 1, 1e-9);
		expect_close(stats_t_tail(t, 2) / two, 1, 1e-9);
		expect_close(stats_t_tail(-t, 2), 1 - two, 1e-12);
	}
	expect_close(stats_t_tail(4.776, 4), 0.0044, 5e-5);
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

/* Sleep gained by ten patients with one drug and the other (Student 1908): the textbook's paired
 * test; R's t.test(paired = TRUE) prints 0.7001142 and 2.4598858. */
static void paired_differences(void **state)
{
	(void)state;
	const double one[] = {0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0};
	const double two[] = {1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4};
	double differences[10];
	for (int i = 0; i < 10; i++)
		differences[i] = two[i] - one[i];
	struct stats_estimate e = stats_estimate_t(differences, 10);
	expect_close(e.mean, 1.58, 1e-9);
	expect_close(e.low, 0.7001142, 1e-6);
	expect_close(e.high, 2.4598858, 1e-6);
	assert_true(isnan(stats_estimate_t(differences, 1).low));
}

static void quantiles(void **state)
{
	(void)state;
	double values[] = {3, 1, 2, 5, 4, 10, 9, 8, 7, 6};
	struct stats_distribution d = stats_distribution(values, 10);
	expect_close(d.p50, 5, 0);
	expect_close(d.p95, 10, 0);
	expect_close(d.min, 1, 0);
	expect_close(d.max, 10, 0);
	double twenty[20];
	for (int i = 0; i < 20; i++)
		twenty[i] = i + 1;
	expect_close(stats_quantile(twenty, 20, 0.95), 19, 0);
	expect_close(stats_quantile(twenty, 20, 0), 1, 0);
	assert_true(isnan(stats_quantile(twenty, 0, 0.5)));
	assert_true(isnan(stats_distribution(twenty, 0).mean));
}

/* Delays 10 12 lost 11 15 ms: IPDV 2 and 4 (none over the loss), PDV 0 2 1 5. */
static void delay_variation_by_hand(void **state)
{
	(void)state;
	const double delay[] = {10, 12, NAN, 11, 15};
	double out[5];
	assert_int_equal(stats_ipdv(delay, 5, out), 2);
	expect_close(out[0], 2, 0);
	expect_close(out[1], 4, 0);
	assert_int_equal(stats_pdv(delay, 5, out), 4);
	expect_close(out[0] + 10 * out[1] + 100 * out[2] + 1000 * out[3], 5120, 0);
}

static void decimals_by_the_interval(void **state)
{
	(void)state;
	assert_int_equal(stats_decimals(0.0123), 3);
	assert_int_equal(stats_decimals(0.1), 2);
	assert_int_equal(stats_decimals(2.5), 1);
	assert_int_equal(stats_decimals(27), 0);
	assert_int_equal(stats_decimals(1e-12), 6);
	assert_int_equal(stats_decimals(0), 6);
	assert_int_equal(stats_decimals(NAN), 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decimals_by_the_interval),
		cmocka_unit_test(paired_differences),
		cmocka_unit_test(quantiles),
		cmocka_unit_test(delay_variation_by_hand),
		cmocka_unit_test(means_and_deviations),
		cmocka_unit_test(t_quantiles),
		cmocka_unit_test(t_tails),
		cmocka_unit_test(confidence_intervals),
		cmocka_unit_test(aggregation_benefit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
