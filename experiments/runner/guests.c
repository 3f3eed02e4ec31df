// SPDX-License-Identifier: BSD-2-Clause
/*
 * Cells in guests.
 *
 * Theory of operation
 * -------------------
 * A cell is one guest of lab/vm/guest.sh: its job directory
 * holds the experiment, its scenario and what that names, and the command, which is this same
 * program with --cell. The guest says on its report line how many of its seconds are done; here
 * they are added up over all guests. One that has done them all and does not end is ended: guest.sh
 * looks for silence, and a guest whose last second takes for ever may go on talking. What it leaves
 * in /out becomes the result's directory. A guest knows nothing of the world: git's revision, the
 * command line, the digests of the programs as they were built are put into its result here, beside
 * the image's hash. Nothing of it is in the job, so that it cannot move a single bit of what is
 * measured.
 */

#include "experiments/runner/guests.h"

#include "experiments/probe/proc.h"
#include "experiments/runner/calibration.h"
#include "experiments/runner/place.h"
#include "experiments/runner/project.h"
#include "lab/scenario/scenario.h"
#include "mpip/base/files.h"
#include "mpip/base/jsonfile.h"
#include "mpip/base/lock.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define ENDING_S                                                                                   \
	300 /* that a guest may take at its end, on a slow machine; and more if it was slow */

struct guest {
	const struct guest_cell *cell;
	char *name, *aside;
	struct child child;
	double seconds, of;          /* of virtual time, as the guest says */
	int64_t started_us, over_us; /* over: when all its seconds were done; 0: not yet */
};

struct image_call {
	const char *script, *programs, *gips;
	int to;
};

static int image_body(void *argument)
{
	const struct image_call *c = argument;
	setenv("BUILD", c->programs, 1);
	setenv("GIPS", c->gips, 1);
	if (dup2(c->to, STDOUT_FILENO) >= 0)
		execl(c->script, c->script, "run", (char *)NULL);
	perror(c->script);
	return 1;
}

/* What image.sh prints, in `line`; what it has to say on the way goes to standard error. */
static int make_image(struct image_call *call, char *line, size_t size, char **error)
{
	struct child child;
	if (child_start(&child, "image.sh", image_body, call, NULL, NULL, call->to, error) != 0)
		return -1;
	if (child_wait(&child, INT64_MAX) == WAIT_STOPPED) {
		kill(-child.pid, SIGTERM); /* and those that it waits for */
		child_end(&child, 3000);
		return -1;
	}
	ssize_t got = child.status == 0 ? pread(call->to, line, size - 1, 0) : 0;
	line[got > 0 ? got : 0] = '\0';
	line[strcspn(line, "\n")] = '\0';
	return line[0] ? 0 : error_set(error, "the guest's image could not be made");
}

/* As long as we are there nobody removes the image: image.sh keeps but few, and asks for this lock.
 */
static bool hold(const char *image)
{
	return lock_directory(image, LOCK_SH) >= 0;
}

char *guests_image(const char *programs, int gips, char **error)
{
	char line[PATH_MAX], *text = text_format("%d", gips);
	char *file = project_file(programs, "lab/vm/image.sh", error);
	struct image_call call = {file, programs, text, memfd_create("image", 0)};
	int rc = file ? 0 : -1;
	if (rc == 0 && call.to < 0)
		rc = error_set(error, "memfd_create: %s", strerror(errno));
	if (rc == 0)
		rc = make_image(&call, line, sizeof(line), error);
	if (call.to >= 0)
		close(call.to);
	free(file);
	free(text);
	if (rc == 0 && !hold(line))
		rc = error_set(error, "%s: the guest's image is gone again", line);
	return rc == 0 ? text_format("%s", line) : NULL;
}

static char *cell_name(const struct guests_plan *plan, const struct guest_cell *cell)
{
	return cell->rep ? definition_run_name(plan->definition, cell->contestant, cell->rep)
			 : text_format("calibration-of-%s", cell->contestant->name);
}

/* The scenario as it was read: with the content of the files that it names. */
static int copy_scenario(const struct definition *own, const char *job, char **error)
{
	struct scenario *s = scenario_load(own->scenario_file, error);
	if (!s)
		return -1;
	char *to = text_format("%s/scenario.json", job);
	int rc = file_write_json(to, s->source, error);
	free(to);
	scenario_free(s);
	return rc;
}

