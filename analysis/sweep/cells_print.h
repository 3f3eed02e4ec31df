/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ANALYSIS_SWEEP_CELLS_PRINT_H
#define ANALYSIS_SWEEP_CELLS_PRINT_H

#include "analysis/sweep/cells.h"

#include <stdio.h>

/* For people: a line for each cell and contestant; then "never worse", which names each cell in
 * which a judged contestant is below 1, the worst first, and sums up; then what is to be said of
 * the rows. */
void cells_print(const struct cells *c, FILE *out);

/* For programs, unrounded: a line for each cell and contestant, with its verdict, as CSV or in one
 * JSON object. What does not exist is empty, or null. */
void cells_print_csv(const struct cells *c, FILE *out);
void cells_print_json(const struct cells *c, FILE *out);

/* A number with four digits, or one behind the point where that is more; "-" for NaN. */
#define NUMBER_TEXT 32
const char *number_text(char text[NUMBER_TEXT], double value);

#endif
