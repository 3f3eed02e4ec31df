/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MPIP_SIM_FAULTS_H
#define MPIP_SIM_FAULTS_H

#include "mpip/sim/sim.h"

/* Draws faults of at least four kinds, and when they happen, between two times. All of them are
 * over by `until`, but for dead paths, changed addresses and what NATs have forgotten. `allowed`:
 * of which kinds. */
void faults_draw(
	struct sim *w, struct usec from, struct usec until, const bool allowed[SIM_FAULT_KINDS]);

/* When the time of faults is over. `wanted`: goes on with those that hit packets until there were
 * enough. */
void faults_complete(struct sim *w, bool wanted);

#define SIM_FAULTS_LEAST 20
#define SIM_KINDS_LEAST  4

#endif
