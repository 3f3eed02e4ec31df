/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EXPERIMENTS_SWEEPER_ROWS_H
#define EXPERIMENTS_SWEEPER_ROWS_H

#include "experiments/sweeper/plan.h"

#include <jansson.h>
#include <stdio.h>

/* The results of a sweep, in OUT/sweeps/NAME:
 *
 *      sweep.json                what the last call was about
 *      rows.jsonl                a line for each of its rows that there is a run for
 *      runs/XX/RUN/result.json   XX: the first two digits of RUN
 *
 * runs/ is what there is; the two files say it again for readers, and are made again from it
 * wherever they are not right. */

struct rows {
	struct plan *plan;
	const char *directory; /* of the results */
	FILE *file;            /* rows.jsonl, at its end */
	char *name;
};

/* Looks which runs of the plan are there, marks them RUN_THERE, and makes both files right;
 * `again`: whatever they say. 0; 1 when `tell` said to stop; or -1 and *error, with nothing
 * changed. In all cases to be closed. */
int rows_open(struct rows *r, struct plan *p, const char *directory, bool again,
	bool (*tell)(size_t done, size_t of), char **error);
void rows_close(struct rows *r);

/* Only looks which runs of the plan are there. 0, or -1 and *error. */
int rows_look(struct plan *p, const char *directory, char **error);

/* Adds the rows of a run whose result has just been put in its place. 0, or -1 and *error. */
int rows_add(struct rows *r, struct planned_run *run, const json_t *result, char **error);

/* "DIRECTORY/runs/XX/RUN". Allocated. */
char *rows_place(const char *directory, uint64_t id);

/* Puts a result in its place: the directory `from` becomes that of the run, in one step. Only
 * result.json stays of it, unless `keep`. What was left of a try that failed goes. 0, or -1 and
 * *error. */
int rows_publish(const char *directory, uint64_t id, const char *from, bool keep, char **error);

/* A run's result, checked to be of the run's definition. NULL and *error. */
json_t *rows_result(const char *directory, uint64_t id, char **error);

#endif
