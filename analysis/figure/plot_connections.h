/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ANALYSIS_FIGURE_PLOT_CONNECTIONS_H
#define ANALYSIS_FIGURE_PLOT_CONNECTIONS_H

#include "analysis/figure/gallery.h"
#include "analysis/measure/results.h"

#include <stdbool.h>

/* DIRECTORY/EXPERIMENT-connections: memory of a connection, and processor time of a megabyte, of
 * contestants named KIND-CONNECTIONS. 0, also when there is none, which *drawn tells; or -1 and
 * *error. */
int plot_connections(const struct results *r, const struct gallery *g, bool *drawn, char **error);

#endif
