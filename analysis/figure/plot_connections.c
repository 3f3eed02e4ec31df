// SPDX-License-Identifier: BSD-2-Clause
/*
 * The figure of many connections: what each costs in memory, and its data in processor time.
 */

#include "analysis/figure/plot_connections.h"

#include "analysis/figure/plot_lines.h"
#include "analysis/figure/plot_parts.h"
#include "analysis/measure/measures.h"

#include <math.h>

static double in_kib(const json_t *run, const char *name)
{
	return measure(run, name) / 1024;
}

static double in_ms(const json_t *run, const char *name)
{
	return measure(run, name) / 1e3;
}

int plot_connections(const struct results *r, const struct gallery *g, bool *drawn, char **error)
{
	static const char *const kinds[] = {"plain", "mptcp", "mpip"};
	static const char *const names[] = {
		"/footprint/memory_bytes_per_connection", "/footprint/cpu_us_per_mbyte"};
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
				double n = number_in(c->name, kinds[k], "");
				if (isfinite(n))
					line_add(l, &panels[p], n,
						measure_estimate(
							c, p == 0 ? in_kib : in_ms, names[p]));
			}
			*drawn = *drawn || l->count > 0;
		}
	}
	if (!*drawn)
		return 0;
	struct figure f;
	plot_begin(&f, r, g, "-connections", 430,
		"both hosts together · mean, 95 % confidence interval");
	size_t block = 0;
	fputs("set xrange [0.7:1500]\n", f.gp);
	panel_legend(&f, lines[0], 3, 3);
	panel_draw(&f, &panels[0], lines[0], 3, "", &block);
	panel_draw(&f, &panels[1], lines[1], 3, "", &block);
	return figure_end(&f, error);
}
