// SPDX-License-Identifier: BSD-2-Clause
/*
 * The runner: experiment [options] FILE.json
 *
 * Theory of operation
 * -------------------
 * An experiment is a table, repetitions by contestants, run in turn A B C D, A B C D, so that what
 * changes slowly on the machine touches all contestants alike. Each cell is a directory under
 * OUT/EXPERIMENT. A cell whose result.json was made by the same definition is not run again,
 * whatever build made it: a result is data, and a commit does not make it untrue. A result of
 * another definition is replaced. Where mpipd has changed since, the runner says so, and --fresh
 * runs everything again.
 */

#include "experiments/runner/calibration.h"
#include "experiments/runner/checks.h"
#include "experiments/runner/estimate.h"
#include "experiments/runner/guests.h"
#include "experiments/runner/options.h"
#include "experiments/runner/place.h"
#include "experiments/runner/progress.h"
#include "experiments/runner/provenance.h"
#include "experiments/runner/reproduce.h"
#include "experiments/runner/run.h"
#include "lab/build/lab.h"
#include "mpip/base/files.h"
#include "mpip/base/output.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LAB_PREFIX "experiment-"

/* The exit status of a call that could not be carried out, apart from 1, after which there are runs
 * to show. */
#define NOTHING_RUN 2

/* What is to be done with one cell of the table. */
enum cell { CELL_TO_RUN, CELL_THERE, CELL_OTHER_DEFINITION };

struct session {
	const struct options *options;
	struct definition *definition;
	struct ground_choice ground;
	struct place place;
	char *programs;
	char lab[LAB_NAME_MAX + 1];
	json_t *provenance;
	int there, other_definition, other_mpipd, failed;
	struct progress progress;
};

static bool is_chosen(const struct session *s, const struct contestant *c)
{
	return options_choose(s->options, c);
}

/* Whether a scenario is already that of an earlier chosen contestant. */
static bool scenario_seen(const struct session *s, size_t contestant)
{
	const struct definition *d = s->definition;
	struct definition own = definition_for(d, &d->contestants[contestant]);
	for (size_t i = 0; i < contestant; i++) {
		struct definition other = definition_for(d, &d->contestants[i]);
		if (is_chosen(s, &d->contestants[i]) &&
			!strcmp(own.scenario_digest, other.scenario_digest))
			return true;
	}
	return false;
}

static bool is_chosen_rep(const struct session *s, int rep)
{
	return !s->options->rep || s->options->rep == rep;
}

static int check_only(const struct session *s, char **error)
{
	const struct definition *d = s->definition;
	for (size_t i = 0; i < d->contestant_count; i++)
		if (is_chosen(s, &d->contestants[i]))
			return 0;
	error_set(error, "--only: %s has no contestant \"%s\", it has", d->file, s->options->only);
	for (size_t i = 0; i < d->contestant_count; i++) {
		char *before = *error;
		*error = text_format("%s%s %s", before, i > 0 ? "," : "", d->contestants[i].name);
		free(before);
	}
	return -1;
}

static int check_programs(const struct session *s, char **error)
{
	bool wanted = false;
	for (size_t i = 0; i < s->definition->contestant_count; i++) {
		const struct contestant *c = &s->definition->contestants[i];
		wanted = wanted || (c->mpipd && is_chosen(s, c));
	}
	static const char *const names[] = {"mpip/mpipd", "mpip/mpipctl"};
	for (size_t i = 0; wanted && i < 2; i++) {
		char *file = text_format("%s/%s", s->programs, names[i]);
		if (access(file, X_OK) != 0)
			error_set(error, "%s: %s; run make first", file, strerror(errno));
		free(file);
	}
	return *error ? -1 : 0;
}

static int load(struct session *s, char **error)
{
	s->programs = find_programs(error);
	s->definition =
		s->programs ? checks_load(s->options, s->programs, &s->ground, error) : NULL;
	if (!s->definition || options_apply(s->options, s->definition, error) ||
		check_only(s, error))
		return -1;
	return check_programs(s, error);
}

static const char *inner_text(const json_t *value, const char *a, const char *b)
{
	const char *t = json_string_value(json_object_get(json_object_get(value, a), b));
	return t ? t : "";
}

