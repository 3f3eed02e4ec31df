// SPDX-License-Identifier: BSD-2-Clause
/*
 * The table.
 *
 * Theory of operation
 * -------------------
 * The numbers are those of the summary. Each cell is text first, for the report's page as for a
 * terminal, where the columns get the width of their widest cell. What does not exist is a dash.
 * For programs there is the summary itself, as JSON, and one row of it for each contestant, as CSV.
 */

#include "analysis/report/table.h"

#include "analysis/measure/settings.h"
#include "analysis/measure/summary.h"
#include "mpip/base/error.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Percent of the machine's processors that other work may take without a warning. */
#define DISTURBED 10

/* The columns, and how their cells are written. */
static const struct column {
	const char *head[TABLE_HEAD], *key, *format; /* NULL: with as many digits as it needs */
} columns[] = {
	{{"contestant", ""}, "contestant", NULL},
	{{"runs", ""}, "runs", NULL},
	{{"goodput,", "Mbit/s"}, "goodput_mbit", NULL},
	{{"95 % CI,", "+-"}, "ci95_mbit", NULL},
	{{"sd,", "Mbit/s"}, "sd_mbit", NULL},
	{{"ratio to", "plain"}, "ratio_to_plain", "%.2f"},
	{{"aggregation", "benefit"}, "aggregation_benefit", "%.2f"},
	{{"subflows", ""}, "subflows", "%.0f"},
	{{"bytes per", "NIC, %"}, "nic_shares", NULL},
	{{"retrans-", "mitted, %"}, "retransmitted_percent", "%.2f"},
	{{"datagrams", "lost, %"}, "lost_percent", "%.2f"},
	{{"machine", "busy, %"}, "machine_busy_percent", "%.0f"},
	{{"witness", "p99, ms"}, "witness_p99_ms", "%.3f"},
	{{"others", "busy, %"}, "others_busy_percent", "%.0f"},
	{{"mpipd", "CPU, %"}, "mpipd_cpu_percent", "%.0f"},
	{{"paper,", "Mbit/s"}, "paper_mbit", "%.1f"},
	{{"paper:", "ratio"}, "paper_ratio", "%.2f"},
};
#define COLUMNS (sizeof(columns) / sizeof(columns[0]))
#define NAME    0

static_assert(COLUMNS + SUMMARY_MEASURES == TABLE_COLUMNS, "a column for each");

/* A number with four digits, or one behind the point where that is more; or a dash. */
static void set_number(char cell[TABLE_CELL], const char *format, double value)
{
	if (!format)
		format = fabs(value) < 10 ? "%.3f" : fabs(value) < 100 ? "%.2f" : "%.1f";
	if (isnan(value))
		snprintf(cell, TABLE_CELL, "-");
	else
		snprintf(cell, TABLE_CELL, format, value);
}

/* "3 (1 limited, 2 marked)" */
static void set_runs(char cell[TABLE_CELL], const json_t *row)
{
	long long limited = json_integer_value(json_object_get(row, "limited_runs"));
	long long marked = json_integer_value(json_object_get(row, "marked_runs"));
	char more[TABLE_CELL / 2] = "";
	if (limited && marked)
		snprintf(more, sizeof(more), " (%lld limited, %lld marked)", limited, marked);
	else if (limited || marked)
		snprintf(more, sizeof(more), " (%lld %s)", limited ? limited : marked,
			limited ? "limited" : "marked");
	snprintf(
		cell, TABLE_CELL, "%lld%s", json_integer_value(json_object_get(row, "runs")), more);
}

/* "50/50" */
static void set_shares(char cell[TABLE_CELL], const json_t *shares, double times)
{
	size_t i;
	json_t *share;
	snprintf(cell, TABLE_CELL, "%s", json_is_array(shares) ? "" : "-");
	json_array_foreach ((json_t *)shares, i, share) {
		size_t used = strlen(cell);
		snprintf(cell + used, TABLE_CELL - used, "%s%.4g", i ? "/" : "",
			times > 1 ? round(times * json_number_value(share))
				  : json_number_value(share));
	}
}

static void set_cell(char cell[TABLE_CELL], const struct column *c, const json_t *row)
{
	const json_t *value = json_object_get(row, c->key);
	if (json_is_string(value))
		snprintf(cell, TABLE_CELL, "%s", json_string_value(value));
	else if (strcmp(c->key, "runs") == 0)
		set_runs(cell, row);
	else if (strcmp(c->key, "nic_shares") == 0)
		set_shares(cell, value, 100);
	else
		set_number(cell, c->format, json_is_number(value) ? json_number_value(value) : NAN);
}

