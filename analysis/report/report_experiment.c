// SPDX-License-Identifier: BSD-2-Clause
/*
 * An experiment on the report's page.
 *
 * Theory of operation
 * -------------------
 * Its table, as the terminal has it; the reasons to doubt runs; then, folded, what its links were
 * measured to be and where its results come from. Provenance is each value that the runs have,
 * once, so that what differs between them stands out.
 */

#include "analysis/report/report_experiment.h"

#include "analysis/report/html.h"
#include "analysis/report/table.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static const char *text(const json_t *object, const char *key)
{
	const char *value = json_string_value(json_object_get(object, key));
	return value ? value : "";
}

static void write_caveats(FILE *f, const struct results *r)
{
	if (r->uncalibrated) {
		fputs("<p class=small>uncalibrated: ", f);
		html_text(f, r->uncalibrated);
		fputs("</p>\n", f);
	}
	if (*r->late) {
		fputs("<p class=small>", f);
		html_text(f, r->late);
		fputs("</p>\n", f);
	}
	for (size_t i = 0; i < r->count; i++) {
		const struct contestant_results *c = &r->contestants[i];
		for (size_t k = 0; k < c->count; k++) {
			if (results_is_limited(c->runs[k])) {
				fprintf(f, "<p class=small>CPU-limited: %s: ",
					text(c->runs[k], "run"));
				html_json(f, json_object_get(c->runs[k], "cpu_limited"));
				fputs("</p>\n", f);
			}
			if (results_is_loss_wrong(c->runs[k])) {
				fprintf(f, "<p class=small>losses not as configured: %s: ",
					text(c->runs[k], "run"));
				html_json(f, json_object_get(c->runs[k], "losses"));
				fputs("</p>\n", f);
			}
		}
	}
}

/* A heading's two rows as one. */
static void write_heading(FILE *f, const char *first, const char *second)
{
	size_t length = strlen(first);
	bool broken = length && first[length - 1] == '-';
	fputs("<th>", f);
	fprintf(f, "%.*s", (int)(broken ? length - 1 : length), first);
	fprintf(f, "%s%s", broken || !second[0] ? "" : " ", second);
}

static void write_table(FILE *f, const struct results *r)
{
	struct table *t = table_build(r);
	fputs("<table><tr>", f);
	for (size_t c = 0; c < t->columns; c++)
		write_heading(f, t->cells[0][c], t->cells[1][c]);
	for (size_t i = TABLE_HEAD; i < t->rows; i++) {
		fputs("\n<tr>", f);
		for (size_t c = 0; c < t->columns; c++)
			fprintf(f, "<td>%s", t->cells[i][c]);
	}
	fputs("\n</table>\n", f);
	free(t);
}

static void write_numbers(FILE *f, const struct results *r)
{
	write_table(f, r);
	for (size_t i = 0; i < r->count; i++) {
		const struct contestant_results *c = &r->contestants[i];
		for (size_t k = 0; k < c->marked_count; k++) {
			fprintf(f,
				"<p class=small>marked, not averaged: <a href=\"%s/%s/\">%s</a>: ",
				r->experiment, text(c->marked[k], "run"),
				text(c->marked[k], "run"));
			html_json(f, json_object_get(c->marked[k], "marks"));
			fputs("</p>\n", f);
		}
	}
	write_caveats(f, r);
}

/* Whether none of the runs before `i` has the same value at this place. */
static bool is_new(const json_t *runs, size_t i, const char *pointer)
{
	const json_t *value = json_pointer(json_array_get(runs, i), pointer);
	for (size_t k = 0; k < i; k++)
		if (json_equal(json_pointer(json_array_get(runs, k), pointer), value))
			return false;
	return value != NULL;
}

