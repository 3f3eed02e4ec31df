/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ANALYSIS_SWEEP_SERIES_H
#define ANALYSIS_SWEEP_SERIES_H

#include "analysis/measure/results.h"
#include "analysis/sweep/sweep.h"

/* One measure of many runs, whether they are a sweep's or an experiment's: for each contestant in
 * each cell a series of values, one for each repetition. */

/* What makes two runs of one contestant and cell a pair: the same seed and repetition. */
struct repetition {
	int64_t seed, rep; /* rep 0: a sweep's, which has seeds alone */
};

struct series {
	const char *contestant;
	char *cell;     /* as sweep_cell_text(); "" of an experiment */
	double *values; /* of each repetition; NaN: none */
};

struct series_set {
	char *title; /* "out/sweeps/unequal: Two unequal paths" */
	struct sweep_measure measure;
	struct repetition *repetitions;
	size_t repetition_count;
	struct series *all;
	size_t count;
	char *notes; /* what is to be said of the runs; "": nothing */
	char *path;  /* the directory, in which the experiment's name is */
	/* whose texts these are: one of them */
	struct sweep *sweep;
	struct results *results;
};

/* Reads a directory: a sweep's, out/sweeps/NAME, or an experiment's, out/NAME, of which it takes
 * the runs without marks. `measure` is the sweep's first, or goodput, for NULL. NULL and *error
 * when it is neither, or cannot be used. Free with series_free(). */
struct series_set *series_load(const char *directory, const char *measure, char **error);
void series_free(struct series_set *s);

#endif
