/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EXPERIMENTS_RUNNER_NICS_H
#define EXPERIMENTS_RUNNER_NICS_H

#include "experiments/runner/run.h"

/* Which NICs of its hosts a contestant has: of a host that its "nics" names, those; of others all.
 */

/* Fills in the hosts' names and nodes, the latter with no other NICs than these. */
void nics_of_hosts(struct run *r);
void nics_free(struct run *r);

/* Switches the others off, for all of the run. Needs the player. 0; -1 and *error. */
int nics_switch_off(struct run *r, char **error);

#endif
