// SPDX-License-Identifier: BSD-2-Clause
/*
 * The distribution of a sweep's ratios over its cells.
 *
 * Theory of operation
 * -------------------
 * A line for each contestant, on the logarithmic scale of the maps: at 1, which is a line across
 * the panel, it shows the part of the cells that are below. Of very many cells every nth is drawn.
 */

#include "analysis/figure/plot_cdf.h"

#include "analysis/figure/plot_parts.h"
#include "analysis/figure/ratio_scale.h"
#include "mpip/base/error.h"

#include <math.h>
#include <stdlib.h>

#define WIDTH       1000 /* pixels */
#define HEIGHT      470
#define POINTS_MOST 1000
#define LINES_MOST  12
#define PER_ROW     4

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/* A block of one contestant's line; how many cells it is about. */
static size_t write_line(
	const struct cells *c, size_t contestant, double scale, const struct figure *f)
{
	const struct sweep *s = c->sweep;
	double *ratios = calloc(s->cell_count + 1, sizeof(*ratios));
	size_t count = 0;
	if (!ratios)
		abort();
	for (size_t cell = 0; cell < s->cell_count; cell++) {
		double ratio = cells_at(c, cell, contestant)->ratio.mean;
		if (!isnan(ratio))
			ratios[count++] = ratio_at(ratio, scale);
	}
	qsort(ratios, count, sizeof(*ratios), by_value);
	fprintf(f->dat, "# %s: log2(ratio), part of its %zu cells\n",
		s->contestants[contestant].name, count);
	size_t step = 1 + count / POINTS_MOST;
	for (size_t i = 0; i < count; i++) {
		if (i == 0)
			fprintf(f->dat, "%.6g 0\n", ratios[i]);
		if (i % step == 0 || i + 1 == count)
			fprintf(f->dat, "%.6g %.6g\n", ratios[i], (double)(i + 1) / (double)count);
	}
	if (count == 0)
		fputs("NaN NaN\n", f->dat);
	figure_end_block(f);
	free(ratios);
	return count;
}

static void draw_panel(const struct cells *c, const struct figure *f)
{
	const struct sweep *s = c->sweep;
	const char *names[LINES_MOST];
	size_t styles[LINES_MOST], lines = 0;
	double scale = ratio_scale(c);
	for (size_t i = 0; i < s->contestant_count && lines < LINES_MOST; i++) {
		if (!cells_is_judged(s, i))
			continue;
		names[lines] = s->contestants[i].name;
		styles[lines] = plot_style_of(names[lines], lines);
		write_line(c, i, scale, f);
		lines++;
	}
	figure_panel(f, 0.08, 0.98, 0.76, 0.14);
	figure_legend(f, 1.08, 0.07, names, styles, lines, PER_ROW);
	fprintf(f->gp,
		"unset key\nset xrange [%g:%g]\nset yrange [0:1]\nset xlabel 'ratio to %s'\n"
		"set ylabel 'part of the cells with at most this' offset 1\n"
		"set arrow 1 from first 0,graph 0 to first 0,graph 1 nohead back lw 1.5 lc rgb "
		"'black'\nset xtics ",
		-scale, scale, c->baseline);
	ratio_write_tics(f->gp, scale);
	fputs("\nplot ", f->gp);
	for (size_t i = 0; i < lines; i++)
		fprintf(f->gp, "%sdata index %zu using 1:2 with steps lw 2.4 lc rgb '%s' dt %s",
			i ? ", " : "", i, gnuplot_colour(styles[i]), gnuplot_dash(styles[i]));
	figure_end_panel(f);
}

int plot_cdf(const struct cells *c, const char *suffix, const struct gallery *g, char **error)
{
	const struct sweep *s = c->sweep;
	char *name = text_format("%s-cdf%s", s->name, suffix);
	int rc = 0;
	if (!c->baseline || ratio_judged(s) == 0) {
		rc = gallery_remove(g, name, error);
		free(name);
		return rc;
	}
	char *of = text_format("sweep %s", s->name);
	char *subtitle = ratio_subtitle(c, " · over all cells");
	char *notes = ratio_notes(s);
	struct head head = {s->title, subtitle, "", "", notes};
	struct figure f;
	figure_begin(&f, g, of, name, WIDTH, HEIGHT, &head);
	draw_panel(c, &f);
	rc = figure_end(&f, error);
	char *endings = gallery_endings(g);
	if (rc == 0)
		printf("%s/%s%s\n", g->directory, name, endings);
	free(endings);
	free(notes);
	free(subtitle);
	free(of);
	free(name);
	return rc;
}
