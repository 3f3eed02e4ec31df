/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ANALYSIS_CLOCK_STEPS_H
#define ANALYSIS_CLOCK_STEPS_H

#include "analysis/clock/skew.h"

#define STEPS_LEAST_S 20e-6 /* what is less is no step */

/* Finds the times at which a clock was set: where the least delay of most paths jumps by a similar
 * amount, by at least 8 times its usual variation and 20 us, and stays there: by 6 standard errors,
 * over up to 20 windows on each side. Samples are cut into up to 1024 windows of 20 a path or more,
 * of fewer (at least 4) where there would be less than 80 windows; steps closer than 4 windows are
 * not told apart, and regular ones that close are taken for skew. On one path, up and back down is
 * a load. `skew` is taken off first; NaN: not known, a rough one is made. Sets the times, not the
 * sizes, in ascending order; returns how many, at most SKEW_STEPS. O(n). */
size_t steps_find(const struct delay_log *log, double skew, struct skew_step *steps);

/* How many windows of the log steps_find() looks at; 0: too few samples to look for steps. */
size_t steps_windows(const struct delay_log *log);

#endif
