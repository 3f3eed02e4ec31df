/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EXPERIMENTS_RECORD_SCHEMA_H
#define EXPERIMENTS_RECORD_SCHEMA_H

#include <jansson.h>

/* Whether a JSON value is what a JSON Schema (draft-07) says.
 *
 * Of JSON Schema this knows: type (one or a list), required, properties, additionalProperties
 * (false or a schema), items (one schema), enum, minimum, maximum, minItems, maxItems, pattern
 * (POSIX extended), and $ref to "#/definitions/NAME". Any other keyword that would restrict a value
 * is refused, so that no rule is ever silently not applied; title, description, $schema, $id and
 * definitions restrict nothing.
 *
 * 0, or -1 and *error, one line "PLACE: expected ..." about the first thing found. */
int schema_check(const json_t *schema, const json_t *value, char **error);

#endif
