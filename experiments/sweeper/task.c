// SPDX-License-Identifier: BSD-2-Clause
/*
 * A task of an array.
 *
 * Theory of operation
 * -------------------
 * A task runs one guest in a scratch directory of its node, and puts only the result into the
 * shared folder, in one step. If it is killed, what it had on the node goes with the next task
 * there, and what it had in the shared folder with its batch. Whether the run was done by another
 * one in the meantime is looked at first: a task may be started late.
 */

#include "experiments/sweeper/task.h"

#include "experiments/runner/checks.h"
#include "experiments/runner/guest.h"
#include "experiments/runner/place.h"
#include "experiments/runner/provenance.h"
#include "experiments/runner/scratch.h"
#include "experiments/sweeper/batch.h"
#include "experiments/sweeper/command.h"
#include "experiments/sweeper/slot.h"
#include "mpip/base/files.h"
#include "mpip/base/jsonfile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct work {
	json_t *batch, *task;
	const char *results; /* in the shared folder */
	char *staging;       /* there, for what is not whole yet */
	char *programs, *scratch;
	const char *run;
	uint64_t id;
	bool keep;
	struct definition *definition;
	const struct contestant *contestant;
};

static const char *text_at(const json_t *value, const char *key)
{
	const char *text = json_string_value(json_object_get(value, key));
	return text ? text : "";
}

static int number_of_task(long *number, char **error)
{
	const char *text = getenv("SLURM_ARRAY_TASK_ID");
	char *end;
	*number = text ? strtol(text, &end, 10) : -1;
	if (!text || end == text || *end || *number < 0)
		return error_set(error, "SLURM_ARRAY_TASK_ID: expected the number of a task: this "
					"is for Slurm to call");
	return 0;
}

static int load(struct work *w, const char *directory, char **error)
{
	long number;
	if (number_of_task(&number, error) != 0)
		return -1;
	char *file = text_format("%s/batch.json", directory);
	w->batch = json_read(file, 0, error);
	free(file);
	w->task = w->batch ? batch_task(directory, (size_t)number, error) : NULL;
	if (!w->task)
		return -1;
	w->results = text_at(w->batch, "results");
	w->keep = json_is_true(json_object_get(w->batch, "keep"));
	w->staging = text_format("%s/.%ld", directory, number);
	w->run = text_at(w->task, "run");
	json_t *experiment = json_object_get(w->task, "experiment");
	char *faults = NULL, digest[SHA256_TEXT] = "";
	w->definition = grid_define(w->run, text_at(w->task, "name"), experiment,
		json_integer_value(json_object_get(w->task, "seed")), &faults);
	for (size_t i = 0; !faults && i < w->definition->contestant_count; i++)
		if (!strcmp(w->definition->contestants[i].name, text_at(w->task, "contestant")))
			w->contestant = &w->definition->contestants[i];
	if (w->contestant)
		definition_digest(w->definition, w->contestant, 1, digest);
	int rc = 0;
	if (faults)
		rc = error_set(error, "%s", faults);
	else if (!run_of_text(w->run, &w->id) || strncmp(digest, w->run, RUN_TEXT - 1) != 0)
		rc = error_set(error,
			"%s: expected a task of this version of the program, whose run's "
			"definition is %.16s",
			w->run, digest);
	free(faults);
	return rc;
}

static int copy(const char *from, const char *to, char **error)
{
	const char *const argv[] = {"cp", "-r", "--", from, to, NULL};
	char *answer = directory_remove(to, error) == 0 ? command_run(argv, error) : NULL;
	int rc = answer ? 0 : -1;
	free(answer);
	return rc;
}

/* The result goes to the shared folder, and there to its place. */
static int take(void *argument, struct guest *g, char **error)
{
	const struct work *w = argument;
	json_t *result = guest_result(g, error);
	char *from = guest_run_directory(g);
	char *file = text_format("%s/result.json", w->staging);
	int rc = result ? 0 : -1;
	if (rc == 0 && w->keep)
		rc = copy(from, w->staging, error);
	else if (rc == 0 && (rc = directory_make(w->staging, error)) == 0)
		rc = file_write_json(file, result, error);
	if (rc == 0)
		rc = rows_publish(w->results, w->id, w->staging, w->keep, error);
	json_decref(result);
	free(file);
	free(from);
	return rc;
}

/* The logs of one that failed go there, too, with the reason. */
static void keep_failed(const struct work *w, const char *note)
{
	char *ignored = NULL, *from = text_format("%s/failed/%s", w->scratch, w->run);
	char *why = text_format("%s/why", w->staging);
	if (copy(from, w->staging, &ignored) == 0 && file_write(why, note, &ignored) == 0)
		place_keep_failed(w->results, w->run, w->staging);
	free(why);
	free(from);
	free(ignored);
}

static int run(struct work *w, char **argv, char **error)
{
	int slot = slot_take();
	struct guest_setting setting = {.image = text_at(w->batch, "image"),
		.directory = w->scratch,
		.programs = w->programs,
		.ground_why = "a sweep's",
		.provenance = provenance(w->programs, argv)};
	struct guest g = {.setting = &setting,
		.definition = w->definition,
		.contestant = w->contestant,
		.rep = 1,
		.name = text_format("%s", w->run)};
	char *note = NULL;
	int rc = guest_start(&g, slot, error);
	while (rc == 0 && !guest_is_over(&g))
		if (child_wait(NULL, now_us() + 100000) == WAIT_STOPPED)
			rc = 128 + proc_stop_signal();
	if (rc == 0)
		rc = guest_finish(&g, take, w, &note, error);
	if (note) {
		keep_failed(w, note);
		error_set(error, "%s: %s", w->run, note);
	}
	guest_free(&g);
	json_decref((json_t *)(uintptr_t)setting.provenance);
	free(note);
	return rc;
}

/* In a scratch directory of this node. */
static int run_in_scratch(struct work *w, char **argv, char **error)
{
	const char *temporary = getenv("TMPDIR");
	char *prefix = text_format("%s/mpip-sweep", temporary ? temporary : "/tmp");
	char *ignored = NULL;
	w->scratch = scratch_make(prefix, error);
	int rc = w->scratch ? run(w, argv, error) : -1;
	if (w->scratch)
		directory_remove(w->scratch, &ignored);
	free(ignored);
	free(prefix);
	return rc;
}

int task_run(const char *directory, char **argv, char **error)
{
	struct work w = {.programs = find_programs(error)};
	int rc = w.programs ? load(&w, directory, error) : -1;
	char *place = rc == 0 ? rows_place(w.results, w.id) : NULL;
	bool there = place && access(place, F_OK) == 0;
	if (rc == 0 && !there)
		rc = guest_hold_image(text_at(w.batch, "image"), error);
	if (rc == 0 && !there)
		rc = run_in_scratch(&w, argv, error);
	definition_free(w.definition);
	json_decref(w.task);
	json_decref(w.batch);
	free(place);
	free(w.scratch);
	free(w.staging);
	free(w.programs);
	return rc;
}
