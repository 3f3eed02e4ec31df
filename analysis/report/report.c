// SPDX-License-Identifier: BSD-2-Clause
/*
 * The report.
 *
 * Theory of operation
 * -------------------
 * One page: what it is made from; the claims and what became of them; the figures; each
 * experiment's numbers, calibration and provenance. It is written to files aside that are renamed
 * at the end, so that a result that cannot be used leaves the last report alone; one that no claim
 * is about is only a line in its place. Links lead to the figures further down and to the run
 * directories beside the page. It is meant to be read in black and white too, so a verdict is a
 * word and a sign.
 *
 * The experiments come last on the page, but are written first, into memory: what the page is made
 * from is known only then, and their results are too large to be kept together.
 */

#include "analysis/report/report.h"

#include "analysis/measure/results.h"
#include "analysis/measure/textlist.h"
#include "analysis/report/claims.h"
#include "analysis/report/html.h"
#include "analysis/report/report_experiment.h"
#include "mpip/base/files.h"
#include "mpip/base/output.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char style[] =
	"body{font:15px/1.45 'DejaVu Sans',sans-serif;color:#111;margin:2em auto;max-width:1240px;"
	"padding:0 1em}"
	"h1{font-size:24px}h2{font-size:19px;margin-top:2em;border-bottom:1px solid #999}"
	"h3{font-size:16px;margin-bottom:.3em}h4{font-size:14px;margin:.6em 0 .3em}"
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

/* Whether a check holds; one without an interval is not judged. */
static const char *sign_of_check(const json_t *check)
{
	if (!json_is_number(json_object_get(check, "low")))
		return "…";
	return json_is_true(json_object_get(check, "holds")) ? "✔" : "✘";
}

static int is_picture(const struct dirent *entry)
{
	size_t length = strlen(entry->d_name);
	return length > 4 && strcmp(entry->d_name + length - 4, ".svg") == 0;
}

/* "udp" before "udp-offered", which with their ".svg" would be the other way round. */
static int by_name(const struct dirent **a, const struct dirent **b)
{
	size_t first = strlen((*a)->d_name) - 4, second = strlen((*b)->d_name) - 4;
	int order = memcmp((*a)->d_name, (*b)->d_name, first < second ? first : second);
	return order ? order : (first > second) - (first < second);
}

/* The names of the pictures in a directory, sorted; without ".svg". */
static json_t *pictures_in(const char *directory)
{
	json_t *list = json_array();
	struct dirent **found;
	int count = scandir(directory, &found, is_picture, by_name);
	for (int i = 0; i < count; i++) {
		const char *name = found[i]->d_name;
		json_array_append_new(list, json_stringn(name, strlen(name) - 4));
		free(found[i]);
	}
	if (count >= 0)
		free(found);
	return list;
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
		fprintf(f, ": %s %s<br>", number, sign_of_check(check));
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
	if (textlist_has(pictures, figure))
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
	json_t *count, *claim, *caveat;
	size_t i, k;
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
		json_array_foreach (json_object_get(claim, "caveats"), k, caveat) {
			fputs("<br><span class=small>", f);
			html_text(f, json_string_value(caveat));
			fputs("</span>", f);
		}
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
		char *file = text_format("%s/figures/%s.svg", out, picture);
		fprintf(f, "<figure id=\"fig-%s\">\n", picture);
		if (rc == 0)
			rc = html_svg(f, file, picture, error);
		fprintf(f, "<figcaption class=small>figures/%s.svg</figcaption></figure>\n",
			picture);
		free(file);
	}
	return rc;
}

/* What the runs that claims are judged by have in common: each value once. */
struct common {
	json_t *forms, *grounds, *revisions;
	size_t least, most; /* repetitions of a contestant */
};

/* Whether the run was made in the experiment's short form, or in another. */
static const char *form_of(const json_t *run)
{
	const json_t *line = json_pointer(run, "/provenance/command_line");
	if (textlist_has(line, "--duration") || textlist_has(line, "--warm-up"))
		return "other durations";
	return textlist_has(line, "--paper") ? "the paper's" : "short";
}

static void add_common(struct common *common, const struct results *r)
{
	size_t i;
	json_t *run;
	json_array_foreach (r->all, i, run) {
		const json_t *git = json_pointer(run, "/provenance/git");
		const char *revision = text(git, "revision");
		textlist_add(common->forms, text_format("%s", form_of(run)));
		textlist_add(common->grounds, text_format("%s", text(run, "ground")));
		textlist_add(common->revisions,
			text_format("%.12s%s", revision[0] ? revision : "unknown",
				json_is_true(json_object_get(git, "dirty")) ? " (dirty)" : ""));
	}
	for (i = 0; i < r->count; i++) {
		size_t count = r->contestants[i].count + r->contestants[i].marked_count;
		common->least = !common->least || count < common->least ? count : common->least;
		common->most = count > common->most ? count : common->most;
	}
}

