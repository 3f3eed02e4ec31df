/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MPIP_MPIPCTL_SHOW_H
#define MPIP_MPIPCTL_SHOW_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/* mpipd's answers for people. */

/* Sorts what an answer lists: sessions and paths by their connection, peers by address. */
void show_sort(json_t *answer);

/* Prints the answer to `command` as tables. Connections that have ended are left out, and counted,
 * unless `all`. Changes the answer. */
void show_answer(FILE *out, const char *command, json_t *answer, bool all);

#endif
