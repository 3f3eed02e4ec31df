/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ANALYSIS_STATS_H
#define ANALYSIS_STATS_H

#include <stddef.h>

/* The statistics of repeated measurements. */

/* Arithmetic mean; 0 for none. */
double stats_mean(const double *values, size_t count);

/* Standard deviation of the population that the values are a sample of (n - 1); 0 below two. */
double stats_sd(const double *values, size_t count);

/* The quantile of Student's t distribution: the t with P(T <= t) = p, for 0 < p < 1 and df >= 1.
 * Right to about 1e-9. */
double stats_t_quantile(double p, double df);

/* Half the width of the 95 % confidence interval of the mean, by Student's t with n - 1 degrees of
 * freedom. NaN below two values: one run tells nothing about the spread. */
double stats_ci95(const double *values, size_t count);

/* Experimental aggregation benefit of a goodput `g` against the goodputs of each link alone, all in
 * the same unit: 1 is the full sum, 0 the best single link, -1 nothing. NaN when a single link
 * alone has everything (no more than one link carries data), or none carries any. */
double stats_aggregation_benefit(double g, const double *alone, size_t links);

#endif
