// SPDX-License-Identifier: BSD-2-Clause
/*
 * Lines over a parameter.
 *
 * Theory of operation
 * -------------------
 * A line is a list of points, one of a contestant each: where it is on the horizontal axis, and the
 * mean of a measure over its runs with the 95 % confidence interval. A panel draws some lines on
 * axes of its own; each line is a block of the data. Points have shapes and lines dashes, for black
 * and white.
 */

#include "analysis/figure/plot_lines.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void line_add(struct line *l, const struct panel *p, double x, struct stats_estimate y)
{
	if (y.count == 0 || l->count == LINE_POINTS_MOST || (p->log_y && y.mean <= 0))
		return;
	size_t at = l->count++;
	while (at > 0 && l->points[at - 1].x > x) {
		l->points[at] = l->points[at - 1];
		at--;
	}
	l->points[at] = (struct point){x, y};
}

/* The vertical axis: from 0, or around what there is. */
static void set_range(const struct figure *f, const struct panel *p, const struct line *lines,
	size_t count, double *bottom)
{
	double low = INFINITY, high = 0;
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < lines[i].count; k++) {
			const struct stats_estimate *y = &lines[i].points[k].y;
			low = fmin(low, y->mean);
			high = fmax(high, isfinite(y->high) ? y->high : y->mean);
		}
	*bottom = p->log_y ? low / 2 : 0;
	if (high <= 0)
		fputs("set yrange [0:1]\n", f->gp);
	else
		fprintf(f->gp, "set yrange [%g:%g]\n", *bottom, p->log_y ? 2 * high : 1.08 * high);
}

void panel_draw(const struct figure *f, const struct panel *p, const struct line *lines,
	size_t count, const char *more, size_t *block)
{
	double bottom;
	fprintf(f->gp, "unset logscale\n%s%s", p->log_x ? "set logscale x\n" : "",
		p->log_y ? "set logscale y\n" : "");
	set_range(f, p, lines, count, &bottom);
	figure_panel(f, p->left, p->right, p->top, p->bottom);
	fprintf(f->gp, "set xlabel '%s'\nset ylabel '%s' offset 1\nplot ", p->xlabel, p->ylabel);
	for (size_t i = 0; i < count; i++) {
		const struct line *l = &lines[i];
		fprintf(f->dat, "# %s: x mean low high\n", l->name);
		for (size_t k = 0; k < l->count; k++) {
			const struct stats_estimate *y = &l->points[k].y;
			double low = isfinite(y->low) ? fmax(y->low, bottom) : y->mean;
			fprintf(f->dat, "%g %g %g %g\n", l->points[k].x, y->mean, low,
				isfinite(y->high) ? y->high : y->mean);
		}
		if (l->count == 0)
			fputs("NaN NaN NaN NaN\n", f->dat);
		figure_end_block(f);
		fprintf(f->gp,
			"%sdata index %zu using 1:3:(0):($4 - $3) with vectors heads size screen "
			"0.005,90 lc rgb 'black' lw 1.3 notitle, data index %zu using 1:2 with "
			"linespoints lw 2 pt %zu ps 1.2 * point lc rgb '%s' dt %s",
			i ? ", " : "", *block, *block, 4 + 2 * l->style + 1,
			gnuplot_colour(l->style), gnuplot_dash(l->style));
		++*block;
	}
	fputs(more, f->gp);
	figure_end_panel(f);
}

void panel_legend(const struct figure *f, const struct line *lines, size_t count, int per_row)
{
	const char *names[LINES_MOST];
	size_t styles[LINES_MOST];
	for (size_t i = 0; i < count; i++) {
		names[i] = lines[i].name;
		styles[i] = lines[i].style;
	}
	figure_legend(f, 1.08, 0.07, names, styles, count, per_row);
}

double number_in(const char *name, const char *beginning, const char *end)
{
	size_t length = strlen(beginning);
	char *rest;
	if (strncmp(name, beginning, length) != 0 || name[length] != '-')
		return NAN;
	double n = strtod(name + length + 1, &rest);
	return rest == name + length + 1 || strcmp(rest, end) != 0 ? NAN : n;
}
