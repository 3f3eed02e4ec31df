// SPDX-License-Identifier: BSD-2-Clause
/* What a comparison says; the contracts are in the header. */

#include "analysis/sweep/compare_print.h"

#include "analysis/measure/csv.h"
#include "analysis/sweep/cells_print.h"
#include "mpip/base/error.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define CHANCE_BELOW 0.025 /* cells below their own interval when nothing has changed */

static int name_width(const struct comparison *c)
{
	size_t most = strlen("contestant");
	for (size_t i = 0; i < c->cell_count; i++) {
		size_t length = strlen(c->cells[i].contestant);
		most = length > most ? length : most;
	}
	return (int)most;
}

/* "better", "worse", "equal", "" */
static const char *verdict_of(const struct compared *c)
{
	return c->worse ? "worse" : c->better ? "better" : c->equal ? "equal" : "";
}

static void print_ratio(const struct compared *c, FILE *out)
{
	if (isnan(c->low))
		fprintf(out, "  %7.4f  %-18s", c->ratio, "-");
	else
		fprintf(out, "  %7.4f  %.4f to %.4f  ", c->ratio, c->low, c->high);
}

static void print_means(const struct comparison *c, int width, FILE *out)
{
	if (c->mean_count == 0)
		return;
	fprintf(out, "\n%-*s  %6s  %7s  %s\n", width, "contestant", "cells", "ratio",
		"95 % interval");
	for (size_t i = 0; i < c->mean_count; i++) {
		const struct compared *m = &c->means[i];
		fprintf(out, "%-*s  %6zu", width, m->contestant, m->cells);
		print_ratio(m, out);
		fprintf(out, "  %s\n", verdict_of(m));
	}
}

static int by_ratio(const void *a, const void *b)
{
	const struct compared *x = *(struct compared *const *)a, *y = *(struct compared *const *)b;
	if (x->ratio != y->ratio)
		return x->ratio < y->ratio ? -1 : 1;
	return (x > y) - (x < y);
}

/* Whether a line is worth it: what has changed beyond chance; without means over cells, each. */
static bool is_shown(const struct comparison *c, const struct compared *one)
{
	return one->worse || one->better || c->mean_count == 0;
}

/* The worst first. */
static void print_cells(const struct comparison *c, int width, FILE *out)
{
	const struct compared **shown = calloc(c->cell_count + 1, sizeof(const struct compared *));
	size_t count = 0;
	if (!shown)
		abort();
	for (size_t i = 0; i < c->cell_count; i++)
		if (is_shown(c, &c->cells[i]))
			shown[count++] = &c->cells[i];
	qsort(shown, count, sizeof(const struct compared *), by_ratio);
	if (count)
		fprintf(out, "\n%-*s  %9s  %9s  %7s  %-18s\n", width, "contestant", "A", "B",
			"ratio", "95 % interval");
	for (size_t i = 0; i < count; i++) {
		char a[NUMBER_TEXT], b[NUMBER_TEXT];
		fprintf(out, "%-*s  %9s  %9s", width, shown[i]->contestant,
			number_text(a, shown[i]->a), number_text(b, shown[i]->b));
		print_ratio(shown[i], out);
		fprintf(out, "  %-6s  %s\n", verdict_of(shown[i]), shown[i]->cell);
	}
	free(shown);
}

static void print_head(const struct series_set *a, const struct series_set *b,
	const struct comparison *c, FILE *out)
{
	char *measure = titled(a->measure.title, a->measure.unit);
	fprintf(out, "A  %s\nB  %s\n%s; %s is better; ratio of B to A, above 1 is better\n",
		a->title, b->title, measure, a->measure.lower ? "lower" : "higher");
	if (c->paired)
		fprintf(out, "paired by seed%s: %zu pairs for each contestant and cell\n",
			a->results || b->results ? " and repetition" : "", c->common);
	else
		fprintf(out,
			"no seed in common: not paired, %zu and %zu runs for each contestant and "
			"cell\n",
			a->repetition_count, b->repetition_count);
	free(measure);
}

static void print_left_out(const struct series_set *a, const struct series_set *b,
	const struct comparison *c, FILE *out)
{
	const struct {
		const char *what, *notes;
		size_t alone;
	} sides[] = {{"A", a->notes, c->only_a}, {"B", b->notes, c->only_b}};
	for (size_t i = 0; i < 2; i++) {
		if (sides[i].alone)
			fprintf(out, "only in %s: %zu cells of contestants\n", sides[i].what,
				sides[i].alone);
		for (const char *line = sides[i].notes; *line;) {
			size_t length = strcspn(line, "\n");
			fprintf(out, "%s: %.*s\n", sides[i].what, (int)length, line);
			line += length + (line[length] == '\n');
		}
	}
	if (c->few)
		fprintf(out, "not compared: %zu cells with fewer than two %s\n", c->few,
			c->paired ? "pairs" : "values in A or B");
}

