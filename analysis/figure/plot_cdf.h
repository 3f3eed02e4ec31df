/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ANALYSIS_FIGURE_PLOT_CDF_H
#define ANALYSIS_FIGURE_PLOT_CDF_H

#include "analysis/figure/gallery.h"
#include "analysis/sweep/cells.h"

/* Draws SWEEP-cdf: for each judged contestant the part of its cells whose ratio to the best path is
 * at most so much. `suffix` is appended to the name, which is written to standard output. A sweep
 * without ratios has none: 0. 0, or -1 and *error, as gallery_draw(). */
int plot_cdf(const struct cells *c, const char *suffix, const struct gallery *g, char **error);

#endif
