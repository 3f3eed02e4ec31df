// SPDX-License-Identifier: BSD-2-Clause
/*
 * The laws of a link's delay; their theory is in the header.
 *
 * Theory of operation
 * -------------------
 * Uniform is netem's own: a random 32-bit number modulo twice the jitter in ns. That is not quite
 * even when the jitter is long (the low values come up once more often), and the law says so.
 *
 * The other distributions are tables of TABLE_SIZE equally likely values, computed from quantile
 * functions rather than read from iproute2's files, which are elsewhere on every distribution. A
 * table's entries are 16-bit with 8192 for one standard deviation, so no value is beyond four of
 * them; what a heavy tail has there is gathered at the end. Each table is then scaled until its
 * mean is 0 and its deviation 1: delay_ms is the mean and jitter_ms the standard deviation of what
 * the link does, whichever distribution it has.
 */

#include "lab/scenario/jitter.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#define TABLE_SIZE    4096
#define LARGEST       (INT16_MAX / (double)JITTER_TABLE_ONE)
#define PARETO_ALPHA  3.0
#define NORMAL_SHARE  0.25 /* of paretonormal */
#define SCALING_STEPS 40

/* In multiples of a packet's own deviation, at most, whatever the distribution and the spacing: how
 * far the delays of a stream in order deviate, and for how long they are like each other. Simulated
 * (jitter_test.c). */
#define IN_ORDER_DEVIATION 1.2
#define IN_ORDER_ALIKE     2.5

/* The value that a standard normal variable is below with probability p: Newton's method on the
 * distribution function, from 0, which converges from there for all p as far out as tables go. */
static double normal_quantile(double p)
{
	double x = 0;
	for (int i = 0; i < 50; i++) {
		double error = 0.5 * erfc(-x / M_SQRT2) - p;
		double density = exp(-x * x / 2) / sqrt(2 * M_PI);
		double step = error / density;
		/* Far out the tangent overshoots; the sign is always right. */
		x -= fmax(-0.5, fmin(0.5, step));
	}
	return x;
}

static double pareto_quantile(double p)
{
	const double a = PARETO_ALPHA;
	double mean = a / (a - 1), variance = a / ((a - 1) * (a - 1) * (a - 2));
	return (pow(1 - p, -1 / a) - mean) / sqrt(variance);
}

static double quantile(enum jitter_distribution distribution, double p)
{
	switch (distribution) {
	case JITTER_NORMAL:
		return normal_quantile(p);
	case JITTER_PARETO:
		return pareto_quantile(p);
	default:
		return NORMAL_SHARE * normal_quantile(p) + (1 - NORMAL_SHARE) * pareto_quantile(p);
	}
}

static void fill_table(enum jitter_distribution distribution, int16_t *out)
{
	double v[TABLE_SIZE];
	for (int i = 0; i < TABLE_SIZE; i++)
		v[i] = quantile(distribution, (i + 0.5) / TABLE_SIZE);
	/* Cutting the tail moves mean and deviation, scaling moves the tail: a few turns settle. */
	for (int step = 0; step < SCALING_STEPS; step++) {
		double sum = 0, squares = 0;
		for (int i = 0; i < TABLE_SIZE; i++) {
			sum += v[i];
			squares += v[i] * v[i];
		}
		double mean = sum / TABLE_SIZE;
		double deviation = sqrt(squares / TABLE_SIZE - mean * mean);
		for (int i = 0; i < TABLE_SIZE; i++)
			v[i] = fmax(-LARGEST, fmin(LARGEST, (v[i] - mean) / deviation));
	}
	for (int i = 0; i < TABLE_SIZE; i++)
		out[i] = (int16_t)lround(v[i] * JITTER_TABLE_ONE);
}

const int16_t *jitter_table(enum jitter_distribution distribution, size_t *n)
{
	static int16_t tables[JITTER_PARETONORMAL + 1][TABLE_SIZE];
	static bool filled[JITTER_PARETONORMAL + 1];

	if (distribution == JITTER_UNIFORM)
		return NULL;
	if (!filled[distribution])
		fill_table(distribution, tables[distribution]);
	filled[distribution] = true;
	*n = TABLE_SIZE;
	return tables[distribution];
}

double jitter_lowest(enum jitter_distribution distribution)
{
	size_t n;
	const int16_t *table = jitter_table(distribution, &n);
	return table ? table[0] / (double)JITTER_TABLE_ONE : -1;
}

double jitter_highest(enum jitter_distribution distribution)
{
	size_t n;
	const int16_t *table = jitter_table(distribution, &n);
	return table ? table[n - 1] / (double)JITTER_TABLE_ONE : 1;
}

double jitter_longest_ms(const struct shape *shape)
{
	return shape->delay_ms + shape->jitter_ms * jitter_highest(shape->distribution);
}

double jitter_span_ms(const struct shape *shape)
{
	return shape->jitter_ms *
	       (jitter_highest(shape->distribution) - jitter_lowest(shape->distribution));
}

double jitter_deviation_ms(const struct shape *shape)
{
	return shape->distribution == JITTER_UNIFORM ? shape->jitter_ms / sqrt(3)
						     : shape->jitter_ms;
}

/* How many of the 2^32 random numbers are at most `value` modulo `modulus`. */
static double uniform_law(double value, double modulus)
{
	const double numbers = 4294967296.0;
	if (value < 0)
		return 0;
	double below = floor(value) + 1; /* remainders 0 .. value */
	if (below >= modulus)
		return 1;
	double turns = floor(numbers / modulus), rest = numbers - turns * modulus;
	return (turns * below + fmin(below, rest)) / numbers;
}

static double table_law(enum jitter_distribution distribution, double deviation)
{
	size_t n, low = 0;
	const int16_t *table = jitter_table(distribution, &n);
	double value = deviation * JITTER_TABLE_ONE;
	for (size_t high = n; low < high;) {
		size_t middle = (low + high) / 2;
		if (table[middle] <= value)
			low = middle + 1;
		else
			high = middle;
	}
	return (double)low / (double)n;
}

double jitter_law(const struct shape *shape, double delay_ms)
{
	double above = delay_ms - shape->delay_ms;
	if (shape->jitter_ms <= 0)
		return above >= 0;
	if (shape->distribution == JITTER_UNIFORM)
		return uniform_law((above + shape->jitter_ms) * 1e6, 2 * shape->jitter_ms * 1e6);
	return table_law(shape->distribution, above / shape->jitter_ms);
}

double jitter_law_in_order(
	const struct shape *shape, double delay_ms, const double *ahead_ms, size_t n)
{
	double p = jitter_law(shape, delay_ms);
	for (size_t i = 0; i < n && p > 0; i++)
		p *= jitter_law(shape, delay_ms + ahead_ms[i]);
	return p;
}

double jitter_slope_error(const struct shape *shape, double spacing_ms, double duration_ms)
{
	double deviation = IN_ORDER_DEVIATION * jitter_deviation_ms(shape);
	double alike = IN_ORDER_ALIKE * jitter_deviation_ms(shape) + spacing_ms;
	return deviation * sqrt(12 * alike / pow(duration_ms, 3));
}
