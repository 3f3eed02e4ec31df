// SPDX-License-Identifier: BSD-2-Clause
/*
 * Figures of paths.
 *
 * Theory of operation
 * -------------------
 * What the paths of one run did over time is drawn in three panels above each other on one time
 * axis. Queuing delays have a panel for each contestant that runs MPIP alone, and in its legend
 * what the paper's table 8 has of them. Bars show what each path carried: they are means over the
 * runs without marks, in groups of a contestant, and have the path's number below, for those who do
 * not see its colour.
 *
 * Paths have the numbers of logged.h. A path that went and came back is another one over the same
 * addresses: the same number and the same line.
 */

#include "analysis/figure/plot_paths.h"

#include "analysis/clock/delaylog.h"
#include "analysis/clock/skew.h"
#include "analysis/figure/paper.h"
#include "analysis/figure/plot_parts.h"
#include "analysis/measure/logged.h"
#include "analysis/measure/measures.h"
#include "mpip/base/error.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MOST_LINES 12 /* in one panel */

/* "10.0.1.2 → 10.0.3.2". Allocated. */
static char *addresses_of(const json_t *path)
{
	return text_format("%s → %s", json_string_value(json_object_get(path, "src")),
		json_string_value(json_object_get(path, "dst")));
}

/* Of the contestants that run MPIP alone. */
static size_t most_paths(const struct results *r)
{
	size_t most = 0;
	for (size_t i = 0; i < r->count; i++) {
		const struct contestant_results *c = &r->contestants[i];
		size_t count = plot_is_mpip_alone(c) ? logged_paths(c->runs[0]).count : 0;
		most = count > most ? count : most;
	}
	return most;
}

/* ---- One run over time ---- */

/* The first good run over one session's several paths, without MPTCP above it. */
static const json_t *run_with_paths(const struct results *r)
{
	for (size_t i = 0; i < r->count; i++) {
		const struct contestant_results *c = &r->contestants[i];
		if (plot_is_mpip_alone(c) &&
			json_array_size(json_object_get(c->runs[0], "paths")) > 1)
			return c->runs[0];
	}
	return NULL;
}

static json_t *session_of(const json_t *paths, size_t i)
{
	return json_object_get(json_array_get(paths, i), "session");
}

/* How many sessions the first `count` paths are of. */
static size_t sessions_of(const json_t *paths, size_t count)
{
	size_t sessions = 0;
	for (size_t i = 0; i < count; i++) {
		size_t k = 0;
		while (k < i && !json_equal(session_of(paths, k), session_of(paths, i)))
			k++;
		sessions += k == i;
	}
	return sessions;
}

/* The ith path's addresses, and, where there are several, which session's. Allocated. */
static char *name_in_run(const json_t *paths, size_t i)
{
	char *addresses = addresses_of(json_array_get(paths, i));
	if (sessions_of(paths, json_array_size(paths)) < 2)
		return addresses;
	size_t first = 0;
	while (!json_equal(session_of(paths, first), session_of(paths, i)))
		first++;
	char *name = text_format("session %zu: %s", sessions_of(paths, first + 1), addresses);
	free(addresses);
	return name;
}

/* A block: time, weight, queuing delay, and what was sent in about the last second, Mbit/s. */
static void write_path(const struct figure *f, const json_t *path)
{
	size_t count = json_array_size(json_object_get(path, "time_s"));
	fprintf(f->dat, "# path %lld: second weight queuing_delay_ms sent_mbit\n",
		json_integer_value(json_object_get(path, "path")));
	double gap = plot_gap_after(path);
	for (size_t i = 0; i < count; i++) {
		double now = plot_value(path, "time_s", i), sent = NAN;
		size_t k = i;
		if (i > 0 && now - plot_value(path, "time_s", i - 1) > gap)
			fprintf(f->dat, "%g NaN NaN NaN\n", now);
		while (k > 0 && plot_value(path, "time_s", k) > now - 0.95)
			k--;
		if (k < i)
			sent = (plot_value(path, "sent_bytes", i) -
				       plot_value(path, "sent_bytes", k)) *
			       8e-6 / (now - plot_value(path, "time_s", k));
		fprintf(f->dat, "%g %g %g %g\n", now, plot_value(path, "weight", i),
			plot_value(path, "queuing_delay_ms", i), sent);
	}
	figure_end_block(f);
}

