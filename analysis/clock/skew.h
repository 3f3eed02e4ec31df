/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ANALYSIS_CLOCK_SKEW_H
#define ANALYSIS_CLOCK_SKEW_H

#include "analysis/clock/delaylog.h"

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
	double at_s;    /* samples sent after this time have it */
	double size_s;  /* the delays grow by so much */
	double error_s; /* what the size would be off by, were the skew at an end of its interval */
	double from_s, to_s; /* it was between these: samples sent between are of neither side */
};

#define SKEW_STEPS 257 /* as many as can be told apart, see steps.c */

/* Of 95 %, see interval.c; NaN: too few samples for one. */
struct skew_interval {
	double low, high;
};

struct skew {
	double skew; /* seconds per second: by so much the receiver's clock runs fast */
	struct skew_interval interval;
	struct skew_step steps[SKEW_STEPS];
	size_t step_count;
	struct skew_interval path_interval[DELAY_LOG_PATHS];
	double path_skew[DELAY_LOG_PATHS]; /* of each path alone, for comparison; NaN: cannot be
					      told */
};

/* Finds steps, then the one skew: the slope that minimises the sum of all delays above lines of
 * that slope, one for each path between two steps, with no delay below its line (Moon's linear
 * program, over all paths at once). O(n) but for sorting the few corners of the hulls. 0, or -1 and
 * *error when there are no two samples at different times between steps. */
int skew_estimate(const struct delay_log *log, struct skew *out, char **error);

/* The same for steps that are known, `out->steps`: their times. */
int skew_estimate_between(const struct delay_log *log, struct skew *out, char **error);

/* How many more steps than `passed` are before this time. */
size_t skew_steps_passed(const struct skew *s, size_t passed, double sent_s);

/* Whether a sample sent then, after `passed` steps, may as well be on the other side of one. */
bool skew_is_between(const struct skew *s, size_t passed, double sent_s);

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
