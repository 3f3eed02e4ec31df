// SPDX-License-Identifier: BSD-2-Clause
/*
 * Figures over a parameter.
 *
 * Theory of operation
 * -------------------
 * A line is a list of points, one of a contestant each: where it is on the horizontal axis, and the
 * mean of a measure over its runs with the 95 % confidence interval. A panel draws some lines on
 * axes of its own; each line is a block of the data. Points have shapes and lines dashes, for black
 * and white.
 */

#include "analysis/plot_sweep.h"

#include "analysis/gnuplot.h"
#include "analysis/measures.h"
#include "analysis/stats.h"
#include "lab/error.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define POINTS_MOST 40
#define LINES_MOST  4

struct line {
	const char *name;
	size_t style;
	struct point {
		double x;
		struct stats_estimate y;
	} points[POINTS_MOST];
	size_t count;
};

struct panel {
	double left, right, top, bottom; /* parts of the figure */
	const char *xlabel, *ylabel;
	bool log_x, log_y;
};

typedef double measure_of(const json_t *run);

static struct stats_estimate estimate(const struct contestant_results *c, measure_of *of)
{
	double *values = calloc(c->count ? c->count : 1, sizeof(*values));
	if (!values)
		abort();
	size_t n = 0;
	for (size_t i = 0; i < c->count; i++) {
		double v = of(c->runs[i]);
		if (isfinite(v))
			values[n++] = v;
	}
	struct stats_estimate e = stats_estimate_t(values, n);
	free(values);
	return e;
}

/* Adds a contestant's point; one without values, or that a logarithm does not have, is left out. */
static void add(struct line *l, const struct panel *p, double x, struct stats_estimate y)
{
	if (y.count == 0 || l->count == POINTS_MOST || (p->log_y && y.mean <= 0))
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

/* Draws lines into a panel; their data are blocks from *block on, which it counts up. */
static void draw(const struct figure *f, const struct panel *p, const struct line *lines,
	size_t count, int *block)
{
	double bottom;
	fprintf(f->gp, "unset logscale\n%s%s", p->log_x ? "set logscale x\n" : "",
		p->log_y ? "set logscale y\n" : "");
	set_range(f, p, lines, count, &bottom);
	fprintf(f->gp,
		"set lmargin at screen %g; set rmargin at screen %g\n"
		"set tmargin at screen %g; set bmargin at screen %g\n"
		"set xlabel '%s'\nset ylabel '%s' offset 1\nplot ",
		p->left, p->right, p->top, p->bottom, p->xlabel, p->ylabel);
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
		fputs("\n\n", f->dat);
		fprintf(f->gp,
			"%sdata index %d using 1:3:(0):($4 - $3) with vectors heads size screen "
			"0.005,90 lc rgb 'black' lw 1.3 notitle, data index %d using 1:2 with "
			"linespoints lw 2 pt %zu ps 1.2 * point lc rgb '%s' dt %s",
			i ? ", " : "", *block, *block, 4 + 2 * l->style + 1,
			gnuplot_colour(l->style), gnuplot_dash(l->style));
		++*block;
	}
	/* the title's labels, and the legend's, are drawn with the first panel */
	fputs("\nunset label\nunset arrow\n", f->gp);
}

static int begin(struct figure *f, const struct results *r, const char *figures, const char *suffix,
	const char *what, int height, char **error)
{
	char *name = lab_text("%s-%s", r->experiment, suffix);
	int rc = figure_begin(f, figures, name, 1000, height, error);
	free(name);
	if (rc != 0)
		return rc;
	char *line = lab_text("%s · mean, 95 %% confidence interval · %d s after %d s of warm-up · "
			      "ground: %s",
		what, r->duration_s, r->warm_up_s, r->ground);
	figure_title(f, r->title, line, r->caveats);
	free(line);
	fputs("unset key\n", f->gp);
	return 0;
}

static void legend(const struct figure *f, const struct line *lines, size_t count, int per_row)
{
	const char *names[LINES_MOST];
	size_t styles[LINES_MOST];
	for (size_t i = 0; i < count; i++) {
		names[i] = lines[i].name;
		styles[i] = lines[i].style;
	}
	figure_legend(f, 1.08, names, styles, count, per_row);
}

/* The number that a name ends with, "load-120"; NaN where it has not this beginning. */
static double number_of(const char *name, const char *beginning)
{
	size_t length = strlen(beginning);
	char *end;
	if (strncmp(name, beginning, length) != 0 || name[length] != '-')
		return NAN;
	double n = strtod(name + length + 1, &end);
	return end == name + length + 1 || *end ? NAN : n;
}