static void draw_panels(const struct figure *f, const json_t *run)
{
	static const struct {
		const char *label;
		double top, bottom;
	} panels[] = {
		{"weight", 0.845, 0.625},
		{"queuing delay, ms", 0.585, 0.365},
		{"sent, Mbit/s", 0.325, 0.105},
	};
	const json_t *paths = json_object_get(run, "paths");
	size_t lines = json_array_size(paths) < MOST_LINES ? json_array_size(paths) : MOST_LINES;
	/* A path that went and came back is another one over the same addresses: the same line. */
	char *names[MOST_LINES];
	size_t styles[MOST_LINES], legend[MOST_LINES], different = 0;
	for (size_t i = 0; i < lines; i++) {
		char *name = name_in_run(paths, i);
		size_t k = 0;
		while (k < different && strcmp(names[k], name) != 0)
			k++;
		styles[i] = k;
		if (k < different) {
			free(name);
			continue;
		}
		legend[different] = k;
		names[different++] = name;
	}
	const double line = 0.1;
	bool long_names = sessions_of(paths, lines) > 1;
	size_t per_row = long_names ? 3 : 4, rows = (different + per_row - 1) / per_row;

	fprintf(f->gp, "set xrange [%lld:%lld]\n",
		-json_integer_value(json_object_get(run, "warm_up_s")),
		json_integer_value(json_object_get(run, "duration_s")));
	figure_legend(f, 1.11 + line * (double)(rows - 1), line, (const char *const *)names, legend,
		different, (int)per_row);
	for (size_t p = 0; p < sizeof(panels) / sizeof(panels[0]); p++) {
		bool last = p + 1 == sizeof(panels) / sizeof(panels[0]);
		figure_panel(f, 0.085, 0.985, panels[p].top, panels[p].bottom);
		plot_events(f, run);
		fprintf(f->gp,
			"set ylabel '%s' offset 1\nset yrange [0:0.01<*]\nset format x "
			"'%s'\n%splot ",
			panels[p].label, last ? "%g" : "",
			last ? "set xlabel 'time since the end of the warm-up, s'\n" : "");
		for (size_t i = 0; i < lines; i++)
			fprintf(f->gp,
				"%sdata index %zu using 1:%zu with lines lw 1.5 lc rgb '%s' dt %s",
				i ? ", " : "", i, p + 2, gnuplot_colour(styles[i]),
				gnuplot_dash(styles[i]));
		figure_end_panel(f);
	}
	for (size_t i = 0; i < different; i++)
		free(names[i]);
}

int plot_paths(const struct results *r, const struct gallery *g, bool *drawn, char **error)
{
	const json_t *run = run_with_paths(r);
	*drawn = run != NULL;
	if (!run)
		return 0;

	struct figure f;
	char *what = text_format("one run: %s, %.4g Mbit/s",
		json_string_value(json_object_get(run, "run")),
		json_number_value(json_object_get(run, "goodput_mbit")));
	plot_begin(&f, r, g, "-paths", 760, what);
	size_t i;
	json_t *path;
	json_array_foreach (json_object_get(run, "paths"), i, path)
		write_path(&f, path);
	draw_panels(&f, run);
	free(what);
	return figure_end(&f, error);
}

/* ---- Numbers ---- */

/* The addresses of a run's paths, by number. Allocated. */
static char *numbers_of(const json_t *run)
{
	struct logged_paths paths = logged_paths(run);
	char *text = text_format("%s", "");
	for (size_t i = 0; i < paths.logged_count; i++) {
		const struct logged *path = &paths.logged[i];
		if (i > 0 && path->number == path[-1].number)
			continue;
		char *one = addresses_of(path->json);
		char *longer =
			text_format("%s%s%zu: %s", text, i ? "  ·  " : "", path->number, one);
		free(text);
		free(one);
		text = longer;
	}
	return text;
}

#define NUMBERS_MOST 4  /* scenarios with addresses of their own */
#define NUMBERS_LINE 20 /* pixels */

/* Lines of text that say which addresses the numbers of paths are, `of` whom: "" for those of the
 * first contestant and all that are like it. */
struct numbers {
	char *text[NUMBERS_MOST], *of[NUMBERS_MOST];
	size_t count;
};

