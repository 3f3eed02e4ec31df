// SPDX-License-Identifier: BSD-2-Clause
/*
 * The table of a sweep.
 *
 * Theory of operation
 * -------------------
 * There may be tens of thousands of lines, so they are printed as they come; the widths of columns
 * follow from the axes and the names. What somebody looks for stands at the end: where a contestant
 * is worse than the best path, and how often.
 */

#include "analysis/sweep/cells_print.h"

#include "analysis/measure/csv.h"
#include "mpip/base/error.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define INTERVAL_TEXT 72
#define AXES_MOST     16 /* that have a width of their own */

const char *number_text(char text[NUMBER_TEXT], double value)
{
	double size = fabs(value);
	if (isnan(value))
		snprintf(text, NUMBER_TEXT, "-");
	else
		snprintf(text, NUMBER_TEXT,
			size < 10    ? "%.3f"
			: size < 100 ? "%.2f"
			: size < 1e5 ? "%.1f"
				     : "%.4g",
			value);
	return text;
}

/* "0.951 to 0.973", "-" */
static const char *interval_text(char text[INTERVAL_TEXT], double low, double high)
{
	char a[NUMBER_TEXT], b[NUMBER_TEXT];
	if (isnan(low) || isnan(high))
		snprintf(text, INTERVAL_TEXT, "-");
	else
		snprintf(
			text, INTERVAL_TEXT, "%s to %s", number_text(a, low), number_text(b, high));
	return text;
}

struct widths {
	int axes[AXES_MOST], name;
};

/* In characters, of UTF-8. */
static int length_of(const char *text)
{
	int length = 0;
	for (; *text; text++)
		length += ((unsigned char)*text & 0xc0) != 0x80;
	return length;
}

static int most(int a, int b)
{
	return a > b ? a : b;
}

/* Padded on the left, or on the right. */
static void print_padded(FILE *out, const char *text, int width, bool left)
{
	int room = most(0, width - length_of(text));
	fprintf(out, "%*s%s%*s", left ? room : 0, "", text, left ? 0 : room, "");
}

static struct widths find_widths(const struct sweep *s)
{
	struct widths w = {.name = length_of("contestant")};
	for (size_t i = 0; i < s->axis_count && i < AXES_MOST; i++) {
		w.axes[i] = most(length_of(s->axes[i].name), length_of(s->axes[i].unit));
		for (size_t k = 0; k < s->axes[i].count; k++) {
			char *text = axis_text(&s->axes[i], k);
			w.axes[i] = most(w.axes[i], length_of(text));
			free(text);
		}
	}
	for (size_t i = 0; i < s->contestant_count; i++)
		w.name = most(w.name, length_of(s->contestants[i].name));
	return w;
}

static void print_place(const struct sweep *s, const struct widths *w, size_t cell, FILE *out)
{
	for (size_t i = 0; i < s->axis_count; i++) {
		char *text = axis_text(&s->axes[i], sweep_place(s, cell, i));
		print_padded(out, text, i < AXES_MOST ? w->axes[i] : 0, true);
		fputs("  ", out);
		free(text);
	}
}

static void print_heads(const struct cells *c, const struct widths *w, FILE *out)
{
	const struct sweep *s = c->sweep;
	for (int unit = 0; unit < 2; unit++) {
		for (size_t i = 0; i < s->axis_count; i++) {
			print_padded(out, unit ? s->axes[i].unit : s->axes[i].name,
				i < AXES_MOST ? w->axes[i] : 0, true);
			fputs("  ", out);
		}
		print_padded(out, unit ? "" : "contestant", w->name, false);
		fprintf(out, "  %4s  %9s  %-20s", unit ? "" : "runs", unit ? "" : "mean",
			unit ? "" : "95 % interval");
		if (c->baseline)
			fprintf(out, "  %8s  %-16s", unit ? "" : "ratio",
				unit ? "" : "95 % interval");
		if (c->has_benefit)
			fprintf(out, "  %11s  %s", unit ? "benefit" : "aggregation",
				unit ? "" : "95 % interval");
		fputc('\n', out);
	}
}

static void print_line(
	const struct cells *c, const struct widths *w, size_t cell, size_t contestant, FILE *out)
{
	const struct cell *at = cells_at(c, cell, contestant);
	char number[NUMBER_TEXT], interval[INTERVAL_TEXT];
	print_place(c->sweep, w, cell, out);
	print_padded(out, c->sweep->contestants[contestant].name, w->name, false);
	fprintf(out, "  %4zu  %9s  %-20s", at->value.count, number_text(number, at->value.mean),
		interval_text(interval, at->value.low, at->value.high));
	if (c->baseline)
		fprintf(out, "  %8s  %-16s", number_text(number, at->ratio.mean),
			interval_text(interval, at->ratio.low, at->ratio.high));
	if (c->has_benefit)
		fprintf(out, "  %11s  %s", number_text(number, at->benefit.mean),
			interval_text(interval, at->benefit.low, at->benefit.high));
	fputc('\n', out);
}

