/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EXPERIMENTS_RECORD_STATS_H
#define EXPERIMENTS_RECORD_STATS_H

#include <stddef.h>

/* The statistics of repeated measurements. */

/* Arithmetic mean; 0 for none. */
double stats_mean(const double *values, size_t count);

/* Standard deviation of the population that the values are a sample of (n - 1); 0 below two. */
double stats_sd(const double *values, size_t count);

/* The quantile of Student's t distribution: the t with P(T <= t) = p, for 0 < p < 1 and df >= 1.
 * Right to about 1e-9. */
double stats_t_quantile(double p, double df);

/* Its tail: P(T > t), with the precision of a small number where it is one. */
double stats_t_tail(double t, double df);

/* Half the width of the 95 % confidence interval of the mean, by Student's t with n - 1 degrees of
 * freedom. NaN below two values: one run tells nothing about the spread. */
double stats_ci95(const double *values, size_t count);

/* A mean with its 95 % confidence interval, by Student's t. */
struct stats_estimate {
	size_t count;
	double mean, sd;
	double low, high; /* NaN below two values */
};

/* Of differences between two contestants' runs of the same seeds it is Student's paired test. */
struct stats_estimate stats_estimate_t(const double *values, size_t count);

/* The same with stats_t_quantile(0.975, count - 1) given, for who has many of equal counts. */
struct stats_estimate stats_estimate_given_t(const double *values, size_t count, double t);

/* How many decimals a value has, of which this is half the interval: as many as show two digits of
 * it, at most 6. */
int stats_decimals(double half);

/* What is worth knowing about many values; all NaN but `count` when there are none. */
struct stats_distribution {
	size_t count;
	double mean, sd, min, p50, p95, p99, max;
};

/* Sorts `values`. Quantiles as stats_quantile() has them. */
struct stats_distribution stats_distribution(double *values, size_t count);

/* The p-quantile of sorted values, 0 <= p <= 1: the smallest value that is not exceeded by more
 * than a part 1 - p of them (RFC 2330, 11.3: of the empirical distribution). NaN for none. */
double stats_quantile(const double *sorted, size_t count, double p);

/* Delay variation. `delay` is in the order of sending, NaN where the packet was lost. Each writes
 * its values to `out` (room for `count`) and returns how many.
 *
 * RFC 3393 IPDV of consecutive packets: D(i) - D(i-1), where neither was lost.
 * RFC 5481 PDV: D(i) - the least D, of those received. */
size_t stats_ipdv(const double *delay, size_t count, double *out);
size_t stats_pdv(const double *delay, size_t count, double *out);

/* Experimental aggregation benefit of a goodput `g` against the goodputs of each link alone, all in
 * the same unit: 1 is the full sum, 0 the best single link, -1 nothing. NaN when a single link
 * alone has everything (no more than one link carries data), or none carries any. */
double stats_aggregation_benefit(double g, const double *alone, size_t links);

#endif
