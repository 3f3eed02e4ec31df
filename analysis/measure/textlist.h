/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ANALYSIS_MEASURE_TEXTLIST_H
#define ANALYSIS_MEASURE_TEXTLIST_H

#include <jansson.h>
#include <stdbool.h>

/* JSON lists of texts, each of which is in it once. */

/* Whether the list has this text; other values in it do not matter. */
bool textlist_has(const json_t *list, const char *text);

/* Adds a text that the list does not have yet. Frees it. */
void textlist_add(json_t *list, char *text);

#endif