static void write_values(FILE *f, const char *name, const json_t *values)
{
	size_t i;
	json_t *value;
	fprintf(f, "%s: %s", name, json_array_size(values) > 1 ? "several (" : "");
	json_array_foreach (values, i, value) {
		fputs(i ? ", " : "", f);
		html_text(f, json_string_value(value));
	}
	fputs(json_array_size(values) > 1 ? "); " : "; ", f);
}

static void write_common(FILE *f, const struct common *common)
{
	fputs("<p>", f);
	if (common->most) {
		write_values(f, "Form", common->forms);
		if (common->least == common->most)
			fprintf(f, "repetitions: %zu; ", common->most);
		else
			fprintf(f, "repetitions: %zu to %zu; ", common->least, common->most);
		write_values(f, "ground", common->grounds);
		write_values(f, "git revision", common->revisions);
		fputs("of the experiments that claims are judged by.", f);
	} else {
		fputs("No run that a claim is judged by is there.", f);
	}
	fputs("</p>\n", f);
}

/* Whether a claim is judged by runs of this experiment. */
static bool is_judged_by(const json_t *judged, const char *experiment)
{
	size_t i, k, length = strlen(experiment);
	json_t *claim, *run;
	json_array_foreach (json_object_get(judged, "claims"), i, claim) {
		json_array_foreach (json_object_get(claim, "runs"), k, run) {
			const char *name = json_string_value(run);
			if (strncmp(name, experiment, length) == 0 && name[length] == '/')
				return true;
		}
	}
	return false;
}

/* The claims have been judged by now, so results that cannot be used are of no claim. */
static void write_experiment(FILE *f, const char *out, const char *name, const json_t *judged,
	const json_t *paper, struct common *common)
{
	char *error = NULL;
	struct results *r = results_load(out, name, paper, &error);
	fprintf(f, "<h3 id=\"exp-%s\">%s", name, name);
	if (!r) {
		fputs("</h3>\n<p>", f);
		html_text(f, error);
		fputs("</p>\n", f);
		free(error);
		return;
	}
	fputs(": ", f);
	html_text(f, r->title);
	fprintf(f, "</h3>\n");
	report_experiment(f, r);
	if (is_judged_by(judged, name))
		add_common(common, r);
	results_free(r);
}

/* All experiments as they are on the page. Allocated. */
static char *experiments_text(const char *out, const json_t *judged, const json_t *experiments,
	const json_t *paper, struct common *common)
{
	char *page = NULL;
	size_t length, i;
	json_t *name;
	FILE *f = open_memstream(&page, &length);
	if (!f)
		abort();
	json_array_foreach ((json_t *)experiments, i, name) {
		write_experiment(f, out, json_string_value(name), judged, paper, common);
	}
	fclose(f);
	if (!page)
		abort();
	return page;
}

static int write_page(FILE *f, const char *out, const json_t *judged, const json_t *experiments,
	const json_t *paper, char **error)
{
	char *directory = text_format("%s/figures", out);
	json_t *pictures = pictures_in(directory);
	struct common common = {
		.forms = json_array(), .grounds = json_array(), .revisions = json_array()};
	char *results = experiments_text(out, judged, experiments, paper, &common);
	fprintf(f,
		"<!DOCTYPE html>\n<html lang=en><meta charset=utf-8>\n"
		"<title>MPIP: the paper's claims, measured</title>\n<style>%s</style>\n"
		"<h1>MPIP: the paper's claims, measured</h1>\n"
		"<p>After Tian and Liu, <i>Multipath IP Transmission</i>.</p>\n",
		style);
	write_common(f, &common);
	write_claims(f, judged, pictures);
	int rc = write_figures(f, out, pictures, error);
	fputs("<h2>Experiments: results, calibration, provenance</h2>\n", f);
	fprintf(f, "%s</html>\n", results);
	free(results);
	json_decref(common.forms);
	json_decref(common.grounds);
	json_decref(common.revisions);
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
		rc = error_set(error, "%s: %s", file, strerror(errno));
	if (rc != 0)
		unlink(aside);
	return rc;
}

static int write_all(const char *out, const json_t *judged, const json_t *experiments,
	const json_t *paper, char **error)
{
	char *page = text_format("%s/report.html", out),
	     *page_aside = text_format("%s/.report.html", out);
	char *claims = text_format("%s/claims.json", out),
	     *claims_aside = text_format("%s/.claims.json", out);
	FILE *f = fopen(page_aside, "we");
	int rc = f ? write_page(f, out, judged, experiments, paper, error)
		   : error_set(error, "%s: %s", page_aside, strerror(errno));
	const char *why = f ? output_close(f) : NULL;
	if (rc == 0 && why)
		rc = error_set(error, "%s: cannot be written: %s", page, why);
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
		return error_set(
			error, "%s: no results to report; make experiment makes some", out);
	}
	json_t *judged = claims_judge(claims_file, out, error);
	int rc = judged ? write_all(out, judged, experiments, paper, error) : -1;
	json_decref(judged);
	json_decref(experiments);
	return rc;
}
