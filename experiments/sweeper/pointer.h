/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EXPERIMENTS_SWEEPER_POINTER_H
#define EXPERIMENTS_SWEEPER_POINTER_H

#include <jansson.h>
#include <stdbool.h>

/* JSON pointers (RFC 6901), to set what they point at. */

/* Whether it is one that can be set: "/" and names, each "~" followed by 0 or 1. */
bool pointer_is_good(const char *pointer);

/* Sets the value there, of which it takes a new reference. What the pointer's last name is in must
 * be there: an object, which may not have the name yet, or a list with this element. 0, or -1 when
 * it is not, with nothing changed. */
int pointer_set(json_t *root, const char *pointer, json_t *value);

#endif
