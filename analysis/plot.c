// SPDX-License-Identifier: BSD-2-Clause
/*
 * The figures of an experiment.
 *
 * Theory of operation
 * -------------------
 * Two panels: on the left a bar per contestant, its mean with the confidence interval, and the
 * paper's value as a diamond; on the right the goodput of each second, the mean of all runs as a
 * line and the lowest and highest run as a band. Both have the same vertical axis. The diagnostic
 * figure has three panels above each other on one time axis.
 */

#include "analysis/plot.h"

#include "analysis/gnuplot.h"
#include "lab/error.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MOST_LINES 12 /* in one panel */

static double value_at(const json_t *run, const char *series, size_t i)
{
	return json_number_value(json_array_get(json_object_get(run, series), i));
}

/* Which of the four a contestant is, by its name or by the end of it, "no-limit-mpip"; `count`:
 * none. */
static size_t known_style(const char *name, size_t *count)
{
	static const char *const known[] = {"plain", "mptcp", "mpip", "mpip+mptcp"};
	*count = sizeof(known) / sizeof(known[0]);
	const char *dash = strrchr(name, '-');
	for (size_t k = 0; k < *count; k++)
		if (strcmp(dash ? dash + 1 : name, known[k]) == 0)
			return k;
	return *count;
}

size_t plot_style(const struct results *r, size_t index)
{
	size_t count, others = 0;
	size_t style = known_style(r->contestants[index].name, &count);
	if (style < count)
		return style;
	for (size_t i = 0; i < index; i++)
		others += known_style(r->contestants[i].name, &count) == count;
	return count + others;
}

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
				if (value_at(c->runs[k], "series", (size_t)s) > top)
					top = value_at(c->runs[k], "series", (size_t)s);
	}
	return top;
}

/* Ends a block of data that gnuplot calls by its number. */
static void end_block(const struct figure *f)
{
	fputs("\n\n", f->dat);
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
	end_block(f);
}

/* Block 1 + i: contestant i, second by second. */
static void write_series(const struct figure *f, const struct results *r,
	const struct contestant_results *c, double unit)
{
	fprintf(f->dat, "# %s: second mean lowest highest\n", c->name);
	for (int s = 0; s < r->duration_s; s++) {
		double sum = 0, low = INFINITY, high = 0;
		for (size_t k = 0; k < c->count; k++) {
			double v = value_at(c->runs[k], "series", (size_t)s) / unit;
			sum += v;
			low = v < low ? v : low;
			high = v > high ? v : high;
		}
		fprintf(f->dat, "%g %g %g %g\n", s + 0.5, sum / (double)c->count, low, high);
	}
	end_block(f);
}

/* A name, in two lines where it is long. */
static void write_name(const struct figure *f, const char *name)
{
	size_t length = strlen(name), half = 0;
	for (size_t i = 0; length > 11 && i + 1 < length; i++)
		if (name[i] == '-' && (!half || i <= length / 2 + 2))
			half = i + 1;
	if (half)
		fprintf(f->gp, "%.*s\\n%s", (int)half, name, name + half);
	else
		fputs(name, f->gp);
}

/* Under a bar: who, how much, of how many runs. */
static void write_tic(
	const struct figure *f, const struct contestant_results *c, size_t i, double unit)
{
	fprintf(f->gp, "%s\"", i ? ", " : "");
	write_name(f, c->name);
	fputs("\\n", f->gp);
	if (c->count)
		fprintf(f->gp, "%.*f", unit > 1 ? 2 : 1, c->mean / unit);
	fprintf(f->gp, "\\nn = %zu", c->count);
	if (c->limited_count)
		fprintf(f->gp, "\\nCPU-limited");
	if (c->marked_count)
		fprintf(f->gp, "\\n%zu marked", c->marked_count);
	fprintf(f->gp, "\" %zu", i);
}

