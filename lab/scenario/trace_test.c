// SPDX-License-Identifier: BSD-2-Clause
/*
 * Tests of drawn traces: a long one has the mean, the spread, the correlation and the outages that
 * its model says, and equal seeds give equal traces. The seeds are fixed, so that a test that
 * passes always does; what it allows is some standard errors of a trace of that length.
 */

#include "lab/scenario/trace.h"

#include "lab/scenario/rates.h"
#include "lab/scenario/scenario.h"
#include "mpip/base/error.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static double rate_at(const json_t *steps, size_t i)
{
	return json_number_value(json_object_get(json_array_get(steps, i), "rate_mbit"));
}

struct found {
	double mean, deviation,
		correlation; /* of the logarithm: the last two; the latter at `lag` */
};

static struct found look(const json_t *steps, size_t lag)
{
	size_t n = json_array_size(steps);
	double sum = 0, logs = 0, squares = 0, products = 0;
	for (size_t i = 0; i < n; i++) {
		sum += rate_at(steps, i);
		logs += log(rate_at(steps, i));
	}
	double mean_log = logs / (double)n;
	for (size_t i = 0; i + lag < n; i++) {
		double a = log(rate_at(steps, i)) - mean_log;
		squares += a * a;
		products += a * (log(rate_at(steps, i + lag)) - mean_log);
	}
	double part = (double)(n - lag);
	return (struct found){sum / (double)n, sqrt(squares / part), products / squares};
}

/* An hour without outages: 1,800 correlation times of 2 s, so the mean's standard error is some
 * 1.7 % with a deviation of 0.5. */
static void test_fading(void **state)
{
	(void)state;
	struct trace_model m = {.kind = TRACE_CELLULAR,
		.mean_mbit = 12,
		.deviation = 0.5,
		.correlation_s = 2,
		.length_s = 3600};
	for (uint64_t seed = 1; seed <= 3; seed++) {
		json_t *steps = trace_draw(&m, seed);
		assert_int_equal(json_array_size(steps), 36000);
		struct found f = look(steps, 20);
		assert_true(fabs(f.mean / 12 - 1) < 0.07);
		assert_true(fabs(f.deviation - 0.5) < 0.05);
		assert_true(fabs(f.correlation - exp(-1)) < 0.1);
		json_decref(steps);
	}
}

/* All of 802.11g's rates, equally often: the lowest is 6 / 25.875 of the mean, the highest 54 of
 * that. */
static void test_wifi(void **state)
{
	(void)state;
	struct trace_model m = {
		.kind = TRACE_WIFI, .mean_mbit = 25.875, .correlation_s = 0.5, .length_s = 3600};
	static const double ladder[] = {6, 9, 12, 18, 24, 36, 48, 54};
	size_t counts[8] = {0};
	json_t *steps = trace_draw(&m, 1);
	for (size_t i = 0; i < json_array_size(steps); i++) {
		size_t k = 0;
		while (k < 7 && fabs(rate_at(steps, i) - ladder[k]) > 1e-3)
			k++;
		assert_float_equal(rate_at(steps, i), ladder[k], 1e-3);
		counts[k]++;
	}
	for (size_t k = 0; k < 8; k++)
		assert_true(fabs((double)counts[k] * 8 / 36000 - 1) < 0.15);
	assert_true(fabs(look(steps, 5).mean / 25.875 - 1) < 0.05);
	json_decref(steps);
}

/* 300 outages: of a tenth of the time, which has a standard error of some 8 % of it. */
static void test_outages(void **state)
{
	(void)state;
	struct trace_model m = {.kind = TRACE_CELLULAR,
		.mean_mbit = 10,
		.correlation_s = 1,
		.outage_every_s = 9,
		.outage_s = 1,
		.length_s = 3000};
	double sum = 0;
	size_t outages = 0;
	json_t *steps = trace_draw(&m, 1);
	for (size_t i = 0; i < json_array_size(steps); i++) {
		sum += rate_at(steps, i);
		outages += i > 0 && rate_at(steps, i) < 10 && rate_at(steps, i - 1) == 10;
	}
	assert_true(fabs(rate_at(steps, 0) - 10) < 1e-9);
	assert_true(fabs(1 - sum / 30000 / 10 - 0.1) < 0.03);
	assert_true(outages > 240 && outages < 360);
	json_decref(steps);
}

#define MODEL "\"trace\": { \"model\": \"wifi\", \"mean_mbit\": 8, \"length_s\": 10 }"
#define SCENARIO                                                                                   \
	"{ \"hosts\": [ { \"name\": \"h\", \"nics\": ["                                            \
	"  { \"name\": \"e0\", \"address\": \"10.0.1.2/24\" },"                                    \
	"  { \"name\": \"e1\", \"address\": \"10.0.2.2/24\" } ] } ],"                              \
	"  \"routers\": [ { \"name\": \"r\", \"ports\": ["                                         \
	"  { \"name\": \"p0\", \"address\": \"10.0.1.1/24\" },"                                    \
	"  { \"name\": \"p1\", \"address\": \"10.0.2.1/24\" } ] } ],"                              \
	"  \"links\": [ { \"ends\": [\"h.e0\", \"r.p0\"], " MODEL "},"                             \
	"  { \"ends\": [\"h.e1\", \"r.p1\"], \"queue_ms\": 100, \"down\": {" MODEL "},"            \
	"  \"up\": { \"rate_mbit\": 4 } } ] }"

static struct scenario *load(int64_t seed)
{
	json_t *content = json_loads(SCENARIO, 0, NULL);
	char *error = NULL;
	assert_non_null(content);
	trace_set_seeds(content, seed);
	struct scenario *s = scenario_of("a.json", content, &error);
	if (!s)
		fail_msg("%s", error);
	json_decref(content);
	return s;
}

/* The same for everybody with the same seed, another for each seed and each link; and a scenario
 * that has been drawn can be drawn again. */
static void test_seeds(void **state)
{
	(void)state;
	struct scenario *a = load(7), *b = load(7), *c = load(8);
	assert_true(json_equal(a->source, b->source));
	assert_false(json_equal(a->links[0].up.rates, c->links[0].up.rates));
	assert_true(json_equal(a->links[0].up.rates, a->links[0].down.rates));
	assert_false(json_equal(a->links[0].up.rates, a->links[1].down.rates));
	assert_true(a->links[1].up.rates == NULL);
	assert_int_equal(json_array_size(a->links[0].up.rates), 100);
	assert_true(a->links[0].up.rates_period_s == 10);

	json_t *original = json_loads(SCENARIO, 0, NULL);
	trace_put_back(a->source, original);
	assert_true(json_equal(a->source, original));
	json_decref(original);
	scenario_free(a);
	scenario_free(b);
	scenario_free(c);
}

/* A queue in time is of the rate's mean, and of a direction's own rate. */
static void test_queue(void **state)
{
	(void)state;
	struct scenario *s = load(1);
	struct rates r = rates_of(&s->links[1].down);
	double bytes = rates_bytes(&r, 10000000) / 100; /* in 100 ms */
	assert_int_equal(s->links[1].down.queue_packets, lround(bytes / LAB_FRAME_BYTES));
	assert_int_equal(s->links[1].up.queue_packets, lround(50000.0 / LAB_FRAME_BYTES));
	assert_int_equal(s->links[0].up.queue_packets, 100);
	rates_free(&r);
	scenario_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fading),
		cmocka_unit_test(test_wifi),
		cmocka_unit_test(test_outages),
		cmocka_unit_test(test_seeds),
		cmocka_unit_test(test_queue),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
