/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ANALYSIS_MEASURE_WEIGHTS_H
#define ANALYSIS_MEASURE_WEIGHTS_H

#include <jansson.h>

/*
 * How the weights of a run settle (the paper's 3.6.1). What is looked at is each path's share: its
 * part of the weights of all paths that were usable, which is how often it is chosen. The last half
 * of the logged steps, warm-up included, is what they settle at. NaN when fewer than two paths were
 * usable in it.
 */

/* The mean, over the paths that were usable in the last half, of the standard deviation of their
 * shares in it; 0.01: one hundredth of all weights. */
double weights_fluctuation(const json_t *result);

/* Seconds from the session's first weights until the running mean over 1 s of each path's share is
 * within 0.05 of its mean of the last half. */
double weights_convergence(const json_t *result);

#endif