/* ---- Load ---- */

static double mean_delay_ms(const json_t *run)
{
	struct delay_log log = measure_delays(run);
	double mean = log.count ? 1e3 * stats_mean(log.delay_s, log.count) : NAN;
	delay_log_free(&log);
	return mean;
}

static double loss_percent(const json_t *run)
{
	const json_t *udp = json_object_get(run, "udp");
	double sent = json_number_value(json_object_get(udp, "datagrams"));
	double lost = json_number_value(json_object_get(udp, "lost_datagrams"));
	return sent > 0 ? 100 * lost / sent : NAN;
}

/* The first load whose value is above a bound; NaN: none. */
static double first_above(const struct line *l, double bound)
{
	for (size_t i = 0; i < l->count; i++)
		if (l->points[i].y.mean > bound)
			return l->points[i].x;
	return NAN;
}

static void mark_at(const struct figure *f, int number, const char *letter, double x)
{
	if (isfinite(x))
		fprintf(f->gp,
			"set arrow %d from %g,graph 0 to %g,graph 1 nohead back lw 1.5 dt (4,4) lc "
			"rgb '#555555'\nset label %d '%s' at %g,graph 0.93 right front offset "
			"-0.7,0\n",
			number, x, x, number, letter, x);
}

int plot_load(const struct results *r, const char *figures, bool *drawn, char **error)
{
	static const struct panel panels[] = {
		{0.075, 0.985, 0.82, 0.47, "", "one-way delay, ms", false, false},
		{0.075, 0.985, 0.41, 0.12, "load, percent of the rate of the path", "lost, %",
			false, false},
	};
	struct line delay = {.name = "delay", .style = 2}, loss = {.name = "loss", .style = 1};
	for (size_t i = 0; i < r->count; i++) {
		const struct contestant_results *c = &r->contestants[i];
		double load = number_of(c->name, "load");
		if (isnan(load))
			continue;
		add(&delay, &panels[0], load, estimate(c, mean_delay_ms));
		add(&loss, &panels[1], load, estimate(c, loss_percent));
	}
	*drawn = delay.count > 1;
	if (!*drawn)
		return 0;
	double least = delay.points[0].y.mean, most = least;
	for (size_t i = 0; i < delay.count; i++)
		most = fmax(most, delay.points[i].y.mean);
	double c_at = first_above(&delay, least + (most - least) / 10);
	double l_at = first_above(&loss, 0.1);

	struct figure f;
	if (begin(&f, r, figures, "load",
		    "C: the delay has risen by a tenth of its rise; L: more than 0.1 % is lost",
		    560, error) == 0) {
		int block = 0;
		fprintf(f.gp, "set xrange [0:%g]\nset xtics 10\nset format x ''\n",
			1.04 * delay.points[delay.count - 1].x);
		mark_at(&f, 21, "C", c_at);
		mark_at(&f, 22, "L", l_at);
		draw(&f, &panels[0], &delay, 1, &block);
		fputs("set format x '%g'\n", f.gp);
		mark_at(&f, 21, "", c_at);
		mark_at(&f, 22, "", l_at);
		draw(&f, &panels[1], &loss, 1, &block);
	}
	return figure_end(&f, error);
}

/* ---- S and T ---- */

static double convergence_s(const json_t *run)
{
	return measure(run, "convergence_s");
}

/* Of a path's part of the weights. */
static double fluctuation(const json_t *run)
{
	return 100 * measure(run, "weight_fluctuation");
}

/* A setting of Algorithm 1 of a contestant; NaN: it runs another scheduler. */
static double setting(const struct contestant_results *c, const char *key, double otherwise)
{
	const json_t *mpipd =
		c->count ? json_pointer(c->runs[0], "/provenance/definition/contestant/mpipd")
			 : NULL;
	const char *scheduler = json_string_value(json_object_get(mpipd, "scheduler"));
	if (!scheduler || strcmp(scheduler, "algorithm-1") != 0)
		return NAN;
	const json_t *value = json_object_get(mpipd, key);
	return json_is_number(value) ? json_number_value(value) : otherwise;
}

#define S_KEY     "weight_step"
#define T_KEY     "weight_period_ms"
#define S_DEFAULT 10
#define T_DEFAULT 100

/* Algorithm 1 over one setting, the other being the paper's; and uncoupled weights, which have
 * neither, across. */
