/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ANALYSIS_SWEEP_COMPARE_PRINT_H
#define ANALYSIS_SWEEP_COMPARE_PRINT_H

#include "analysis/sweep/compare.h"

#include <stdio.h>

/* For people: each contestant's mean over its cells, the cells that are worse or better beyond
 * chance, and the verdict in the last line. */
void compare_print(const struct series_set *a, const struct series_set *b,
	const struct comparison *c, FILE *out);

/* For programs, unrounded: a line for each cell, and for each mean over cells, as CSV or in one
 * JSON object. What does not exist is empty, or null. */
void compare_print_csv(const struct comparison *c, FILE *out);
void compare_print_json(const struct series_set *a, const struct series_set *b,
	const struct comparison *c, FILE *out);

#endif
