/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EXPERIMENTS_SWEEPER_CLUSTER_H
#define EXPERIMENTS_SWEEPER_CLUSTER_H

#include "experiments/sweeper/session.h"

/* A sweep on a Slurm cluster. */

#define CLUSTER_TRIES 3

/* Takes note of the arrays that an earlier call has left, whose runs are then RUN_UNDER_WAY as long
 * as Slurm has them; *count is how many tasks that are. Others are removed. 0; or -1 and *error.
 * Call cluster_forget() afterwards, also then. */
struct cluster;
int cluster_look(struct session *s, struct cluster **c, size_t *count, char **error);
void cluster_forget(struct cluster *c);

/* Submits what is missing, and takes results until there is nothing left, whoever submitted it.
 * What failed or was lost is submitted again, CLUSTER_TRIES times in all. 0, whether runs failed or
 * not, which is told and counted; 1 when asked to stop, what Slurm has then going on; or -1 and
 * *error.
 */
int cluster_run(struct session *s, struct cluster *c, char **error);

/* Ends all tasks that Slurm has of it, and waits for their end. 0; 1 when asked to stop; or -1 and
 * *error. */
int cluster_cancel(struct cluster *c, char **error);

/* How many of the tasks that Slurm has are running, and how many wait. */
void cluster_count(const struct cluster *c, size_t *running, size_t *waiting);

#endif
