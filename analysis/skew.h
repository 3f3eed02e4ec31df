/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ANALYSIS_SKEW_H
#define ANALYSIS_SKEW_H

#include "analysis/delaylog.h"

#include <stdbool.h>

/*
 * The skew between two hosts' clocks, from one-way delays alone, by the convex hull (Zhang, Liu and
 * Xia, Infocom 2002).
 *
 * A delay is a constant of its path, plus what queues add, never below zero, plus what the clocks
 * drift apart: skew times time; plus a step whenever a clock is set. Skew and steps are the same on
 * all paths of a pair of hosts. The offset itself cannot be told one way, so what is corrected here
 * is right but for a constant.
 */

struct skew_step {
	double at_s;   /* samples sent after this time have it */
	double size_s; /* the delays grow by so much */
};

#define SKEW_STEPS 171 /* as many as can be told apart, see steps.c */

struct skew {
	double skew; /* seconds per second: by so much the receiver's clock runs fast */
	struct skew_step steps[SKEW_STEPS];
	size_t step_count;
	double path_skew[DELAY_LOG_PATHS]; /* of each path alone, for comparison; NaN: cannot be
					      told */
};

/* Finds steps, then the one skew: the slope that minimises the sum of all delays above lines of
 * that slope, one for each path between two steps, with no delay below its line (Moon's linear
 * program, over all paths at once). O(n) but for sorting the few corners of the hulls. 0, or -1 and
 * *error when there are no two samples at different times between steps. */
int skew_estimate(const struct delay_log *log, struct skew *out, char **error);

/* The same for steps that are known, `out->steps`. */
int skew_estimate_between(const struct delay_log *log, struct skew *out, char **error);

/* Takes skew and steps off the delays. */
void skew_correct(struct delay_log *log, const struct skew *s);

/* The slope of delay over time by least squares, a constant for each path, with its 95 % interval:
 * over the means of 100 equal spans of time, errors correlated between spans allowed for (Newey and
 * West, 4 lags), Student's t. NaN when there are fewer than 8 spans with samples. */
struct skew_trend {
	double slope, low, high; /* seconds per second */
	double r2;               /* the part of the variance that the line explains */
};
struct skew_trend skew_trend(const struct delay_log *log);

#endif
