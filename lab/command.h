/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef LAB_COMMAND_H
#define LAB_COMMAND_H

#include <stdbool.h>

/* What the subcommands of `lab` share. */

struct options {
	const char *command; /* such as "down" */
	const char *name;
	const char *output, *ground;
	bool json, brief, virtual_time;
	char **arguments; /* NULL-terminated */
	int n_arguments;
};

/* Wrong command lines end here: "lab: TEXT; see lab --help", exit status 2. */
_Noreturn void usage_error(const char *text);

/* The same unless there are `n` arguments. */
void expect_arguments(const struct options *o, int n, const char *text);

/* 0, or -1 with `*error` set where the user is not root. */
int need_root(const char *command, char **error);

/* From now on SIGINT, SIGTERM and SIGHUP set `lab_stop`. */
void catch_signals(void);

/* Subcommands that have a file of their own: 0, or -1 with `*error` set. */
int run_play(const struct options *o, char **error);
int run_link(const struct options *o, char **error);
int run_calibrate(const struct options *o, char **error);

#endif
