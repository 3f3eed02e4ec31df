/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ANALYSIS_CLOCK_INTERVAL_H
#define ANALYSIS_CLOCK_INTERVAL_H

#include "analysis/clock/skew.h"

/* Sets the 95 % intervals of a skew that was estimated, of all paths and of each; see interval.c.
 */
void interval_of_skew(const struct delay_log *log, struct skew *s);

#endif