/* Looks whether a cell's result is there; counts what is worth telling. */
static enum cell look(struct session *s, const struct contestant *c, int rep)
{
	char *name = definition_run_name(s->definition, c, rep);
	char *file = text_format("%s/%s/result.json", s->place.directory, name);
	json_t *result = json_load_file(file, 0, NULL);
	free(file);
	free(name);
	if (!result)
		return CELL_TO_RUN;

	char digest[SHA256_TEXT];
	definition_digest(s->definition, c, rep, digest);
	const json_t *made_by = json_object_get(result, "provenance");
	bool same = !strcmp(inner_text(made_by, "digests", "definition"), digest);
	if (same && c->mpipd &&
		strcmp(inner_text(made_by, "programs_sha256", "mpipd"),
			inner_text(s->provenance, "programs_sha256", "mpipd")) != 0)
		s->other_mpipd++;
	json_decref(result);
	if (!same)
		s->other_definition++;
	else
		s->there++;
	return same ? CELL_THERE : CELL_OTHER_DEFINITION;
}

static void on_progress(void *argument, double seconds, double of)
{
	progress_tick(argument, seconds, of);
}

/* In a guest: for who reads the report line outside. */
static void on_cell_progress(void *argument, double seconds, double of)
{
	(void)argument;
	printf("progress %.0f %.0f\n", seconds, of);
	fflush(stdout);
}

/* Runs one cell. 0 also when the run failed, which is told and counted; 1 when asked to stop. */
static int run_cell(struct session *s, const struct contestant *c, int rep)
{
	struct definition own = definition_for(s->definition, c);
	char *error = NULL, *note;
	struct scenario *scenario = definition_scenario(&own, rep, &error);
	struct run_plan plan = {
		.definition = &own,
		.scenario = scenario,
		.contestant = c,
		.rep = rep,
		.lab = s->lab,
		.directory = s->place.directory,
		.programs = s->programs,
		.ground_why = s->ground.why,
		.provenance = s->provenance,
		.progress = s->options->cell ? on_cell_progress : on_progress,
		.progress_argument = &s->progress,
	};
	double goodput = 0;
	char *name = definition_run_name(s->definition, c, rep);
	progress_run(&s->progress, name);
	int rc = scenario ? run_one(&plan, &goodput, &error) : -1;
	if (scenario)
		scenario_free(scenario);
	if (rc < 0) {
		s->failed++;
		note = text_format("failed: %s", error);
	} else {
		note = text_format("%.1f Mbit/s", goodput);
	}
	if (rc <= 0)
		progress_run_over(&s->progress, note, rc < 0);
	free(note);
	free(name);
	free(error);
	return rc > 0;
}

/* The cells that are to be run, in turn. Free with free(). */
static struct guest_cell *cells_to_run(struct session *s, size_t *count)
{
	const struct definition *d = s->definition;
	struct guest_cell *cells = calloc((size_t)d->repeats * d->contestant_count, sizeof(*cells));
	if (!cells)
		abort();
	*count = 0;
	for (int rep = 1; rep <= d->repeats; rep++) {
		for (size_t i = 0; i < d->contestant_count; i++) {
			const struct contestant *c = &d->contestants[i];
			if (!is_chosen(s, c) || !is_chosen_rep(s, rep))
				continue;
			if (s->options->fresh || look(s, c, rep) != CELL_THERE)
				cells[(*count)++] = (struct guest_cell){c, rep};
		}
	}
	return cells;
}

static void tell_plan(const struct session *s, int to_run)
{
	const char *name = s->definition->name;
	if (s->there)
		fprintf(stderr, "%s: %d run%s there already%s\n", name, s->there,
			s->there == 1 ? " is" : "s are",
			to_run ? "" : ", nothing to do; FRESH=1 (--fresh) runs them again");
	if (s->other_mpipd)
		fprintf(stderr,
			"%s: %d of them from another build of mpipd: kept; FRESH=1 (--fresh) "
			"runs them again\n",
			name, s->other_mpipd);
	if (s->other_definition)
		fprintf(stderr, "%s: %d made by another definition: run again and replaced\n", name,
			s->other_definition);
}

