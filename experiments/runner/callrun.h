/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EXPERIMENTS_RUNNER_CALLRUN_H
#define EXPERIMENTS_RUNNER_CALLRUN_H

#include "experiments/runner/run.h"

/* The call's part of a run. Returns as in processes.h. */

/* Starts the callee and waits until it listens, or the caller, which waits for the clock of `end`
 * or, when the call is alone, sets it. Without iperf3 they are the run's server and client. */
int call_start_callee(struct run *r, const struct workload_end *end, char **error);
int call_start_caller(struct run *r, const struct workload_end *end, char **error);

/* Waits for those that are beside iperf3 to end. */
int call_finish(struct run *r, char **error);

/* Reads the logs, sets r->call; for a call alone the reports too, which iperf3 makes otherwise. */
int call_gather(struct run *r, char **error);

#endif