/* Each value that the runs have at a place, once. */
static void write_provenance(FILE *f, const struct results *r)
{
	static const struct {
		const char *name, *pointer;
	} rows[] = {
		{"ground", "/ground"},
		{"why this ground", "/ground_why"},
		{"image's hash", "/vm/hash"},
		{"Machine", "/vm/machine"},
		{"GIPS", "/vm/gips"},
		{"seed", "/seed"},
		{"duration, s", "/duration_s"},
		{"warm-up, s", "/warm_up_s"},
		{"workload", "/workload"},
		{"git revision", "/provenance/git/revision"},
		{"uncommitted changes", "/provenance/git/dirty"},
		{"kernel", "/provenance/kernel"},
		{"processors", "/provenance/processors"},
		{"compiler", "/provenance/compiler"},
		{"libraries", "/provenance/libraries"},
		{"mpipd's SHA-256", "/provenance/programs_sha256/mpipd"},
		{"scenario's SHA-256", "/provenance/digests/scenario"},
	};
	fputs("<details><summary>provenance</summary><table>\n", f);
	for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
		bool any = false;
		for (size_t i = 0; i < json_array_size(r->all); i++) {
			if (!is_new(r->all, i, rows[k].pointer))
				continue;
			fprintf(f, any ? "<br>" : "<tr><th>%s<td>", rows[k].name);
			html_json(f, json_pointer(json_array_get(r->all, i), rows[k].pointer));
			any = true;
		}
	}
	fputs("</table></details>\n", f);
}

static const struct {
	const char *head, *key;
} calibrated[] = {
	{"rate, Mbit/s", "rate_mbit"},
	{"delay, ms", "delay_ms"},
	{"its deviation, ms", "deviation_ms"},
	{"its distance from its law", "jitter"},
	{"loss, %", "loss_percent"},
	{"packets overtaken", "overtaken"},
	{"queue, packets", "queue_packets"},
};
#define CALIBRATED (sizeof(calibrated) / sizeof(calibrated[0]))

/* Virtual time is so exact that the rest is rounding: in the units used, nothing below is. */
static double rounded(double value)
{
	return fabs(value) < 1e-6 ? 0 : value;
}

/* A direction of a link: what was measured, and in brackets what the scenario says. */
static void write_direction(FILE *f, const char *from, const char *to, const json_t *direction)
{
	fputs("\n<tr><td>", f);
	html_text(f, from);
	fputs(" → ", f);
	html_text(f, to);
	for (size_t i = 0; i < CALIBRATED; i++) {
		const json_t *value = json_object_get(direction, calibrated[i].key);
		if (!json_is_object(value))
			fputs("<td>-", f);
		else
			fprintf(f, "<td>%.4g (%.4g)%s", rounded(json_number_at(value, "/measured")),
				json_number_at(value, "/configured"),
				json_is_true(json_object_get(value, "good")) ? "" : " ✘");
	}
}

/* The contestants whose runs were made on these links. */
static void write_contestants_of(FILE *f, const struct results *r, const json_t *calibration)
{
	bool any = false;
	for (size_t i = 0; i < r->count; i++) {
		const struct contestant_results *c = &r->contestants[i];
		const json_t *run = c->count ? c->runs[0] : c->marked[0];
		if (results_calibration(r, run) != calibration)
			continue;
		fputs(any ? ", " : ": ", f);
		html_text(f, c->name);
		any = true;
	}
	if (!any)
		fputs(": none of these runs", f);
}

static void write_calibrations(FILE *f, const struct results *r)
{
	size_t i, k;
	json_t *calibration, *link;
	fputs("<details><summary>calibration</summary>\n", f);
	if (json_array_size(r->calibrations) == 0)
		fputs("<p>The links of this experiment have not been calibrated.</p>\n", f);
	json_array_foreach (r->calibrations, i, calibration) {
		const char *file = text(calibration, "file");
		fprintf(f, "<h4><a href=\"%s/%s\">%s</a>", r->experiment, file, file);
		write_contestants_of(f, r, calibration);
		fputs("</h4>\n<table><tr><th>link: measured (set)", f);
		for (size_t c = 0; c < CALIBRATED; c++)
			fprintf(f, "<th>%s", calibrated[c].head);
		json_array_foreach (json_object_get(calibration, "links"), k, link) {
			const json_t *ends = json_object_get(link, "ends");
			const char *near = json_string_value(json_array_get(ends, 0));
			const char *far = json_string_value(json_array_get(ends, 1));
			write_direction(f, near, far, json_object_get(link, "up"));
			write_direction(f, far, near, json_object_get(link, "down"));
		}
		fputs("\n</table>\n", f);
	}
	fputs("</details>\n", f);
}

void report_experiment(FILE *f, const struct results *r)
{
	if (r->missing)
		fprintf(f, "<p class=small>%zu runs are not done yet.</p>\n", r->missing);
	if (json_array_size(r->all) == 0)
		return;
	write_numbers(f, r);
	write_calibrations(f, r);
	write_provenance(f, r);
}
