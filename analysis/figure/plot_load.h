/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ANALYSIS_FIGURE_PLOT_LOAD_H
#define ANALYSIS_FIGURE_PLOT_LOAD_H

#include "analysis/figure/gallery.h"
#include "analysis/measure/results.h"

#include <stdbool.h>

/* Each returns 0, also when the experiment is none of its kind, which *drawn tells; or -1 and
 * *error. */

/* DIRECTORY/EXPERIMENT-load (the paper's figure 2): one-way delay and loss of contestants named
 * load-PERCENT over their load. C is where the delay first is a tenth of its whole rise above that
 * of the least load, L where first more than 0.1 % is lost. */
int plot_load(const struct results *r, const struct gallery *g, bool *drawn, char **error);

/* DIRECTORY/EXPERIMENT-offered: goodput over the offered load of contestants named load-MBIT-plain
 * and load-MBIT-mpip, and of those named plain and mpip on the same scenario; with the line where
 * all arrives. */
int plot_offered(const struct results *r, const struct gallery *g, bool *drawn, char **error);

#endif
