/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EXPERIMENTS_RECORD_DISTRIBUTION_H
#define EXPERIMENTS_RECORD_DISTRIBUTION_H

#include <jansson.h>
#include <stddef.h>

/* Many values as experiments/result.schema.json has a "distribution". Those that are NaN are left
 * out; null when there is none. Sorts the values. */
json_t *distribution_json(double *values, size_t count);

/* Part by part of so many equal ones of all values, from the least to the most: what a distribution
 * function is drawn of. Null when there is none. Sorts the values. */
#define QUANTILES 100
json_t *quantiles_json(double *values, size_t count);

#endif
