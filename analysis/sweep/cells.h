/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ANALYSIS_SWEEP_CELLS_H
#define ANALYSIS_SWEEP_CELLS_H

#include "analysis/sweep/sweep.h"
#include "experiments/record/stats.h"

/*
 * A sweep in numbers: each contestant in each cell, beside the best path.
 *
 * The best path of a cell and seed is the best of the contestants that are plain and on one path
 * alone; where there is none, of those that are plain. A ratio to it is of one seed, at least 1
 * where the contestant is not worse: of a measure of which lower is better, the best path's value
 * is divided by the contestant's. Its mean is that of the logarithms (the geometric one), with the
 * 95 % interval by Student's t. Where a value is 0 there are no logarithms: the mean is the ratio
 * of the means, without an interval, and the verdict is by the interval of the differences.
 */

enum verdict {
	VERDICT_NONE,      /* no ratio */
	VERDICT_AT_LEAST,  /* the mean is at least 1 */
	VERDICT_BELOW,     /* the whole interval is below 1 */
	VERDICT_UNDECIDED, /* the mean is below 1, but the interval is not, or there is none */
};

struct ratio {
	double mean, low, high; /* NaN: none */
	size_t pairs;           /* seeds of which both have a value */
	enum verdict verdict;
};

struct cell {
	struct stats_estimate value;
	struct ratio ratio;
	struct stats_estimate benefit; /* of aggregation, of the seeds' values; of a rate alone */
};

struct cells {
	const struct sweep *sweep; /* the caller's, as long as this lives */
	struct cell *all;          /* see cells_at() */
	const char *baseline;      /* "the best path", "plain"; NULL: there is none */
	bool has_benefit;
};

/* Computes all of it. Free with cells_free(). */
struct cells *cells_build(const struct sweep *s);
void cells_free(struct cells *c);

const struct cell *cells_at(const struct cells *c, size_t cell, size_t contestant);

/* Whether a contestant is one that is to be never worse: not plain, and not on one path alone. */
bool cells_is_judged(const struct sweep *s, size_t contestant);

/* "at least 1", "below", "undecided"; "" for none. */
const char *verdict_text(enum verdict v);

/* How many of the judged contestants' cells have each verdict, and how many of those at least 1
 * have their whole interval there. */
struct verdicts {
	size_t of[4], whole;
};
struct verdicts cells_verdicts(const struct cells *c);

#endif
