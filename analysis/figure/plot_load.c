// SPDX-License-Identifier: BSD-2-Clause
/*
 * Figures over the load.
 *
 * Theory of operation
 * -------------------
 * A load that comes near what a path carries first shows in the delay, then in the loss; goodput
 * follows the load until the paths are full. A contestant is a point: its name has the load, in
 * percent, or in Mbit/s with the kind behind it.
 */

#include "analysis/figure/plot_load.h"

#include "analysis/figure/plot_lines.h"
#include "analysis/figure/plot_parts.h"
#include "analysis/measure/measures.h"
#include "mpip/base/error.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static double mean_delay_ms(const json_t *run, const char *name)
{
	(void)name;
	struct delay_log log = measure_delays(run);
	double mean = log.count ? 1e3 * stats_mean(log.delay_s, log.count) : NAN;
	delay_log_free(&log);
	return mean;
}

static double loss_percent(const json_t *run, const char *name)
{
	(void)name;
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

static void mark_at(const struct figure *f, const char *letter, double x)
{
	if (isfinite(x))
		fprintf(f->gp,
			"set arrow from %g,graph 0 to %g,graph 1 nohead back lw 1.5 dt (4,4) lc "
			"rgb '#555555'\nset label '%s' at %g,graph 0.93 right front offset "
			"-0.7,0\n",
			x, x, letter, x);
}

int plot_load(const struct results *r, const struct gallery *g, bool *drawn, char **error)
{
	static const struct panel panels[] = {
		{0.075, 0.985, 0.82, 0.47, "", "one-way delay, ms", false, false},
		{0.075, 0.985, 0.41, 0.12, "load, percent of the rate of the path", "lost, %",
			false, false},
	};
	struct line delay = {.name = "delay", .style = 2}, loss = {.name = "loss", .style = 1};
	for (size_t i = 0; i < r->count; i++) {
		const struct contestant_results *c = &r->contestants[i];
		double load = number_in(c->name, "load", "");
		if (isnan(load))
			continue;
		line_add(&delay, &panels[0], load, measure_estimate(c, mean_delay_ms, NULL));
		line_add(&loss, &panels[1], load, measure_estimate(c, loss_percent, NULL));
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
	plot_begin(&f, r, g, "-load", 560,
		"C: the delay has risen by a tenth of its rise; L: more than 0.1 % is lost · "
		"95 % CI");
	size_t block = 0;
	fprintf(f.gp, "set xrange [0:%g]\nset xtics 10\nset format x ''\n",
		1.04 * delay.points[delay.count - 1].x);
	mark_at(&f, c_at == l_at ? "C = L" : "C", c_at);
	mark_at(&f, c_at == l_at ? "" : "L", l_at);
	panel_draw(&f, &panels[0], &delay, 1, "", &block);
	fputs("set format x '%g'\n", f.gp);
	mark_at(&f, "", c_at);
	mark_at(&f, "", l_at);
	panel_draw(&f, &panels[1], &loss, 1, "", &block);
	return figure_end(&f, error);
}

static const char *scenario_of(const struct contestant_results *c)
{
	const char *digest = json_string_value(
		json_pointer(c->runs[0], "/provenance/definition/scenario_sha256"));
	return digest ? digest : "";
}

/* The contestant of the same kind and scenario at the load that the experiment is first about,
 * which has no load in its name; or NULL. */
static const struct contestant_results *named_by_kind(
	const struct results *r, const char *kind, const struct contestant_results *like)
{
	const struct contestant_results *c = results_find(r, kind);
	return c && c->count && strcmp(scenario_of(c), scenario_of(like)) == 0 ? c : NULL;
}

static double offered_mbit(const struct contestant_results *c)
{
	return json_number_at(c->runs[0], "/workload/rate_mbit");
}

/* A kind's goodput over what is offered, and the paper's where it has it. */
static void find_kind(const struct results *r, const struct panel *p, struct line *l,
	double *paper_x, double *paper)
{
	char *end = text_format("-%s", l->name);
	const struct contestant_results *more = NULL;
	*paper_x = *paper = NAN;
	for (size_t i = 0; i < r->count; i++) {
		const struct contestant_results *c = &r->contestants[i];
		if (c->count == 0 || isnan(number_in(c->name, "load", end)))
			continue;
		line_add(l, p, offered_mbit(c), measure_estimate(c, measure, "goodput_mbit"));
		more = more ? more : named_by_kind(r, l->name, c);
	}
	if (more) {
		line_add(l, p, offered_mbit(more), measure_estimate(more, measure, "goodput_mbit"));
		*paper_x = offered_mbit(more);
		*paper = more->paper;
	}
	free(end);
}

int plot_offered(const struct results *r, const struct gallery *g, bool *drawn, char **error)
{
	static const struct panel panel = {
		0.075, 0.985, 0.79, 0.13, "offered load, Mbit/s", "goodput, Mbit/s", false, false};
	struct line lines[] = {{.name = "plain", .style = 0}, {.name = "mpip", .style = 2}};
	double paper_x[2], paper[2], most = 0;
	*drawn = false;
	for (size_t i = 0; i < 2; i++) {
		find_kind(r, &panel, &lines[i], &paper_x[i], &paper[i]);
		*drawn = *drawn || lines[i].count > 1;
		if (lines[i].count)
			most = fmax(most, lines[i].points[lines[i].count - 1].x);
	}
	if (!*drawn)
		return 0;
	struct figure f;
	plot_begin(&f, r, g, "-offered", 480,
		"mean, 95 % confidence interval · diamonds: the paper · dotted: all of the "
		"load");
	size_t block = 0;
	fprintf(f.gp, "set xrange [0:%g]\n", 1.05 * most);
	panel_legend(&f, lines, 2, 4);
	for (size_t i = 0; i < 2; i++)
		if (isfinite(paper[i]))
			fprintf(f.gp,
				"set label '' at first %g,first %g point pt 12 ps 1.6 * "
				"point lw "
				"1.6 lc rgb 'black' front\n",
				paper_x[i], paper[i]);
	panel_draw(&f, &panel, lines, 2, ", x with lines lw 1 dt (2,3) lc rgb 'black'", &block);
	return figure_end(&f, error);
}
