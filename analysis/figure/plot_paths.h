/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ANALYSIS_FIGURE_PLOT_PATHS_H
#define ANALYSIS_FIGURE_PLOT_PATHS_H

#include "analysis/figure/gallery.h"
#include "analysis/measure/results.h"

#include <stdbool.h>

/* Figures of contestants with mpipd and without MPTCP. Each returns 0, also when there is none,
 * which *drawn tells; or -1 and *error. Paths are numbered as in logged.h. */

/* DIRECTORY/EXPERIMENT-paths: weights, queuing delays and bytes per path over the first one's first
 * run. */
int plot_paths(const struct results *r, const struct gallery *g, bool *drawn, char **error);

/* DIRECTORY/EXPERIMENT-queuing (the paper's figure 7 and table 8): queuing delay over time of each
 * one's first run, with the trend, and mean and variance of each path. */
int plot_queuing(const struct results *r, const struct gallery *g, bool *drawn, char **error);

/* DIRECTORY/EXPERIMENT-shares (figure 6): what was sent on each of several paths. */
int plot_shares(const struct results *r, const struct gallery *g, bool *drawn, char **error);

/* DIRECTORY/EXPERIMENT-packets: which part of the small and of the large packets took each path;
 * where there is a call. */
int plot_packets(const struct results *r, const struct gallery *g, bool *drawn, char **error);

#endif
