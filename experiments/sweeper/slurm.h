/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EXPERIMENTS_SWEEPER_SLURM_H
#define EXPERIMENTS_SWEEPER_SLURM_H

#include <stdbool.h>
#include <stddef.h>

/* What is asked of Slurm, by its own programs. */

struct slurm_limits {
	size_t array; /* tasks of one array, at most */
	size_t jobs;  /* that the controller keeps, at most; each task is one */
};

/* 0; or -1 and *error: there is no cluster that answers. */
int slurm_ask_limits(struct slurm_limits *limits, char **error);

/* Submits an array of `count` tasks. `options` are sbatch's (NULL at the end), `said` is the file
 * for what the tasks say. 0; or -1 and *error. */
int slurm_submit(const char *name, const char *script, const char *said, size_t count,
	char *const *options, char **error);

/* Calls `found` for each range of tasks, `first` to `last`, that Slurm has and that has not ended,
 * of whatever array. 0; or -1 and *error, as where it does not answer. */
int slurm_look(
	void (*found)(void *argument, const char *name, size_t first, size_t last, bool running),
	void *argument, char **error);

/* Ends the array of that name. 0; or -1 and *error. */
int slurm_cancel(const char *name, char **error);

/* Reads a list of tasks as squeue has it, "7", "[0-3,5,8-9%2]": calls `range` for each part. False:
 * it is none. */
bool slurm_tasks(
	const char *text, void (*range)(void *argument, size_t first, size_t last), void *argument);

#endif
