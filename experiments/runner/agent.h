/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EXPERIMENTS_RUNNER_AGENT_H
#define EXPERIMENTS_RUNNER_AGENT_H

#include "lab/scenario/scenario.h"

#include <stdbool.h>

/* A process that lives in a host for the whole run: it sets the host's kernel up for the
 * contestant, and while it lives, /proc/PID/net of the host can be read from outside. */
struct agent {
	const char *lab, *host;
	const char *congestion_control;
	bool mptcp;              /* full mesh wanted */
	unsigned subflows;       /* ... of so many besides the first */
	bool opens;              /* this host opens the connections */
	const json_t *sysctls;   /* the contestant's; NULL: none */
	const struct node *node; /* its NICs */
	const char *sysctl_file; /* where the sysctls that matter are written, as JSON */
	int ready_fd;            /* one newline is written here once all is set */
};

/* The body of the process: sets up, tells, waits for SIGTERM. On failure one line on standard error
 * and exit status 1. */
int agent_body(void *agent);

#endif
