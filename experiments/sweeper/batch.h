/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EXPERIMENTS_SWEEPER_BATCH_H
#define EXPERIMENTS_SWEEPER_BATCH_H

#include "experiments/sweeper/session.h"

#include <jansson.h>

/* An array of tasks: some of a sweep's runs, with all that they need, in DIRECTORY/slurm/NAME:
 *
 *      batch.json    the image, where results go, what is kept
 *      tasks.jsonl   a line for each task: its run, and the experiment that it is
 *      task.sh       what Slurm starts
 *      said          what the tasks have said, if anything
 *      .N/           what task N has under way
 *
 * NAME is the name of Slurm's job, too. */

enum task_state {
	TASK_LISTED, /* Slurm has it */
	TASK_GONE,   /* Slurm does not have it any more, and its result has not been seen */
	TASK_OVER,
};

struct task {
	uint64_t run;
	uint8_t state; /* enum task_state */
	bool running, listed;
	bool other; /* of no run of the plan that this call is about */
};

struct batch {
	char *name, *directory;
	struct task *tasks;
	size_t count;
	struct batch *next;
};

/* Makes one of these rows' runs, on the disk, too. NULL and *error, with nothing left. */
struct batch *batch_make(const struct session *s, const size_t *rows, size_t count, char **error);

/* All that lie in the sweep's directory; with `clean`, for who has the lock on it, what is left of
 * one that was never made whole goes. 0; or -1 and *error. */
int batch_load_all(const char *directory, bool clean, struct batch **all, char **error);

/* Frees one, and removes it from the disk if `remove`. */
void batch_free(struct batch *b, bool remove);

/* Task `index` as it is on the disk: {"run", "contestant", "seed", "name", "experiment"}. NULL and
 * *error. */
json_t *batch_task(const char *directory, size_t index, char **error);

/* Its last words, where its tasks have said anything: a line. Allocated; NULL: nothing. */
char *batch_said(const struct batch *b);

#endif
