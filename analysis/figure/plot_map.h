/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ANALYSIS_FIGURE_PLOT_MAP_H
#define ANALYSIS_FIGURE_PLOT_MAP_H

#include "analysis/figure/gallery.h"
#include "analysis/sweep/cells.h"

/* What a map shows of a sweep. */
struct map_view {
	const char *x, *y; /* names of axes; NULL: the first that is left */
	const char *at;    /* "loss=1,rate=10": of other axes these values alone; NULL: all */
};

/* Draws SWEEP-map: the ratio to the best path over two axes, a panel for each judged contestant and
 * each value of the other axes. Over one axis the contestants are the rows of one panel. Cells
 * without a ratio are hatched, and named. `suffix` is appended to the name. The name is written to
 * standard output. 0, or -1 and *error: a view that cannot be drawn, or as gallery_draw(). */
int plot_map(const struct cells *c, const struct map_view *view, const char *suffix,
	const struct gallery *g, char **error);

#endif
