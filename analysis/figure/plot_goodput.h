/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ANALYSIS_FIGURE_PLOT_GOODPUT_H
#define ANALYSIS_FIGURE_PLOT_GOODPUT_H

#include "analysis/figure/gallery.h"
#include "analysis/measure/results.h"

#include <stdbool.h>

/* DIRECTORY/EXPERIMENT: the contestants' goodput as bars and, of up to four, over time, with what
 * happened in the run and the paper's thirds of it. There must be a run without marks. 0, also
 * where goodput is not what the experiment is about, which *drawn tells; or -1 and *error. */
int plot_goodput(const struct results *r, const struct gallery *g, bool *drawn, char **error);

#endif
