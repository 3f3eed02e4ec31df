// SPDX-License-Identifier: BSD-2-Clause
/*
 * What the figures share.
 *
 * Theory of operation
 * -------------------
 * Each figure is a function that writes its data in blocks and the gnuplot lines for them. What is
 * the same in several of them is here, so that it looks the same and is said in the same words.
 */

#include "analysis/figure/plot_parts.h"

#include "analysis/measure/settings.h"
#include "mpip/base/error.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define WIDTH         1000 /* pixels */
#define KNOWN_STYLES  4
#define LABEL_TOP     21 /* pixels between the axis and its labels, and below them */
#define LABEL_LINE    17
#define LABELS_LEAST  86  /* what the axis of time beside them needs */
#define GAP           2.5 /* times the usual distance of samples */
#define SETTINGS_MOST 300 /* bytes of a caption */

/* What differs between the contestants, or where to see it when a figure has no room for it.
 * Allocated. */
static char *settings_of(const struct results *r)
{
	char *settings = settings_text(r);
	if (strlen(settings) <= SETTINGS_MOST)
		return settings;
	free(settings);
	return text_format("the contestants' settings differ: see the table");
}

void plot_begin(struct figure *f, const struct results *r, const struct gallery *g,
	const char *suffix, int height, const char *what)
{
	char *name = text_format("%s%s", r->experiment, suffix);
	char *line = text_format("%s · %d s after %d s of warm-up · ground: %s%s%s", what,
		r->duration_s, r->warm_up_s, r->ground, r->wire_form[0] ? " · wire form: " : "",
		r->wire_form);
	char *settings = settings_of(r);
	struct head head = {r->title, line, settings, r->late, r->caveats};
	char *of = text_format("experiment %s", r->experiment);
	figure_begin(f, g, of, name, WIDTH, height, &head);
	free(of);
	free(settings);
	free(line);
	free(name);
	fputs("unset key\n", f->gp);
}

/* Which of the four a contestant is, by its name or by the end of it, "no-limit-mpip";
 * KNOWN_STYLES: none. */
static size_t known_style(const char *name)
{
	static const char *const known[KNOWN_STYLES] = {"plain", "mptcp", "mpip", "mpip+mptcp"};
	const char *dash = strrchr(name, '-');
	size_t k = 0;
	while (k < KNOWN_STYLES && strcmp(dash ? dash + 1 : name, known[k]) != 0)
		k++;
	return k;
}

size_t plot_style(const struct results *r, size_t index)
{
	size_t others = 0;
	for (size_t i = 0; i < index; i++)
		others += known_style(r->contestants[i].name) == KNOWN_STYLES;
	return plot_style_of(r->contestants[index].name, others);
}

size_t plot_style_of(const char *name, size_t others)
{
	size_t style = known_style(name);
	return style < KNOWN_STYLES ? style : KNOWN_STYLES + others;
}

double plot_value(const json_t *object, const char *series, size_t i)
{
	return json_number_value(json_array_get(json_object_get(object, series), i));
}

double plot_gap_after(const json_t *path)
{
	const json_t *times = json_object_get(path, "time_s");
	size_t count = json_array_size(times);
	double *steps = calloc(count + 1, sizeof(*steps));
	if (!steps)
		abort();
	for (size_t i = 1; i < count; i++)
		steps[i - 1] = plot_value(path, "time_s", i) - plot_value(path, "time_s", i - 1);
	double usual = count > 1 ? stats_distribution(steps, count - 1).p50 : INFINITY;
	free(steps);
	return GAP * usual;
}

bool plot_is_mpip_alone(const struct contestant_results *c)
{
	return c->count && json_is_null(json_object_get(c->runs[0], "mptcp")) &&
	       json_array_size(json_object_get(c->runs[0], "paths"));
}

/* Where a name is broken: behind the dash that is nearest to its middle; 0: it is not. */
static size_t name_half(const char *name)
{
	size_t length = strlen(name), half = 0;
	for (size_t i = 1; length > 11 && i < length; i++)
		if (name[i - 1] == '-' &&
			(!half || labs(2 * (long)i - 1 - (long)length) <
					  labs(2 * (long)half - 1 - (long)length)))
			half = i;
	return half;
}

void plot_name(const struct figure *f, const char *name)
{
	size_t half = name_half(name);
	if (half)
		fprintf(f->gp, "%.*s\\n%s", (int)half, name, name + half);
	else
		fputs(name, f->gp);
}

