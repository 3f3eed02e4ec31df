/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EXPERIMENTS_LOAD_CONNECTIONS_H
#define EXPERIMENTS_LOAD_CONNECTIONS_H

#include "experiments/load/workload.h"

/*
 * Many TCP connections that have little to do: the load of what a connection costs. They are opened
 * one after the other in the first half of the warm-up, all stay open, and messages of one size go
 * over them in turn, at a rate that is the same however many they are.
 */

struct connections_end {
	struct workload_end base;
	const char *host; /* ours */
};

/* The bodies of the processes, each in its host's namespace. Who opens says in `caller_ready` of
 * the clock that all its memory is taken, and waits for `go`; who listens says so in
 * `callee_ready`, and checks every byte. The exit status: 0, or 1 after one line on standard
 * error. */
int connections_open(void *end);
int connections_listen(void *end);

#endif