/* The mean of an own measure, and half its confidence interval. */
static void set_measure(char cell[TABLE_CELL], const json_t *value)
{
	double mean = json_number_at(value, "/mean"), ci95 = json_number_at(value, "/ci95");
	if (isnan(ci95))
		set_number(cell, "%.4g", mean);
	else
		snprintf(cell, TABLE_CELL, "%.4g +- %.2g", mean, ci95);
}

/* A column that is a dash for every contestant is left out. */
static void leave_out_dashes(struct table *t)
{
	size_t kept = 0;
	for (size_t c = 0; c < t->columns; c++) {
		bool any = c == NAME;
		for (size_t i = TABLE_HEAD; i < t->rows; i++)
			any = any || strcmp(t->cells[i][c], "-") != 0;
		if (!any)
			continue;
		for (size_t i = 0; kept < c && i < t->rows; i++)
			memcpy(t->cells[i][kept], t->cells[i][c], TABLE_CELL);
		kept++;
	}
	t->columns = kept;
}

struct table *table_build(const struct results *r)
{
	const struct summary_measure *own = summary_measures(r);
	struct table *t = calloc(1, sizeof(*t));
	if (!t)
		abort();
	json_t *summary = summary_build(r), *row;
	size_t i;
	t->columns = COLUMNS;
	while (t->columns < TABLE_COLUMNS && own[t->columns - COLUMNS].measure)
		t->columns++;
	for (; t->rows < TABLE_HEAD; t->rows++)
		for (size_t c = 0; c < t->columns; c++)
			snprintf(t->cells[t->rows][c], TABLE_CELL, "%s",
				c < COLUMNS ? columns[c].head[t->rows]
					    : own[c - COLUMNS].head[t->rows]);
	json_array_foreach (json_object_get(summary, "contestants"), i, row) {
		if (t->rows == TABLE_ROWS)
			break;
		for (size_t c = 0; c < COLUMNS; c++)
			set_cell(t->cells[t->rows][c], &columns[c], row);
		for (size_t c = COLUMNS; c < t->columns; c++)
			set_measure(t->cells[t->rows][c],
				json_object_get(json_object_get(row, "measures"),
					own[c - COLUMNS].measure));
		t->rows++;
	}
	json_decref(summary);
	leave_out_dashes(t);
	return t;
}

static void print(const struct table *t, FILE *out)
{
	int width[TABLE_COLUMNS] = {0};
	for (size_t i = 0; i < t->rows; i++)
		for (size_t c = 0; c < t->columns; c++)
			if ((int)strlen(t->cells[i][c]) > width[c])
				width[c] = (int)strlen(t->cells[i][c]);
	for (size_t i = 0; i < t->rows; i++) {
		for (size_t c = 0; c < t->columns; c++)
			fprintf(out, c == NAME ? "%-*s" : "  %*s", width[c], t->cells[i][c]);
		fputc('\n', out);
	}
}

static void print_marked(const struct results *r, FILE *out)
{
	for (size_t i = 0; i < r->count; i++) {
		const struct contestant_results *c = &r->contestants[i];
		for (size_t k = 0; k < c->marked_count; k++) {
			size_t m;
			json_t *mark;
			json_array_foreach (json_object_get(c->marked[k], "marks"), m, mark) {
				fprintf(out, "marked, not averaged: %s (%.1f Mbit/s): %s\n",
					json_string_value(json_object_get(c->marked[k], "run")),
					json_number_value(
						json_object_get(c->marked[k], "goodput_mbit")),
					json_string_value(mark));
			}
		}
	}
}

/* The reasons to doubt a run that is averaged all the same. */
static void print_limits(const json_t *run, FILE *out)
{
	const char *name = json_string_value(json_object_get(run, "run"));
	size_t i;
	json_t *reason, *loss;
	if (results_is_limited(run)) {
		fprintf(out, "CPU-limited: %s (%.1f Mbit/s)", name,
			json_number_value(json_object_get(run, "goodput_mbit")));
		json_array_foreach (json_object_get(run, "cpu_limited"), i, reason)
			fprintf(out, "%s%s", i ? "; " : ": ", json_string_value(reason));
		fputc('\n', out);
	}
	json_array_foreach (json_object_get(run, "losses"), i, loss) {
		if (json_is_true(json_object_get(loss, "good")))
			continue;
		fprintf(out,
			"losses: %s: link %s %s: lost %lld of %lld packets, expected %lld to "
			"%lld\n",
			name, json_string_value(json_object_get(loss, "link")),
			json_string_value(json_object_get(loss, "direction")),
			json_integer_value(json_object_get(loss, "lost")),
			json_integer_value(json_object_get(loss, "packets")),
			json_integer_value(json_object_get(loss, "low")),
			json_integer_value(json_object_get(loss, "high")));
	}
}

