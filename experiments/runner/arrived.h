/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EXPERIMENTS_RUNNER_ARRIVED_H
#define EXPERIMENTS_RUNNER_ARRIVED_H

#include "experiments/runner/run.h"

/* What the receiving applications of a run got, and when: each end that receives leaves a log,
 * arrivals-HOST.csv (record/arrivals.h). A call alone has its own logs, which say it as well. */

/* The file for a host, or NULL when no data is to come to it. Allocated. */
char *arrived_file(const struct run *r, int host);

/* Reads the logs into r->arrivals. Returns as in processes.h. */
int arrived_gather(struct run *r, char **error);

/* For a workload that has no other count: the report of each host that received, from what
 * arrived in each second of the measured part. */
void arrived_report(struct run *r);

/* Adds to the result "gap", "series_forward", "series_reverse", and to its "events" what each of
 * them did. */
void arrived_describe(const struct run *r, json_t *result);

#endif