void plot_runs(const struct figure *f, const struct contestant_results *c)
{
	fprintf(f->gp, "n = %zu", c->count);
	if (c->limited_count)
		fputs("\\nCPU-limited", f->gp);
	if (c->marked_count)
		fprintf(f->gp, "\\n%zu marked", c->marked_count);
}

int plot_label_height(const struct results *r)
{
	size_t most = 0;
	for (size_t i = 0; i < r->count; i++) {
		const struct contestant_results *c = &r->contestants[i];
		size_t lines = 3 + (name_half(c->name) > 0) + (c->limited_count > 0) +
			       (c->marked_count > 0);
		most = lines > most ? lines : most;
	}
	int height = LABEL_TOP + LABEL_LINE * (int)most;
	return height > LABELS_LEAST ? height : LABELS_LEAST;
}

void plot_write_bar(const struct figure *f, double x, struct stats_estimate e, double paper)
{
	fprintf(f->dat, "%g %g %g %g\n", x, e.count ? e.mean : NAN, e.high - e.mean, paper);
}

void plot_diamonds(const struct figure *f, size_t block, const char *columns, const char *title)
{
	/* white ones below, so that they are seen on a bar of any colour */
	fprintf(f->gp,
		", data index %zu using %s with points pt 13 ps point lc rgb 'white' notitle, "
		"data index %zu using %s with points pt 12 ps point lw 1.6 lc rgb 'black' title "
		"'%s'",
		block, columns, block, columns, title);
}

void plot_write_over_time(const struct figure *f, const struct contestant_results *c,
	const char *series, int seconds, double unit)
{
	fprintf(f->dat, "# %s: second mean lowest highest\n", c->name);
	for (int s = 0; s < seconds; s++) {
		double sum = 0, low = INFINITY, high = -INFINITY;
		size_t n = 0;
		for (size_t k = 0; k < c->count; k++) {
			const json_t *value =
				json_array_get(json_pointer(c->runs[k], series), (size_t)s);
			if (!json_is_number(value))
				continue;
			double v = json_number_value(value) / unit;
			sum += v;
			low = fmin(low, v);
			high = fmax(high, v);
			n++;
		}
		if (n > 0)
			fprintf(f->dat, "%g %g %g %g\n", s + 0.5, sum / (double)n, low, high);
		else
			fprintf(f->dat, "%g NaN NaN NaN\n", s + 0.5);
	}
	figure_end_block(f);
}

void plot_over_time(const struct figure *f, size_t block, const size_t *styles, size_t lines)
{
	fputs("plot ", f->gp);
	/* All bands first: no line is to be covered. */
	for (size_t i = 0; i < lines; i++)
		fprintf(f->gp, "data index %zu using 1:3:4 with filledcurves lc rgb '%s', ",
			block + i, gnuplot_colour(styles[i]));
	for (size_t i = 0; i < lines; i++)
		fprintf(f->gp, "%sdata index %zu using 1:2 with lines lw 2 lc rgb '%s' dt %s",
			i ? ", " : "", block + i, gnuplot_colour(styles[i]),
			gnuplot_dash(styles[i]));
}

void plot_bars(const struct figure *f, size_t block, size_t style, bool first)
{
	/* gnuplot's own error bars leave a blot where the point would be */
	fprintf(f->gp,
		"%sdata index %zu using 1:2 with boxes lc rgb '%s', data index %zu using "
		"1:($2 - $3):(0):(2 * $3) with vectors heads size screen 0.005,90 lc rgb 'black' "
		"lw 1.6",
		first ? "plot " : ", ", block, gnuplot_colour(style), block);
	plot_diamonds(f, block, "1:4", "");
}

void plot_events(const struct figure *f, const json_t *run)
{
	size_t i;
	json_t *event;
	json_array_foreach (json_object_get(run, "events"), i, event) {
		double at_s = json_number_at(event, "/played_s");
		const char *name = json_string_value(json_object_get(event, "event"));
		const char *space = strrchr(name, ' ');
		int first = space ? (int)(space - name) : 0;
		/* on both sides of the line, what it happened to and what */
		fprintf(f->gp,
			"set arrow from first %g,graph 0 to first %g,graph 1 nohead back lw 1 dt "
			"(3,3) lc rgb '#555555'\n"
			"set label \"%.*s\\n%s\" at first %g,graph 0.03 left rotate by 90 front "
			"offset -0.8,0 tc rgb '#555555'\n",
			at_s, at_s, first, name, name + first + (first > 0), at_s);
	}
}
