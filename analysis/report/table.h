/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ANALYSIS_REPORT_TABLE_H
#define ANALYSIS_REPORT_TABLE_H

#include "analysis/measure/results.h"

#include <stdio.h>

/* The table of an experiment: one row per contestant. */

#define TABLE_HEAD    2 /* rows of headings before the first contestant's */
#define TABLE_ROWS    64
#define TABLE_COLUMNS 21
#define TABLE_CELL    96

struct table {
	char cells[TABLE_ROWS][TABLE_COLUMNS][TABLE_CELL]; /* text; "-" where there is no value */
	size_t rows, columns;
};

/* What the table says. A heading's two rows are one text, of which the first may end in a hyphen.
 * Free with free(). */
struct table *table_build(const struct results *r);

/* The same for people, then the settings in which contestants differ, the marked runs and why, and
 * the reasons to doubt the others. */
void table_print(const struct results *r, FILE *out);

/* The numbers for programs, unrounded: the whole summary (summary.h); or a row of it for each
 * contestant, below a row of the keys, quoted as RFC 4180 has it. What does not exist is null, or
 * empty. */
void table_print_json(const struct results *r, FILE *out);
void table_print_csv(const struct results *r, FILE *out);

#endif
