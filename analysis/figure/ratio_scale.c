// SPDX-License-Identifier: BSD-2-Clause
/* What figures of ratios share; the contracts are in the header. */

#include "analysis/figure/ratio_scale.h"

#include "mpip/base/error.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LEAST 1.05
#define MOST  10
#define APART 5 /* tics on each side, at most */

double ratio_scale(const struct cells *c)
{
	const struct sweep *s = c->sweep;
	double scale = log2(LEAST);
	for (size_t cell = 0; cell < s->cell_count; cell++)
		for (size_t i = 0; i < s->contestant_count; i++) {
			double ratio = cells_at(c, cell, i)->ratio.mean;
			if (cells_is_judged(s, i) && !isnan(ratio))
				scale = fmax(scale, ratio > 0 ? fabs(log2(ratio)) : log2(MOST));
		}
	return fmin(scale, log2(MOST));
}

double ratio_at(double ratio, double scale)
{
	return ratio > 0 ? fmax(-scale, fmin(scale, log2(ratio))) : -scale;
}

void ratio_write_tics(FILE *gp, double scale)
{
	static const double factors[] = {1.01, 1.02, 1.03, 1.05, 1.1, 1.2, 1.5, 2, 3, 5, 10};
	double last = 0;
	fputs("(\"1\" 0", gp);
	for (size_t i = 0; i < sizeof(factors) / sizeof(factors[0]); i++) {
		double at = log2(factors[i]);
		if (at > scale * 1.001 || at - last < scale / APART)
			continue;
		fprintf(gp, ", \"%.3g\" %.6g, \"%.3g\" %.6g", factors[i], at, 1 / factors[i], -at);
		last = at;
	}
	fputs(")", gp);
}

const char *ratio_text(char text[RATIO_TEXT], const struct ratio *r)
{
	bool holds = !(r->low > 1) && !(r->high < 1) && !(r->low == 1 && r->high == 1);
	snprintf(text, RATIO_TEXT, r->mean < 9.995 ? "%s%.2f%s" : "%s%.3g%s", holds ? "(" : "",
		r->mean, holds ? ")" : "");
	return text;
}

size_t ratio_judged(const struct sweep *s)
{
	size_t count = 0;
	for (size_t i = 0; i < s->contestant_count; i++)
		count += cells_is_judged(s, i);
	return count;
}

char *ratio_subtitle(const struct cells *c, const char *more)
{
	const struct sweep *s = c->sweep;
	char *measure = titled(s->measure.title, s->measure.unit);
	char *text = text_format("%s: ratio to %s, above 1 is better · mean of %zu seed%s%s",
		measure, c->baseline, s->seed_count, s->seed_count == 1 ? "" : "s", more);
	free(measure);
	return text;
}

char *ratio_notes(const struct sweep *s)
{
	char *text = text_format("%s", s->notes), *end;
	while ((end = strchr(text, '\n'))) {
		char *longer = text_format("%.*s; %s", (int)(end - text), text, end + 1);
		free(text);
		text = longer;
	}
	return text;
}
