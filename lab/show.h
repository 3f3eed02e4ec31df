/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef LAB_SHOW_H
#define LAB_SHOW_H

#include "lab/scenario/scenario.h"

#include <jansson.h>
#include <stdio.h>

/* Scenarios and labs for people to read. */

/* The topology: a box per router, its links to the left and to the right of it. */
void show_drawing(FILE *out, const struct scenario *s);

/* What `lab status` knows about one lab:
 * { "name", "state": "up", "busy", "broken" or "left", "owner": as lab_whose() says it, and if it
 * is up: "scenario_file", "since", "scenario", "counters", "processes" }. NULL with `*error` set
 * when there is no such lab, or when it is damaged. */
json_t *show_status_json(const char *name, char **error);

/* The same as tables. Returns 0, or -1 with `*error` set. */
int show_status(FILE *out, const char *name, char **error);

#endif
