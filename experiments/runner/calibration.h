/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EXPERIMENTS_RUNNER_CALIBRATION_H
#define EXPERIMENTS_RUNNER_CALIBRATION_H

#include "experiments/record/definition.h"

#include <jansson.h>
#include <stdbool.h>

/* The short calibration that comes before an experiment's runs: one for each scenario that its
 * contestants have, kept beside the results. In all of these, `directory` is that of the results,
 * `all` the experiment, and `own` the definition for one contestant (definition_for). */

/* Where a scenario's calibration is: calibration.json for the experiment's own scenario,
 * calibration-SCENARIO.json for one that only some contestants have. Allocated. */
char *calibration_file(
	const char *directory, const struct definition *all, const struct definition *own);

/* Whether the links of own.scenario_file have been calibrated, as that file is now, on the ground
 * (and in guests at the speed) that `all` has. */
bool calibration_is_there(
	const char *directory, const struct definition *all, const struct definition *own);

/* Keeps what was measured, of which it adds what it is of; tells when a link is not as the scenario
 * has it. 0, or -1 and *error. */
int calibration_keep(const char *directory, const struct definition *all,
	const struct definition *own, json_t *calibration, char **error);

/* Calibrates in this machine's namespaces, in a lab of this name that is made for it and taken down
 * again. 0; 1 when a signal asked to stop; -1 and *error. */
int calibration_make(const char *directory, const struct definition *all,
	const struct definition *own, const char *lab, char **error);

#endif