/* ---- Never worse ---- */

struct place {
	size_t cell, contestant;
	double ratio;
};

static int by_ratio(const void *a, const void *b)
{
	const struct place *x = a, *y = b;
	if (x->ratio != y->ratio)
		return x->ratio < y->ratio ? -1 : 1;
	if (x->cell != y->cell)
		return x->cell < y->cell ? -1 : 1;
	return x->contestant < y->contestant ? -1 : x->contestant > y->contestant;
}

/* Where a judged contestant is below 1, the worst first. Allocated. */
static struct place *find_worse(const struct cells *c, size_t *count)
{
	const struct sweep *s = c->sweep;
	struct place *all = calloc(s->cell_count * s->contestant_count + 1, sizeof(*all));
	if (!all)
		abort();
	*count = 0;
	for (size_t cell = 0; cell < s->cell_count; cell++)
		for (size_t i = 0; i < s->contestant_count; i++) {
			const struct ratio *r = &cells_at(c, cell, i)->ratio;
			if (cells_is_judged(s, i) && r->mean < 1)
				all[(*count)++] = (struct place){cell, i, r->mean};
		}
	qsort(all, *count, sizeof(*all), by_ratio);
	return all;
}

static void print_sum(const struct cells *c, FILE *out)
{
	struct verdicts v = cells_verdicts(c);
	fprintf(out,
		"never worse: %zu at least 1 (%zu with the whole interval), %zu below, %zu "
		"undecided",
		v.of[VERDICT_AT_LEAST], v.whole, v.of[VERDICT_BELOW], v.of[VERDICT_UNDECIDED]);
	if (v.of[VERDICT_NONE])
		fprintf(out, ", %zu without a ratio", v.of[VERDICT_NONE]);
	fputc('\n', out);
}

static void print_never_worse(const struct cells *c, const struct widths *w, FILE *out)
{
	const struct sweep *s = c->sweep;
	size_t judged = 0, count;
	for (size_t i = 0; i < s->contestant_count; i++)
		judged += cells_is_judged(s, i);
	if (!c->baseline || judged == 0) {
		fprintf(out, "\nnever worse: cannot be told, there is no %s contestant\n",
			judged ? "plain" : "other than plain");
		return;
	}
	struct place *worse = find_worse(c, &count);
	if (count)
		fprintf(out, "\nBelow 1, the worst first:\n");
	else
		fputc('\n', out);
	for (size_t i = 0; i < count; i++) {
		const struct ratio *r = &cells_at(c, worse[i].cell, worse[i].contestant)->ratio;
		char number[NUMBER_TEXT], interval[INTERVAL_TEXT];
		char *cell = sweep_cell_text(s, worse[i].cell);
		print_padded(out, s->contestants[worse[i].contestant].name, w->name, false);
		fprintf(out, "  %8s  %-16s  %-9s  %s\n", number_text(number, r->mean),
			interval_text(interval, r->low, r->high),
			r->verdict == VERDICT_UNDECIDED ? verdict_text(r->verdict) : "", cell);
		free(cell);
	}
	free(worse);
	print_sum(c, out);
}

void cells_print(const struct cells *c, FILE *out)
{
	const struct sweep *s = c->sweep;
	struct widths w = find_widths(s);
	char *measure = titled(s->measure.title, s->measure.unit);
	fprintf(out, "%s: %s\n%s; %s is better; ", s->name, s->title, measure,
		s->measure.lower ? "lower" : "higher");
	if (c->baseline)
		fprintf(out, "ratio to %s, above 1 is better\n\n", c->baseline);
	else
		fputs("no ratios: there is no plain contestant\n\n", out);
	free(measure);
	print_heads(c, &w, out);
	for (size_t cell = 0; cell < s->cell_count; cell++)
		for (size_t i = 0; i < s->contestant_count; i++)
			print_line(c, &w, cell, i, out);
	print_never_worse(c, &w, out);
	if (*s->notes)
		fprintf(out, "%s\n", s->notes);
}

/* ---- For programs ---- */

