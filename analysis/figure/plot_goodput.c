// SPDX-License-Identifier: BSD-2-Clause
/*
 * Figures of goodput.
 *
 * Theory of operation
 * -------------------
 * Two panels: on the left a bar per contestant, its mean with the confidence interval, and the
 * paper's value as a diamond; on the right the goodput of each second, the mean of all runs as a
 * line and the lowest and highest run as a band. Both have the same vertical axis. More than four
 * contestants are bars that lie, and no more.
 */

#include "analysis/figure/plot_goodput.h"

#include "analysis/figure/paper.h"
#include "analysis/figure/plot_parts.h"

#include <math.h>
#include <string.h>

#define MOST_LINES 12  /* in one panel */
#define PANELS     344 /* pixels, of the panels and what is above them */
#define ABOVE      103

/* Of the bars, with their intervals, and the paper's values. */
static double highest_bar(const struct results *r)
{
	double top = 0;
	for (size_t i = 0; i < r->count; i++) {
		const struct contestant_results *c = &r->contestants[i];
		double bar = c->mean + (isnan(c->ci95) ? 0 : c->ci95);
		top = !isnan(bar) && bar > top ? bar : top;
		top = !isnan(c->paper) && c->paper > top ? c->paper : top;
	}
	return top;
}

/* The highest thing that a figure shows. */
static double highest(const struct results *r)
{
	double top = highest_bar(r);
	for (size_t i = 0; i < r->count; i++) {
		const struct contestant_results *c = &r->contestants[i];
		for (size_t k = 0; k < c->count; k++)
			for (int s = 0; s < r->duration_s; s++)
				top = fmax(top, plot_value(c->runs[k], "series", (size_t)s));
		for (size_t k = 1; k <= 3; k++)
			top = fmax(top, paper_value(r, c->name, "third_mbit", k));
	}
	return top;
}

/* Block 0: the bars. */
static void write_bars(const struct figure *f, const struct results *r, double unit)
{
	fprintf(f->dat, "# contestant mean ci95 paper\n");
	for (size_t i = 0; i < r->count; i++) {
		const struct contestant_results *c = &r->contestants[i];
		fprintf(f->dat, "%zu %g %g %g\n", i, c->mean / unit, c->ci95 / unit,
			c->paper / unit);
	}
	figure_end_block(f);
}

/* Under a bar: who, how much, of how many runs. */
static void write_tic(
	const struct figure *f, const struct contestant_results *c, size_t i, double unit)
{
	fprintf(f->gp, "%s\"", i ? ", " : "");
	plot_name(f, c->name);
	fputs("\\n", f->gp);
	if (c->count)
		fprintf(f->gp, "%.*f", unit > 1 ? 2 : 1, c->mean / unit);
	fputs("\\n", f->gp);
	plot_runs(f, c);
	fprintf(f->gp, "\" %zu", i);
}

static void draw_bars(const struct figure *f, const struct results *r, double unit)
{
	bool paper = false, intervals = false;
	for (size_t i = 0; i < r->count; i++) {
		paper = paper || !isnan(r->contestants[i].paper);
		intervals = intervals || !isnan(r->contestants[i].ci95);
	}
	fprintf(f->gp, "set key on at graph 0.0,1.12 left top horizontal Left reverse samplen 1.5 "
		       "width 0\n"
		       "set style fill solid 1 noborder\n"
		       "set boxwidth 0.62\n"
		       "set xtics (");
	for (size_t i = 0; i < r->count; i++)
		write_tic(f, &r->contestants[i], i, unit);
	fprintf(f->gp, ")\nset xrange [-0.55:%g]\nplot ", (double)r->count - 0.45);
	for (size_t i = 0; i < r->count; i++)
		fprintf(f->gp,
			"%sdata index 0 every ::%zu::%zu using 1:2 with boxes "
			"%s lc rgb '%s' notitle",
			i ? ", " : "", i, i,
			r->contestants[i].limited_count ? "fs pattern 4 border lc rgb '#555555'"
							: "",
			gnuplot_colour(plot_style(r, i)));
	if (intervals)
		fprintf(f->gp, ", data index 0 using 1:($2 - $3):(0):(2 * $3) with vectors heads "
			       "size screen 0.006,90 lc rgb 'black' lw 1.6 title 'mean, 95 %% CI'");
	if (paper)
		plot_diamonds(f, 0, "($1 + 0.2):4", "paper");
	figure_end_panel(f);
	fputs("unset key\n", f->gp);
}