static void print_verdict(const struct comparison *c, FILE *out)
{
	if (c->is_equal) {
		fprintf(out, "equal: each pair of %zu cells has the same value\n", c->cell_count);
		return;
	}
	fprintf(out,
		"%zu cells: %zu worse and %zu better beyond chance, %zu equal; %zu below by their "
		"own interval, of which chance alone makes %.1f\n",
		c->cell_count, c->worse, c->better, c->equal, c->below,
		CHANCE_BELOW * (double)(c->cell_count - c->equal));
	if (!c->is_worse) {
		fputs("nothing is worse\n", out);
		return;
	}
	fputs("worse: ", out);
	const char *between = "";
	for (size_t i = 0; i < c->mean_count; i++) {
		if (!c->means[i].worse)
			continue;
		fprintf(out, "%s%s over all cells, by %.2f %%", between, c->means[i].contestant,
			100 * (1 - c->means[i].ratio));
		between = "; ";
	}
	if (c->worse)
		fprintf(out, "%s%zu %s", between, c->worse, c->worse == 1 ? "cell" : "cells");
	fputc('\n', out);
}

void compare_print(const struct series_set *a, const struct series_set *b,
	const struct comparison *c, FILE *out)
{
	int width = name_width(c);
	print_head(a, b, c, out);
	print_means(c, width, out);
	print_cells(c, width, out);
	fputc('\n', out);
	print_left_out(a, b, c, out);
	print_verdict(c, out);
}

/* ---- For programs ---- */

static void print_csv_line(const struct compared *c, FILE *out)
{
	csv_field(out, true, c->contestant);
	csv_field(out, false, c->cell);
	fprintf(out, ",%zu,%zu,%zu", c->cells, c->a_count, c->b_count);
	csv_number(out, c->a);
	csv_number(out, c->b);
	csv_number(out, c->ratio);
	csv_number(out, c->low);
	csv_number(out, c->high);
	csv_number(out, c->p_worse);
	csv_number(out, c->p_better);
	csv_field(out, false, verdict_of(c));
	fputc('\n', out);
}

void compare_print_csv(const struct comparison *c, FILE *out)
{
	fputs("contestant,cell,cells,a runs,b runs,a,b,ratio,ratio low,ratio high,p worse,p "
	      "better,verdict\n",
		out);
	for (size_t i = 0; i < c->mean_count; i++)
		print_csv_line(&c->means[i], out);
	for (size_t i = 0; i < c->cell_count; i++)
		print_csv_line(&c->cells[i], out);
}

static json_t *real_or_null(double value)
{
	return isfinite(value) ? json_real(value) : json_null();
}

static void print_json_list(const char *name, const struct compared *all, size_t count, FILE *out)
{
	fprintf(out, ",\n \"%s\": [", name);
	for (size_t i = 0; i < count; i++) {
		const struct compared *c = &all[i];
		const char *verdict = verdict_of(c);
		json_t *row = json_pack(
			"{s:s, s:s, s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:f, s:f, "
			"s:s?}",
			"contestant", c->contestant, "cell", c->cell, "cells", (json_int_t)c->cells,
			"a_runs", (json_int_t)c->a_count, "b_runs", (json_int_t)c->b_count, "a",
			real_or_null(c->a), "b", real_or_null(c->b), "ratio",
			real_or_null(c->ratio), "low", real_or_null(c->low), "high",
			real_or_null(c->high), "p_worse", c->p_worse, "p_better", c->p_better,
			"verdict", *verdict ? verdict : NULL);
		fputs(i ? ",\n  " : "\n  ", out);
		json_dumpf(row, out, JSON_REAL_PRECISION(9));
		json_decref(row);
	}
	fputs("]", out);
}

void compare_print_json(const struct series_set *a, const struct series_set *b,
	const struct comparison *c, FILE *out)
{
	json_t *head =
		json_pack("{s:s, s:s, s:s, s:s, s:b, s:I, s:b, s:b, s:I, s:I, s:I, s:I, s:I, "
			  "s:I, s:I}",
			"a", a->title, "b", b->title, "measure", a->measure.name, "better",
			a->measure.lower ? "lower" : "higher", "paired", c->paired,
			"common_repetitions", (json_int_t)c->common, "is_worse", c->is_worse,
			"is_equal", c->is_equal, "worse", (json_int_t)c->worse, "improved",
			(json_int_t)c->better, "equal", (json_int_t)c->equal, "below_own_interval",
			(json_int_t)c->below, "too_few_values", (json_int_t)c->few, "only_in_a",
			(json_int_t)c->only_a, "only_in_b", (json_int_t)c->only_b);
	char *text = json_dumps(head, 0);
	fprintf(out, "%.*s", (int)strlen(text) - 1, text);
	free(text);
	json_decref(head);
	print_json_list("means", c->means, c->mean_count, out);
	print_json_list("cells", c->cells, c->cell_count, out);
	fputs("}\n", out);
}
