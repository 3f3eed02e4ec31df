/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EXPERIMENTS_SWEEPER_TASK_H
#define EXPERIMENTS_SWEEPER_TASK_H

/* What a task of an array does: one run, on the node where Slurm has started it. Its number is in
 * SLURM_ARRAY_TASK_ID. `directory` is the batch's, see batch.h. The exit status, or -1 and *error.
 */
int task_run(const char *directory, char **argv, char **error);

#endif
