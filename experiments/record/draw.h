/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EXPERIMENTS_RECORD_DRAW_H
#define EXPERIMENTS_RECORD_DRAW_H

#include "mpip/base/jsonfile.h"

#include <jansson.h>
#include <stdint.h>

/* A value of a workload that is always the same, or drawn anew each time. */

enum distribution {
	DRAW_FIXED,
	DRAW_UNIFORM,
	DRAW_LOGNORMAL,
	DRAW_PARETO,
	DRAW_EXPONENTIAL,
};

/* What is drawn is between `min` and `max`, whatever the distribution has outside of them. */
struct drawn {
	enum distribution of;
	double min, max;      /* of a fixed one both are the value */
	double median, sigma; /* lognormal: of the value, and of its logarithm */
	double shape;         /* Pareto */
	double mean;          /* exponential, before it is cut */
};

/* A number, or {"distribution": "uniform", "min", "max"}, or "lognormal" with "median" and "sigma",
 * "pareto" with "shape", "exponential" with "mean" besides; all from `least` to `most`. */
struct drawn drawn_read(struct jat at, double least, double most);

/* The same as JSON. */
json_t *drawn_json(const struct drawn *d);

/* The value of this index: the same for the same seed and index, whatever else was drawn. */
double drawn_value(const struct drawn *d, uint64_t seed, uint64_t index);

#endif