static struct numbers find_numbers(const struct results *r)
{
	struct numbers n = {0};
	for (size_t i = 0; i < r->count; i++) {
		if (!plot_is_mpip_alone(&r->contestants[i]))
			continue;
		char *text = numbers_of(r->contestants[i].runs[0]);
		size_t k = 0;
		while (k < n.count && strcmp(n.text[k], text) != 0)
			k++;
		if (k == n.count && k < NUMBERS_MOST) {
			n.text[k] = text_format("%s", text);
			n.of[k] = text_format("%s", k ? r->contestants[i].name : "");
			n.count++;
		} else if (k > 0 && k < n.count) {
			char *longer = text_format("%s, %s", n.of[k], r->contestants[i].name);
			free(n.of[k]);
			n.of[k] = longer;
		}
		free(text);
	}
	return n;
}

/* Below all panels; `height` of the figure in pixels. */
static void draw_numbers(const struct figure *f, struct numbers *n, int height)
{
	for (size_t k = 0; k < n->count; k++) {
		char *line =
			text_format("%s%s%s", n->of[k], *n->of[k] ? ": " : "paths ", n->text[k]);
		figure_footnote(f, line, ((double)(n->count - k) - 0.3) * NUMBERS_LINE / height);
		free(line);
	}
}

static void free_numbers(struct numbers *n)
{
	for (size_t k = 0; k < n->count; k++) {
		free(n->text[k]);
		free(n->of[k]);
	}
}

/* ---- Queuing delay: figure 7, table 8 ---- */

#define HEAD        75  /* pixels, of the title */
#define PANEL       230 /* pixels, of a panel's axis */
#define LEGEND_LINE 0.07
#define BELOW       65 /* pixels, of a panel's time axis */

/* A block for each path as often as it was logged: second, queuing delay in ms, NaN while it was
 * not usable. */
static void write_queuing(
	const struct figure *f, const struct logged_paths *paths, double duration_s)
{
	for (size_t k = 0; k < paths->logged_count; k++) {
		const json_t *path = paths->logged[k].json;
		size_t samples = json_array_size(json_object_get(path, "time_s"));
		fprintf(f->dat, "# path %zu: second queuing_delay_ms\nNaN NaN\n",
			paths->logged[k].number);
		double gap = plot_gap_after(path), before = NAN;
		for (size_t i = 0; i < samples; i++) {
			double t = plot_value(path, "time_s", i);
			if (t - before > gap)
				fprintf(f->dat, "%g NaN\n", t);
			before = t;
			double ms = plot_value(path, "queuing_delay_ms", i);
			bool usable =
				json_is_true(json_array_get(json_object_get(path, "usable"), i));
			if (t >= 0 && t <= duration_s)
				fprintf(f->dat, "%g %g\n", t, usable ? ms : NAN);
		}
		figure_end_block(f);
	}
}

/* Mean and variance of each path's delays, and the paper's. */
static void draw_queuing_legend(const struct figure *f, const struct results *r,
	const struct contestant_results *c, size_t count)
{
	char *names[LOGGED_MOST];
	size_t styles[LOGGED_MOST];
	for (size_t k = 0; k < count; k++) {
		char mean[32], sd[32];
		snprintf(mean, sizeof(mean), "queuing_ms/%zu", k + 1);
		snprintf(sd, sizeof(sd), "queuing_sd_ms/%zu", k + 1);
		double paper = paper_value(r, c->name, "queuing_ms", k + 1);
		double ms = measure(c->runs[0], mean);
		names[k] = isnan(ms) ? text_format("%zu: never usable", k + 1)
				     : text_format("%zu: mean %.3g ms, variance %.3g ms²", k + 1,
					       ms, pow(measure(c->runs[0], sd), 2));
		styles[k] = k;
		if (isnan(paper))
			continue;
		char *longer = text_format("%s (paper: %g, %g)", names[k], paper,
			paper_value(r, c->name, "queuing_variance_ms2", k + 1));
		free(names[k]);
		names[k] = longer;
		fprintf(f->gp,
			"set label '' at graph 1,first %g point pt 12 ps 1.3 * point lw 1.6 "
			"front\n",
			paper);
	}
	figure_legend(f, 1 + LEGEND_LINE * (double)count, LEGEND_LINE, (const char *const *)names,
		styles, count, 1);
	for (size_t k = 0; k < count; k++)
		free(names[k]);
}

struct rectangle {
	double left, right, top, bottom; /* parts of the figure */
};

