/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EXPERIMENTS_RUNNER_CONNRUN_H
#define EXPERIMENTS_RUNNER_CONNRUN_H

#include "experiments/runner/run.h"

/* The part that many connections have in a run, as its client and server. Returns as in
 * processes.h. */

/* Starts who listens and waits until it does. */
int connections_start_listener(struct run *r, const struct workload_end *end, char **error);

/* Starts who opens, and once it is ready looks at what the machine uses and lets it go. */
int connections_start_opener(struct run *r, const struct workload_end *end, char **error);

/* At each second of the measured part. */
void connections_note(struct run *r);

#endif
