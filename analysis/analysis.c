// SPDX-License-Identifier: BSD-2-Clause
/*
 * The analysis: analysis COMMAND ..., as `usage` has it.
 *
 * paths fails when a NIC or a path was left out, call when its measures are not those of the
 * result, converge when a faster guest changes a mean. replay takes a run's result.json, with both
 * hosts' path logs beside it and the run's settings, or a path log in CSV, with the paper's.
 *
 * The paper's values are data, analysis/paper-values.json; --paper FILE names another place.
 */

#include "analysis/callcmd.h"
#include "analysis/converge.h"
#include "analysis/pathlog.h"
#include "analysis/paths.h"
#include "analysis/plot.h"
#include "analysis/replay.h"
#include "analysis/report.h"
#include "analysis/results.h"
#include "analysis/skewcmd.h"
#include "analysis/table.h"
#include "experiments/files.h"

#include <getopt.h>
#include <libgen.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct options {
	const char *out, *paper, *claims, *unit, *corrected;
	bool json;
	char **names;
	int count;
};

static const char usage[] =
	"usage: analysis table [--out DIR] EXPERIMENT\n"
	"       analysis plot [--out DIR] [EXPERIMENT...]\n"
	"       analysis converge [--out DIR] EXPERIMENT\n"
	"       analysis report [--out DIR]\n"
	"       analysis paths RESULT.json...\n"
	"       analysis replay RESULT.json|PATHLOG.csv...\n"
	"       analysis call RESULT.json...\n"
	"       analysis skew [--unit s|ms|us|ns[,s|ms|us|ns]] [--json] [--corrected OUT.csv] DELAYS.csv\n"
	"       --paper FILE  the paper's values (analysis/paper-values.json)\n"
	"       --claims FILE the rules of the report (analysis/claims.json)\n";

static json_t *load_paper(const struct options *o, char **error)
{
	json_error_t e;
	json_t *paper = json_load_file(o->paper, 0, &e);
	if (!paper)
		lab_fail(error, "%s: expected the paper's values: %s", o->paper, e.text);
	return paper;
}

static struct results *load(const struct options *o, const char *experiment, char **error)
{
	json_t *paper = load_paper(o, error);
	if (!paper)
		return NULL;
	struct results *r = results_load(o->out, experiment, paper, error);
	json_decref(paper);
	return r;
}

static int table(const struct options *o, char **error)
{
	if (o->count != 1)
		return lab_fail(error, "expected one experiment, see --help");
	struct results *r = load(o, o->names[0], error);
	if (!r)
		return -1;
	table_print(r, stdout);
	results_free(r);
	return 0;
}

/* 1 when it has not converged. */
static int converge(const struct options *o, char **error)
{
	if (o->count != 1)
		return lab_fail(error, "expected one experiment, see --help");
	static const char *const speeds[] = {"once", "twice"};
	struct results *r[2] = {0};
	for (size_t i = 0; i < 2; i++) {
		struct options at = *o;
		char *out = lab_text("%s/%s", o->out, speeds[i]);
		at.out = out;
		r[i] = load(&at, o->names[0], error);
		free(out);
	}
	int rc = -1;
	if (r[0] && r[1])
		rc = converge_print(r[0], r[1], stdout) ? 0 : 1;
	results_free(r[0]);
	results_free(r[1]);
	return rc;
}

static int plot_one(const struct options *o, const char *experiment, char **error)
{
	struct results *r = load(o, experiment, error);
	if (!r)
		return -1;
	char *figures = lab_text("%s/figures", o->out);
	int rc = plot_figures(r, figures, error);
	free(figures);
	results_free(r);
	return rc;
}

/* What is there of every experiment: one that cannot be used does not keep the others from being
 * drawn. */
static int plot_all(const struct options *o, char **error)
{
	json_t *all = results_experiments(o->out), *name;
	size_t i;
	int rc = 0;
	if (json_array_size(all) == 0)
		rc = lab_fail(error, "%s: no results to draw; make experiment makes some", o->out);
	json_array_foreach (all, i, name) {
		char *trouble = NULL;
		if (plot_one(o, json_string_value(name), &trouble) != 0) {
			fprintf(stderr, "%s\n", trouble);
			rc = 1;
		}
		free(trouble);
	}
	json_decref(all);
	return rc;
}

static int plot(const struct options *o, char **error)
{
	if (o->count == 0)
		return plot_all(o, error);
	int rc = 0;
	for (int i = 0; rc == 0 && i < o->count; i++)
		rc = plot_one(o, o->names[i], error);
	return rc;
}

static int replay_log(const char *file, struct replay_settings settings, char **error)
{
	struct path_log log;
	if (path_log_read(file, &log, error) != 0)
		return -1;
	struct replay_verdict v = replay(&log, settings);
	path_log_free(&log);
	printf("%s: %zu weights in %zu steps of %zu sessions: %zu differ from Algorithm 1\n", file,
		v.weights, v.steps, v.sessions, v.wrong);
	int rc = 0;
	if (v.wrong)
		rc = lab_fail(error, "%s: %s", file, v.first);
	else if (v.weights == 0)
		rc = lab_fail(error, "%s: expected weights, it has none", file);
	free(v.first);
	return rc;
}

static int64_t setting(const json_t *mpipd, const char *key, int64_t otherwise)
{
	const json_t *value = json_object_get(mpipd, key);
	return json_is_integer(value) ? json_integer_value(value) : otherwise;
}

