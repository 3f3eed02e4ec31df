// SPDX-License-Identifier: BSD-2-Clause
/*
 * Figures of paths, calls and clocks.
 *
 * Theory of operation
 * -------------------
 * As in plot.c: a function writes its data in blocks and the gnuplot lines for them. Bars are means
 * over the runs without marks, with the 95 % confidence interval where there are at least two.
 */

#include "analysis/plot_more.h"

#include "analysis/gnuplot.h"
#include "analysis/measures.h"
#include "analysis/plot.h"
#include "analysis/skew.h"
#include "analysis/stats.h"
#include "lab/error.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PATHS_MOST 8
#define POINTS     300 /* of a clock's figure */

/* A measure over a contestant's runs. */
static struct stats_estimate estimate(const struct contestant_results *c, const char *name)
{
	double *values = calloc(c->count ? c->count : 1, sizeof(*values));
	if (!values)
		abort();
	size_t n = 0;
	for (size_t i = 0; i < c->count; i++) {
		double v = measure(c->runs[i], name);
		if (isfinite(v))
			values[n++] = v;
	}
	struct stats_estimate e = stats_estimate_t(values, n);
	free(values);
	return e;
}

static bool is_mpip_alone(const struct contestant_results *c)
{
	return c->count && json_is_null(json_object_get(c->runs[0], "mptcp")) &&
	       json_array_size(json_object_get(c->runs[0], "paths"));
}

static char *subtitle(const struct results *r, const char *what)
{
	return lab_text("%s · %d s after %d s of warm-up · ground: %s%s%s", what, r->duration_s,
		r->warm_up_s, r->ground, r->wire_form[0] ? " · wire form: " : "", r->wire_form);
}

static void title(const struct figure *f, const struct results *r, const char *what)
{
	char *line = subtitle(r, what);
	figure_title(f, r->title, line, r->caveats);
	free(line);
}

/* Bars with intervals: block `index` of the data has x, mean, half the interval's width. */
static void draw_bars(const struct figure *f, int index, size_t style, bool first)
{
	fprintf(f->gp,
		"%sdata index %d using 1:2 with boxes lc rgb '%s' notitle, data index %d using "
		"1:($2 - $3):(0):(2 * $3) with vectors heads size screen 0.005,90 lc rgb 'black' "
		"lw 1.6 notitle",
		first ? "plot " : ", ", index, gnuplot_colour(style), index);
}

/* ---- Paths ---- */

static size_t most_paths(const struct results *r)
{
	size_t most = 0;
	for (size_t i = 0; i < r->count; i++) {
		size_t k = 0;
		while (is_mpip_alone(&r->contestants[i]) && k < PATHS_MOST) {
			char name[32];
			snprintf(name, sizeof(name), "path_mbit/%zu", k + 1);
			if (!isfinite(measure(r->contestants[i].runs[0], name)))
				break;
			k++;
		}
		most = k > most ? k : most;
	}
	return most;
}

int plot_shares(const struct results *r, const char *figures, bool *drawn, char **error)
{
	size_t paths = most_paths(r), groups = 0;
	*drawn = paths > 1;
	if (!*drawn)
		return 0;
	struct figure f;
	char *name = lab_text("%s-shares", r->experiment);
	if (figure_begin(&f, figures, name, 1000, 430, error) == 0) {
		title(&f, r, "goodput of each path, mean and 95 % confidence interval");
		fputs("unset key\nset style fill solid 1 noborder\nset yrange [0:*]\n"
		      "set tmargin at screen 0.8; set bmargin at screen 0.17\n"
		      "set lmargin at screen 0.075; set rmargin at screen 0.985\n"
		      "set ylabel 'goodput of the path, Mbit/s' offset 1\nset xtics (",
			f.gp);
		for (size_t i = 0; i < r->count; i++) {
			const struct contestant_results *c = &r->contestants[i];
			if (!is_mpip_alone(c))
				continue;
			fprintf(f.gp, "%s\"%s\\nn = %zu\" %zu", groups ? ", " : "", c->name,
				c->count, groups);
			groups++;
		}
		double width = 0.8 / (double)paths;
		fprintf(f.gp, ")\nset boxwidth %g\nset xrange [-0.5:%g]\n", 0.9 * width,
			(double)groups - 0.5);
		for (size_t k = 0; k < paths; k++) {
			char measured[32];
			size_t g = 0;
			snprintf(measured, sizeof(measured), "path_mbit/%zu", k + 1);
			for (size_t i = 0; i < r->count; i++) {
				if (!is_mpip_alone(&r->contestants[i]))
					continue;
				struct stats_estimate e = estimate(&r->contestants[i], measured);
				double x =
					(double)g + ((double)k - ((double)paths - 1) / 2) * width;
				fprintf(f.dat, "%g %g %g\n", x, e.mean, e.high - e.mean);
				/* its number, for those who do not see its colour */
				fprintf(f.gp,
					"set label %zu '%zu' at %g,graph 0.03 center front tc rgb "
					"'white'\n",
					30 + g++ * paths + k, k + 1, x);
			}
			fputs("\n\n", f.dat);
		}
		for (size_t k = 0; k < paths; k++)
			draw_bars(&f, (int)k, k, k == 0);
		fputc('\n', f.gp);
	}
	free(name);
	return figure_end(&f, error);
}

