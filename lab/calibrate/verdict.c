// SPDX-License-Identifier: BSD-2-Clause
/*
 * Statistical tests.
 *
 * Theory of operation
 * -------------------
 * Binomial: the probabilities of 0, 1, 2, ... events are summed up from the far end of either tail
 * until the sum exceeds its half of VERDICT_CHANCE. Each is from the logarithms of the factorials,
 * so that neither millions of trials nor a p of 0.5 over- or underflows.
 *
 * Kolmogorov-Smirnov: each sample is taken through its own law, after which all of them are even
 * from 0 to 1 whatever their laws were; so samples with different laws (packets with others at
 * different distances ahead of them) are one sample. The limit is the asymptotic one,
 * sqrt(-ln(chance / 2) / 2 / n), which is on the safe side for small n.
 */

#include "lab/calibrate/verdict.h"

#include <math.h>
#include <stdlib.h>

static double binomial_probability(int64_t n, int64_t k, double p)
{
	double x = (double)k, rest = (double)(n - k);
	return exp(lgamma((double)n + 1) - lgamma(x + 1) - lgamma(rest + 1) + x * log(p) +
		   rest * log1p(-p));
}

/* The greatest k for which fewer than k events have at most half of VERDICT_CHANCE. */
static int64_t lower_end(int64_t n, double p)
{
	/* Nothing that counts is further down than ten standard deviations. */
	double far = (double)n * p - 10 * sqrt((double)n * p * (1 - p)) - 40, sum = 0;
	int64_t k = far > 0 ? (int64_t)far : 0;
	for (; k < n; k++) {
		sum += binomial_probability(n, k, p);
		if (sum > VERDICT_CHANCE / 2)
			break;
	}
	return k;
}

void binomial_interval(int64_t n, double p, int64_t *low, int64_t *high)
{
	if (p <= 0 || p >= 1) {
		*low = *high = p <= 0 ? 0 : n;
		return;
	}
	*low = lower_end(n, p);
	*high = n - lower_end(n, 1 - p);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

double ks_distance(double *low, double *high, size_t n)
{
	qsort(low, n, sizeof(*low), by_value);
	qsort(high, n, sizeof(*high), by_value);
	double distance = 0;
	for (size_t i = 0; i < n; i++) {
		distance = fmax(distance, (double)(i + 1) / (double)n - high[i]);
		distance = fmax(distance, low[i] - (double)i / (double)n);
	}
	return distance;
}

double ks_limit(size_t n, int tests)
{
	return n ? sqrt(-log(VERDICT_CHANCE / tests / 2) / 2 / (double)n) : 1;
}
