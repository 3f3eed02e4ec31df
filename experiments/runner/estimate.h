/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EXPERIMENTS_RUNNER_ESTIMATE_H
#define EXPERIMENTS_RUNNER_ESTIMATE_H

#include "experiments/runner/guests.h"

/* About how many seconds of real time these cells of an experiment take one after the other, on a
 * machine with nothing else to do. What is known before anything has been run; progress lines
 * correct it by what runs have taken. */
double estimate_cells_s(const struct definition *d, const struct guest_cell *cells, size_t count);

#endif
