/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EXPERIMENTS_RUNNER_MARKS_H
#define EXPERIMENTS_RUNNER_MARKS_H

#include "experiments/runner/run.h"

/* Why a run's number must not be averaged with others: a list of lines, empty for a good run. The
 * run was not what its contestant's name says: subflows are missing, a session is not multipath,
 * the congestion control is another one, a NIC carried nothing, seconds are missing.
 *
 * `result` is the result so far, with its links. */
json_t *marks_of(const struct run *r, const json_t *result);

/* How many subflows each MPTCP connection should have: a full mesh of the NICs that the
 * scenario lets reach each other. */
int marks_full_mesh(const struct run *r);

#endif
