// SPDX-License-Identifier: BSD-2-Clause
/*
 * The report.
 *
 * Theory of operation
 * -------------------
 * One page: the claims and what became of them; the figures; each experiment's numbers, calibration
 * and provenance. All is read first, and written to files aside that are renamed at the end, so
 * that a result that cannot be used leaves the last report alone. Links lead to the figures further
 * down and to the run directories beside the page. It is meant to be read in black and white too,
 * so a verdict is a word and a sign.
 */

#include "analysis/report.h"

#include "analysis/claims.h"
#include "analysis/html.h"
#include "analysis/results.h"
#include "analysis/stats.h"
#include "experiments/files.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char style[] =
	"body{font:15px/1.45 'DejaVu Sans',sans-serif;color:#111;margin:2em auto;max-width:1240px;"
	"padding:0 1em}"
	"h1{font-size:24px}h2{font-size:19px;margin-top:2em;border-bottom:1px solid #999}"
	"h3{font-size:16px;margin-bottom:.3em}"
	"table{border-collapse:collapse;margin:.4em 0}"
	"td,th{border:1px solid #bbb;padding:3px 7px;text-align:left;vertical-align:top;"
	"font-weight:normal}"
	"th{background:#eee}.claims td{font-size:13.5px}.v{font-weight:bold;white-space:nowrap}"
	".missing{color:#555}.not{background:#ddd}.small{font-size:12.5px;color:#444}"
	"figure{margin:1.2em 0}svg{max-width:100%;height:auto}a{color:#024}"
	"details{margin:.4em 0}";

static const char *text(const json_t *object, const char *key)
{
	const char *value = json_string_value(json_object_get(object, key));
	return value ? value : "";
}

