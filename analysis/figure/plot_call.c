// SPDX-License-Identifier: BSD-2-Clause
/*
 * Figures of calls.
 *
 * Theory of operation
 * -------------------
 * As those of goodput: on the left a bar per contestant, on the right the mean of the runs over
 * time, in a band from the lowest to the highest.
 */

#include "analysis/figure/plot_call.h"

#include "analysis/figure/paper.h"
#include "analysis/figure/plot_parts.h"
#include "analysis/measure/measures.h"

#include <math.h>

#define MOST       8   /* contestants */
#define PANELS     344 /* pixels, of the panels and what is above them */
#define ABOVE      103
#define RTT        "/call/audio/rtt_ms/mean"
#define RTT_SERIES "/call/audio/rtt_series_ms"

static void draw_call(const struct figure *f, const struct results *r, double top, double bottom)
{
	const char *names[MOST];
	size_t styles[MOST], which[MOST], lines = 0;
	figure_panel(f, 0.075, 0.4, top, bottom);
	fputs("set style fill solid 1 noborder\nset boxwidth 0.62\nset yrange [0:*]\n"
	      "set ylabel \"the audio's round trip, ms\" offset 1\nset xtics (",
		f->gp);
	for (size_t i = 0; i < r->count && lines < MOST; i++) {
		const struct contestant_results *c = &r->contestants[i];
		struct stats_estimate e = measure_estimate(c, measure, RTT);
		if (e.count == 0)
			continue;
		fprintf(f->gp, "%s\"", lines ? ", " : "");
		plot_name(f, c->name);
		fprintf(f->gp, "\\n%.1f\\n", e.mean);
		plot_runs(f, c);
		fprintf(f->gp, "\" %zu", lines);
		plot_write_bar(f, (double)lines, e, paper_value(r, c->name, "audio_rtt_ms", 0));
		figure_end_block(f);
		names[lines] = c->name;
		which[lines] = i;
		styles[lines++] = plot_style(r, i);
	}
	fprintf(f->gp, ")\nset xrange [-0.55:%g]\n", (double)lines - 0.45);
	for (size_t k = 0; k < lines; k++)
		plot_bars(f, k, styles[k], k == 0);
	figure_end_panel(f);
	figure_panel(f, 0.5, 0.985, top, bottom);
	fprintf(f->gp,
		"set xlabel 'time, s'\nset xtics autofreq\nset xrange [0:%d]\n"
		"set style fill transparent solid 0.18\n",
		r->duration_s);
	for (size_t k = 0; k < lines; k++)
		plot_write_over_time(f, &r->contestants[which[k]], RTT_SERIES, r->duration_s, 1);
	figure_legend(f, 1.07, 0.07, names, styles, lines, 3);
	plot_over_time(f, lines, styles, lines);
	figure_end_panel(f);
}

int plot_call(const struct results *r, const struct gallery *g, bool *drawn, char **error)
{
	*drawn = false;
	for (size_t i = 0; i < r->count; i++)
		*drawn = *drawn || measure_estimate(&r->contestants[i], measure, RTT).count > 0;
	if (!*drawn)
		return 0;
	struct figure f;
	int below = plot_label_height(r), height = PANELS + below;
	plot_begin(&f, r, g, "-call", height,
		paper_has(r, "audio_rtt_ms")
			? "left: mean, 95 % confidence interval, diamonds: the paper; right: "
			  "band of the runs"
			: "left: mean, 95 % confidence interval; right: band of the runs");
	draw_call(&f, r, 1 - (double)ABOVE / height, (double)below / height);
	return figure_end(&f, error);
}