static int paths(const struct options *o, char **error)
{
	int bad = o->count ? 0 : lab_fail(error, "expected a result, see --help");
	for (int i = 0; i < o->count; i++) {
		json_t *result = result_read(o->names[i], error);
		if (!result)
			return -1;
		bad |= paths_print(result, stdout);
		json_decref(result);
	}
	return bad;
}

/* The logs beside a result, of both hosts. */
static int replay_result(const char *file, char **error)
{
	json_t *result = result_read(file, error);
	if (!result)
		return -1;

	const json_t *mpipd = json_pointer(result, "/provenance/definition/contestant/mpipd");
	const json_t *scheduler = json_object_get(mpipd, "scheduler");
	json_t *hosts = json_pointer(result, "/mpipd/hosts");
	struct replay_settings set = replay_settings_default();
	set.step = setting(mpipd, "weight_step", set.step);
	set.min = setting(mpipd, "weight_min", set.min);
	set.max = setting(mpipd, "weight_max", set.max);
	set.total = setting(mpipd, "weight_total", set.total);

	int rc = 0;
	if (!json_is_object(mpipd))
		rc = lab_fail(error, "%s: expected a run with mpipd", file);
	else if (scheduler && !json_is_string(scheduler))
		rc = lab_fail(error, "%s: mpipd.scheduler: expected a name", file);
	else if (scheduler && strcmp(json_string_value(scheduler), "algorithm-1") != 0)
		rc = lab_fail(error, "%s: expected the scheduler algorithm-1, it is %s", file,
			json_string_value(scheduler));
	else if (json_object_size(hosts) == 0)
		rc = lab_fail(error, "%s: mpipd.hosts: expected hosts, there are none", file);
	char *own = lab_text("%s", file);
	const char *directory = dirname(own);
	const char *host;
	json_t *tables;
	json_object_foreach (hosts, host, tables) {
		char *log = lab_text("%s/paths-%s.csv", directory, host);
		if (rc == 0)
			rc = replay_log(log, set, error);
		free(log);
	}
	free(own);
	json_decref(result);
	return rc;
}

static int replay_all(const struct options *o, char **error)
{
	int rc = o->count ? 0 : lab_fail(error, "expected a result or a path log, see --help");
	for (int i = 0; rc == 0 && i < o->count; i++) {
		size_t length = strlen(o->names[i]);
		bool csv = length > 4 && strcmp(o->names[i] + length - 4, ".csv") == 0;
		rc = csv ? replay_log(o->names[i], replay_settings_default(), error)
			 : replay_result(o->names[i], error);
	}
	return rc;
}

static int report(const struct options *o, char **error)
{
	if (o->count != 0)
		return lab_fail(error, "expected no more than options, see --help");
	json_t *paper = load_paper(o, error);
	int rc = paper ? report_write(o->out, o->claims, paper, error) : -1;
	json_decref(paper);
	if (rc == 0)
		printf("%s/report.html\n%s/claims.json\n", o->out, o->out);
	return rc;
}

static int call(const struct options *o, char **error)
{
	int bad = o->count ? 0 : lab_fail(error, "expected a result, see --help");
	for (int i = 0; bad >= 0 && i < o->count; i++) {
		json_t *result = result_read(o->names[i], error);
		int rc = result ? call_command(o->names[i], result, stdout, error) : -1;
		bad = rc < 0 ? rc : bad | rc;
		json_decref(result);
	}
	return bad;
}

static int skew(const struct options *o, char **error)
{
	if (o->count != 1)
		return lab_fail(
			error, "expected one CSV of send times and one-way delays, see --help");
	return skew_command(o->names[0], o->unit, o->corrected, o->json, error);
}

int main(int argc, char **argv)
{
	static const struct option names[] = {
		{"out", required_argument, NULL, 'o'},
		{"paper", required_argument, NULL, 'p'},
		{"claims", required_argument, NULL, 'r'},
		{"unit", required_argument, NULL, 'u'},
		{"corrected", required_argument, NULL, 'c'},
		{"json", no_argument, NULL, 'j'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	static const struct {
		const char *name;
		int (*run)(const struct options *o, char **error);
	} commands[] = {{"table", table}, {"plot", plot}, {"paths", paths}, {"replay", replay_all},
		{"report", report}, {"converge", converge}, {"call", call}, {"skew", skew}};

	struct options o = {.out = "out",
		.paper = "analysis/paper-values.json",
		.claims = "analysis/claims.json"};
	for (int c; (c = getopt_long(argc, argv, "h", names, NULL)) != -1;) {
		if (c == 'o')
			o.out = optarg;
		else if (c == 'p')
			o.paper = optarg;
		else if (c == 'r')
			o.claims = optarg;
		else if (c == 'u')
			o.unit = optarg;
		else if (c == 'c')
			o.corrected = optarg;
		else if (c == 'j')
			o.json = true;
		else {
			fputs(usage, c == 'h' ? stdout : stderr);
			return c == 'h' ? 0 : 2;
		}
	}
	const char *command = optind < argc ? argv[optind++] : "";
	o.names = argv + optind;
	o.count = argc - optind;
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(commands[i].name, command) != 0)
			continue;
		char *error = NULL;
		int rc = commands[i].run(&o, &error);
		if ((fflush(stdout) != 0 || ferror(stdout)) && !error)
			rc = lab_fail(&error, "standard output cannot be written");
		if (error)
			fprintf(stderr, "%s\n", error);
		free(error);
		return rc != 0;
	}
	fputs(usage, stderr);
	return 2;
}
