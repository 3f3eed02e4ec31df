// SPDX-License-Identifier: BSD-2-Clause
/*
 * The figure of transfers, and of requests over QUIC: completion times as distribution functions.
 *
 * Theory of operation
 * -------------------
 * A panel per size, in rows of three. A result has the completion times in a hundred steps; a line
 * is the mean of each step over the runs, so that every run counts alike, however many transfers it
 * got done. The axis of time is logarithmic and begins and ends for each size where its times do.
 * Those that failed are at its end, with the time that there was for them.
 */

#include "analysis/figure/plot_transfers.h"

#include "analysis/figure/plot_parts.h"
#include "experiments/record/distribution.h"
#include "mpip/base/error.h"

#include <math.h>
#include <stdlib.h>

#define MOST_LINES  8
#define MOST_PANELS 6
#define PER_ROW     3
#define LEGEND_LINE 22
#define ABOVE       86 /* pixels: the head, without the legend */
#define BELOW       52
#define ROW         300
#define BETWEEN     84

struct sizes {
	json_int_t from, to;
};

struct figure_parts {
	const struct results *r;
	size_t which[MOST_LINES], lines; /* the contestants that have any */
	struct sizes *sizes;             /* all that any run has, ascending */
	size_t size_count;
};

/* A run's sizes with their completion times; requests over QUIC have one. */
static const json_t *class_at(const json_t *run, size_t i)
{
	const json_t *requests = json_pointer(run, "/quic/requests");
	if (json_is_object(requests))
		return i == 0 ? requests : NULL;
	return json_array_get(json_pointer(run, "/transfers/sizes"), i);
}

static struct sizes sizes_of(const json_t *run, const json_t *class)
{
	json_int_t bytes =
		json_integer_value(json_pointer(run, "/workload/requests/response_bytes"));
	if (bytes)
		return (struct sizes){bytes, bytes};
	return (struct sizes){json_integer_value(json_object_get(class, "from_bytes")),
		json_integer_value(json_object_get(class, "to_bytes"))};
}

static void add_sizes(struct figure_parts *p, struct sizes s)
{
	size_t at = 0;
	while (at < p->size_count &&
		(p->sizes[at].from < s.from ||
			(p->sizes[at].from == s.from && p->sizes[at].to < s.to)))
		at++;
	if (at < p->size_count && p->sizes[at].from == s.from && p->sizes[at].to == s.to)
		return;
	p->sizes = reallocarray(p->sizes, p->size_count + 1, sizeof(*p->sizes));
	if (!p->sizes)
		abort();
	for (size_t i = p->size_count++; i > at; i--)
		p->sizes[i] = p->sizes[i - 1];
	p->sizes[at] = s;
}

static struct figure_parts parts_of(const struct results *r)
{
	struct figure_parts p = {.r = r};
	for (size_t i = 0; i < r->count; i++) {
		const struct contestant_results *c = &r->contestants[i];
		size_t before = p.size_count;
		bool any = false;
		for (size_t k = 0; k < c->count && p.lines < MOST_LINES; k++)
			for (size_t s = 0; class_at(c->runs[k], s); s++, any = true)
				add_sizes(&p, sizes_of(c->runs[k], class_at(c->runs[k], s)));
		if (any || p.size_count > before)
			p.which[p.lines++] = i;
	}
	return p;
}

/* The step's value in a run, of these sizes; NaN: it has none. */
static double step_of(const json_t *run, struct sizes s, size_t step)
{
	const json_t *class;
	for (size_t i = 0; (class = class_at(run, i)); i++) {
		struct sizes own = sizes_of(run, class);
		const json_t *steps = json_object_get(class, "completion_quantiles_ms");
		const json_t *value = json_array_get(steps, step);
		if (own.from == s.from && own.to == s.to && json_is_number(value))
			return json_number_value(value);
	}
	return NAN;
}

static double mean_step(const struct contestant_results *c, struct sizes s, size_t step)
{
	double sum = 0, count = 0;
	for (size_t i = 0; i < c->count; i++) {
		double value = step_of(c->runs[i], s, step);
		sum += isnan(value) ? 0 : value;
		count += !isnan(value);
	}
	return count > 0 ? sum / count : NAN;
}

/* "10 kB", "1.5 MB" */
static void size_text(char text[32], json_int_t bytes)
{
	static const char *const units[] = {"B", "kB", "MB", "GB"};
	double value = (double)bytes;
	size_t unit = 0;
	for (; value >= 1000 && unit < 3; unit++)
		value /= 1000;
	snprintf(text, 32, "%.4g %s", value, units[unit]);
}