/* ---- Calls ---- */

#define RTT "/call/audio/rtt_ms/mean"

static const json_t *rtt_series(const json_t *run)
{
	return json_pointer(run, "/call/audio/rtt_series_ms");
}

/* Second, mean over the runs, lowest, highest. */
static void write_rtt(
	const struct figure *f, const struct results *r, const struct contestant_results *c)
{
	for (int s = 0; s < r->duration_s; s++) {
		double sum = 0, low = INFINITY, high = 0, n = 0;
		for (size_t k = 0; k < c->count; k++) {
			const json_t *value = json_array_get(rtt_series(c->runs[k]), (size_t)s);
			if (!json_is_number(value))
				continue;
			sum += json_number_value(value);
			low = fmin(low, json_number_value(value));
			high = fmax(high, json_number_value(value));
			n++;
		}
		if (n > 0)
			fprintf(f->dat, "%g %g %g %g\n", s + 0.5, sum / n, low, high);
	}
	fputs("\n\n", f->dat);
}

static void draw_call(const struct figure *f, const struct results *r)
{
	const char *names[PATHS_MOST];
	size_t styles[PATHS_MOST], which[PATHS_MOST], lines = 0;
	fputs("set tmargin at screen 0.76; set bmargin at screen 0.2\nunset key\n"
	      "set style fill solid 1 noborder\nset boxwidth 0.62\nset yrange [0:*]\n"
	      "set lmargin at screen 0.075; set rmargin at screen 0.4\n"
	      "set ylabel \"the audio's round trip, ms\" offset 1\nset xtics (",
		f->gp);
	for (size_t i = 0; i < r->count && lines < PATHS_MOST; i++) {
		const struct contestant_results *c = &r->contestants[i];
		struct stats_estimate e = estimate(c, RTT);
		if (e.count == 0)
			continue;
		fprintf(f->gp, "%s\"%s\\n%.1f\\nn = %zu\" %zu", lines ? ", " : "", c->name, e.mean,
			e.count, lines);
		fprintf(f->dat, "%zu %g %g\n\n\n", lines, e.mean, e.high - e.mean);
		names[lines] = c->name;
		which[lines] = i;
		styles[lines++] = plot_style(r, i);
	}
	fprintf(f->gp, ")\nset xrange [-0.55:%g]\n", (double)lines - 0.45);
	for (size_t k = 0; k < lines; k++)
		draw_bars(f, (int)k, styles[k], k == 0);
	fprintf(f->gp,
		"\nunset label 1; unset label 2\nset lmargin at screen 0.5; set rmargin at screen "
		"0.985\nset xlabel 'time, s'\nset xtics autofreq\nset xrange [0:%d]\n"
		"set style fill transparent solid 0.18\n",
		r->duration_s);
	for (size_t k = 0; k < lines; k++)
		write_rtt(f, r, &r->contestants[which[k]]);
	figure_legend(f, 1.07, names, styles, lines, 3);
	for (size_t k = 0; k < lines; k++)
		fprintf(f->gp, "%sdata index %zu using 1:3:4 with filledcurves lc rgb '%s'",
			k ? ", " : "plot ", lines + k, gnuplot_colour(styles[k]));
	for (size_t k = 0; k < lines; k++)
		fprintf(f->gp, ", data index %zu using 1:2 with lines lw 2 lc rgb '%s' dt %s",
			lines + k, gnuplot_colour(styles[k]), gnuplot_dash(styles[k]));
	fputc('\n', f->gp);
}

