/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef LAB_BUILD_CALL_H
#define LAB_BUILD_CALL_H

#include <jansson.h>
#include <stdbool.h>

/* How errors name a command and its words: as the person at the keyboard types them. */

/* Set once, by who is called by make: its words are make's then. */
extern bool call_by_make;

/* "lab down --name x" or "make lab-down NAME=x"; without a name if that is NULL. Allocated. */
char *call_of(const char *command, const char *lab);

/* "a", "a and b", "a, b and c" out of an array of strings. Allocated. */
char *call_list(const json_t *names);

#endif
