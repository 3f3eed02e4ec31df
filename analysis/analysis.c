// SPDX-License-Identifier: BSD-2-Clause
/*
 * The analysis: analysis COMMAND ..., as help.c has it.
 *
 * Theory of operation
 * -------------------
 * A command takes some of the options; one that it does not take is an error, not ignored. paths
 * fails when a NIC or a path was left out, call when its measures are not those of the result,
 * converge when a faster guest changes a mean. replay takes a run's result.json, with both hosts'
 * path logs beside it and the run's settings, or a path log in CSV, with the paper's.
 *
 * The paper's values and the rules of its claims are data that is built in; --paper and --claims
 * name other files.
 */

#include "analysis/callcmd.h"
#include "analysis/clock/skewcmd.h"
#include "analysis/figure/gallery.h"
#include "analysis/figure/plot.h"
#include "analysis/help.h"
#include "analysis/measure/converge.h"
#include "analysis/measure/paths.h"
#include "analysis/measure/replay.h"
#include "analysis/measure/results.h"
#include "analysis/measure/textlist.h"
#include "analysis/report/data.h"
#include "analysis/report/report.h"
#include "analysis/report/table.h"
#include "analysis/sweepcmd.h"
#include "experiments/record/pathlog.h"
#include "mpip/base/files.h"
#include "mpip/base/jsonfile.h"
#include "mpip/base/output.h"
#include "mpip/base/version.h"

#include <getopt.h>
#include <libgen.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct options {
	const char *out, *paper, *claims, *unit, *corrected, *format, *size, *measure;
	struct map_view view;
	bool json, csv;
	char **names;
	int count;
};

/* A command was not given as it has to be. */
static int misused(const char *command, const char *expected, char **error)
{
	return error_set(error, "analysis %s: expected %s; see analysis %s --help", command,
		expected, command);
}

static json_t *load_paper(const struct options *o, char **error)
{
	json_error_t e;
	struct data own = data_paper();
	if (o->paper)
		return json_read(o->paper, 0, error);
	json_t *paper = json_loadb(own.text, own.length, 0, &e);
	if (!paper)
		error_set(error, "%s: line %d: expected JSON: %s", own.name, e.line, e.text);
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
		return misused("table", "one experiment", error);
	if (o->csv && o->json)
		return misused("table", "--csv or --json", error);
	struct results *r = load(o, o->names[0], error);
	if (!r)
		return -1;
	if (o->csv)
		table_print_csv(r, stdout);
	else if (o->json)
		table_print_json(r, stdout);
	else
		table_print(r, stdout);
	results_free(r);
	return 0;
}

/* The results at one of the two speeds, below converge/; NULL and *error. The caller's own. */
static struct results *load_speed(const struct options *o, const char *speed, char **error)
{
	char *out = text_format("%s/converge/%s", o->out, speed);
	char *runs = text_format("%s/%s/runs.json", out, o->names[0]);
	struct options at = *o;
	struct results *r = NULL;
	at.out = out;
	if (access(runs, F_OK) != 0)
		error_set(
			error, "%s: not there: make converge NAME=%s makes it", runs, o->names[0]);
	else
		r = load(&at, o->names[0], error);
	free(runs);
	free(out);
	return r;
}

/* 1 when it has not converged. */
static int converge(const struct options *o, char **error)
{
	if (o->count != 1)
		return misused("converge", "one experiment", error);
	struct results *once = load_speed(o, "once", error);
	struct results *twice = once ? load_speed(o, "twice", error) : NULL;
	int rc = -1;
	if (twice)
		rc = converge_print(once, twice, stdout) ? 0 : 1;
	results_free(once);
	results_free(twice);
	return rc;
}

static int plot_one(
	const struct options *o, const struct gallery *g, const char *experiment, char **error)
{
	struct results *r = load(o, experiment, error);
	int rc = r ? plot_figures(r, g, error) : -1;
	results_free(r);
	return rc;
}

/* What stands in the way of one of several. Frees it. */
static void say(char *trouble)
{
	if (trouble)
		fprintf(stderr, "%s\n", trouble);
	free(trouble);
}

/* 1 where one could not be drawn. */
static int map_all(const struct options *o, const struct gallery *g, const json_t *sweeps)
{
	json_t *name;
	size_t i;
	int rc = 0;
	json_array_foreach ((json_t *)sweeps, i, name) {
		char *trouble = NULL;
		if (map_command(o->out, json_string_value(name), o->measure, &o->view, g,
			    &trouble) != 0)
			rc = 1;
		say(trouble);
	}
	return rc;
}

