// SPDX-License-Identifier: BSD-2-Clause
/*
 * The runner of sweeps: sweep [COMMAND] [options] FILE.json
 *
 * Theory of operation
 * -------------------
 * A sweep is an experiment with values in it changed: cells by seeds by contestants, each a run of
 * its own in a guest. A run is known by its definition's digest, so what is there is never run
 * again, whatever made it: this machine, a cluster, a sweep of other axes that has it, too. The
 * whole grid is looked at before anything runs. What there is to run is made one run at a time, and
 * what has been measured goes into a table line by line, so that neither grows with the sweep.
 */

#include "experiments/runner/checks.h"
#include "experiments/runner/estimate.h"
#include "experiments/runner/progress.h"
#include "experiments/runner/provenance.h"
#include "experiments/sweeper/cluster.h"
#include "experiments/sweeper/control.h"
#include "experiments/sweeper/local.h"
#include "experiments/sweeper/session.h"
#include "experiments/sweeper/task.h"
#include "mpip/base/error.h"
#include "mpip/base/output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The exit status of a call that could not be carried out. */
#define NOTHING_RUN 2

#define SAMPLES 50 /* runs by which the time of all is estimated */

/* What takes longer than a moment says how far it is. */
static struct {
	const char *name, *what;
	int64_t shown_us;
	bool terminal;
} looking;

static void look_at(const char *name, const char *what)
{
	looking.name = name;
	looking.what = what;
	looking.shown_us = now_us() + 1000000;
	looking.terminal = isatty(STDERR_FILENO);
}

static bool tell_looking(size_t done, size_t of)
{
	int64_t now = now_us();
	if (now >= looking.shown_us) {
		looking.shown_us = now + (looking.terminal ? 500000 : 15000000);
		fprintf(stderr,
			looking.terminal ? "\r\033[K%s: %s: %zu of %zu" : "%s: %s: %zu of %zu\n",
			looking.name, looking.what, done, of);
	}
	if (done == of && looking.terminal)
		fputs("\r\033[K", stderr);
	return proc_stop_signal() != 0;
}

static int check_only(const struct session *s, char **error)
{
	const char *only = s->options->only;
	char *names = text_format("%s", "");
	bool found = !only;
	for (size_t i = 0; i < s->plan.contestant_count; i++) {
		char *before = names;
		names = text_format("%s%s %s", before, i > 0 ? "," : "", s->plan.contestants[i]);
		free(before);
		found = found || !strcmp(only, s->plan.contestants[i]);
	}
	int rc = found ? 0
		       : error_set(error, "--only: %s has no contestant \"%s\", it has%s",
				 s->grid.experiment, only, names);
	free(names);
	return rc;
}

/* Reads the sweep and all that it names. */
static int load(struct session *s, const char *file, char **error)
{
	const struct sweep_options *o = s->options;
	s->programs = find_programs(error);
	s->sweep = s->programs ? sweep_load(file, error) : NULL;
	if (!s->sweep || (o->seeds && sweep_take_seeds(s->sweep, o->seeds, error) != 0))
		return -1;
	if (o->duration)
		s->sweep->duration_s = (int)o->duration;
	if (o->warm_up >= 0)
		s->sweep->warm_up_s = (int)o->warm_up;
	s->line.name = s->sweep->name;
	return grid_open(&s->grid, s->sweep, error);
}

static int check(struct session *s, char **error)
{
	look_at(s->sweep->name, "looking at cells");
	return grid_check(&s->grid, s->programs, tell_looking, error);
}

static int enumerate(struct session *s, char **error)
{
	look_at(s->sweep->name, "cells whose runs are known");
	int rc = plan_make(&s->plan, &s->grid, tell_looking, error);
	return rc == 0 ? check_only(s, error) : rc;
}

/* About how long a run takes, in seconds, by some of those that are missing. */
static double estimate_run_s(const struct session *s)
{
	const struct plan *p = &s->plan;
	double sum = 0;
	size_t samples = 0, step = p->row_count / SAMPLES + 1;
	/* Not a multiple of the number of contestants, so that it meets all of them. */
	while (p->contestant_count > 1 && step > 1 && step % p->contestant_count == 0)
		step++;
	for (size_t i = 0; i < p->row_count; i += step) {
		struct row row = plan_row(p, i);
		char *ignored = NULL;
		struct definition *d = grid_definition(p->grid, row.cell, row.seed, &ignored);
		if (d) {
			struct guest_cell cell = {&d->contestants[row.contestant], 1};
			sum += estimate_cells_s(d, &cell, 1);
			samples++;
		}
		definition_free(d);
		free(ignored);
	}
	return samples ? sum / (double)samples : 0;
}