/* The experiment with this contestant alone, whose scenario is beside it. */
static int write_experiment(
	const struct definition *d, const struct contestant *c, const char *file, char **error)
{
	json_t *experiment = json_load_file(d->file, 0, NULL);
	json_object_set_new(experiment, "scenario", json_string("scenario.json"));
	json_object_set_new(experiment, "warm_up_s", json_integer(d->warm_up_s));
	json_t *all = json_object_get(experiment, "contestants"), *one = NULL;
	for (size_t i = 0; i < json_array_size(all); i++) {
		json_t *it = json_array_get(all, i);
		if (!strcmp(json_string_value(json_object_get(it, "name")), c->name))
			one = it;
	}
	json_object_del(one, "scenario");
	json_object_set_new(experiment, "contestants", json_pack("[O]", one));
	int rc = file_write_json(file, experiment, error);
	json_decref(experiment);
	return rc;
}

/* The job's directory: NAME.json with its scenario, and the command. */
static int write_job(const struct guests_plan *plan, const struct guest_cell *cell, const char *job,
	char **error)
{
	const struct definition own = definition_for(plan->definition, cell->contestant), *d = &own;
	if (directory_make(job, error) != 0 || copy_scenario(d, job, error) != 0)
		return -1;
	char *file = text_format("%s/%s.json", job, d->name);
	int rc = write_experiment(d, cell->contestant, file, error);
	free(file);

	char *command =
		cell->rep ? text_format("exec build/experiments/experiment --cell --out /out "
					"--only '%s' --rep %d --duration %d --seed %lld --gips %d "
					"/job/%s.json\n",
				    cell->contestant->name, cell->rep, d->duration_s,
				    (long long)d->seed, d->gips, d->name)
			  : text_format("build/lab/lab calibrate --short --virtual-time --output "
					"/out/calibration.json /job/scenario.json >&2\n"
					"[ -s /out/calibration.json ]\n");
	file = text_format("%s/command", job);
	if (rc == 0)
		rc = file_write(file, command, error);
	free(command);
	free(file);
	return rc;
}

struct guest_call {
	char *script, *image, *job, *out, *seed, *gips, *slot, *scratch;
};

static int guest_body(void *argument)
{
	const struct guest_call *c = argument;
	setenv("SEED", c->seed, 1);
	setenv("GIPS", c->gips, 1);
	setenv("SLOT", c->slot, 1);
	setenv("SCRATCH", c->scratch, 1);
	execl(c->script, c->script, c->image, c->job, c->out, (char *)NULL);
	perror(c->script);
	return 125;
}

static int start(const struct guests_plan *plan, const char *image, struct guest *g, int slot,
	const struct guest_cell *cell, char **error)
{
	const struct definition *d = plan->definition;
	*g = (struct guest){.cell = cell, .name = cell_name(plan, cell), .started_us = now_us()};
	g->aside = place_unfinished(plan->directory, g->name);
	struct guest_call call = {
		.script = project_file(plan->programs, "lab/vm/guest.sh", error),
		.image = text_format("%s", image),
		.job = text_format("%s/job", g->aside),
		.out = text_format("%s/out", g->aside),
		.seed = text_format("%lld", (long long)definition_seed(d, cell->rep, 8)),
		.gips = text_format("%d", d->gips),
		.slot = text_format("%d", slot),
		.scratch = text_format("%s", g->aside),
	};
	char *said = text_format("%s/said", g->aside);
	int rc = call.script ? directory_remove(g->aside, error) : -1;
	if (rc == 0)
		rc = write_job(plan, cell, call.job, error);
	if (rc == 0)
		rc = child_start(&g->child, "the guest", guest_body, &call, said, said, -1, error);
	free(said);
	free(call.script);
	free(call.image);
	free(call.job);
	free(call.out);
	free(call.seed);
	free(call.gips);
	free(call.slot);
	free(call.scratch);
	return rc;
}

/* Takes what the guest has said of its progress: "progress SECONDS OF" lines, the last one. */
static void look(struct guest *g)
{
	char *ignored = NULL, *file = text_format("%s/out/.guest/report", g->aside);
	char *report = file_read(file, &ignored);
	free(ignored);
	free(file);
	char *last = NULL;
	for (char *p = report; p && (p = strstr(p, "progress ")) != NULL; p++)
		last = p;
	if (last && strchr(last, '\n'))
		sscanf(last, "progress %lf %lf", &g->seconds, &g->of);
	if (g->of > 0 && g->seconds >= g->of && g->over_us == 0)
		g->over_us = now_us();
	free(report);
}

