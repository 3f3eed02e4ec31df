/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ANALYSIS_MEASURE_CSV_H
#define ANALYSIS_MEASURE_CSV_H

#include <stdbool.h>
#include <stdio.h>

/* Writing CSV, quoted as RFC 4180 has it. */

/* A text as one field, after a comma but for the first of a line. */
void csv_field(FILE *out, bool first, const char *text);

/* A number as a further field, unrounded; empty for NaN. */
void csv_number(FILE *out, double value);

#endif
