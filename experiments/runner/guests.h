/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EXPERIMENTS_RUNNER_GUESTS_H
#define EXPERIMENTS_RUNNER_GUESTS_H

#include "experiments/record/definition.h"
#include "experiments/runner/guest.h"
#include "experiments/runner/progress.h"

#include <stddef.h>

/* Cells of an experiment on the vm ground: each in a guest of its own, several at a time. */

struct guest_cell {
	const struct contestant *contestant;
	int rep; /* 0: not a run, but the calibration of the links of its scenario */
};

struct guests_plan {
	const struct definition *definition;
	struct guest_setting setting;
	int jobs; /* guests at a time */
	struct progress *progress;
};

/* Runs all cells and leaves their results, as run_one() does. A cell that fails is told, and
 * counted in *failed; what its guest said goes to standard error. Returns 0; -1 and *error when
 * nothing can be run at all; or 1 when a signal asked to stop: all guests have ended, and what they
 * had begun is gone. */
int guests_run(const struct guests_plan *plan, const struct guest_cell *cells, size_t count,
	int *failed, char **error);

#endif
