/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ANALYSIS_FIGURE_PLOT_LINES_H
#define ANALYSIS_FIGURE_PLOT_LINES_H

#include "analysis/figure/gnuplot.h"
#include "experiments/record/stats.h"

#include <stdbool.h>

/* Lines over a parameter that differs from contestant to contestant. */

#define LINE_POINTS_MOST 40
#define LINES_MOST       4

struct line {
	const char *name;
	size_t style; /* of gnuplot.h's colours and dashes */
	struct point {
		double x;
		struct stats_estimate y;
	} points[LINE_POINTS_MOST]; /* ascending */
	size_t count;
};

struct panel {
	double left, right, top, bottom; /* parts of the figure */
	const char *xlabel, *ylabel;
	bool log_x, log_y;
};

/* Adds a contestant's point; one without values, or that a logarithm does not have, is left out. */
void line_add(struct line *l, const struct panel *p, double x, struct stats_estimate y);

/* Draws up to LINES_MOST lines into a panel; their data are blocks from *block on, which it counts
 * up. `more` is appended to the plot command, "" for nothing. */
void panel_draw(const struct figure *f, const struct panel *p, const struct line *lines,
	size_t count, const char *more, size_t *block);

/* Their names, above the panel that is drawn next. */
void panel_legend(const struct figure *f, const struct line *lines, size_t count, int per_row);

/* The number in a name, 120 in "load-120" or, with `end` "-mpip", in "load-120-mpip"; NaN where it
 * has not this beginning and this end. */
double number_in(const char *name, const char *beginning, const char *end);

#endif
