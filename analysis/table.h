/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ANALYSIS_TABLE_H
#define ANALYSIS_TABLE_H

#include "analysis/results.h"

#include <stdio.h>

/* The table of an experiment, for people: one row per contestant, then the marked runs and why,
 * and the reasons to doubt the others. */
void table_print(const struct results *r, FILE *out);

#endif