static size_t lines_over(const struct results *r, const struct panel *p, bool over_s,
	measure_of *of, struct line lines[2])
{
	double low = INFINITY, high = 0;
	lines[0] = (struct line){.name = "Algorithm 1", .style = 2};
	lines[1] = (struct line){.name = "uncoupled", .style = 1};
	for (size_t i = 0; i < r->count; i++) {
		const struct contestant_results *c = &r->contestants[i];
		double s = setting(c, S_KEY, S_DEFAULT), t = setting(c, T_KEY, T_DEFAULT);
		double x = over_s ? s : t, other = over_s ? t : s;
		if (isnan(x) || other != (over_s ? T_DEFAULT : S_DEFAULT))
			continue;
		add(&lines[0], p, x, estimate(c, of));
		low = fmin(low, x);
		high = fmax(high, x);
	}
	const struct contestant_results *uncoupled = results_find(r, "uncoupled");
	if (uncoupled && low < high) {
		add(&lines[1], p, low, estimate(uncoupled, of));
		add(&lines[1], p, high, estimate(uncoupled, of));
	}
	return low < high ? 2 : 0;
}

int plot_settings(const struct results *r, const char *figures, bool *drawn, char **error)
{
	static const struct {
		struct panel panel;
		bool over_s;
		measure_of *of;
	} all[] = {
		{{0.09, 0.485, 0.81, 0.53, "", "convergence, s", true, false}, true, convergence_s},
		{{0.585, 0.985, 0.81, 0.53, "", "convergence, s", true, false}, false,
			convergence_s},
		{{0.09, 0.485, 0.43, 0.12, "S, weight units (T = 100 ms)", "fluctuation, %", true,
			 false},
			true, fluctuation},
		{{0.585, 0.985, 0.43, 0.12, "T, ms (S = 10)", "fluctuation, %", true, false}, false,
			fluctuation},
	};
	struct line lines[2];
	*drawn = lines_over(r, &all[0].panel, true, fluctuation, lines) > 0;
	if (!*drawn)
		return 0;
	struct figure f;
	if (begin(&f, r, figures, "settings", "fluctuation: sd of a path's part of the weights",
		    640, error) == 0) {
		int block = 0;
		for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
			size_t count =
				lines_over(r, &all[i].panel, all[i].over_s, all[i].of, lines);
			if (i == 0)
				legend(&f, lines, count, 2);
			fputs(all[i].over_s ? "set xrange [4:50]\nset xtics (5, 10, 20, 40)\n"
					    : "set xrange [20:500]\nset xtics (25, 50, 100, 200, "
					      "400)\n",
				f.gp);
			draw(&f, &all[i].panel, lines, count, &block);
		}
	}
	return figure_end(&f, error);
}

/* ---- Connections ---- */

static double kib_per_connection(const json_t *run)
{
	return measure(run, "/footprint/memory_bytes_per_connection") / 1024;
}

static double cpu_ms_per_mbyte(const json_t *run)
{
	return measure(run, "/footprint/cpu_us_per_mbyte") / 1e3;
}

int plot_connections(const struct results *r, const char *figures, bool *drawn, char **error)
{
	static const char *const kinds[] = {"plain", "mptcp", "mpip"};
	static const struct panel panels[] = {
		{0.085, 0.485, 0.76, 0.15, "connections", "memory of a connection, KiB", true,
			true},
		{0.575, 0.985, 0.76, 0.15, "connections", "CPU time, ms per megabyte", true, false},
	};
	struct line lines[2][3];
	*drawn = false;
	for (size_t p = 0; p < 2; p++) {
		for (size_t k = 0; k < 3; k++) {
			struct line *l = &lines[p][k];
			*l = (struct line){.name = kinds[k], .style = k};
			for (size_t i = 0; i < r->count; i++) {
				const struct contestant_results *c = &r->contestants[i];
				double n = number_of(c->name, kinds[k]);
				if (isfinite(n))
					add(l, &panels[p], n,
						estimate(c, p == 0 ? kib_per_connection
								   : cpu_ms_per_mbyte));
			}
			*drawn = *drawn || l->count > 0;
		}
	}
	if (!*drawn)
		return 0;
	struct figure f;
	if (begin(&f, r, figures, "connections", "both hosts together", 430, error) == 0) {
		int block = 0;
		fputs("set xrange [0.7:1500]\n", f.gp);
		legend(&f, lines[0], 3, 3);
		draw(&f, &panels[0], lines[0], 3, &block);
		draw(&f, &panels[1], lines[1], 3, &block);
	}
	return figure_end(&f, error);
}
