/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EXPERIMENTS_RUNNER_CHECK_H
#define EXPERIMENTS_RUNNER_CHECK_H

#include "experiments/record/definition.h"

#include <stdbool.h>

/* Looks at all that a definition names but does not hold, of every contestant, whether it is to be
 * run now or not: mpipd's settings, as mpipd itself reads them; scenarios with their events, and
 * the hosts and NICs of them that are used; the paper's values; sysctls, and MPTCP.
 *
 * `programs` is the build folder. What is wrong is added to *faults, see definition_fault(). The
 * kernel is this machine's with `on_host`: what it does not take is a fault. In guests it is
 * another one: what this one does not know is added to *notes instead, and the guest refuses it if
 * it does not know it either; where `notes` is NULL it is not asked. */
void definition_check(const struct definition *d, const char *programs, bool on_host, char **faults,
	char **notes);

#endif
