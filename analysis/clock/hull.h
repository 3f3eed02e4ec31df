/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ANALYSIS_CLOCK_HULL_H
#define ANALYSIS_CLOCK_HULL_H

#include <stddef.h>

/* The lower convex hull of delays over time, made in one pass since they come in order of time. */

struct hull_corner {
	double t, d;
};

struct hull {
	struct hull_corner *corners; /* from left to right */
	size_t count, room;
	double n, sum_t; /* of all delays that were added */
};

/* Adds a delay; `t` is not before that of any other. */
void hull_add(struct hull *h, double t, double d);

/* The height at time 0 of the line of this slope that touches it from below; infinite where nothing
 * was added. */
double hull_line(const struct hull *h, double slope);

void hull_free(struct hull *h);

#endif