/* Leaves in runs.json which runs this call is about, made now or before, for the analysis. */
static int write_runs(const struct session *s, char **error)
{
	const struct definition *d = s->definition;
	json_t *names = json_array();
	for (size_t i = 0; i < d->contestant_count; i++) {
		for (int rep = 1; rep <= d->repeats; rep++) {
			char *name = definition_run_name(d, &d->contestants[i], rep);
			json_array_append_new(names, json_string(name));
			free(name);
		}
	}
	json_t *runs = json_pack("{s:s, s:o, s:s}", "experiment", d->name, "runs", names, "ground",
		ground_names[s->ground.ground]);
	char *file = text_format("%s/" RUNS_FILE, s->place.directory);
	int rc = file_write_json(file, runs, error);
	if (rc == 0)
		rc = give_to_caller(file, error);
	free(file);
	json_decref(runs);
	return rc;
}

/* The contestants, as cells of repetition 0, whose scenarios are yet to be calibrated. Free with
 * free(). */
static struct guest_cell *cells_to_calibrate(const struct session *s, size_t *count)
{
	const struct definition *d = s->definition;
	struct guest_cell *cells = calloc(d->contestant_count, sizeof(*cells));
	if (!cells)
		abort();
	*count = 0;
	for (size_t i = 0; i < d->contestant_count; i++) {
		const struct contestant *c = &d->contestants[i];
		struct definition own = definition_for(d, c);
		if (is_chosen(s, c) && !scenario_seen(s, i) &&
			!calibration_is_there(s->place.directory, d, &own))
			cells[(*count)++] = (struct guest_cell){c, 0};
	}
	return cells;
}

/* One after the other, in this machine's namespaces. */
static int run_here(struct session *s, const struct guest_cell *cells, size_t count, char **error)
{
	size_t n = 0;
	struct guest_cell *scenarios = cells_to_calibrate(s, &n);
	int rc = 0;
	for (size_t i = 0; rc == 0 && count > 0 && !s->options->cell && i < n; i++) {
		struct definition own = definition_for(s->definition, scenarios[i].contestant);
		rc = calibration_make(s->place.directory, s->definition, &own, s->lab, error);
	}
	free(scenarios);
	if (rc != 0)
		return rc;
	for (size_t i = 0; i < count; i++)
		if (run_cell(s, cells[i].contestant, cells[i].rep) != 0)
			return 1;
	return 0;
}

/* How many runs at a time. */
static int jobs_of(const struct session *s)
{
	if (s->ground.ground == GROUND_HOST || s->options->cell)
		return 1;
	return (int)(s->options->jobs ? s->options->jobs : sysconf(_SC_NPROCESSORS_ONLN));
}

/* Several at a time, in guests; first among them, if need be, the calibration. */
static int run_in_guests(
	struct session *s, const struct guest_cell *cells, size_t count, char **error)
{
	if (count == 0)
		return 0;
	char *image = guest_image(s->programs, s->definition->gips, error);
	if (!image)
		return proc_stop_signal() ? 1 : -1;
	size_t first;
	struct guest_cell *scenarios = cells_to_calibrate(s, &first);
	struct guest_cell *all = calloc(first + count, sizeof(*all));
	if (!all)
		abort();
	memcpy(all, scenarios, first * sizeof(*all));
	memcpy(all + first, cells, count * sizeof(*all));
	s->progress.runs += (int)first;
	struct guests_plan plan = {
		.definition = s->definition,
		.setting = {.image = image,
			.directory = s->place.directory,
			.programs = s->programs,
			.ground_why = s->ground.why,
			.provenance = s->provenance},
		.jobs = jobs_of(s),
		.progress = &s->progress,
	};
	int rc = guests_run(&plan, all, first + count, &s->failed, error);
	free(scenarios);
	free(all);
	free(image);
	return rc;
}

/* About how long these cells take, and the calibrations that they want. */
static double estimate_s(const struct session *s, const struct guest_cell *cells, size_t count)
{
	size_t first;
	struct guest_cell *scenarios = cells_to_calibrate(s, &first);
	double sum = estimate_cells_s(s->definition, cells, count) +
		     (count ? estimate_cells_s(s->definition, scenarios, first) : 0);
	free(scenarios);
	return sum / jobs_of(s);
}

