/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ANALYSIS_MEASURE_MEASURES_H
#define ANALYSIS_MEASURE_MEASURES_H

#include "analysis/clock/delaylog.h"
#include "analysis/measure/results.h"
#include "experiments/record/stats.h"

#include <jansson.h>

/*
 * What claims are made about: a number out of one run's result, by name. README.md lists the names;
 * one that begins with a slash is a JSON pointer into the result.
 *
 * Paths are those of the session that carried most, at the host that sent, numbered from 1 in the
 * order of their addresses: with two NICs each, 1 and 2 are of the sender's first NIC. "1+2" is
 * both together: the sum, or for delays the mean of each path's own. Delays and weights of steps at
 * which a path was not usable do not count.
 */

/* NaN when the run does not have it, or there is no measure of this name. */
double measure(const json_t *result, const char *name);

/* Whether there is a measure of this name. */
int measure_exists(const char *name);

/* A number out of one run: measure(), or another that may have no use for the name. */
typedef double measure_of(const json_t *result, const char *name);

/* Its mean over a contestant's good runs, with the interval by Student's t; runs that do not have
 * it are left out. */
struct stats_estimate measure_estimate(
	const struct contestant_results *c, measure_of *of, const char *name);

/* The one-way delays of the measured part, of all paths while they were usable; and their queuing
 * delays. Free with delay_log_free(). */
struct delay_log measure_delays(const json_t *result);
struct delay_log measure_queuing(const json_t *result);

#endif