static void draw_bars(const struct figure *f, const struct results *r, double unit)
{
	bool paper = false, intervals = false;
	for (size_t i = 0; i < r->count; i++) {
		paper = paper || !isnan(r->contestants[i].paper);
		intervals = intervals || !isnan(r->contestants[i].ci95);
	}
	fprintf(f->gp,
		"set lmargin at screen 0.075; set rmargin at screen 0.455\n"
		"set key at graph 0.0,1.12 left top horizontal Left reverse samplen 1.5 width 0\n"
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
	/* gnuplot's own error bars leave a blot where the point would be */
	if (intervals)
		fprintf(f->gp, ", data index 0 using 1:($2 - $3):(0):(2 * $3) with vectors heads "
			       "size screen 0.006,90 lc rgb 'black' lw 1.6 title 'mean, 95 %% CI'");
	if (paper)
		fprintf(f->gp,
			", data index 0 using ($1 + 0.2):4 with points pt 13 ps point lc rgb "
			"'white' notitle"
			", data index 0 using ($1 + 0.2):4 with points pt 12 ps point lw 1.6 "
			"lc rgb 'black' title 'paper'");
	fprintf(f->gp, "\n");
}

static void draw_series(const struct figure *f, const struct results *r, double unit)
{
	const char *names[MOST_LINES];
	size_t styles[MOST_LINES], lines = 0;
	fprintf(f->gp,
		"unset label 1; unset label 2; unset label 3; unset key\n"
		"set lmargin at screen 0.545; set rmargin at screen 0.985\n"
		"set xlabel 'time, s'\n"
		"set xtics autofreq\nset xrange [0:%d]\nset style fill transparent solid 0.18\n",
		r->duration_s);
	for (size_t i = 0; i < r->count && lines < MOST_LINES; i++) {
		if (r->contestants[i].count == 0)
			continue;
		write_series(f, r, &r->contestants[i], unit);
		names[lines] = r->contestants[i].name;
		styles[lines++] = plot_style(r, i);
	}
	/* names beside each other as far as they have room */
	bool wide = false;
	for (size_t i = 0; i < lines; i++)
		wide = wide || strlen(names[i]) > 11;
	figure_legend(f, wide ? 1.11 : 1.07, names, styles, lines, wide ? 2 : 4);
	fprintf(f->gp, "plot ");
	/* All bands first: no line is to be covered. */
	for (size_t i = 0; i < lines; i++)
		fprintf(f->gp, "data index %zu using 1:3:4 with filledcurves lc rgb '%s', ", i + 1,
			gnuplot_colour(styles[i]));
	for (size_t i = 0; i < lines; i++)
		fprintf(f->gp, "%sdata index %zu using 1:2 with lines lw 2 lc rgb '%s' dt %s",
			i ? ", " : "", i + 1, gnuplot_colour(styles[i]), gnuplot_dash(styles[i]));
	fprintf(f->gp, "\n");
}

static char *subtitle_of(const struct results *r)
{
	return lab_text(
		"%d s after %d s of warm-up · ground: %s%s%s · right: mean of the runs, band "
		"from the lowest to the highest",
		r->duration_s, r->warm_up_s, r->ground, r->wire_form[0] ? " · wire form: " : "",
		r->wire_form);
}

/* Many contestants: bars that lie, each with its name before it and its numbers behind it. */
static void draw_lying_bars(const struct figure *f, const struct results *r, double unit)
{
	fprintf(f->gp, "unset key\nset style fill solid 1 noborder\nunset grid\n"
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
	      "0.004,90 lc rgb 'black' lw 1.6, "
	      "data index 0 using 4:1 with points pt 13 ps point lc rgb 'white', "
	      "data index 0 using 4:1 with points pt 12 ps point lw 1.6 lc rgb 'black'\n",
		f->gp);
}

/* Whether something stands behind a bar besides its numbers. */
static bool marks_any(const struct results *r)
{
	bool any = false;
	for (size_t i = 0; i < r->count; i++)
		any = any || r->contestants[i].limited_count || r->contestants[i].marked_count;
	return any;
}

static int plot_many(const struct results *r, const char *figures, char **error)
{
	struct figure f;
	int height = 175 + 27 * (int)r->count;
	if (figure_begin(&f, figures, r->experiment, 1000, height, error) == 0) {
		double top = highest_bar(r), unit = top > 2000 ? 1000 : 1;
		char *subtitle = lab_text("%d s after %d s of warm-up · ground: %s%s%s · mean, "
					  "95 %% confidence interval · diamonds: the paper",
			r->duration_s, r->warm_up_s, r->ground,
			r->wire_form[0] ? " · wire form: " : "", r->wire_form);
		figure_title(&f, r->title, subtitle, r->caveats);
		free(subtitle);
		fprintf(f.gp,
			"set tmargin at screen %g; set bmargin at screen %g\n"
			"set lmargin at screen 0.2; set rmargin at screen 0.985\n"
			"set xlabel 'goodput, %s'\nset xrange [0:%g]\n",
			1 - 95.0 / height, 62.0 / height, unit > 1 ? "Gbit/s" : "Mbit/s",
			(marks_any(r) ? 1.4 : 1.2) * top / unit);
		write_bars(&f, r, unit);
		draw_lying_bars(&f, r, unit);
	}
	return figure_end(&f, error);
}

/* Goodput is not what a load is about that is the same for all, and next to nothing. */
static bool is_about_goodput(const struct results *r)
{
	const json_t *run = json_array_get(r->all, 0);
	const char *kind = json_string_value(json_pointer(run, "/workload/kind"));
	return highest_bar(r) >= 0.1 && !(kind && strcmp(kind, "connections") == 0);
}

int plot_goodput(const struct results *r, const char *figures, bool *drawn, char **error)
{
	*drawn = is_about_goodput(r);
	if (!*drawn)
		return 0;
	if (r->count > 4)
		return plot_many(r, figures, error);
	struct figure f;
	if (figure_begin(&f, figures, r->experiment, 1000, 430, error) == 0) {
		double top = highest(r), unit = top > 2000 ? 1000 : 1;
		char *subtitle = subtitle_of(r);
		figure_title(&f, r->title, subtitle, r->caveats);
		free(subtitle);
		fprintf(f.gp,
			"set tmargin at screen 0.76; set bmargin at screen 0.2\n"
			"set ylabel 'goodput, %s' offset 1\n"
			"set yrange [0:%g]\n",
			unit > 1 ? "Gbit/s" : "Mbit/s", 1.06 * top / unit);
		write_bars(&f, r, unit);
		draw_bars(&f, r, unit);
		draw_series(&f, r, unit);
	}
	return figure_end(&f, error);
}

/* The first good run over one session's several paths, without MPTCP above it. */
static const json_t *run_with_paths(const struct results *r)
{
	for (size_t i = 0; i < r->count; i++) {
		const struct contestant_results *c = &r->contestants[i];
		if (c->count && json_is_null(json_object_get(c->runs[0], "mptcp")) &&
			json_array_size(json_object_get(c->runs[0], "paths")) > 1)
			return c->runs[0];
	}
	return NULL;
}

/* A block: time, weight, queuing delay, and what was sent in about the last second, Mbit/s. */
static void write_path(const struct figure *f, const json_t *path)
{
	size_t count = json_array_size(json_object_get(path, "time_s"));
	fprintf(f->dat, "# path %lld: second weight queuing_delay_ms sent_mbit\n",
		json_integer_value(json_object_get(path, "path")));
	for (size_t i = 0; i < count; i++) {
		double now = value_at(path, "time_s", i), sent = NAN;
		size_t k = i;
		while (k > 0 && value_at(path, "time_s", k) > now - 0.95)
			k--;
		if (k < i)
			sent = (value_at(path, "sent_bytes", i) - value_at(path, "sent_bytes", k)) *
			       8e-6 / (now - value_at(path, "time_s", k));
		fprintf(f->dat, "%g %g %g %g\n", now, value_at(path, "weight", i),
			value_at(path, "queuing_delay_ms", i), sent);
	}
	end_block(f);
}

static void draw_path_panels(const struct figure *f, const json_t *run)
{
	static const struct {
		const char *label, *top, *bottom;
	} panels[] = {
		{"weight", "0.845", "0.625"},
		{"queuing delay, ms", "0.585", "0.365"},
		{"sent, Mbit/s", "0.325", "0.105"},
	};
	const json_t *paths = json_object_get(run, "paths");
	size_t lines = json_array_size(paths) < MOST_LINES ? json_array_size(paths) : MOST_LINES;
	/* A path that went and came back is another one over the same addresses: the same line. */
	char *names[MOST_LINES];
	size_t styles[MOST_LINES], legend[MOST_LINES], different = 0;
	for (size_t i = 0; i < lines; i++) {
		const json_t *path = json_array_get(paths, i);
		char *name = lab_text("%s → %s", json_string_value(json_object_get(path, "src")),
			json_string_value(json_object_get(path, "dst")));
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

	fprintf(f->gp,
		"unset key\n"
		"set lmargin at screen 0.085; set rmargin at screen 0.985\n"
		"set xrange [%lld:%lld]\n",
		-json_integer_value(json_object_get(run, "warm_up_s")),
		json_integer_value(json_object_get(run, "duration_s")));
	figure_legend(f, 1.11, (const char *const *)names, legend, different, 4);
	for (size_t p = 0; p < sizeof(panels) / sizeof(panels[0]); p++) {
		bool last = p + 1 == sizeof(panels) / sizeof(panels[0]);
		fprintf(f->gp,
			"set tmargin at screen %s; set bmargin at screen %s\n"
			"set ylabel '%s' offset 1\nset yrange [0:0.01<*]\nset format x "
			"'%s'\n%splot ",
			panels[p].top, panels[p].bottom, panels[p].label, last ? "%g" : "",
			last ? "set xlabel 'time since the end of the warm-up, s'\n" : "");
		for (size_t i = 0; i < lines; i++)
			fprintf(f->gp,
				"%sdata index %zu using 1:%zu with lines lw 1.5 lc rgb '%s' dt %s",
				i ? ", " : "", i, p + 2, gnuplot_colour(styles[i]),
				gnuplot_dash(styles[i]));
		fprintf(f->gp, "\nunset label\nunset arrow\n");
	}
	for (size_t i = 0; i < different; i++)
		free(names[i]);
}

int plot_paths(const struct results *r, const char *figures, bool *drawn, char **error)
{
	const json_t *run = run_with_paths(r);
	*drawn = run != NULL;
	if (!run)
		return 0;

	struct figure f;
	char *name = lab_text("%s-paths", r->experiment);
	if (figure_begin(&f, figures, name, 1000, 760, error) == 0) {
		char *title = lab_text("%s: the paths of one run", r->title);
		char *subtitle = lab_text("%s · %.1f Mbit/s · ground: %s · wire form: %s",
			json_string_value(json_object_get(run, "run")),
			json_number_value(json_object_get(run, "goodput_mbit")), r->ground,
			r->wire_form);
		figure_title(&f, title, subtitle, r->caveats);
		free(subtitle);
		free(title);
		size_t i;
		json_t *path;
		json_array_foreach (json_object_get(run, "paths"), i, path) {
			write_path(&f, path);
		}
		draw_path_panels(&f, run);
	}
	free(name);
	return figure_end(&f, error);
}
