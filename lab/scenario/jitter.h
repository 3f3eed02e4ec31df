/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef LAB_SCENARIO_JITTER_H
#define LAB_SCENARIO_JITTER_H

#include "lab/scenario/shape.h"

#include <stddef.h>
#include <stdint.h>

/*
 * The laws of a link's delay: what its packets' delays are drawn from, and what becomes of them
 * when packets stay in order. Pure arithmetic.
 *
 * netem draws each packet's own delay x independently. In order, packet i leaves when its own delay
 * is over, but not before the one ahead of it: with a(i) its arrival,
 *
 *      d(i) = max(x(i), a(i-1) + d(i-1) - a(i)) = max over k >= 0 of x(i-k) - (a(i) - a(i-k))
 *
 * so that P(d(i) <= t) is the product over k of F(t + a(i) - a(i-k)), F being the law of x. Packets
 * further ahead than the span of F (its highest less its lowest value) never matter.
 */

/* netem's table of a distribution: `*n` values in units of jitter / JITTER_TABLE_ONE, ascending,
 * with mean 0 and standard deviation 1. NULL for JITTER_UNIFORM, which has none. */
#define JITTER_TABLE_ONE 8192
const int16_t *jitter_table(enum jitter_distribution distribution, size_t *n);

/* The least and the greatest deviation from the delay, as multiples of the jitter. */
double jitter_lowest(enum jitter_distribution distribution);
double jitter_highest(enum jitter_distribution distribution);

/* The longest delay that there is, in ms. */
double jitter_longest_ms(const struct shape *shape);

/* The span of a shape's delays in ms; 0 without jitter. */
double jitter_span_ms(const struct shape *shape);

/* The standard deviation of a packet's own delay, in ms. */
double jitter_deviation_ms(const struct shape *shape);

/* P(own delay <= delay_ms). */
double jitter_law(const struct shape *shape, double delay_ms);

/* P(delay <= delay_ms) of a packet that came `ahead_ms[k]` after each of `n` others (in any order,
 * >= 0), on a link that keeps the order. */
double jitter_law_in_order(
	const struct shape *shape, double delay_ms, const double *ahead_ms, size_t n);

/* A stream of packets, one each `spacing_ms` for `duration_ms`: the standard error, at most, of the
 * slope of the line that is fitted to their arrival times by least squares, as a part of the slope.
 */
double jitter_slope_error(const struct shape *shape, double spacing_ms, double duration_ms);

#endif
