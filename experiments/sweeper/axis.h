/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EXPERIMENTS_SWEEPER_AXIS_H
#define EXPERIMENTS_SWEEPER_AXIS_H

#include "mpip/base/jsonfile.h"

#include <jansson.h>
#include <stddef.h>

/* An axis of a sweep: the values that something in the experiment gets, one after the other. */

#define AXIS_VALUES_MAX 10000

struct axis_value {
	json_t *shown; /* what a reader sees: a number, or a text */
	json_t *set;   /* what it changes: an object of JSON pointers and values */
};

struct axis {
	char *name, *title, *unit; /* unit: "" for none */
	struct axis_value *values;
	size_t count;
};

/* Reads one, from "values", "range", "log_range" or "cases". What is wrong is the document's error;
 * free it in either case. */
struct axis axis_read(struct jat at);
void axis_free(struct axis *a);

/* The axis as readers of the results get it: {"name", "title", "unit", "values"}. */
json_t *axis_json(const struct axis *a);

/* The value as people write it: "25", "10/1 + 10/25". Allocated. */
char *axis_value_text(const struct axis_value *v);

#endif
