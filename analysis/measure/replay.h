/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ANALYSIS_MEASURE_REPLAY_H
#define ANALYSIS_MEASURE_REPLAY_H

#include "experiments/record/pathlog.h"

/* Algorithm 1 of the paper (3.6.1), run again over a path log. */

struct replay_settings {
	int64_t step, min, max; /* S, and the bounds of a weight */
	int64_t total;          /* every path starts with total / N */
};

/* The paper's. */
struct replay_settings replay_settings_default(void);

struct replay_verdict {
	size_t sessions, steps, weights; /* looked at */
	size_t wrong;
	char *first; /* what is wrong first, one line; NULL when nothing is */
};

/* Computes each logged weight from the weights of the step before and the queuing delays of its
 * own, and compares. W_i grows by S if Q_i <= Q_avg, else shrinks by S, within the bounds; Q_avg is
 * over the session's usable paths, and the weight of an unusable one stays. A session's first step,
 * and any at which its set of paths is another than before, starts from total / N. Exact: no
 * rounding. Free `first`. */
struct replay_verdict replay(const struct path_log *log, struct replay_settings settings);

#endif