/* A contestant's panel: the axis is the rectangle, the legend above it. */
static void draw_queuing(const struct figure *f, const struct results *r,
	const struct contestant_results *c, struct rectangle at, size_t *block)
{
	const json_t *run = c->runs[0];
	struct logged_paths paths = logged_paths(run);
	size_t count = paths.count;
	struct delay_log log = measure_queuing(run);
	write_queuing(f, &paths, r->duration_s);
	struct skew_trend trend = skew_trend(&log);
	double top = 0.01;
	for (size_t i = 0; i < log.count; i++)
		top = fmax(top, 1e3 * log.delay_s[i]);
	for (size_t k = 0; k < count; k++)
		top = fmax(top, paper_value(r, c->name, "queuing_ms", k + 1));

	figure_panel(f, at.left, at.right, at.top, at.bottom);
	fprintf(f->gp, "set yrange [0:%g]\nset label \"%s", 1.05 * top, c->name);
	if (isfinite(trend.slope))
		fprintf(f->gp, ": trend %+.4g [%.4g, %.4g] ppm", 1e6 * trend.slope, 1e6 * trend.low,
			1e6 * trend.high);
	fprintf(f->gp, "\" at graph 0,graph %g left front\n", 1.09 + LEGEND_LINE * (double)count);
	draw_queuing_legend(f, r, c, count);
	plot_events(f, run);
	for (size_t k = 0; k < paths.logged_count; k++)
		fprintf(f->gp, "%sdata index %zu using 1:2 with lines lw 1.2 lc rgb '%s' dt %s",
			k ? ", " : "plot ", (*block)++, gnuplot_colour(paths.logged[k].number - 1),
			gnuplot_dash(paths.logged[k].number - 1));
	if (isfinite(trend.slope))
		fprintf(f->gp,
			", %.9g + %.9g * (x - %.9g) with lines lw 4 lc rgb 'white', %.9g + %.9g * "
			"(x - %.9g) with lines lw 2 lc rgb 'black'",
			1e3 * stats_mean(log.delay_s, log.count), 1e3 * trend.slope,
			stats_mean(log.sent_s, log.count), 1e3 * stats_mean(log.delay_s, log.count),
			1e3 * trend.slope, stats_mean(log.sent_s, log.count));
	figure_end_panel(f);
	delay_log_free(&log);
}

int plot_queuing(const struct results *r, const struct gallery *g, bool *drawn, char **error)
{
	size_t panels = 0, most = most_paths(r);
	for (size_t i = 0; i < r->count; i++)
		panels += plot_is_mpip_alone(&r->contestants[i]);
	*drawn = most > 1;
	if (!*drawn)
		return 0;
	size_t columns = panels > 1 ? 2 : 1, rows = (panels + columns - 1) / columns, next = 0;
	struct numbers numbers = find_numbers(r);
	int above = 45 + (int)(LEGEND_LINE * PANEL * (double)most), row = above + PANEL + BELOW;
	int height = HEAD + (int)rows * row + (int)numbers.count * NUMBERS_LINE;
	struct figure f;
	plot_begin(&f, r, g, "-queuing", height,
		paper_has(r, "queuing_ms") ? "one run each · black: the trend of all paths · "
					     "diamonds: the paper's means"
					   : "one run each · black: the trend of all paths");
	size_t block = 0;
	fprintf(f.gp,
		"set xlabel 'time, s'\nset ylabel 'queuing delay, ms' offset 1\n"
		"set xrange [0:%d]\n",
		r->duration_s);
	draw_numbers(&f, &numbers, height);
	for (size_t i = 0; i < r->count; i++) {
		if (!plot_is_mpip_alone(&r->contestants[i]))
			continue;
		size_t column = next % columns, line = next++ / columns;
		double top = height - HEAD - (double)line * row - above;
		struct rectangle at = {.left = column ? 0.565 : 0.085,
			.right = columns == 1 || column ? 0.985 : 0.48,
			.top = top / height,
			.bottom = (top - PANEL) / height};
		draw_queuing(&f, r, &r->contestants[i], at, &block);
	}
	free_numbers(&numbers);
	return figure_end(&f, error);
}

/* ---- Bars ---- */

#define BARS 450 /* pixels, of a figure of bars without the lines of numbers */

/* What a panel of bars shows of each path. */
struct bars {
	const char *quantity; /* a measure that is followed by a path's number */
	const char *ylabel;
	double left, right; /* parts of the figure */
};

#define GROUP 0.84 /* a group's width; the next one begins 1 further */

static double bar_at(size_t group, size_t path, size_t paths)
{
	return (double)group + GROUP * (((double)path + 0.5) / (double)paths - 0.5);
}

