// SPDX-License-Identifier: BSD-2-Clause
/* The E-model against what is published about it, and by hand. */

#include "experiments/record/emodel.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void expect_close(double got, double wanted, double within)
{
	if (!(fabs(got - wanted) <= within))
		fail_msg("got %.6g, wanted %.6g within %g", got, wanted, within);
}

/* G.107: with all parameters at their defaults R is 93.2, and the score 4.41. */
static void the_defaults_give_93_2(void **state)
{
	(void)state;
	struct emodel m = emodel_default();
	expect_close(emodel_r(&m), 93.2, 0.05);
	expect_close(emodel_mos(93.2), 4.41, 0.005);
}

/* G.109's classes: their lower limits of R and the scores beside them. */
static void scores_of_the_quality_classes(void **state)
{
	(void)state;
	static const struct {
		double r, mos;
	} classes[] = {{90, 4.34}, {80, 4.03}, {70, 3.60}, {60, 3.10}, {50, 2.58}};
	for (size_t i = 0; i < 5; i++)
		expect_close(emodel_mos(classes[i].r), classes[i].mos, 0.007);
	expect_close(emodel_mos(-5), 1, 0);
	expect_close(emodel_mos(3), 1, 0);
	expect_close(emodel_mos(120), 4.5, 0);
}

static double with_delay(double ms)
{
	struct emodel m = emodel_default();
	m.t_ms = m.ta_ms = ms;
	m.tr_ms = 2 * ms;
	return emodel_r(&m);
}

/* The delay's impairment, T = Ta = Tr/2, against the fit that Cole and Rosenbluth published:
 * 0.024 d, and 0.11 more for each ms above 177.3. It is a fit, right to about 2. */
static void delay_as_the_published_fit(void **state)
{
	(void)state;
	for (int ms = 20; ms <= 300; ms += 20) {
		double d = ms;
		double fit = 0.024 * d + (d > 177.3 ? 0.11 * (d - 177.3) : 0);
		expect_close(with_delay(0) - with_delay(d), fit, 2.5);
	}
	assert_true(with_delay(200) < with_delay(100));
}

/* Without echo, G.107's Idd alone: X = log2(Ta / 100); at 200 ms X is 1. By hand:
 * 25 (2^(1/6) - 3 (1 + 3^-6)^(1/6) + 2) = 25 (1.122462 - 3.000685 + 2) = 3.0444. */
static void absolute_delay_by_hand(void **state)
{
	(void)state;
	struct emodel m = emodel_default();
	double none = emodel_r(&m);
	m.ta_ms = 100;
	expect_close(none - emodel_r(&m), 0, 1e-9);
	m.ta_ms = 200;
	expect_close(none - emodel_r(&m), 3.0444, 0.001);
}

/* Ie,eff = Ie + (95 - Ie) Ppl / (Ppl / BurstR + Bpl). G.729A with 2 % at random: 11 + 84 * 2 / 21
 * = 19; in bursts of ratio 2: 11 + 84 * 2 / 20 = 19.4. */
static void loss_by_hand(void **state)
{
	(void)state;
	struct emodel m = emodel_default();
	double none = emodel_r(&m);
	const struct emodel_codec *c = emodel_codec("g729a");
	m.ie = c->ie;
	m.bpl = c->bpl;
	expect_close(none - emodel_r(&m), 11, 1e-9);
	m.ppl = 2;
	expect_close(none - emodel_r(&m), 19, 1e-9);
	m.burst_r = 2;
	expect_close(none - emodel_r(&m), 19.4, 1e-9);
	assert_null(emodel_codec("g999"));
}

static void burst_ratios_by_hand(void **state)
{
	(void)state;
	const unsigned char none[8] = {0}, all[3] = {1, 1, 1};
	const unsigned char apart[8] = {
		1, 0, 0, 0, 1, 0, 0, 0}; /* runs of 1; 1 / (1 - 1/4) = 4/3 */
	const unsigned char together[8] = {0, 1, 1, 0, 0, 0, 0, 0}; /* one of 2; 2 / (4/3) = 1.5 */
	expect_close(emodel_burst_ratio(none, 8), 1, 0);
	expect_close(emodel_burst_ratio(all, 3), 1, 0);
	expect_close(emodel_burst_ratio(apart, 8), 1, 0);
	expect_close(emodel_burst_ratio(together, 8), 1.5, 1e-12);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_defaults_give_93_2),
		cmocka_unit_test(scores_of_the_quality_classes),
		cmocka_unit_test(delay_as_the_published_fit),
		cmocka_unit_test(absolute_delay_by_hand),
		cmocka_unit_test(loss_by_hand),
		cmocka_unit_test(burst_ratios_by_hand),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
