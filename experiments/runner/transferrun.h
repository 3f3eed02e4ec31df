/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EXPERIMENTS_RUNNER_TRANSFERRUN_H
#define EXPERIMENTS_RUNNER_TRANSFERRUN_H

#include "experiments/runner/run.h"

/* The part that transfers have in a run, as its client and server. Returns as in processes.h. */

/* Starts who listens and waits until it does. */
int transfers_start_listener(struct run *r, const struct workload_end *end, char **error);

/* Starts who connects. */
int transfers_start_caller(struct run *r, const struct workload_end *end, char **error);

/* Reads the log of transfers: r->transfers, and when there was something to wait for. */
int transfers_gather(struct run *r, char **error);

/* How many connections there were in all. */
int transfers_connected(const struct run *r);

#endif