static int jobs_of(const struct session *s)
{
	return (int)(s->options->jobs ? s->options->jobs : sysconf(_SC_NPROCESSORS_ONLN));
}

/* Marks as missing what is to be run again. */
static void forget(struct session *s)
{
	for (size_t i = 0; s->options->fresh && i < s->plan.run_count; i++)
		s->plan.runs[i].state = RUN_MISSING;
}

static int open_rows(struct session *s, bool again, char **error)
{
	look_at(s->sweep->name, "reading results");
	return rows_open(&s->rows, &s->plan, s->place.directory, again, tell_looking, error);
}

static int make_ready(struct session *s, char **argv, char **error)
{
	const struct definition *d = grid_definition(&s->grid, 0, 0, error);
	s->image = d ? guest_image(s->programs, d->gips, error) : NULL;
	definition_free((struct definition *)d);
	if (!s->image)
		return proc_stop_signal() ? 1 : -1;
	s->provenance = provenance(s->programs, argv);
	s->setting = (struct guest_setting){.image = s->image,
		.directory = s->place.directory,
		.programs = s->programs,
		.ground_why = "a sweep's",
		.provenance = s->provenance};
	return 0;
}

static void tell_plan(const struct session *s, size_t there, size_t missing)
{
	if (there > 0)
		fprintf(stderr, "%s: %zu run%s there already%s\n", s->sweep->name, there,
			there == 1 ? " is" : "s are",
			missing ? "" : ", nothing to do; FRESH=1 (--fresh) runs them again");
}

/* How to go on after a stop. */
static void tell_stop(const struct session *s, const struct cluster *c)
{
	const struct line *l = &s->line;
	if (s->options->slurm && cluster_open(c) > 0)
		fprintf(stderr,
			"%s: stopped; %zu runs done; Slurm goes on with %zu, which the same call "
			"takes "
			"up again, and make sweep-cancel (sweep cancel) ends\n",
			l->name, l->done, cluster_open(c));
	else
		fprintf(stderr,
			"%s: stopped; %zu runs done, %zu are left: the same call goes on with "
			"them\n",
			l->name, l->done, l->all - l->done - l->failed);
}

/* Here, or on the cluster. */
static int run_them(struct session *s, struct cluster *c, char **error)
{
	s->line.run_s = estimate_run_s(s);
	s->line.at_a_time = jobs_of(s);
	line_begin(&s->line);
	int rc = s->options->slurm ? cluster_run(s, c, error)
				   : local_run(s, s->line.at_a_time, error);
	line_clear(&s->line);
	if (rc > 0)
		tell_stop(s, c);
	else if (rc == 0 && s->line.failed)
		error_set(error, "%s: %zu of %zu runs failed; their logs are in %s/failed",
			s->line.name, s->line.failed, s->line.all, s->place.directory);
	else if (rc == 0)
		fprintf(stderr, "%s: %zu runs done, in %s\n", s->line.name, s->line.done,
			s->place.directory);
	return rc == 0 && s->line.failed ? 1 : rc > 0 ? 128 + proc_stop_signal() : rc;
}

/* Whether what an earlier call has left with Slurm is in the way. */
static int check_cluster(const struct session *s, size_t tasks, char **error)
{
	if (tasks == 0 || s->options->slurm)
		return 0;
	return error_set(error,
		"%s: expected --slurm (ON=slurm): Slurm has %zu of its runs; sweep cancel (make "
		"sweep-cancel) ends them",
		s->sweep->name, tasks);
}

/* The exit status; or -1 and *error. */
static int run_missing(struct session *s, char **argv, char **error)
{
	struct cluster *c = NULL;
	size_t there = plan_count(&s->plan, RUN_THERE), tasks = 0;
	forget(s);
	int rc = cluster_look(s, &c, &tasks, error);
	if (rc == 0)
		rc = check_cluster(s, tasks, error);
	size_t missing = session_missing(s), under_way = plan_count(&s->plan, RUN_UNDER_WAY);
	if (rc == 0)
		tell_plan(s, s->options->fresh ? 0 : there, missing + under_way);
	if (rc == 0 && missing + under_way > 0)
		rc = make_ready(s, argv, error);
	s->line.all = s->line.queued = missing + under_way;
	if (rc == 0 && missing + under_way > 0)
		rc = run_them(s, c, error);
	cluster_forget(c);
	if (s->options->fresh && rc >= 0) {
		rows_close(&s->rows); /* the old rows go */
		char *ignored = NULL;
		open_rows(s, true, &ignored);
		free(ignored);
	}
	return rc;
}

