/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ANALYSIS_SWEEP_SWEEP_H
#define ANALYSIS_SWEEP_SWEEP_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The results of a sweep: one measure of each run, by cell, contestant and seed. */

struct sweep_axis {
	const char *name, *title, *unit; /* unit "": it has none */
	const json_t *values;            /* numbers, or the names of cases */
	size_t count;
};

struct sweep_contestant {
	const char *name;
	bool plain; /* neither mpipd nor MPTCP */
	bool alone; /* over some NICs only: on one path */
	long of;    /* the contestant that this one is, on one path; -1: none */
};

struct sweep_measure {
	const char *name, *title, *unit; /* unit "": it has none */
	bool lower;                      /* is better */
};

/* A cell's number is made of its places on the axes, of which the last one's changes fastest. */
struct sweep {
	char *directory; /* OUT/sweeps/NAME */
	const char *name, *title;
	struct sweep_axis *axes;
	struct sweep_contestant *contestants;
	int64_t *seeds;
	size_t axis_count, contestant_count, seed_count, cell_count;
	struct sweep_measure measure;
	double *values;             /* see sweep_values(); NaN: none that counts */
	bool *known;                /* of each value: its run is done and counts */
	size_t done, marked, count; /* runs of the plan: with a row; of these, with marks; in all */
	size_t lacking;             /* runs without marks that do not have the measure */
	char *notes;                /* what is to be said of the rows, lines; "": nothing */
	json_t *plan;               /* owns the texts */
};

/* Reads DIRECTORY/sweep.json and DIRECTORY/rows.jsonl; of the measures that of this name, or the
 * first for NULL. NULL and *error, one line, when one of them cannot be used. A last line that is
 * cut is left out, and so are rows of runs that are not planned; of two rows of one run the last
 * counts; `notes` says so. Free with sweep_free(). */
struct sweep *sweep_load(const char *directory, const char *measure, char **error);
void sweep_free(struct sweep *s);

/* The directories below OUT/sweeps that have a sweep.json, sorted: a JSON list of names. */
json_t *sweep_names(const char *out);

/* The values of a contestant in a cell, one for each seed; and whether such a run is done and
 * counts, with or without a value. */
const double *sweep_values(const struct sweep *s, size_t cell, size_t contestant);
const bool *sweep_known(const struct sweep *s, size_t cell, size_t contestant);

/* The place of a cell on an axis; and the number of the cell at these places. */
size_t sweep_place(const struct sweep *s, size_t cell, size_t axis);
size_t sweep_cell(const struct sweep *s, const size_t *places);

/* A value of an axis as text, "25" or a case's name. Allocated. */
char *axis_text(const struct sweep_axis *axis, size_t place);

/* "delay_2 = 25, pair = wifi"; "" where there is no axis. Allocated. */
char *sweep_cell_text(const struct sweep *s, size_t cell);

/* A title with its unit: "Goodput, Mbit/s". Allocated. */
char *titled(const char *title, const char *unit);

#endif