/* Puts into a guest's result what only the world outside knows, and takes the goodput from it. */
static int complete_result(const struct guests_plan *plan, const struct guest *g, const char *image,
	const char *file, double *goodput, char **error)
{
	json_t *result = json_read(file, 0, error);
	if (!result)
		return -1;
	char *image_file = text_format("%s/image.json", image);
	json_t *vm = json_load_file(image_file, 0, NULL);
	json_object_set_new(vm, "gips", json_integer(plan->definition->gips));
	json_object_set_new(vm, "wall_s", json_real((double)(now_us() - g->started_us) / 1e6));
	json_object_set_new(result, "vm", vm);
	json_object_set_new(result, "ground_why", json_string(plan->ground_why));
	json_t *made_by = json_object_get(result, "provenance");
	static const char *const ours[] = {"git", "command_line", "programs_sha256", "processors"};
	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		json_object_set(made_by, ours[i], json_object_get(plan->provenance, ours[i]));
	char digest[SHA256_TEXT];
	const struct contestant *c = g->cell->contestant;
	struct definition own = definition_for(plan->definition, c);
	definition_digest(&own, c, g->cell->rep, digest);
	json_object_set_new(made_by, "digests",
		json_pack("{s:s, s:s}", "definition", digest, "scenario", own.scenario_digest));
	*goodput = json_number_value(json_object_get(result, "goodput_mbit"));
	int rc = file_write_json(file, result, error);
	json_decref(result);
	free(image_file);
	return rc;
}

static int take_calibration(const struct guests_plan *plan, const struct guest *g, char **error)
{
	struct definition own = definition_for(plan->definition, g->cell->contestant);
	char *file = text_format("%s/out/calibration.json", g->aside);
	json_t *calibration = json_read(file, 0, error);
	int rc = calibration ? 0 : -1;
	progress_clear(plan->progress);
	if (rc == 0)
		rc = calibration_keep(plan->directory, plan->definition, &own, calibration, error);
	json_decref(calibration);
	free(file);
	return rc;
}

/* A guest whose job is done: its result goes to its place. */
static int take_result(const struct guests_plan *plan, const struct guest *g, const char *image,
	double *goodput, char **error)
{
	if (!g->cell->rep)
		return take_calibration(plan, g, error);
	char *from = text_format("%s/out/%s/%s", g->aside, plan->definition->name, g->name);
	char *file = text_format("%s/result.json", from);
	int rc = complete_result(plan, g, image, file, goodput, error);
	if (rc == 0)
		rc = place_publish(plan->directory, g->name, from, error);
	free(file);
	free(from);
	return rc;
}

/* Why a guest came to grief: the first line of what guest.sh said. Allocated. */
static char *first_said(const struct guest *g)
{
	char *ignored = NULL, *file = text_format("%s/said", g->aside);
	char *said = file_read(file, &ignored), *why;
	if (said)
		said[strcspn(said, "\n")] = '\0';
	if (said && said[0])
		why = text_format("%s", strncmp(said, "vm: ", 4) == 0 ? said + 4 : said);
	else
		why = text_format("the guest %s", child_fate(&g->child));
	free(said);
	free(ignored);
	free(file);
	return why;
}

/* Keeps what a guest that failed has left: its logs, its console, and what guest.sh said. Where:
 * allocated. */
static char *keep_failed(const struct guests_plan *plan, const struct guest *g)
{
	place_keep_failed(plan->directory, g->name, g->aside);
	return text_format("%s/failed/%s", plan->directory, g->name);
}

/* The last line of the guest's console that is no kernel message, for a cell that failed by itself.
 */
static char *console_line(const struct guest *g)
{
	char *ignored = NULL, *file = text_format("%s/out/.guest/console", g->aside);
	char *console = file_read(file, &ignored);
	char *best = text_format("%s", "");
	char *save = NULL;
	for (char *line = console ? strtok_r(console, "\r\n", &save) : NULL; line;
		line = strtok_r(NULL, "\r\n", &save)) {
		if (line[0] == '[' || strncmp(line, "init:", 5) == 0)
			continue;
		free(best);
		best = text_format("%s", line);
	}
	free(console);
	free(ignored);
	free(file);
	return best;
}

/* How long a guest has been at its end. */
static double ending_s(const struct guest *g)
{
	return g->over_us ? (double)(now_us() - g->over_us) / 1e6 : 0;
}

/* Whether a guest has been at its end for far longer than the run itself took. */
static bool is_stuck(const struct guest *g)
{
	return g->over_us &&
	       ending_s(g) > ENDING_S + 3 * (double)(g->over_us - g->started_us) / 1e6;
}

