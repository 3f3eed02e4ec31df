/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EXPERIMENTS_RECORD_RESULTFILE_H
#define EXPERIMENTS_RECORD_RESULTFILE_H

#include <jansson.h>

/* A result.json of this version that has what every reader of it relies on: names, repetition,
 * seed, duration, goodput, lists that are lists. The caller's own; NULL and *error, one line
 * "FILE: PLACE: expected ...". All of the schema, experiments/record/result.schema.json, is
 * check-result's matter. */
json_t *result_read(const char *file, char **error);

/* The value at a JSON pointer (RFC 6901, without ~ escapes), e.g. "/tcp/sent_segments"; NULL when
 * there is none. */
json_t *json_pointer(const json_t *value, const char *pointer);

/* The number there; NaN when there is none. */
double json_number_at(const json_t *value, const char *pointer);

#endif