/* The paper's goodput of each third of the run, beside each other in the order of contestants. */
static void write_thirds(const struct figure *f, const struct results *r, double unit)
{
	for (size_t i = 0; i < r->count; i++)
		for (size_t k = 1; k <= 3; k++) {
			double middle = ((double)k - 0.5) / 3 +
					0.04 * ((double)i - ((double)r->count - 1) / 2);
			fprintf(f->dat, "%g %g\n", middle * r->duration_s,
				paper_value(r, r->contestants[i].name, "third_mbit", k) / unit);
		}
	figure_end_block(f);
}

/* The first run in which something happened, for all runs have the same events; or NULL. */
static const json_t *run_with_events(const struct results *r)
{
	for (size_t i = 0; i < r->count; i++)
		if (r->contestants[i].count &&
			json_array_size(json_object_get(r->contestants[i].runs[0], "events")))
			return r->contestants[i].runs[0];
	return NULL;
}

static void draw_series(const struct figure *f, const struct results *r, double unit)
{
	const char *names[MOST_LINES];
	size_t styles[MOST_LINES], lines = 0;
	fprintf(f->gp,
		"set xlabel 'time, s'\n"
		"set xtics autofreq\nset xrange [0:%d]\nset style fill transparent solid 0.18\n",
		r->duration_s);
	for (size_t i = 0; i < r->count && lines < MOST_LINES; i++) {
		if (r->contestants[i].count == 0)
			continue;
		plot_write_over_time(f, &r->contestants[i], "/series", r->duration_s, unit);
		names[lines] = r->contestants[i].name;
		styles[lines++] = plot_style(r, i);
	}
	/* names beside each other as far as they have room */
	bool wide = false;
	for (size_t i = 0; i < lines; i++)
		wide = wide || strlen(names[i]) > 11;
	figure_legend(f, wide ? 1.11 : 1.07, 0.07, names, styles, lines, wide ? 2 : 4);
	bool thirds = paper_has(r, "third_mbit");
	if (thirds)
		write_thirds(f, r, unit);
	plot_events(f, run_with_events(r));
	plot_over_time(f, 1, styles, lines);
	if (thirds)
		plot_diamonds(f, lines + 1, "1:2", "");
	figure_end_panel(f);
}

