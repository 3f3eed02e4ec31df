/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ANALYSIS_SWEEP_COMPARE_H
#define ANALYSIS_SWEEP_COMPARE_H

#include "analysis/sweep/series.h"

/*
 * Whether B is worse than A, contestant by contestant and cell by cell.
 *
 * A ratio is B's value to A's, or A's to B's where lower is better: below 1 is worse. Its mean is
 * that of logarithms, with the 95 % interval. Where a value is 0 there are none: the ratio is that
 * of the means, without an interval, and the probabilities are the differences'. Runs of the same
 * seed and repetition are pairs (Student's t); when A and B have no seed in common there are none,
 * and the means are compared (Welch's t).
 *
 * Of hundreds of cells, one in forty is below its interval by chance. So "worse" is what chance
 * makes of all cells together once in COMPARE_ALPHA^-1 comparisons of the same (Holm's method, one
 * side), and so of the contestants' means over all cells. What is less than COMPARE_LEAST is no
 * change, however sure.
 */

#define COMPARE_ALPHA 0.001
#define COMPARE_LEAST 0.002

struct compared {
	const char *contestant, *cell; /* cell "": all of the contestant's */
	size_t cells;                  /* what it is a mean over */
	size_t a_count, b_count;       /* values; the same where they are pairs */
	double a, b;                   /* their means; NaN over several cells */
	double ratio, low, high;       /* NaN: too few values */
	double p_worse, p_better;      /* of chance alone making this; 1 for too few values */
	bool equal;                    /* each pair has the same value */
	bool worse, better;            /* beyond chance */
};

struct comparison {
	bool paired;
	size_t common;          /* repetitions, when paired */
	struct compared *cells; /* of all that both have, with at least two values, or equal */
	struct compared *means; /* of each contestant with several cells */
	size_t cell_count, mean_count;
	size_t only_a, only_b;       /* cells that the other does not have */
	size_t few;                  /* that both have, with too few values to compare */
	size_t worse, better, equal; /* cells */
	size_t below;                /* cells whose own 95 % interval is below 1 */
	bool is_worse;               /* a cell or a mean */
	bool is_equal;               /* all cells, and there are no others */
};

/* Compares them. NULL and *error when they have no cell in common, measure different things, or
 * have too few values everywhere. Texts are those of `a`, which must live as long. Free with
 * comparison_free(). */
struct comparison *compare(const struct series_set *a, const struct series_set *b, char **error);
void comparison_free(struct comparison *c);

#endif
