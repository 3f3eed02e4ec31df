// SPDX-License-Identifier: BSD-2-Clause
/*
 * Figures of clocks that differ.
 *
 * Theory of operation
 * -------------------
 * For each contestant with a wrong clock, one run: on the left the one-way delays as measured, with
 * the skew that was found in them; on the right what is left when it is taken off. Of the many
 * delays of a span of time the least is drawn: it has the least of the queues in it.
 */

#include "analysis/figure/plot_clock.h"

#include "analysis/clock/skew.h"
#include "analysis/figure/plot_parts.h"
#include "analysis/measure/measures.h"
#include "experiments/record/stats.h"
#include "mpip/base/error.h"

#include <math.h>
#include <stdlib.h>

#define POINTS    300 /* of a panel */
#define ROWS_MOST 8
#define HEAD      75  /* pixels, of the title */
#define ROW       330 /* pixels, of a contestant */

/* A contestant's first run, and what its clocks are found to do. */
struct row {
	const char *contestant;
	const json_t *run;
	struct delay_log log;
	struct skew skew;
};

static size_t find_rows(const struct results *r, struct row *rows)
{
	size_t count = 0;
	for (size_t i = 0; i < r->count && count < ROWS_MOST; i++) {
		const struct contestant_results *c = &r->contestants[i];
		if (!plot_is_mpip_alone(c) || !json_is_object(json_object_get(c->runs[0], "clock")))
			continue;
		struct row *row = &rows[count];
		*row = (struct row){.contestant = c->name, .run = c->runs[0]};
		row->log = measure_delays(row->run);
		if (row->log.count && skew_estimate(&row->log, &row->skew, NULL) == 0)
			count++;
		else
			delay_log_free(&row->log);
	}
	return count;
}

/* The least delay of each of POINTS spans, on the first path, in ms; moved so that a line of this
 * slope through 0 has none below it. */
static void write_delays(const struct figure *f, const struct delay_log *log, double slope)
{
	double last = log->sent_s[log->count - 1] * (1 + 1e-9), least[POINTS], base = INFINITY;
	for (size_t k = 0; k < POINTS; k++)
		least[k] = NAN;
	for (size_t i = 0; i < log->count; i++) {
		size_t k = (size_t)(log->sent_s[i] / last * POINTS);
		if (log->path[i] == log->path[0] && !(least[k] <= log->delay_s[i]))
			least[k] = log->delay_s[i];
	}
	for (size_t k = 0; k < POINTS; k++)
		base = fmin(base, least[k] - slope * last * ((double)k + 0.5) / POINTS);
	for (size_t k = 0; k < POINTS; k++)
		if (isfinite(least[k]))
			fprintf(f->dat, "%g %g\n", last * ((double)k + 0.5) / POINTS,
				1e3 * (least[k] - base));
	figure_end_block(f);
}

/* With its interval, if it has one, and digits by it. Allocated. */
static char *skew_text(const struct skew *s)
{
	double low = 1e6 * s->interval.low, high = 1e6 * s->interval.high;
	int n = stats_decimals((high - low) / 2);
	return isnan(low) ? text_format("about %.1g", 1e6 * s->skew)
			  : text_format("%.*f [%.*f, %.*f]", n, 1e6 * s->skew, n, low, n, high);
}

/* Two panels; their data are blocks `block` and the one after it. */
static void draw_row(
	const struct figure *f, const struct row *row, size_t block, double top, double bottom)
{
	const struct delay_log *log = &row->log;
	struct delay_log corrected = {0};
	for (size_t i = 0; i < log->count; i++)
		delay_log_add(&corrected, log->sent_s[i], log->delay_s[i], log->path[i]);
	struct skew_trend before = skew_trend(log);
	skew_correct(&corrected, &row->skew);
	struct skew_trend after = skew_trend(&corrected);
	write_delays(f, log, row->skew.skew);
	write_delays(f, &corrected, 0);
	delay_log_free(&corrected);

	char *found = skew_text(&row->skew);
	char *name = text_format("%s: the clock is set to %.4g ppm, %s ppm are found",
		row->contestant, json_number_at(row->run, "/clock/skew_ppm"), found);
	char *quoted = gnuplot_text(name);
	figure_panel(f, 0.075, 0.47, top, bottom);
	fprintf(f->gp,
		"set label %s at graph 0,graph 1.09 left front\n"
		"plot data index %zu using 1:2 with points pt 6 ps 0.75 * point lc rgb '%s' title "
		"'as measured, slope %.4g [%.4g, %.4g] ppm', %.9g * x with lines lw 2 dt %s lc rgb "
		"'%s' title 'skew found: %s ppm'",
		quoted, block, gnuplot_colour(0), 1e6 * before.slope, 1e6 * before.low,
		1e6 * before.high, 1e3 * row->skew.skew, gnuplot_dash(1), gnuplot_colour(1), found);
	figure_end_panel(f);
	figure_panel(f, 0.56, 0.985, top, bottom);
	fprintf(f->gp,
		"plot data index %zu using 1:2 with points pt 6 ps 0.75 * point lc rgb '%s' title "
		"'corrected, slope %.4g [%.4g, %.4g] ppm', 0 with lines lw 1.5 lc rgb 'black' "
		"notitle",
		block + 1, gnuplot_colour(2), 1e6 * after.slope, 1e6 * after.low, 1e6 * after.high);
	figure_end_panel(f);
	free(found);
	free(quoted);
	free(name);
}

static int draw(const struct results *r, const struct gallery *g, const struct row *rows,
	size_t count, char **error)
{
	struct figure f;
	int height = HEAD + ROW * (int)count;
	plot_begin(&f, r, g, "-clock", height,
		"one run each · the least delay of each moment, first path");
	fputs("set key on at graph 0.02,0.97 left top Left reverse samplen 2\n"
	      "set xlabel 'time, s'\nset offsets 0,0,graph 0.25,0\n"
	      "set ylabel 'one-way delay, from its least, ms' offset 1\n",
		f.gp);
	for (size_t i = 0; i < count; i++) {
		double top = height - HEAD - ROW * (double)i;
		draw_row(&f, &rows[i], 2 * i, (top - 45) / height, (top - ROW + 55) / height);
	}
	return figure_end(&f, error);
}

int plot_clock(const struct results *r, const struct gallery *g, bool *drawn, char **error)
{
	struct row rows[ROWS_MOST];
	size_t count = find_rows(r, rows);
	*drawn = count > 0;
	int rc = *drawn ? draw(r, g, rows, count, error) : 0;
	for (size_t i = 0; i < count; i++)
		delay_log_free(&rows[i].log);
	return rc;
}
