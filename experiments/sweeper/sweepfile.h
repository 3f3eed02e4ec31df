/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EXPERIMENTS_SWEEPER_SWEEPFILE_H
#define EXPERIMENTS_SWEEPER_SWEEPFILE_H

#include "experiments/sweeper/axis.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* A sweep as its JSON file says it: an experiment, axes, seeds. experiments/README.md documents the
 * format. */

#define SEEDS_MAX 100000

struct sweep {
	char *file, *name, *title;
	char *experiment; /* its file */
	struct axis *axes;
	size_t axis_count;
	int64_t *seeds; /* they rise */
	size_t seed_count;
	char **measures; /* by name, the first one is what is looked at unless told otherwise */
	size_t measure_count;
	int warm_up_s, duration_s; /* in the place of the experiment's; -1: as that has it */
	char **slurm_options;      /* of sbatch */
	size_t slurm_option_count;
};

/* Reads one and checks its form. NULL and *error: a line "FILE: PLACE: expected ...". */
struct sweep *sweep_load(const char *file, char **error);
void sweep_free(struct sweep *s);

/* Takes other seeds, "1-20" or "7" or "1,3,5-9". 0, or -1 and *error. */
int sweep_take_seeds(struct sweep *s, const char *text, char **error);

/* How many combinations of the axes' values there are. */
size_t sweep_cells(const struct sweep *s);

/* The value of axis `axis` in cell `cell`; the last axis is the one that changes first. */
const struct axis_value *sweep_value(const struct sweep *s, size_t cell, size_t axis);

/* What a cell is, {"delay_2": 25, "pair": "10/1"}, and the same for people, "delay_2=25, pair=10/1"
 * (allocated). */
json_t *sweep_cell_json(const struct sweep *s, size_t cell);
char *sweep_cell_text(const struct sweep *s, size_t cell);

/* The cell that has these values; sweep_cells(): there is none. */
size_t sweep_find_cell(const struct sweep *s, const json_t *values);

/* Which of the sweep's seeds one is. False: none. */
bool sweep_find_seed(const struct sweep *s, int64_t seed, size_t *index);

#endif