static void print_caveats(const struct results *r, FILE *out)
{
	if (r->uncalibrated)
		fprintf(out, "uncalibrated: %s\n", r->uncalibrated);
	for (size_t i = 0; i < r->count; i++)
		for (size_t k = 0; k < r->contestants[i].count; k++)
			print_limits(r->contestants[i].runs[k], out);
	if (*r->late)
		fprintf(out, "%s\n", r->late);
}

/* In which settings the contestants differ. */
static void print_settings(const json_t *rows, FILE *out)
{
	size_t i, any = 0;
	json_t *row;
	json_array_foreach ((json_t *)rows, i, row) {
		const json_t *settings = json_object_get(row, "settings");
		if (json_object_size(settings) == 0)
			continue;
		char *line = settings_one_text(
			json_string_value(json_object_get(row, "contestant")), settings);
		fprintf(out, "%s  %s\n", any++ ? "" : "settings that differ:\n", line);
		free(line);
	}
}

static bool is_disturbed(const json_t *rows)
{
	size_t i;
	json_t *row;
	json_array_foreach ((json_t *)rows, i, row)
		if (json_number_at(row, "/others_busy_percent") > DISTURBED)
			return true;
	return false;
}

void table_print(const struct results *r, FILE *out)
{
	json_t *summary = summary_build(r), *rows = json_object_get(summary, "contestants");
	struct table *t = table_build(r);
	fprintf(out, "%s: %s\n%d s after %d s of warm-up; ground: %s%s%s\n\n", r->experiment,
		r->title, r->duration_s, r->warm_up_s, r->ground,
		r->wire_form[0] ? "; wire form: " : "", r->wire_form);
	print(t, out);
	free(t);
	print_settings(rows, out);
	print_marked(r, out);
	print_caveats(r, out);
	if (is_disturbed(rows))
		fprintf(out,
			"other work kept the machine busy during these runs: believe them only "
			"where the processor was not the limit\n");
	if (r->missing)
		fprintf(out, "%zu runs of this experiment are not done yet\n", r->missing);
	json_decref(summary);
}

void table_print_json(const struct results *r, FILE *out)
{
	json_t *summary = summary_build(r);
	json_dumpf(summary, out, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
	fputc('\n', out);
	json_decref(summary);
}

/* ---- CSV ---- */

/* A text as one field (RFC 4180), after a comma but for the first. */
static void print_field(FILE *out, bool first, const char *text)
{
	bool quoted = strpbrk(text, ",\"\r\n") != NULL;
	fprintf(out, "%s%s", first ? "" : ",", quoted ? "\"" : "");
	for (; *text; text++)
		fprintf(out, "%s%c", *text == '"' ? "\"" : "", *text);
	fputs(quoted ? "\"" : "", out);
}

/* A value of a row as a field: nothing for null. */
static void print_value(FILE *out, bool first, const json_t *value)
{
	char cell[TABLE_CELL] = "";
	if (json_is_real(value))
		snprintf(cell, sizeof(cell), "%.9g", json_real_value(value));
	else if (json_is_integer(value))
		snprintf(cell, sizeof(cell), "%lld", json_integer_value(value));
	else if (json_is_array(value))
		set_shares(cell, value, 1);
	print_field(out, first, json_is_string(value) ? json_string_value(value) : cell);
}

/* What of a row is no simple value has columns of its own, or is one text. */
static void print_row(FILE *out, const json_t *row)
{
	const char *key;
	json_t *value;
	bool first = true;
	json_object_foreach ((json_t *)row, key, value) {
		if (json_is_object(value))
			continue;
		print_value(out, first, value);
		first = false;
	}
	json_object_foreach (json_object_get(row, "measures"), key, value) {
		print_value(out, false, json_object_get(value, "mean"));
		print_value(out, false, json_object_get(value, "ci95"));
	}
	char *settings = settings_one_text("", json_object_get(row, "settings"));
	print_field(out, false, settings[1] ? settings + 2 : "");
	free(settings);
	fputs("\n", out);
}

void table_print_csv(const struct results *r, FILE *out)
{
	json_t *summary = summary_build(r), *rows = json_object_get(summary, "contestants");
	json_t *one = json_array_get(rows, 0), *value, *row;
	const char *key;
	size_t i = 0;
	json_object_foreach (one, key, value)
		if (!json_is_object(value))
			print_field(out, i++ == 0, key);
	json_object_foreach (json_object_get(one, "measures"), key, value) {
		char *interval = text_format("%s ci95", key);
		print_field(out, false, key);
		print_field(out, false, interval);
		free(interval);
	}
	print_field(out, false, "settings");
	fputs("\n", out);
	json_array_foreach (rows, i, row)
		print_row(out, row);
	json_decref(summary);
}
