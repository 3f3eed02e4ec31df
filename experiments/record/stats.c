// SPDX-License-Identifier: BSD-2-Clause
/*
 * Statistics of repeated measurements.
 *
 * Theory of operation
 * -------------------
 * With few repeats the mean's uncertainty follows Student's t. Its distribution function is a
 * regularised incomplete beta function, I_x(df/2, 1/2) with x = df / (df + t^2), which a continued
 * fraction gives (DLMF 8.17.22, evaluated by Lentz's method); the quantile is found by halving an
 * interval, which is slow and cannot go wrong.
 *
 * Experimental aggregation benefit: Kaspar 2012, as the multipath literature uses it.
 */

#include "experiments/record/stats.h"

#include <math.h>
#include <stdlib.h>

double stats_mean(const double *values, size_t count)
{
	double sum = 0;
	for (size_t i = 0; i < count; i++)
		sum += values[i];
	return count ? sum / (double)count : 0;
}

double stats_sd(const double *values, size_t count)
{
	double mean = stats_mean(values, count), sum = 0;
	if (count < 2)
		return 0;
	for (size_t i = 0; i < count; i++)
		sum += (values[i] - mean) * (values[i] - mean);
	return sqrt(sum / (double)(count - 1));
}

/* A step of Lentz's method must not divide by zero. */
static double not_zero(double v)
{
	return fabs(v) < 1e-300 ? 1e-300 : v;
}

/* The continued fraction of I_x(a, b), good for x < (a + 1) / (a + b + 2). */
static double beta_fraction(double x, double a, double b)
{
	double c = 1, d = 1 / not_zero(1 - (a + b) * x / (a + 1)), f = d;
	for (int m = 1; m < 500; m++) {
		double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
		d = 1 / not_zero(1 + even * d);
		c = not_zero(1 + even / c);
		f *= c * d;
		double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
		d = 1 / not_zero(1 + odd * d);
		c = not_zero(1 + odd / c);
		f *= c * d;
		if (fabs(c * d - 1) < 1e-15)
			break;
	}
	return f;
}

static double incomplete_beta(double x, double a, double b)
{
	if (x <= 0 || x >= 1)
		return x <= 0 ? 0 : 1;
	double front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x));
	if (x < (a + 1) / (a + b + 2))
		return front * beta_fraction(x, a, b) / a;
	return 1 - front * beta_fraction(1 - x, b, a) / b;
}

double stats_t_tail(double t, double df)
{
	double tail = incomplete_beta(df / (df + t * t), df / 2, 0.5) / 2;
	return t > 0 ? tail : 1 - tail;
}

static double t_distribution(double t, double df)
{
	return stats_t_tail(-t, df);
}

double stats_t_quantile(double p, double df)
{
	double low = -1, high = 1;
	while (t_distribution(low, df) > p)
		low *= 2;
	while (t_distribution(high, df) < p)
		high *= 2;
	for (;;) {
		double middle = (low + high) / 2;
		if (middle <= low || middle >= high)
			return middle;
		if (t_distribution(middle, df) < p)
			low = middle;
		else
			high = middle;
	}
}

double stats_ci95(const double *values, size_t count)
{
	if (count < 2)
		return NAN;
	return stats_t_quantile(0.975, (double)(count - 1)) * stats_sd(values, count) /
	       sqrt((double)count);
}

struct stats_estimate stats_estimate_t(const double *values, size_t count)
{
	return stats_estimate_given_t(
		values, count, count > 1 ? stats_t_quantile(0.975, (double)(count - 1)) : NAN);
}

struct stats_estimate stats_estimate_given_t(const double *values, size_t count, double t)
{
	double mean = count ? stats_mean(values, count) : NAN;
	double half = count > 1 ? t * stats_sd(values, count) / sqrt((double)count) : NAN;
	return (struct stats_estimate){
		.count = count,
		.mean = mean,
		.sd = stats_sd(values, count),
		.low = mean - half,
		.high = mean + half,
	};
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

double stats_quantile(const double *sorted, size_t count, double p)
{
	if (count == 0)
		return NAN;
	/* 1e-9: 0.95 * 20 must be 19, and is a little more in binary */
	double rank = ceil(p * (double)count - 1e-9);
	return sorted[rank < 1 ? 0 : (size_t)rank - 1];
}

struct stats_distribution stats_distribution(double *values, size_t count)
{
	if (count == 0)
		return (struct stats_distribution){0, NAN, NAN, NAN, NAN, NAN, NAN, NAN};
	qsort(values, count, sizeof(*values), by_value);
	return (struct stats_distribution){
		.count = count,
		.mean = stats_mean(values, count),
		.sd = stats_sd(values, count),
		.min = values[0],
		.p50 = stats_quantile(values, count, 0.5),
		.p95 = stats_quantile(values, count, 0.95),
		.p99 = stats_quantile(values, count, 0.99),
		.max = values[count - 1],
	};
}

size_t stats_ipdv(const double *delay, size_t count, double *out)
{
	size_t n = 0;
	for (size_t i = 1; i < count; i++)
		if (!isnan(delay[i]) && !isnan(delay[i - 1]))
			out[n++] = delay[i] - delay[i - 1];
	return n;
}

size_t stats_pdv(const double *delay, size_t count, double *out)
{
	double least = INFINITY;
	size_t n = 0;
	for (size_t i = 0; i < count; i++)
		least = delay[i] < least ? delay[i] : least;
	for (size_t i = 0; i < count; i++)
		if (!isnan(delay[i]))
			out[n++] = delay[i] - least;
	return n;
}

double stats_aggregation_benefit(double g, const double *alone, size_t links)
{
	double sum = 0, most = 0;
	for (size_t i = 0; i < links; i++) {
		sum += alone[i];
		most = alone[i] > most ? alone[i] : most;
	}
	if (most <= 0 || sum <= most)
		return NAN;
	return g >= most ? (g - most) / (sum - most) : (g - most) / most;
}

int stats_decimals(double half)
{
	if (!(half > 0))
		return 6;
	double decimals = ceil(1 - log10(half));
	return decimals < 0 ? 0 : decimals > 6 ? 6 : (int)decimals;
}
