/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EXPERIMENTS_SWEEPER_GRID_H
#define EXPERIMENTS_SWEEPER_GRID_H

#include "experiments/record/definition.h"
#include "experiments/sweeper/sweepfile.h"

#include <jansson.h>

/* The cells of a sweep as experiments: the sweep's experiment, with its scenarios in it, and what
 * the axes set. */

struct grid {
	const struct sweep *sweep;
	json_t *base;     /* the experiment, whole */
	char *experiment; /* its name */
};

/* Reads the experiment, and what it names. The sweep must outlive the grid. 0; or -1 and *error:
 * in both cases to be closed. */
int grid_open(struct grid *g, const struct sweep *s, char **error);
void grid_close(struct grid *g);

/* Looks at all that could be wrong: that each axis reaches something, and each cell, as an
 * experiment is looked at before it runs. 0; or -1 and *error, a line for each fault. `programs` is
 * the build folder; `tell` is called now and then with how many cells have been looked at, and may
 * say by true to stop, for which 1 is returned. */
int grid_check(const struct grid *g, const char *programs, bool (*tell)(size_t done, size_t of),
	char **error);

/* A cell as the content of an experiment's file. The caller's own; NULL and *error. */
json_t *grid_experiment(const struct grid *g, size_t cell, char **error);

/* A cell as an experiment on the vm ground, with one of the sweep's seeds. Free with
 * definition_free(). NULL and *error. */
struct definition *grid_definition(const struct grid *g, size_t cell, int64_t seed, char **error);

/* The same of an experiment that grid_experiment() has made. `file` is its name in messages. */
struct definition *grid_define(
	const char *file, const char *name, json_t *experiment, int64_t seed, char **faults);

#endif
