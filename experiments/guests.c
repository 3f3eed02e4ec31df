// SPDX-License-Identifier: BSD-2-Clause
/*
 * Cells in guests.
 *
 * Theory of operation
 * -------------------
 * A cell is one guest of lab/vm/guest.sh: its job directory
 * holds the experiment, its scenario and what that names, and the command, which is this same
 * program with --cell. The guest says on its report line how many of its seconds are done; here
 * they are added up over all guests. What it leaves in /out becomes the result's directory. A guest
 * knows nothing of the world: git's revision, the command line, the digests of the programs as they
 * were built are put into its result here, beside the image's hash. Nothing of it is in the job, so
 * that it cannot move a single bit of what is measured.
 */

#include "experiments/guests.h"

#include "experiments/calibration.h"
#include "experiments/files.h"
#include "experiments/place.h"
#include "experiments/proc.h"
#include "lab/lock.h"
#include "lab/scenario.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

struct guest {
	const struct guest_cell *cell;
	char *name, *aside;
	struct child child;
	double seconds, of; /* of virtual time, as the guest says */
	int64_t started_us;
};

/* "lab/vm/SCRIPT": beside the build directory, or here. Allocated; NULL and *error. */
static char *script(const char *programs, const char *name, char **error)
{
	const char *const places[] = {"lab/vm", "../lab/vm", "../../lab/vm"};
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		char *file = i == 0 ? lab_text("%s/%s", places[i], name)
				    : lab_text("%s/%s/%s", programs, places[i], name);
		if (access(file, X_OK) == 0)
			return file;
		free(file);
	}
	lab_fail(error, "lab/vm/%s: expected to be called in the project's directory", name);
	return NULL;
}

/* As long as we are there nobody removes the image: image.sh keeps but few, and asks for this lock.
 */
static bool hold(const char *image)
{
	return lock_directory(image, LOCK_SH) >= 0;
}

char *guests_image(const char *programs, int gips, char **error)
{
	char *file = script(programs, "image.sh", error);
	if (!file)
		return NULL;
	char *command = lab_text("BUILD='%s' GIPS=%d '%s' run", programs, gips, file);
	free(file);
	FILE *f = popen(command, "re");
	free(command);
	char line[PATH_MAX] = "";
	if (f && !fgets(line, sizeof(line), f))
		line[0] = '\0';
	int status = f ? pclose(f) : -1;
	line[strcspn(line, "\n")] = '\0';
	if (status == 0 && line[0] && hold(line))
		return lab_text("%s", line);
	lab_fail(error, "the guest's image could not be made");
	return NULL;
}

static char *cell_name(const struct guests_plan *plan, const struct guest_cell *cell)
{
	return cell->rep ? definition_run_name(plan->definition, cell->contestant, cell->rep)
			 : lab_text("calibration-of-%s", cell->contestant->name);
}

/* The scenario as it was read: with the content of the files that it names. */
static int copy_scenario(const struct definition *own, const char *job, char **error)
{
	struct scenario *s = scenario_load(own->scenario_file, error);
	if (!s)
		return -1;
	char *to = lab_text("%s/scenario.json", job);
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
	char *file = lab_text("%s/%s.json", job, d->name);
	int rc = write_experiment(d, cell->contestant, file, error);
	free(file);

	char *command =
		cell->rep ? lab_text("exec build/experiments/experiment --cell --out /out "
				     "--only '%s' --rep %d --duration %d --seed %lld --gips %d "
				     "/job/%s.json\n",
				    cell->contestant->name, cell->rep, d->duration_s,
				    (long long)d->seed, d->gips, d->name)
			  : lab_text("build/lab/lab calibrate --short --virtual-time --output "
				     "/out/calibration.json /job/scenario.json >&2\n"
				     "[ -s /out/calibration.json ]\n");
	file = lab_text("%s/command", job);
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
		.script = script(plan->programs, "guest.sh", error),
		.image = lab_text("%s", image),
		.job = lab_text("%s/job", g->aside),
		.out = lab_text("%s/out", g->aside),
		.seed = lab_text("%lld", (long long)definition_seed(d, cell->rep, 8)),
		.gips = lab_text("%d", d->gips),
		.slot = lab_text("%d", slot),
		.scratch = lab_text("%s", g->aside),
	};
	char *said = lab_text("%s/said", g->aside);
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
	char *ignored = NULL, *file = lab_text("%s/out/.guest/report", g->aside);
	char *report = file_read(file, &ignored);
	free(ignored);
	free(file);
	char *last = NULL;
	for (char *p = report; p && (p = strstr(p, "progress ")) != NULL; p++)
		last = p;
	if (last && strchr(last, '\n'))
		sscanf(last, "progress %lf %lf", &g->seconds, &g->of);
	free(report);
}