/* Many contestants: bars that lie, each with its name before it and its numbers behind it. */
static void draw_lying_bars(const struct figure *f, const struct results *r, double unit)
{
	fprintf(f->gp, "set style fill solid 1 noborder\nunset grid\n"
		       "set grid xtics lc rgb '#dddddd' lw 1 lt 1\nset ytics (");
	for (size_t i = 0; i < r->count; i++)
		fprintf(f->gp, "%s\"%s\" %zu", i ? ", " : "", r->contestants[i].name, i);
	fprintf(f->gp, ")\nset yrange [%g:-0.6]\n", (double)r->count - 0.4);
	for (size_t i = 0; i < r->count; i++) {
		const struct contestant_results *c = &r->contestants[i];
		double end = c->mean + (isnan(c->ci95) ? 0 : c->ci95);
		end = c->paper > end ? c->paper : end;
		fprintf(f->gp, "set label %zu '", 50 + i);
		if (c->count)
			fprintf(f->gp, "%.*f, ", unit > 1 ? 2 : 1, c->mean / unit);
		fprintf(f->gp, "n = %zu", c->count);
		if (c->limited_count)
			fputs(", CPU-limited", f->gp);
		if (c->marked_count)
			fprintf(f->gp, ", %zu marked", c->marked_count);
		fprintf(f->gp, "' at first %g,%zu left offset 1.2,0 front\n",
			c->count || !isnan(c->paper) ? end / unit : 0, i);
	}
	fputs("plot ", f->gp);
	for (size_t i = 0; i < r->count; i++)
		fprintf(f->gp,
			"data index 0 every ::%zu::%zu using "
			"(0):1:(0):2:($1 - 0.32):($1 + 0.32) with boxxyerror %s lc rgb '%s', ",
			i, i,
			r->contestants[i].limited_count ? "fs pattern 4 border lc rgb '#555555'"
							: "",
			gnuplot_colour(plot_style(r, i)));
	fputs("data index 0 using ($2 - $3):1:(2 * $3):(0) with vectors heads size screen "
	      "0.004,90 lc rgb 'black' lw 1.6",
		f->gp);
	plot_diamonds(f, 0, "4:1", "");
	figure_end_panel(f);
}

/* Whether something stands behind a bar besides its numbers. */
static bool marks_any(const struct results *r)
{
	bool any = false;
	for (size_t i = 0; i < r->count; i++)
		any = any || r->contestants[i].limited_count || r->contestants[i].marked_count;
	return any;
}

static int plot_many(const struct results *r, const struct gallery *g, char **error)
{
	struct figure f;
	int height = 175 + 27 * (int)r->count;
	plot_begin(&f, r, g, "", height, "mean, 95 % confidence interval · diamonds: the paper");
	double top = highest_bar(r), unit = top > 2000 ? 1000 : 1;
	figure_panel(&f, 0.2, 0.985, 1 - 95.0 / height, 62.0 / height);
	fprintf(f.gp, "set xlabel 'goodput, %s'\nset xrange [0:%g]\n",
		unit > 1 ? "Gbit/s" : "Mbit/s", (marks_any(r) ? 1.4 : 1.2) * top / unit);
	write_bars(&f, r, unit);
	draw_lying_bars(&f, r, unit);
	return figure_end(&f, error);
}

/* Goodput is not what a load is about that is the same for all, and next to nothing. */
static bool is_about_goodput(const struct results *r)
{
	const json_t *run = json_array_get(r->all, 0);
	const char *kind = json_string_value(json_pointer(run, "/workload/kind"));
	return highest_bar(r) >= 0.1 && !(kind && strcmp(kind, "connections") == 0);
}

int plot_goodput(const struct results *r, const struct gallery *g, bool *drawn, char **error)
{
	*drawn = is_about_goodput(r);
	if (!*drawn)
		return 0;
	if (r->count > 4)
		return plot_many(r, g, error);
	struct figure f;
	int below = plot_label_height(r), height = PANELS + below;
	double panel_top = 1 - (double)ABOVE / height, panel_bottom = (double)below / height;
	plot_begin(&f, r, g, "", height,
		paper_has(r, "third_mbit")
			? "right: mean and band of the runs; diamonds: the paper's thirds in "
			  "the legend's order"
			: "right: mean of the runs, band from the lowest to the highest");
	double top = highest(r), unit = top > 2000 ? 1000 : 1;
	fprintf(f.gp, "set ylabel 'goodput, %s' offset 1\nset yrange [0:%g]\n",
		unit > 1 ? "Gbit/s" : "Mbit/s", 1.06 * top / unit);
	write_bars(&f, r, unit);
	figure_panel(&f, 0.075, 0.455, panel_top, panel_bottom);
	draw_bars(&f, r, unit);
	figure_panel(&f, 0.545, 0.985, panel_top, panel_bottom);
	draw_series(&f, r, unit);
	return figure_end(&f, error);
}
