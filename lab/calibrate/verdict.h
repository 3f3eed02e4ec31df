/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef LAB_CALIBRATE_VERDICT_H
#define LAB_CALIBRATE_VERDICT_H

#include <stddef.h>
#include <stdint.h>

/*
 * Whether what was measured can come of what was configured. A test that calls a good link bad once
 * in 1 / VERDICT_CHANCE times; so a thousand values can be judged, and a bad one is bad.
 */

#define VERDICT_CHANCE 1e-4

/* The least and greatest number of events in `n` independent trials of probability `p` that are
 * not surprising: outside of them, on each side, is at most VERDICT_CHANCE / 2. */
void binomial_interval(int64_t n, double p, int64_t *low, int64_t *high);

/* The Kolmogorov-Smirnov distance between `n` samples and their laws: the sample's own law says
 * that its value's probability is between low[i] (just below it) and high[i] (up to it), the same
 * number when the law is continuous and the sample exact. Sorts both arrays. */
double ks_distance(double *low, double *high, size_t n);

/* What the distance of `n` independent samples exceeds, in any of `tests` such tests, with
 * probability VERDICT_CHANCE. */
double ks_limit(size_t n, int tests);

/* How many standard errors a mean is off with probability VERDICT_CHANCE. */
#define VERDICT_ERRORS 3.8906

#endif
