/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ANALYSIS_FIGURE_PLOT_SETTINGS_H
#define ANALYSIS_FIGURE_PLOT_SETTINGS_H

#include "analysis/figure/gallery.h"
#include "analysis/measure/results.h"

#include <stdbool.h>

/* DIRECTORY/EXPERIMENT-settings: convergence time and fluctuation of the weights over S and over T,
 * and those of weights that are not coupled; where S or T differs between contestants. 0, also
 * where they do not, which *drawn tells; or -1 and *error. */
int plot_settings(const struct results *r, const struct gallery *g, bool *drawn, char **error);

#endif
