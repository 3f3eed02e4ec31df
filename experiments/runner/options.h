/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EXPERIMENTS_RUNNER_OPTIONS_H
#define EXPERIMENTS_RUNNER_OPTIONS_H

#include "experiments/record/definition.h"

#include <stdbool.h>

/* The runner's command line. What is 0 (seed, warm_up, gips: negative) or NULL was not given. */
struct options {
	const char *file, *out, *only, *ground, *reproduce;
	char **files; /* of check and list: NULL at the end */
	long duration, warm_up, reps, rep, gips, jobs;
	long long seed;
	bool fresh, cell, twice, paper, plan, check, list, make;
};

/* An option's whole number from min to max. Else *error says what was expected, with the option as
 * who called typed it: --warm-up, or WARM_UP= to make. */
long long options_number(const char *option, const char *value, long long min, long long max,
	bool make, char **error);

/* 0 to go on, 1 when help or the version was asked for and given, -1 and *error. */
int options_read(int argc, char **argv, struct options *o, char **error);

/* Whether a contestant is to be run. */
bool options_choose(const struct options *o, const struct contestant *c);

/* Puts what was given in the place of the experiment's own. 0, or -1 and *error. */
int options_apply(const struct options *o, struct definition *d, char **error);

#endif