/* Removes the pictures of experiments and sweeps that are gone. */
static int prune(
	const struct gallery *g, const json_t *experiments, const json_t *sweeps, char **error)
{
	json_t *there = json_array(), *name;
	size_t i;
	json_array_foreach ((json_t *)experiments, i, name)
		textlist_add(there, text_format("experiment %s", json_string_value(name)));
	json_array_foreach ((json_t *)sweeps, i, name)
		textlist_add(there, text_format("sweep %s", json_string_value(name)));
	int rc = gallery_prune(g, there, error);
	json_decref(there);
	return rc;
}

/* What is there of every experiment and sweep: one that cannot be used does not keep the others
 * from being drawn. What there is of experiments that are gone is removed. */
static int plot_all(const struct options *o, const struct gallery *g, char **error)
{
	json_t *all = results_experiments(o->out), *sweeps = sweep_names(o->out), *name;
	size_t i;
	int rc = prune(g, all, sweeps, error);
	if (rc == 0 && json_array_size(all) + json_array_size(sweeps) == 0)
		rc = error_set(error, "%s: no results to draw; make experiment makes some", o->out);
	json_array_foreach (all, i, name) {
		char *trouble = NULL;
		if (plot_one(o, g, json_string_value(name), &trouble) != 0)
			rc = 1;
		say(trouble);
	}
	if (rc >= 0 && map_all(o, g, sweeps) != 0)
		rc = 1;
	json_decref(sweeps);
	json_decref(all);
	return rc;
}

static int set_gallery(const struct options *o, struct gallery *g, char **error)
{
	int rc = gallery_set_formats(g, o->format, error);
	return rc == 0 && o->size ? gallery_set_size(g, o->size, error) : rc;
}

static int plot(const struct options *o, char **error)
{
	char *directory = text_format("%s/figures", o->out);
	struct gallery g = {.directory = directory};
	int rc = set_gallery(o, &g, error);
	if (rc == 0 && o->count == 0)
		rc = plot_all(o, &g, error);
	for (int i = 0; rc == 0 && i < o->count; i++)
		rc = plot_one(o, &g, o->names[i], error);
	free(directory);
	return rc;
}

static int cells(const struct options *o, char **error)
{
	if (o->count != 1)
		return misused("cells", "one sweep", error);
	if (o->csv && o->json)
		return misused("cells", "--csv or --json", error);
	return cells_command(o->out, o->names[0], o->measure, o->csv, o->json, error);
}

static int map(const struct options *o, char **error)
{
	char *directory = text_format("%s/figures", o->out);
	struct gallery g = {.directory = directory};
	json_t *sweeps = o->count == 0 ? sweep_names(o->out) : NULL;
	int rc = set_gallery(o, &g, error);
	if (rc == 0 && o->count == 0 && json_array_size(sweeps) == 0)
		rc = error_set(error, "%s/sweeps: no sweep to draw; make sweep makes some", o->out);
	else if (rc == 0 && o->count == 0)
		rc = map_all(o, &g, sweeps);
	for (int i = 0; rc == 0 && i < o->count; i++)
		rc = map_command(o->out, o->names[i], o->measure, &o->view, &g, error);
	json_decref(sweeps);
	free(directory);
	return rc;
}

