/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EXPERIMENTS_SWEEPER_LOCAL_H
#define EXPERIMENTS_SWEEPER_LOCAL_H

#include "experiments/sweeper/session.h"

/* Runs what is missing here, `jobs` guests at a time. 0, whether runs failed or not, which is told
 * and counted; 1 when asked to stop; or -1 and *error: nothing more can be run. In all cases
 * nothing is left of what was under way. */
int local_run(struct session *s, int jobs, char **error);

#endif