static const char *sign_of(const char *verdict)
{
	return strcmp(verdict, "reproduced") == 0 ? "✔"
	       : strcmp(verdict, "differs") == 0  ? "≠"
	       : strcmp(verdict, "missing") == 0  ? "…"
						  : "✘";
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The names of the pictures in a directory, sorted; without ".svg". */
static json_t *pictures_in(const char *directory)
{
	char *names[512];
	size_t count = 0;
	DIR *dir = opendir(directory);
	for (struct dirent *e; dir && count < 512 && (e = readdir(dir)) != NULL;) {
		size_t length = strlen(e->d_name);
		if (length > 4 && strcmp(e->d_name + length - 4, ".svg") == 0)
			names[count++] = lab_text("%.*s", (int)length - 4, e->d_name);
	}
	if (dir)
		closedir(dir);
	qsort(names, count, sizeof(names[0]), by_text);
	json_t *list = json_array();
	for (size_t i = 0; i < count; i++) {
		json_array_append_new(list, json_string(names[i]));
		free(names[i]);
	}
	return list;
}

static bool has(const json_t *list, const char *word)
{
	size_t i;
	json_t *item;
	json_array_foreach ((json_t *)list, i, item)
		if (strcmp(json_string_value(item), word) == 0)
			return true;
	return false;
}

static void write_ours(FILE *f, const json_t *claim)
{
	size_t i;
	json_t *value;
	json_array_foreach (json_object_get(claim, "ours"), i, value) {
		if (json_integer_value(json_object_get(value, "count")) == 0)
			continue;
		char *number = claims_value_text(value);
		fprintf(f, "<span title=\"");
		html_text(f, text(value, "of"));
		fprintf(f, "\">");
		html_text(f, text(value, "name"));
		fprintf(f, " %s</span><br>", number);
		free(number);
	}
	html_text(f, text(claim, "unit"));
}

static void write_checks(FILE *f, const json_t *claim)
{
	size_t i;
	json_t *check;
	fputs("<details><summary>the rule</summary>", f);
	json_array_foreach (json_object_get(claim, "checks"), i, check) {
		const json_t *min = json_object_get(check, "min"),
			     *max = json_object_get(check, "max");
		char *number = claims_value_text(check);
		fprintf(f, "%s: ", text(check, "part"));
		html_text(f, text(check, "name"));
		if (json_is_number(min))
			fprintf(f, " ≥ %.4g", json_number_value(min));
		if (json_is_number(max))
			fprintf(f, "%s ≤ %.4g", json_is_number(min) ? " and" : "",
				json_number_value(max));
		fprintf(f, ": %s<br>", number);
		free(number);
	}
	html_text(f, text(claim, "why"));
	fputs("</details>", f);
}

static void write_links(FILE *f, const json_t *claim, const json_t *pictures)
{
	const char *figure = text(claim, "figure");
	size_t i;
	json_t *run;
	if (has(pictures, figure))
		fprintf(f, "<a href=\"#fig-%s\">figure</a> ", figure);
	const json_t *runs = json_object_get(claim, "runs");
	if (json_array_size(runs) == 0)
		return;
	fprintf(f, "<details><summary>%zu runs</summary>", json_array_size(runs));
	json_array_foreach (runs, i, run) {
		fprintf(f, "<a href=\"%s/\">%s</a><br>", json_string_value(run),
			json_string_value(run));
	}
	fputs("</details>", f);
}

static void write_claims(FILE *f, const json_t *judged, const json_t *pictures)
{
	const char *verdict;
	json_t *count, *claim;
	size_t i;
	fputs("<h2>The paper's claims</h2>\n<p>", f);
	json_object_foreach (json_object_get((json_t *)judged, "verdicts"), verdict, count) {
		fprintf(f, "%s %lld %s &nbsp; ", sign_of(verdict),
			(long long)json_integer_value(count), verdict);
	}
	fputs("</p>\n<p class=small>Ours: mean of the repetitions [95 % confidence interval, "
	      "Student's t; differences and ratios are paired by repetition]. A claim is "
	      "reproduced "
	      "when these intervals lie wholly within its rule's bounds, differs when what it says "
	      "holds but how much does not. The rules were written before the results.</p>\n"
	      "<table class=claims><tr><th>#<th>claim<th>where<th>paper<th>ours<th>verdict"
	      "<th>see\n",
		f);
	json_array_foreach (json_object_get(judged, "claims"), i, claim) {
		verdict = text(claim, "verdict");
		fprintf(f, "<tr id=\"claim-%lld\" class=\"%s\"><td>%lld<td>",
			(long long)json_integer_value(json_object_get(claim, "id")),
			strncmp(verdict, "not", 3) == 0   ? "not"
			: strcmp(verdict, "missing") == 0 ? "missing"
							  : "",
			(long long)json_integer_value(json_object_get(claim, "id")));
		html_text(f, text(claim, "claim"));
		write_checks(f, claim);
		fputs("<td>", f);
		html_text(f, text(claim, "where"));
		fputs("<td>", f);
		html_text(f, text(claim, "paper"));
		fputs("<td>", f);
		write_ours(f, claim);
		fprintf(f, "<td><span class=v>%s %s</span><br>", sign_of(verdict), verdict);
		html_text(f, text(claim, "reason"));
		if (text(claim, "note")[0]) {
			fputs("<br>", f);
			html_text(f, text(claim, "note"));
		}
		fputs("<td>", f);
		write_links(f, claim, pictures);
		fputc('\n', f);
	}
	fputs("</table>\n", f);
}

static int write_figures(FILE *f, const char *out, const json_t *pictures, char **error)
{
	size_t i;
	json_t *name;
	int rc = 0;
	fputs("<h2>Figures</h2>\n", f);
	if (json_array_size(pictures) == 0)
		fputs("<p>None has been drawn: make plots.</p>\n", f);
	json_array_foreach ((json_t *)pictures, i, name) {
		const char *picture = json_string_value(name);
		char *file = lab_text("%s/figures/%s.svg", out, picture);
		fprintf(f, "<figure id=\"fig-%s\">\n", picture);
		if (rc == 0)
			rc = html_svg(f, file, picture, error);
		fprintf(f, "<figcaption class=small>figures/%s.svg</figcaption></figure>\n",
			picture);
		free(file);
	}
	return rc;
}

static void write_number(FILE *f, double value)
{
	if (isfinite(value))
		fprintf(f, "<td>%.4g", value);
	else
		fputs("<td>-", f);
}

/* The mean of what the idle links saw; NaN without runs. */
static double witness_p99(const struct contestant_results *c)
{
	double sum = 0;
	for (size_t k = 0; k < c->count; k++)
		sum += json_number_value(json_pointer(c->runs[k], "/witness/p99_ms"));
	return sum / (double)c->count;
}

static void write_caveats(FILE *f, const struct results *r)
{
	if (r->uncalibrated) {
		fputs("<p class=small>uncalibrated: ", f);
		html_text(f, r->uncalibrated);
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

static void write_goodputs(FILE *f, const struct results *r)
{
	fputs("<table><tr><th>contestant<th>runs<th>marked<th>goodput, Mbit/s<th>± 95 %"
	      "<th>sd<th>paper<th>witness p99, ms<th>CPU-limited\n",
		f);
	for (size_t i = 0; i < r->count; i++) {
		const struct contestant_results *c = &r->contestants[i];
		fprintf(f, "<tr><td>%s<td>%zu<td>%zu", c->name, c->count, c->marked_count);
		write_number(f, c->mean);
		write_number(f, c->ci95);
		write_number(f, c->count > 1 ? stats_sd(c->goodput, c->count) : NAN);
		write_number(f, c->paper);
		write_number(f, witness_p99(c));
		fprintf(f, "<td>%zu", c->limited_count);
	}
	fputs("</table>\n", f);
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

static void write_calibration(FILE *f, const struct results *r)
{
	fputs("<details><summary>calibration</summary>\n", f);
	bool any = false;
	for (size_t i = 0; i < json_array_size(r->all); i++) {
		if (!is_new(r->all, i, "/calibration"))
			continue;
		const json_t *run = json_array_get(r->all, i);
		fprintf(f, "<h3>%s</h3>\n", text(run, "run"));
		html_json(f, json_object_get(run, "calibration"));
		any = true;
	}
	if (!any)
		fputs("<p>The results of this experiment have none.</p>\n", f);
	fputs("</details>\n", f);
}

static int write_experiment(
	FILE *f, const char *out, const char *name, const json_t *paper, char **error)
{
	struct results *r = results_load(out, name, paper, error);
	if (!r)
		return -1;
	fprintf(f, "<h3 id=\"exp-%s\">%s: ", name, name);
	html_text(f, r->title);
	fprintf(f, "</h3>\n");
	if (r->missing)
		fprintf(f, "<p class=small>%zu runs are not done yet.</p>\n", r->missing);
	if (json_array_size(r->all)) {
		write_goodputs(f, r);
		write_calibration(f, r);
		write_provenance(f, r);
	}
	results_free(r);
	return 0;
}

static int write_page(FILE *f, const char *out, const json_t *judged, const json_t *experiments,
	const json_t *paper, char **error)
{
	char *directory = lab_text("%s/figures", out);
	json_t *pictures = pictures_in(directory), *name;
	size_t i;
	fprintf(f,
		"<!DOCTYPE html>\n<html lang=en><meta charset=utf-8>\n"
		"<title>MPIP: the paper's claims, measured</title>\n<style>%s</style>\n"
		"<h1>MPIP: the paper's claims, measured</h1>\n"
		"<p>After Tian and Liu, <i>Multipath IP Transmission</i>.</p>\n",
		style);
	write_claims(f, judged, pictures);
	int rc = write_figures(f, out, pictures, error);
	fputs("<h2>Experiments: results, calibration, provenance</h2>\n", f);
	json_array_foreach ((json_t *)experiments, i, name) {
		if (rc == 0)
			rc = write_experiment(f, out, json_string_value(name), paper, error);
	}
	fputs("</html>\n", f);
	json_decref(pictures);
	free(directory);
	return rc;
}

/* Puts a file that was written aside in its place, or away when something failed. */
static int place(int rc, const char *aside, const char *file, char **error)
{
	if (rc == 0)
		rc = give_to_caller(aside, error);
	if (rc == 0 && rename(aside, file) != 0)
		rc = lab_fail(error, "%s: %s", file, strerror(errno));
	if (rc != 0)
		unlink(aside);
	return rc;
}

static int write_all(const char *out, const json_t *judged, const json_t *experiments,
	const json_t *paper, char **error)
{
	char *page = lab_text("%s/report.html", out),
	     *page_aside = lab_text("%s/.report.html", out);
	char *claims = lab_text("%s/claims.json", out),
	     *claims_aside = lab_text("%s/.claims.json", out);
	FILE *f = fopen(page_aside, "we");
	int rc = f ? write_page(f, out, judged, experiments, paper, error)
		   : lab_fail(error, "%s: %s", page_aside, strerror(errno));
	if (f && (ferror(f) | fclose(f)))
		rc = lab_fail(error, "%s: cannot be written", page_aside);
	if (rc == 0)
		rc = file_write_json(claims_aside, judged, error);
	rc = place(rc, page_aside, page, error);
	rc = place(rc, claims_aside, claims, error);
	free(claims_aside);
	free(claims);
	free(page_aside);
	free(page);
	return rc;
}

int report_write(const char *out, const char *claims_file, const json_t *paper, char **error)
{
	json_t *experiments = results_experiments(out);
	if (json_array_size(experiments) == 0) {
		json_decref(experiments);
		return lab_fail(error, "%s: no results to report; make experiment makes some", out);
	}
	json_t *judged = claims_judge(claims_file, out, error);
	int rc = judged ? write_all(out, judged, experiments, paper, error) : -1;
	json_decref(judged);
	json_decref(experiments);
	return rc;
}
