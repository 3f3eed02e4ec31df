/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ANALYSIS_FIGURE_PAPER_H
#define ANALYSIS_FIGURE_PAPER_H

#include "analysis/measure/results.h"

#include <stdbool.h>
#include <stddef.h>

/* What the paper reports of a contestant besides its goodput, out of paper-values.json, in the unit
 * of the quantity's name:
 *
 *   path_mbit              `which`: the path's number, as in logged.h
 *   queuing_ms             likewise
 *   queuing_variance_ms2   likewise
 *   third_mbit             which third of the run, from 1
 *   audio_rtt_ms           `which` is 0
 *
 * NaN: it reports none. */
double paper_value(
	const struct results *r, const char *contestant, const char *quantity, size_t which);

/* Whether it reports this of any contestant of the experiment. */
bool paper_has(const struct results *r, const char *quantity);

#endif
