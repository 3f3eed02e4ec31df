/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ANALYSIS_FIGURE_PLOT_CLOCK_H
#define ANALYSIS_FIGURE_PLOT_CLOCK_H

#include "analysis/figure/gallery.h"
#include "analysis/measure/results.h"

#include <stdbool.h>

/* DIRECTORY/EXPERIMENT-clock: one-way delays of the first run of each contestant whose clocks
 * differ, as measured with the skew that was found, and with it taken off. 0, also when there is
 * none, which *drawn tells; or -1 and *error. */
int plot_clock(const struct results *r, const struct gallery *g, bool *drawn, char **error);

#endif
