/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ANALYSIS_STEPS_H
#define ANALYSIS_STEPS_H

#include "analysis/skew.h"

/* Finds the times at which a clock was set: where the least delay of all paths jumps by the same
 * amount, by at least 8 times its usual variation and 20 us. Time is cut into up to 1024 windows of
 * 20 samples a path or more, and a step needs 5 of them on each side to be told: of steps closer
 * than 6 windows only the largest is found, and regular ones that close are taken for skew. `skew`
 * is taken off first; NaN: not known, a rough one is made. Sets the times, not the sizes, in
 * ascending order; returns how many, at most SKEW_STEPS. O(n). */
size_t steps_find(const struct delay_log *log, double skew, struct skew_step *steps);

#endif