/* 1 where B is worse; -1, which ends with 2, where they cannot be compared. */
static int compare_results(const struct options *o, char **error)
{
	if (o->count != 2)
		return misused("compare", "two directories of results", error);
	if (o->csv && o->json)
		return misused("compare", "--csv or --json", error);
	return compare_command(o->names[0], o->names[1], o->measure, o->csv, o->json, error);
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
		rc = error_set(error, "%s: %s", file, v.first);
	else if (v.weights == 0)
		rc = error_set(error, "%s: expected weights, it has none", file);
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
	int bad = o->count ? 0 : misused("paths", "a result", error);
	for (int i = 0; i < o->count; i++) {
		json_t *result = result_read(o->names[i], error);
		if (!result)
			return -1;
		bad |= paths_print(o->names[i], result, stdout);
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
		rc = error_set(error, "%s: expected a run with mpipd", file);
	else if (scheduler && !json_is_string(scheduler))
		rc = error_set(error, "%s: mpipd.scheduler: expected a name", file);
	else if (scheduler && strcmp(json_string_value(scheduler), "algorithm-1") != 0)
		rc = error_set(error, "%s: expected the scheduler algorithm-1, it is %s", file,
			json_string_value(scheduler));
	else if (json_object_size(hosts) == 0)
		rc = error_set(error, "%s: mpipd.hosts: expected hosts, there are none", file);
	char *own = text_format("%s", file);
	const char *directory = dirname(own);
	const char *host;
	json_t *tables;
	json_object_foreach (hosts, host, tables) {
		char *log = text_format("%s/paths-%s.csv", directory, host);
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
	int rc = o->count ? 0 : misused("replay", "a result or a path log", error);
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
		return misused("report", "no more than options", error);
	json_t *paper = load_paper(o, error);
	int rc = paper ? report_write(o->out, o->claims, paper, error) : -1;
	json_decref(paper);
	if (rc == 0)
		printf("%s/report.html\n%s/claims.json\n", o->out, o->out);
	return rc;
}

static int call(const struct options *o, char **error)
{
	int bad = o->count ? 0 : misused("call", "a result", error);
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
		return misused("skew", "one CSV of send times and one-way delays", error);
	return skew_command(o->names[0], o->unit, o->corrected, o->json, error);
}

/* The commands, and the options that each takes, as getopt_long() returns them. */
static const struct command {
	const char *name, *options;
	int failed; /* the exit status where it could not do what it should */
	int (*run)(const struct options *o, char **error);
} commands[] = {
	{"table", "opVj", 1, table},
	{"plot", "opfs", 1, plot},
	{"cells", "omVj", 1, cells},
	{"map", "omxyafs", 1, map},
	{"compare", "mVj", 2, compare_results},
	{"paths", "", 1, paths},
	{"replay", "", 1, replay_all},
	{"report", "opr", 1, report},
	{"converge", "op", 1, converge},
	{"call", "", 1, call},
	{"skew", "ucj", 1, skew},
};

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

static const struct option option_names[] = {
	{"out", required_argument, NULL, 'o'},
	{"paper", required_argument, NULL, 'p'},
	{"claims", required_argument, NULL, 'r'},
	{"unit", required_argument, NULL, 'u'},
	{"corrected", required_argument, NULL, 'c'},
	{"format", required_argument, NULL, 'f'},
	{"size", required_argument, NULL, 's'},
	{"measure", required_argument, NULL, 'm'},
	{"x", required_argument, NULL, 'x'},
	{"y", required_argument, NULL, 'y'},
	{"at", required_argument, NULL, 'a'},
	{"json", no_argument, NULL, 'j'},
	{"csv", no_argument, NULL, 'V'},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, 'v'},
	{0},
};

static void set_option(struct options *o, int option, const char *value)
{
	const char **texts[] = {['o'] = &o->out,
		['p'] = &o->paper,
		['r'] = &o->claims,
		['u'] = &o->unit,
		['c'] = &o->corrected,
		['f'] = &o->format,
		['s'] = &o->size,
		['m'] = &o->measure,
		['x'] = &o->view.x,
		['y'] = &o->view.y,
		['a'] = &o->view.at};
	if (option == 'j')
		o->json = true;
	else if (option == 'V')
		o->csv = true;
	else
		*texts[option] = value;
}

/* The first option that was given and that the command does not take, "--unit"; or NULL. */
static const char *not_taken(const struct command *command, const char *given)
{
	for (; *given; given++)
		for (const struct option *o = option_names; o->name; o++)
			if (o->val == *given && !strchr(command->options, *given))
				return o->name;
	return NULL;
}

static int run(const struct command *command, const struct options *o, const char *given)
{
	char *error = NULL;
	const char *other = not_taken(command, given);
	int rc = other ? error_set(&error,
				 "analysis %s: it does not take --%s; see analysis %s --help",
				 command->name, other, command->name)
		       : command->run(o, &error);
	if (error)
		fprintf(stderr, "%s\n", error);
	free(error);
	return output_end(rc < 0 ? command->failed : rc != 0);
}

int main(int argc, char **argv)
{
	struct options o = {.out = "out", .format = "svg,png"};
	char given[32] = "";
	bool help = false;
	for (int c; (c = getopt_long(argc, argv, "h", option_names, NULL)) != -1;) {
		if (c == '?') {
			fputs("see analysis --help\n", stderr);
			return 2;
		}
		if (c == 'v') {
			version_print("analysis");
			return output_end(0);
		}
		help = help || c == 'h';
		if (c == 'h')
			continue;
		set_option(&o, c, optarg);
		if (!strchr(given, c) && strlen(given) + 1 < sizeof(given))
			given[strlen(given)] = (char)c;
	}
	const char *name = optind < argc ? argv[optind++] : "";
	const struct command *command = find_command(name);
	o.names = argv + optind;
	o.count = argc - optind;
	if (help && command)
		help_command(name, stdout);
	else if (help)
		help_all(stdout);
	if (help)
		return output_end(0);
	if (command)
		return run(command, &o, given);
	if (*name)
		fprintf(stderr, "analysis %s: there is no such command\n", name);
	help_all(stderr);
	return 2;
}