/* As guest.sh tells them apart from a job's own. */
enum { CAME_TO_GRIEF = 125, CANNOT_RUN = 126 };

/* What is said of a guest that failed, in one line: `error` is what was wrong with its result.
 * Allocated; its files are kept. */
static char *failure(const struct guests_plan *plan, const struct guest *g, const char *error)
{
	int status = WIFEXITED(g->child.status) ? WEXITSTATUS(g->child.status) : CAME_TO_GRIEF;
	char *why = first_said(g), *line = console_line(g), *place = keep_failed(plan, g);
	if (is_stuck(g))
		error = "its time was long over, and it did not end";
	char *note = error ? text_format("failed: %s; its logs are in %s", error, place)
		     : status != CAME_TO_GRIEF && line[0]
			     ? text_format("failed: %s; its logs are in %s", line, place)
			     : text_format("failed: %s; its console is in %s/out/.guest/console",
				       why, place);
	free(place);
	free(line);
	free(why);
	return note;
}

/* A guest has ended. -1 and *error: so would any other. */
static int finish(const struct guests_plan *plan, struct guest *g, const char *image, int *failed,
	char **cannot)
{
	char *error = NULL, *note = NULL, *ignored = NULL;
	double goodput = 0;
	if (WIFEXITED(g->child.status) && WEXITSTATUS(g->child.status) == CANNOT_RUN) {
		*cannot = first_said(g);
		directory_remove(g->aside, &ignored);
		free(ignored);
		return -1;
	}
	int rc = g->child.status == 0 ? take_result(plan, g, image, &goodput, &error) : -1;
	if (rc == 0) {
		note = g->cell->rep ? text_format("%.1f Mbit/s", goodput) : text_format("measured");
		directory_remove(g->aside, &ignored);
	} else {
		++*failed;
		file_explain_full_disk(plan->directory, &error);
		note = failure(plan, g, error);
	}
	progress_guest_over(
		plan->progress, g->name, note, rc != 0, (double)(now_us() - g->started_us) / 1e6);
	free(ignored);
	free(note);
	free(error);
	return 0;
}

static void free_guest(struct guest *g)
{
	free(g->name);
	free(g->aside);
	*g = (struct guest){0};
}

static void show(const struct guests_plan *plan, const struct guest *guests)
{
	double seconds = 0, of = 0, ending = 0;
	int running = 0;
	for (int i = 0; i < plan->jobs; i++) {
		if (!guests[i].cell)
			continue;
		running++;
		seconds += fmin(guests[i].seconds, guests[i].of);
		of += guests[i].of;
		ending = ending_s(&guests[i]) > ending ? ending_s(&guests[i]) : ending;
	}
	progress_guests(plan->progress, running, seconds, of, ending);
}

int guests_run(const struct guests_plan *plan, const char *image, const struct guest_cell *cells,
	size_t count, int *failed, char **error)
{
	struct guest *guests = calloc((size_t)plan->jobs, sizeof(*guests));
	if (!guests)
		abort();
	size_t next = 0, running = 0;
	int rc = 0;
	while (rc == 0 && (next < count || running > 0)) {
		for (int i = 0; rc == 0 && i < plan->jobs && next < count; i++) {
			if (guests[i].cell)
				continue;
			rc = start(plan, image, &guests[i], i, &cells[next++], error);
			running++;
		}
		if (rc == 0 && child_wait(NULL, now_us() + 300000) == WAIT_STOPPED)
			rc = 1;
		for (int i = 0; rc == 0 && i < plan->jobs; i++) {
			if (!guests[i].cell)
				continue;
			look(&guests[i]);
			if (child_wait(&guests[i].child, 0) != WAIT_ENDED) {
				if (!is_stuck(&guests[i]))
					continue;
				child_end(&guests[i].child, 3000);
			}
			rc = finish(plan, &guests[i], image, failed, error);
			free_guest(&guests[i]);
			running--;
		}
		show(plan, guests);
	}
	char *ignored = NULL;
	for (int i = 0; i < plan->jobs; i++) {
		if (!guests[i].cell)
			continue;
		child_end(&guests[i].child, 3000);
		directory_remove(guests[i].aside, &ignored);
		free_guest(&guests[i]);
	}
	char *unfinished = place_unfinished(plan->directory, "");
	rmdir(unfinished);
	free(unfinished);
	free(ignored);
	free(guests);
	return rc;
}