/* Puts into a guest's result what only the world outside knows, and takes the goodput from it. */
static int complete_result(const struct guests_plan *plan, const struct guest *g, const char *image,
	const char *file, double *goodput, char **error)
{
	json_error_t e;
	json_t *result = json_load_file(file, 0, &e);
	if (!result)
		return lab_fail(error, "%s: %s", file, e.text);
	char *image_file = lab_text("%s/image.json", image);
	json_t *vm = json_load_file(image_file, 0, &e);
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
	char *file = lab_text("%s/out/calibration.json", g->aside);
	json_error_t e;
	json_t *calibration = json_load_file(file, 0, &e);
	int rc = calibration ? 0 : lab_fail(error, "%s: %s", file, e.text);
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
	char *from = lab_text("%s/out/%s/%s", g->aside, plan->definition->name, g->name);
	char *file = lab_text("%s/result.json", from);
	int rc = complete_result(plan, g, image, file, goodput, error);
	if (rc == 0)
		rc = place_publish(plan->directory, g->name, from, error);
	free(file);
	free(from);
	return rc;
}

/* Keeps what a guest that failed has left: its logs, its console, and what guest.sh said. */
static void keep_failed(const struct guests_plan *plan, const struct guest *g, char **why)
{
	char *ignored = NULL;
	char *said_file = lab_text("%s/said", g->aside);
	char *said = file_read(said_file, &ignored);
	*why = said && said[0] ? lab_text("%s", said) : lab_text("%s", child_fate(&g->child));
	free(said);
	place_keep_failed(plan->directory, g->name, g->aside);
	free(ignored);
	free(said_file);
}

/* The last line of the guest's console that is no kernel message, for a cell that failed by itself.
 */
static char *console_line(const struct guest *g)
{
	char *ignored = NULL, *file = lab_text("%s/out/.guest/console", g->aside);
	char *console = file_read(file, &ignored);
	char *best = lab_text("%s", "");
	char *save = NULL;
	for (char *line = console ? strtok_r(console, "\r\n", &save) : NULL; line;
		line = strtok_r(NULL, "\r\n", &save)) {
		if (line[0] == '[' || strncmp(line, "init:", 5) == 0)
			continue;
		free(best);
		best = lab_text("%s", line);
	}
	free(console);
	free(ignored);
	free(file);
	return best;
}

/* A guest has ended. */
static void finish(const struct guests_plan *plan, struct guest *g, const char *image, int *failed)
{
	char *error = NULL, *note = NULL, *ignored = NULL;
	double goodput = 0;
	int rc = g->child.status == 0 ? take_result(plan, g, image, &goodput, &error) : -1;
	if (rc == 0) {
		note = g->cell->rep ? lab_text("%.1f Mbit/s", goodput) : lab_text("measured");
		directory_remove(g->aside, &ignored);
	} else {
		char *line = console_line(g), *why = NULL;
		++*failed;
		keep_failed(plan, g, &why);
		note = lab_text("failed: %s%s%s", error ? error : why, line[0] ? ": " : "", line);
		free(why);
		free(line);
	}
	progress_guest_over(
		plan->progress, g->name, note, rc != 0, (double)(now_us() - g->started_us) / 1e6);
	free(ignored);
	free(note);
	free(error);
}

static void free_guest(struct guest *g)
{
	free(g->name);
	free(g->aside);
	*g = (struct guest){0};
}

static void show(const struct guests_plan *plan, const struct guest *guests)
{
	double seconds = 0, of = 0;
	int running = 0;
	for (int i = 0; i < plan->jobs; i++) {
		if (!guests[i].cell)
			continue;
		running++;
		seconds += guests[i].seconds;
		of += guests[i].of;
	}
	progress_guests(plan->progress, running, seconds, of);
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
			if (child_wait(&guests[i].child, 0) != WAIT_ENDED)
				continue;
			finish(plan, &guests[i], image, failed);
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