void cells_print_csv(const struct cells *c, FILE *out)
{
	static const char *const more[] = {"low", "high", "ratio", "ratio low", "ratio high",
		"pairs", "verdict", "benefit", "benefit low", "benefit high"};
	const struct sweep *s = c->sweep;
	for (size_t i = 0; i < s->axis_count; i++)
		csv_field(out, i == 0, s->axes[i].name);
	csv_field(out, s->axis_count == 0, "contestant");
	csv_field(out, false, "runs");
	csv_field(out, false, s->measure.name);
	for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++)
		csv_field(out, false, more[i]);
	fputc('\n', out);
	for (size_t k = 0; k < s->cell_count * s->contestant_count; k++) {
		const struct cell *at = &c->all[k];
		for (size_t i = 0; i < s->axis_count; i++) {
			char *text =
				axis_text(&s->axes[i], sweep_place(s, k / s->contestant_count, i));
			csv_field(out, i == 0, text);
			free(text);
		}
		csv_field(out, s->axis_count == 0, s->contestants[k % s->contestant_count].name);
		fprintf(out, ",%zu", at->value.count);
		csv_number(out, at->value.mean);
		csv_number(out, at->value.low);
		csv_number(out, at->value.high);
		csv_number(out, at->ratio.mean);
		csv_number(out, at->ratio.low);
		csv_number(out, at->ratio.high);
		fprintf(out, ",%zu", at->ratio.pairs);
		csv_field(out, false, verdict_text(at->ratio.verdict));
		csv_number(out, at->benefit.mean);
		csv_number(out, at->benefit.low);
		csv_number(out, at->benefit.high);
		fputc('\n', out);
	}
}

static json_t *real_or_null(double value)
{
	return isfinite(value) ? json_real(value) : json_null();
}

static json_t *estimate_json(double mean, double low, double high, size_t count)
{
	return json_pack("{s:o, s:o, s:o, s:I}", "mean", real_or_null(mean), "low",
		real_or_null(low), "high", real_or_null(high), "count", (json_int_t)count);
}

static json_t *row_json(const struct cells *c, size_t k)
{
	const struct sweep *s = c->sweep;
	const struct cell *at = &c->all[k];
	const char *verdict = verdict_text(at->ratio.verdict);
	json_t *cell = json_object();
	for (size_t i = 0; i < s->axis_count; i++)
		json_object_set(cell, s->axes[i].name,
			json_array_get(
				s->axes[i].values, sweep_place(s, k / s->contestant_count, i)));
	return json_pack("{s:o, s:s, s:o, s:o, s:s?, s:o}", "cell", cell, "contestant",
		s->contestants[k % s->contestant_count].name, "value",
		estimate_json(at->value.mean, at->value.low, at->value.high, at->value.count),
		"ratio",
		estimate_json(at->ratio.mean, at->ratio.low, at->ratio.high, at->ratio.pairs),
		"verdict", *verdict ? verdict : NULL, "aggregation_benefit",
		estimate_json(
			at->benefit.mean, at->benefit.low, at->benefit.high, at->benefit.count));
}

/* Without its last brace. */
static void print_json_head(const struct cells *c, FILE *out)
{
	const struct sweep *s = c->sweep;
	struct verdicts v = cells_verdicts(c);
	json_t *head = json_pack("{s:s, s:s, s:s, s:s, s:s?, s:I, s:I, s:I, s:s, s:{s:I, s:I, s:I, "
				 "s:I, s:I}}",
		"sweep", s->name, "title", s->title, "measure", s->measure.name, "better",
		s->measure.lower ? "lower" : "higher", "ratio_to", c->baseline, "runs",
		(json_int_t)s->count, "done", (json_int_t)s->done, "marked", (json_int_t)s->marked,
		"notes", s->notes, "never_worse", "at_least_1", (json_int_t)v.of[VERDICT_AT_LEAST],
		"whole_interval", (json_int_t)v.whole, "below", (json_int_t)v.of[VERDICT_BELOW],
		"undecided", (json_int_t)v.of[VERDICT_UNDECIDED], "without_ratio",
		(json_int_t)v.of[VERDICT_NONE]);
	char *text = json_dumps(head, 0);
	fprintf(out, "%.*s", (int)strlen(text) - 1, text);
	free(text);
	json_decref(head);
}

void cells_print_json(const struct cells *c, FILE *out)
{
	print_json_head(c, out);
	fputs(",\n \"cells\": [", out);
	for (size_t k = 0; k < c->sweep->cell_count * c->sweep->contestant_count; k++) {
		json_t *row = row_json(c, k);
		fputs(k ? ",\n  " : "\n  ", out);
		json_dumpf(row, out, JSON_REAL_PRECISION(9));
		json_decref(row);
	}
	fputs("]}\n", out);
}
