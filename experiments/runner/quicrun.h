/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EXPERIMENTS_RUNNER_QUICRUN_H
#define EXPERIMENTS_RUNNER_QUICRUN_H

#include "experiments/runner/run.h"

/* The part that a QUIC connection has in a run, as its client and server. Returns as in
 * processes.h. */

/* Starts the server and waits until it listens. */
int quic_start_server(struct run *r, const struct workload_end *end, char **error);

int quic_start_client(struct run *r, const struct workload_end *end, char **error);

/* Reads the logs of both ends and works out the measures; the arrivals have been gathered. */
int quic_gather(struct run *r, char **error);

#endif
