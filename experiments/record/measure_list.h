/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EXPERIMENTS_RECORD_MEASURE_LIST_H
#define EXPERIMENTS_RECORD_MEASURE_LIST_H

#include <jansson.h>
#include <stddef.h>

/* The measures by which runs are compared: one number out of a result.json, by name. Sweeps, maps
 * and comparisons know no others. */

#define MEASURE_POINTERS 2

struct listed_measure {
	const char *name;   /* "transfer_p95_ms" */
	const char *title;  /* of a figure's axis or a table's column, without its unit */
	const char *unit;   /* "Mbit/s", "ms", ...; "": a plain number */
	const char *better; /* "higher" or "lower" */
	double (*of)(const json_t *result, const char *const pointers[MEASURE_POINTERS]);
	const char *pointers[MEASURE_POINTERS]; /* into result.json; what `of` looks at */
};

/* Ends with a row without a name. */
extern const struct listed_measure measure_list[];

/* NULL: there is none of this name. */
const struct listed_measure *measure_listed(const char *name);

/* NaN where the result does not have it, or there is no measure of this name. */
double measure_value(const json_t *result, const char *name);

#endif
