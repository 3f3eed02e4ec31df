/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MPIP_SIM_SCENARIO_H
#define MPIP_SIM_SCENARIO_H

#include "mpip/sim/sim.h"

/* What a run is to be like; what is not said is drawn from the seed. */
struct scenario {
	bool faults;
	bool allowed[SIM_FAULT_KINDS];
	int wire_form; /* enum wire_form, or -1: drawn */
	unsigned many; /* so many sessions from each of two hosts at the same moment, or 0 */
	bool trace;
	int64_t *reached_us; /* the sim's */
};

struct scenario scenario_default(void);

/* Runs a seed from start to end. The result's `broken.law` is NULL if all laws held. Free with
 * sim_free(). */
struct sim *scenario_run(const struct scenario *s, uint64_t seed);

#endif