int plot_call(const struct results *r, const char *figures, bool *drawn, char **error)
{
	*drawn = false;
	for (size_t i = 0; i < r->count; i++)
		*drawn = *drawn || estimate(&r->contestants[i], RTT).count > 0;
	if (!*drawn)
		return 0;
	struct figure f;
	char *name = lab_text("%s-call", r->experiment);
	if (figure_begin(&f, figures, name, 1000, 430, error) == 0) {
		title(&f, r, "left: mean, 95 % confidence interval; right: band of the runs");
		draw_call(&f, r);
	}
	free(name);
	return figure_end(&f, error);
}

/* ---- Clocks ---- */

static const json_t *run_with_clock(const struct results *r)
{
	for (size_t i = 0; i < r->count; i++)
		for (size_t k = 0; k < r->contestants[i].count; k++)
			if (json_is_object(json_object_get(r->contestants[i].runs[k], "clock")))
				return r->contestants[i].runs[k];
	return NULL;
}

/* The least delay of each of POINTS spans, on the first path, in ms from the first one. */
static void write_delays(const struct figure *f, const struct delay_log *log)
{
	double last = log->sent_s[log->count - 1] * (1 + 1e-9), least[POINTS], base = NAN;
	for (size_t k = 0; k < POINTS; k++)
		least[k] = NAN;
	for (size_t i = 0; i < log->count; i++) {
		size_t k = (size_t)(log->sent_s[i] / last * POINTS);
		if (log->path[i] == log->path[0] && !(least[k] <= log->delay_s[i]))
			least[k] = log->delay_s[i];
	}
	for (size_t k = 0; k < POINTS; k++) {
		if (isnan(least[k]))
			continue;
		base = isnan(base) ? least[k] : base;
		fprintf(f->dat, "%g %g\n", last * ((double)k + 0.5) / POINTS,
			1e3 * (least[k] - base));
	}
	fputs("\n\n", f->dat);
}

static void draw_clock(const struct figure *f, const struct delay_log *log, const struct skew *s)
{
	struct delay_log corrected = {0};
	for (size_t i = 0; i < log->count; i++)
		delay_log_add(&corrected, log->sent_s[i], log->delay_s[i], log->path[i]);
	struct skew_trend before = skew_trend(log);
	skew_correct(&corrected, s);
	struct skew_trend after = skew_trend(&corrected);
	write_delays(f, log);
	write_delays(f, &corrected);
	fprintf(f->gp,
		"set key at graph 0.02,0.97 left top Left reverse samplen 2\nset xlabel 'time, s'\n"
		"set tmargin at screen 0.8; set bmargin at screen 0.17\n"
		"set offsets 0,0,graph 0.2,0\n"
		"set lmargin at screen 0.075; set rmargin at screen 0.47\n"
		"set ylabel 'one-way delay, from its first, ms' offset 1\n"
		"plot data index 0 using 1:2 with points pt 6 ps 0.6 lc rgb '%s' title "
		"'as measured, slope %.4g [%.4g, %.4g] ppm', %.9g * x with lines lw 2 dt %s lc rgb "
		"'%s' title 'skew found: %.5g ppm'\nunset label 1; unset label 2\n"
		"set lmargin at screen 0.56; set rmargin at screen 0.985\n"
		"plot data index 1 using 1:2 with points pt 6 ps 0.6 lc rgb '%s' title "
		"'corrected, slope %.4g [%.4g, %.4g] ppm', 0 with lines lw 1.5 lc rgb 'black' "
		"notitle\n",
		gnuplot_colour(0), 1e6 * before.slope, 1e6 * before.low, 1e6 * before.high,
		1e3 * s->skew, gnuplot_dash(1), gnuplot_colour(1), 1e6 * s->skew, gnuplot_colour(2),
		1e6 * after.slope, 1e6 * after.low, 1e6 * after.high);
	delay_log_free(&corrected);
}

int plot_clock(const struct results *r, const char *figures, bool *drawn, char **error)
{
	const json_t *run = run_with_clock(r);
	struct delay_log log = run ? measure_delays(run) : (struct delay_log){0};
	struct skew s;
	*drawn = log.count > 0 && skew_estimate(&log, &s, NULL) == 0;
	int rc = 0;
	if (*drawn) {
		struct figure f;
		char *name = lab_text("%s-clock", r->experiment);
		if (figure_begin(&f, figures, name, 1000, 430, error) == 0) {
			char *what = lab_text("%s, set to %.3f ppm",
				json_string_value(json_object_get(run, "run")),
				json_number_value(json_pointer(run, "/clock/skew_ppm")));
			title(&f, r, what);
			free(what);
			draw_clock(&f, &log, &s);
		}
		free(name);
		rc = figure_end(&f, error);
	}
	delay_log_free(&log);
	return rc;
}
