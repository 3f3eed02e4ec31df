/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EXPERIMENTS_RUNNER_CHECKS_H
#define EXPERIMENTS_RUNNER_CHECKS_H

#include "experiments/record/definition.h"
#include "experiments/runner/options.h"
#include "lab/build/ground.h"

/* The build folder, from where this program is: BUILD/experiments/experiment. Allocated; NULL and
 * *error. */
char *find_programs(char **error);

/* The experiment of `o->file`, checked whole (check.h), and the ground that all of the chosen
 * contestants have: the host only where each can have it. Nothing of it is run when anything is
 * wrong: NULL and *error, a line for each fault. Free `ground->why`. */
struct definition *checks_load(
	const struct options *o, const char *programs, struct ground_choice *ground, char **error);

/* --check: looks for mistakes in all of the files, and tells them. 0, or 1 when there are any; -1
 * and *error. */
int checks_files(const struct options *o, char **error);

/* --list: what each of the files is about. 0, or 1 when one cannot be read, which is told. */
int checks_list(const struct options *o);

#endif
