/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ANALYSIS_FIGURE_PLOT_TRANSFERS_H
#define ANALYSIS_FIGURE_PLOT_TRANSFERS_H

#include "analysis/figure/gallery.h"
#include "analysis/measure/results.h"

/* How long transfers took: for each size the part of them that was done after a time, a line per
 * contestant. *drawn is whether there are any; 0, or -1 and *error. */
int plot_transfers(const struct results *r, const struct gallery *g, bool *drawn, char **error);

#endif
