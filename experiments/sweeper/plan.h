/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EXPERIMENTS_SWEEPER_PLAN_H
#define EXPERIMENTS_SWEEPER_PLAN_H

#include "experiments/sweeper/grid.h"

#include <stdbool.h>
#include <stdint.h>

/* Which runs a sweep has: a row for each seed, cell and contestant, in this order, so that a sweep
 * that is stopped has a whole map of fewer seeds. Rows of cells that differ in nothing that a
 * contestant has to do with share one run. */

#define RUN_TEXT 17 /* a run's name: the first 16 digits of its definition's digest */

enum run_state { RUN_MISSING, RUN_UNDER_WAY, RUN_THERE, RUN_FAILED };

struct planned_run {
	uint64_t id;   /* the name, as a number */
	uint32_t rows; /* where its rows begin in plan.by_run */
	uint32_t count;
	uint8_t state; /* enum run_state */
	uint8_t tries;
};

struct row {
	size_t cell, contestant;
	int64_t seed;
};

struct plan {
	const struct grid *grid;
	size_t contestant_count;
	char **contestants;
	size_t row_count;
	uint64_t *ids;    /* of each row's run */
	uint32_t *by_run; /* the rows' numbers, those of a run together */
	struct planned_run *runs;
	size_t run_count;
};

/* Enumerates the runs of a grid that has been checked. `tell` as of grid_check(). 0; 1 when it said
 * to stop; or -1 and *error. In all cases to be freed. */
int plan_make(
	struct plan *p, const struct grid *g, bool (*tell)(size_t done, size_t of), char **error);
void plan_free(struct plan *p);

struct row plan_row(const struct plan *p, size_t row);
/* The number of such a row; p->row_count: there is none. */
size_t plan_find_row(const struct plan *p, size_t cell, const char *contestant, int64_t seed);

/* A row's run. */
struct planned_run *plan_run(const struct plan *p, size_t row);
/* The run of this name; NULL: it is not one of the plan's. */
struct planned_run *plan_find(const struct plan *p, uint64_t id);

/* How many runs are in a state. */
size_t plan_count(const struct plan *p, enum run_state state);

/* A run's name to and from text; false: it is none. */
void run_text(uint64_t id, char out[RUN_TEXT]);
bool run_of_text(const char *text, uint64_t *id);

#endif
