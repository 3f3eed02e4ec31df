/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ANALYSIS_FIGURE_PLOT_CALL_H
#define ANALYSIS_FIGURE_PLOT_CALL_H

#include "analysis/figure/gallery.h"
#include "analysis/measure/results.h"

#include <stdbool.h>

/* DIRECTORY/EXPERIMENT-call: the audio's round trip, mean and over time. 0, also when there is no
 * call, which *drawn tells; or -1 and *error. */
int plot_call(const struct results *r, const struct gallery *g, bool *drawn, char **error);

#endif
