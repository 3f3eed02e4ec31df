/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ANALYSIS_PLOT_MORE_H
#define ANALYSIS_PLOT_MORE_H

#include "analysis/results.h"

#include <stdbool.h>

/* Figures that only some experiments have. Each returns 0, also when there is nothing to draw,
 * which *drawn tells; or -1 and *error. */

/* FIGURES/EXPERIMENT-shares: goodput of each path, for each contestant with MPIP and without MPTCP,
 * paths in the order of measures.h. */
int plot_shares(const struct results *r, const char *figures, bool *drawn, char **error);

/* FIGURES/EXPERIMENT-call: the audio's round trip, mean and over time. */
int plot_call(const struct results *r, const char *figures, bool *drawn, char **error);

/* FIGURES/EXPERIMENT-clock: one-way delays of one run whose clocks differ, as measured with the
 * skew that was found, and with it taken off. */
int plot_clock(const struct results *r, const char *figures, bool *drawn, char **error);

#endif