static int run_all(struct session *s, char **error)
{
	size_t to_run;
	struct guest_cell *cells = cells_to_run(s, &to_run);
	tell_plan(s, (int)to_run);
	if (to_run > 0 && !s->options->cell)
		fprintf(stderr, "%s: ground %s (%s)\n", s->definition->name,
			ground_names[s->ground.ground], s->ground.why);
	int rc = write_runs(s, error);
	s->progress = (struct progress){
		.experiment = s->definition->name,
		.runs = (int)to_run,
		.run_seconds = to_run ? estimate_s(s, cells, to_run) / (double)to_run : 0,
	};
	progress_begin(&s->progress);
	bool here = s->ground.ground == GROUND_HOST || s->options->cell;
	if (rc == 0)
		rc = (here ? run_here : run_in_guests)(s, cells, to_run, error);
	free(cells);
	if (rc < 0)
		return rc;
	if (proc_stop_signal()) {
		progress_clear(&s->progress);
		fprintf(stderr, "%s: stopped; %d of %d runs done, the others are run next time\n",
			s->definition->name, s->progress.done, s->progress.runs);
		return 128 + proc_stop_signal();
	}
	if (s->failed)
		error_set(error, "%s: %d of %d runs failed; their logs are in %s/failed",
			s->definition->name, s->failed, s->progress.runs, s->place.directory);
	return s->failed ? 1 : 0;
}

static void close_session(struct session *s)
{
	place_close(&s->place);
	json_decref(s->provenance);
	free(s->programs);
	free(s->ground.why);
	definition_free(s->definition);
}

/* The same call again, as root. Returns only on failure. */
static int become_root(char **argv, char **error)
{
	size_t count = 0;
	while (argv[count])
		count++;
	char **call = calloc(count + 2, sizeof(*call));
	if (!call)
		abort();
	call[0] = "sudo";
	memcpy(call + 1, argv, count * sizeof(*call));
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execvp("sudo", call);
	free(call);
	return error_set(error,
		"the host ground needs root, for network namespaces, and sudo: %s; "
		"GROUND=vm (--ground vm) needs neither",
		strerror(errno));
}

/* Only says what there is to do: "NAME RUNS SECONDS". */
static int print_plan(struct session *s)
{
	size_t count;
	s->place.directory = text_format("%s/%s", s->options->out, s->definition->name);
	struct guest_cell *cells = cells_to_run(s, &count);
	printf("%s %zu %.0f\n", s->definition->name, count, estimate_s(s, cells, count));
	free(cells);
	close_session(s);
	return 0;
}

static int run_experiment(struct session *s, char **argv, char **error)
{
	snprintf(s->lab, sizeof(s->lab), LAB_PREFIX "%d", (int)getpid());
	int rc = load(s, error);
	if (rc == 0 && s->options->plan)
		return print_plan(s);
	if (rc == 0 && s->ground.by_sudo)
		rc = become_root(argv, error);
	if (rc == 0)
		rc = place_open(&s->place, s->options->out, s->definition->name, error);
	if (rc == 0) {
		s->provenance = provenance(s->programs, argv);
		rc = run_all(s, error);
	}
	close_session(s);
	return rc;
}

static int again(const struct options *o, char **argv, char **error)
{
	char *programs = find_programs(error);
	int rc = programs ? reproduce(o->reproduce, o->file, programs, argv, error) : -1;
	free(programs);
	return rc;
}

/* As the options say. The exit status, or -1 and *error. */
static int carry_out(const struct options *o, char **argv, char **error)
{
	struct session s = {.options = o, .place = {.lock = -1}};
	if (o->check)
		return checks_files(o, error);
	if (o->list)
		return checks_list(o);
	if (o->reproduce) {
		int rc = again(o, argv, error);
		return rc < 0 ? 1 : rc;
	}
	return run_experiment(&s, argv, error);
}

int main(int argc, char **argv)
{
	struct options options;
	char *error = NULL;
	int rc = options_read(argc, argv, &options, &error);
	if (rc > 0)
		return output_end(0);
	if (rc == 0)
		rc = proc_begin(&error);
	if (rc == 0)
		rc = carry_out(&options, argv, &error);
	if (error)
		fprintf(stderr, "%s\n", error);
	free(error);
	return output_end(rc < 0 ? NOTHING_RUN : rc);
}