/* A panel with a group of bars for each contestant, in which each path has its place; the data of
 * the kth path are block `block` + k. */
static void draw_bars(const struct figure *f, const struct results *r, const struct bars *b,
	size_t paths, size_t block)
{
	size_t groups = 0;
	fputs("set xtics scale 0 (", f->gp);
	for (size_t i = 0; i < r->count; i++) {
		const struct contestant_results *c = &r->contestants[i];
		if (!plot_is_mpip_alone(c))
			continue;
		for (size_t k = 0; k < paths; k++)
			fprintf(f->gp, "%s'%zu' %g", groups || k ? ", " : "", k + 1,
				bar_at(groups, k, paths));
		groups++;
	}
	fprintf(f->gp, ")\nset boxwidth %g\nset xrange [-0.5:%g]\nset ylabel '%s' offset 1\n",
		0.9 * GROUP / (double)paths, (double)groups - 0.5, b->ylabel);
	groups = 0;
	for (size_t i = 0; i < r->count; i++) {
		const struct contestant_results *c = &r->contestants[i];
		if (!plot_is_mpip_alone(c))
			continue;
		fputs("set label \"", f->gp);
		plot_name(f, c->name);
		fputs("\\n", f->gp);
		plot_runs(f, c);
		fprintf(f->gp, "\" at first %zu,graph 0 center offset 0,-2 front\n", groups++);
	}
	for (size_t k = 0; k < paths; k++) {
		groups = 0;
		fprintf(f->dat, "# path %zu: where %s half_interval paper\n", k + 1, b->quantity);
		for (size_t i = 0; i < r->count; i++) {
			const struct contestant_results *c = &r->contestants[i];
			if (!plot_is_mpip_alone(c))
				continue;
			char name[48];
			snprintf(name, sizeof(name), "%s/%zu", b->quantity, k + 1);
			plot_write_bar(f, bar_at(groups++, k, paths),
				measure_estimate(c, measure, name),
				paper_value(r, c->name, b->quantity, k + 1));
		}
		figure_end_block(f);
	}
	for (size_t k = 0; k < paths; k++)
		plot_bars(f, block + k, k, k == 0);
	figure_end_panel(f);
}

static int draw_groups(const struct results *r, const struct gallery *g, const char *suffix,
	const char *what, const struct bars *bars, size_t count, const char *yrange, char **error)
{
	size_t paths = most_paths(r);
	struct numbers numbers = find_numbers(r);
	int below = (int)numbers.count * NUMBERS_LINE, height = BARS + below;
	struct figure f;
	plot_begin(&f, r, g, suffix, height, what);
	fprintf(f.gp, "set style fill solid 1 noborder\nset yrange %s\n", yrange);
	draw_numbers(&f, &numbers, height);
	for (size_t i = 0; i < count; i++) {
		figure_panel(&f, bars[i].left, bars[i].right, 1 - 92.0 / height,
			(112.0 + below) / height);
		draw_bars(&f, r, &bars[i], paths, i * paths);
	}
	free_numbers(&numbers);
	return figure_end(&f, error);
}

int plot_shares(const struct results *r, const struct gallery *g, bool *drawn, char **error)
{
	static const struct bars bars = {"path_mbit", "sent on the path, Mbit/s", 0.085, 0.985};
	*drawn = most_paths(r) > 1;
	return *drawn ? draw_groups(r, g, "-shares",
				paper_has(r, bars.quantity)
					? "sent by mpipd, headers included · mean, 95 % CI · "
					  "diamonds: the paper"
					: "sent by mpipd, headers included · mean, 95 % CI",
				&bars, 1, "[0:*]", error)
		      : 0;
}

static bool has_call(const struct results *r)
{
	const json_t *run = json_array_get(r->all, 0);
	const char *kind = json_string_value(json_pointer(run, "/workload/kind"));
	return kind && strcmp(kind, "call") == 0;
}

int plot_packets(const struct results *r, const struct gallery *g, bool *drawn, char **error)
{
	static const struct bars bars[] = {
		{"small_packet_share", "part of the small packets", 0.085, 0.485},
		{"large_packet_share", "part of the large packets", 0.575, 0.985},
	};
	*drawn = has_call(r) && most_paths(r) > 1;
	return *drawn ? draw_groups(r, g, "-packets",
				"the caller's, by the routers; small: up to 300 bytes · mean, 95 % "
				"CI",
				bars, 2, "[0:1]", error)
		      : 0;
}
