/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EXPERIMENTS_SWEEPER_OPTIONS_H
#define EXPERIMENTS_SWEEPER_OPTIONS_H

#include <stdbool.h>

/* The command line of sweep. */

enum command {
	COMMAND_RUN,
	COMMAND_PLAN,
	COMMAND_CHECK,
	COMMAND_LIST,
	COMMAND_STATUS,
	COMMAND_CANCEL,
	COMMAND_COLLECT,
	COMMAND_TASK, /* a task of a Slurm array */
};

/* What is 0 (warm_up: negative) or NULL was not given. */
struct sweep_options {
	enum command command;
	char **files; /* NULL at the end */
	const char *out, *only, *seeds, *slurm_options;
	long duration, warm_up, jobs;
	bool slurm, keep, fresh;
};

/* 0 to go on, 1 when help or the version was asked for and given, -1 and *error. */
int sweep_options_read(int argc, char **argv, struct sweep_options *o, char **error);

#endif
