/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ANALYSIS_FIGURE_PLOT_H
#define ANALYSIS_FIGURE_PLOT_H

#include "analysis/figure/gallery.h"
#include "analysis/measure/results.h"

/* Draws every figure that an experiment has, DIRECTORY/EXPERIMENT[-KIND], each named on standard
 * output; the data and gnuplot's scripts stay in data/. A figure that is there from before and is
 * not drawn any more is removed. 0, also where there is no run without marks and so nothing to
 * draw, which it says; or -1 and *error. */
int plot_figures(const struct results *r, const struct gallery *g, char **error);

#endif
