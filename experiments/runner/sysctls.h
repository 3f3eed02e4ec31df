/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EXPERIMENTS_RUNNER_SYSCTLS_H
#define EXPERIMENTS_RUNNER_SYSCTLS_H

#include <stddef.h>

/* Whether this kernel takes sysctls, before anything depends on it. */

struct sysctl_try {
	const char *path;  /* "net/ipv4/tcp_recovery" */
	const char *value; /* what it is to be set to */
	int error;         /* an errno: what came of it; 0: it was taken */
};

/* Sets each in a network namespace that is made for this and goes with it: nothing else is touched.
 * Where the user may make none, only their names are looked up. 0, or -1 and *error. */
int sysctls_try(struct sysctl_try *all, size_t count, char **error);

#endif
