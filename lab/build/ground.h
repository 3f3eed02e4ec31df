/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef LAB_BUILD_GROUND_H
#define LAB_BUILD_GROUND_H

#include "lab/scenario/scenario.h"

#include <stdbool.h>

/* Where a lab runs: all of it in one place, never mixed. */

enum ground {
	GROUND_HOST, /* namespaces of this machine's kernel, in real time */
	GROUND_VM,   /* a guest with a stock kernel, in virtual time */
};

/* The guest's speed is a whole number of 10^9 instructions per second, up to this. */
#define GIPS_MAX 64

extern const char *const ground_names[]; /* "host", "vm", NULL */

struct ground_choice {
	enum ground ground;
	bool by_sudo; /* the host, but this process must ask sudo to become root first */
	char *why;    /* for people and for the result; allocated */
};

/* Chooses by what was asked for: "host", "vm", or "auto", which takes the host if it can do what
 * the scenario needs. 0, or -1 and *error: no such ground, or the host cannot. Free `why`. */
int ground_choose(
	const char *asked, const struct scenario *s, struct ground_choice *choice, char **error);

#endif
