// SPDX-License-Identifier: BSD-2-Clause
/*
 * The figure of S and T.
 *
 * Theory of operation
 * -------------------
 * Algorithm 1's weights converge and fluctuate: how fast and how much over S, with the paper's T,
 * and over T, with the paper's S. Weights that are not coupled have neither, and are a line across.
 */

#include "analysis/figure/plot_settings.h"

#include "analysis/figure/plot_lines.h"
#include "analysis/figure/plot_parts.h"
#include "analysis/measure/measures.h"

#include <math.h>
#include <string.h>

/* Of a path's part of the weights. */
static double fluctuation_percent(const json_t *run, const char *name)
{
	return 100 * measure(run, name);
}

/* What a panel shows, and of which measure. */
struct measured {
	measure_of *of;
	const char *name;
};
static const struct measured convergence = {measure, "convergence_s"};
static const struct measured fluctuation = {fluctuation_percent, "weight_fluctuation"};

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
	const struct measured *m, struct line lines[2])
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
		line_add(&lines[0], p, x, measure_estimate(c, m->of, m->name));
		low = fmin(low, x);
		high = fmax(high, x);
	}
	const struct contestant_results *uncoupled = results_find(r, "uncoupled");
	if (uncoupled && low < high) {
		/* a little further out, for the intervals to stand beside Algorithm 1's */
		line_add(&lines[1], p, low / 1.08, measure_estimate(uncoupled, m->of, m->name));
		line_add(&lines[1], p, 1.08 * high, measure_estimate(uncoupled, m->of, m->name));
	}
	return low < high ? 2 : 0;
}

int plot_settings(const struct results *r, const struct gallery *g, bool *drawn, char **error)
{
	static const struct {
		struct panel panel;
		bool over_s;
		const struct measured *of;
	} all[] = {
		{{0.09, 0.485, 0.81, 0.53, "", "convergence, s", true, false}, true, &convergence},
		{{0.585, 0.985, 0.81, 0.53, "", "convergence, s", true, false}, false,
			&convergence},
		{{0.09, 0.485, 0.43, 0.12, "S, weight units (T = 100 ms)", "fluctuation, %", true,
			 false},
			true, &fluctuation},
		{{0.585, 0.985, 0.43, 0.12, "T, ms (S = 10)", "fluctuation, %", true, false}, false,
			&fluctuation},
	};
	struct line lines[2];
	*drawn = lines_over(r, &all[0].panel, true, &fluctuation, lines) > 0;
	if (!*drawn)
		return 0;
	struct figure f;
	plot_begin(&f, r, g, "-settings", 640,
		"fluctuation: sd of a path's part of the weights · mean, 95 % CI");
	size_t block = 0;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		size_t count = lines_over(r, &all[i].panel, all[i].over_s, all[i].of, lines);
		if (i == 0)
			panel_legend(&f, lines, count, 2);
		fputs(all[i].over_s ? "set xrange [4:50]\nset xtics (5, 10, 20, 40)\n"
				    : "set xrange [20:500]\nset xtics (25, 50, 100, 200, "
				      "400)\n",
			f.gp);
		panel_draw(&f, &all[i].panel, lines, count, "", &block);
	}
	return figure_end(&f, error);
}