/* What is drawn has a decade's upper end as "to 10 kB". Allocated. */
static char *sizes_text(struct sizes s)
{
	char from[32], to[32];
	size_text(from, s.from);
	size_text(to, s.to + 1);
	return s.from == s.to ? text_format("%s", from) : text_format("%s to %s", from, to);
}

static void write_line(const struct figure *f, const struct contestant_results *c, struct sizes s)
{
	fprintf(f->dat, "# %s: completion time in ms, part of all\n", c->name);
	for (size_t i = 0; i <= QUANTILES; i++) {
		double value = mean_step(c, s, i);
		if (isnan(value))
			fputs("NaN NaN\n", f->dat);
		else
			fprintf(f->dat, "%g %g\n", value, (double)i / QUANTILES);
	}
	figure_end_block(f);
}

/* Above a panel of three there is room for two names beside each other. */
static size_t legend_rows(const struct figure_parts *p)
{
	size_t per_row = p->size_count < PER_ROW ? 2 * PER_ROW / p->size_count : 2;
	return (p->lines + per_row - 1) / per_row;
}

/* Pixels above the first row of panels. */
static int above(const struct figure_parts *p)
{
	return ABOVE + LEGEND_LINE * (int)legend_rows(p);
}

static void draw_panel(const struct figure *f, const struct figure_parts *p, struct sizes s,
	size_t panel, size_t *block)
{
	char *size = sizes_text(s), *quoted = gnuplot_text(size);
	fprintf(f->gp, "set label 30 %s at graph 0.03,graph 0.93 left front\n", quoted);
	free(quoted);
	free(size);
	if (panel == 0) {
		const char *names[MOST_LINES];
		size_t styles[MOST_LINES];
		for (size_t i = 0; i < p->lines; i++) {
			names[i] = p->r->contestants[p->which[i]].name;
			styles[i] = plot_style(p->r, p->which[i]);
		}
		size_t rows = legend_rows(p);
		/* NOLINTNEXTLINE(clang-analyzer-core.DivideZero): there is a line at least */
		figure_legend(f, 1 + (double)(rows * LEGEND_LINE) / ROW, (double)LEGEND_LINE / ROW,
			names, styles, p->lines, (int)((p->lines + rows - 1) / rows));
	}
	fprintf(f->gp, "set ylabel '%s' offset 1\nplot ",
		panel % PER_ROW ? "" : "part that is done");
	for (size_t i = 0; i < p->lines; i++) {
		size_t style = plot_style(p->r, p->which[i]);
		write_line(f, &p->r->contestants[p->which[i]], s);
		fprintf(f->gp, "%sdata index %zu using 1:2 with lines lw 2 lc rgb '%s' dt %s",
			i ? ", " : "", *block, gnuplot_colour(style), gnuplot_dash(style));
		++*block;
	}
	figure_end_panel(f);
}

static void draw_panels(
	const struct figure *f, const struct figure_parts *p, size_t panels, int height)
{
	size_t columns = panels < PER_ROW ? panels : PER_ROW, block = 0;
	double width = 0.985 / (double)columns;
	fputs("set logscale x\nset xlabel 'completion time, ms'\nset yrange [0:1.02]\nset ytics "
	      "0.25\nset grid xtics ytics lc rgb '#dddddd' lw 1 lt 1\n",
		f->gp);
	for (size_t k = 0; k < panels; k++) {
		double left = width * (double)(k % PER_ROW);
		size_t row = k / PER_ROW;
		double top = height - above(p) - (double)row * (ROW + BETWEEN);
		figure_panel(f, left + 0.07, left + width, top / height, (top - ROW) / height);
		/* as many as there is room for, the smallest and the largest among them */
		size_t which = panels < 2 ? 0 : k * (p->size_count - 1) / (panels - 1);
		draw_panel(f, p, p->sizes[which], k, &block);
	}
}

int plot_transfers(const struct results *r, const struct gallery *g, bool *drawn, char **error)
{
	struct figure_parts p = parts_of(r);
	size_t panels = p.size_count < MOST_PANELS ? p.size_count : MOST_PANELS;
	size_t rows = (panels + PER_ROW - 1) / PER_ROW;
	*drawn = panels > 0;
	int rc = 0;
	if (*drawn) {
		struct figure f;
		int height = above(&p) + BELOW + (int)rows * ROW + (int)(rows - 1) * BETWEEN;
		char *what = text_format("completion times of %s%zu size%s, from connect() or a "
					 "request to the last byte · mean of the runs",
			panels < p.size_count ? "some of " : "", p.size_count,
			p.size_count == 1 ? "" : "s");
		plot_begin(&f, r, g, "-transfers", height, what);
		draw_panels(&f, &p, panels, height);
		rc = figure_end(&f, error);
		free(what);
	}
	free(p.sizes);
	return rc;
}