static void close_session(struct session *s)
{
	rows_close(&s->rows);
	plan_free(&s->plan);
	grid_close(&s->grid);
	control_close(s);
	sweep_free(s->sweep);
	json_decref(s->provenance);
	free(s->image);
	free(s->programs);
}

/* Ends what is under way. */
static int cancel(struct session *s, char **error)
{
	struct cluster *c = NULL;
	size_t tasks = 0;
	int rc = control_take_over(s, error);
	if (rc == 0)
		rc = cluster_look(s, &c, &tasks, error);
	if (rc == 0)
		rc = cluster_cancel(c, error);
	if (rc == 0)
		fprintf(stderr, "%s: cancelled: %zu tasks of Slurm; what is done stays\n",
			s->sweep->name, tasks);
	cluster_forget(c);
	return rc;
}

/* Runs what is missing, or only makes the table again. */
static int work(struct session *s, char **argv, char **error)
{
	bool collect = s->options->command == COMMAND_COLLECT;
	int rc = control_open(s, error);
	if (rc == 0)
		rc = open_rows(s, collect, error);
	if (rc == 0 && collect)
		fprintf(stderr, "%s: %zu of %zu runs are there\n", s->sweep->name,
			plan_count(&s->plan, RUN_THERE), s->plan.run_count);
	else if (rc == 0)
		rc = run_missing(s, argv, error);
	return rc;
}

/* Only says what there is to do: "NAME RUNS SECONDS". */
static int print_plan(struct session *s, char **error)
{
	char *directory = text_format("%s/sweeps/%s", s->options->out, s->sweep->name);
	int rc = rows_look(&s->plan, directory, error);
	free(directory);
	if (rc != 0)
		return rc;
	forget(s);
	size_t missing = session_missing(s);
	printf("%s %zu %.0f\n", s->sweep->name, missing,
		missing ? (double)missing * estimate_run_s(s) / jobs_of(s) : 0);
	return 0;
}

/* The exit status; or -1 and *error. */
static int carry_out_one(struct session *s, char **argv, char **error)
{
	enum command command = s->options->command;
	/* What is there and under way can be told, and ended, whatever is wrong with the cells. */
	int rc = command == COMMAND_STATUS || command == COMMAND_CANCEL ? 0 : check(s, error);
	if (rc == 0)
		rc = enumerate(s, error);
	if (rc == 0)
		rc = command == COMMAND_PLAN     ? print_plan(s, error)
		     : command == COMMAND_STATUS ? control_status(s, error)
		     : command == COMMAND_CANCEL ? cancel(s, error)
						 : work(s, argv, error);
	return rc == 1 && proc_stop_signal() ? 128 + proc_stop_signal() : rc;
}

/* Of each of the files. 0, or 1 when one is not good, which is told. */
static int each_file(const struct sweep_options *o)
{
	int bad = 0;
	for (char **file = o->files; *file; file++) {
		struct session s = {.options = o, .place = {.lock = -1}};
		char *error = NULL;
		int rc = load(&s, *file, &error);
		if (rc == 0 && o->command == COMMAND_CHECK)
			rc = check(&s, &error);
		if (rc == 0 && o->command == COMMAND_CHECK)
			printf("%s: good: %zu cells\n", *file, sweep_cells(s.sweep));
		else if (rc == 0)
			printf("%-16s %s\n", s.sweep->name, s.sweep->title);
		else if (error)
			fprintf(stderr, "%s\n", error);
		bad = bad || rc != 0;
		free(error);
		close_session(&s);
	}
	return bad;
}

/* As the options say. The exit status, or -1 and *error. */
static int carry_out(const struct sweep_options *o, char **argv, char **error)
{
	if (o->command == COMMAND_CHECK || o->command == COMMAND_LIST)
		return each_file(o);
	if (o->command == COMMAND_TASK)
		return task_run(o->files[0], argv, error);
	struct session s = {.options = o, .place = {.lock = -1}};
	int rc = load(&s, o->files[0], error);
	if (rc == 0)
		rc = carry_out_one(&s, argv, error);
	close_session(&s);
	return rc;
}

int main(int argc, char **argv)
{
	struct sweep_options options;
	char *error = NULL;
	int rc = sweep_options_read(argc, argv, &options, &error);
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
