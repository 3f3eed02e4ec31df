/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MPIP_CI_TOOL_LATE_H
#define MPIP_CI_TOOL_LATE_H

#include <stdint.h>

/*
 * How late this machine is.
 *
 * Theory of operation: what an application waits for is a property of mpipd only as far as the
 * machine runs what is ready to run. A thread that sleeps until a time, again and again, finds out
 * how much later than that it is woken: so late may be any other process, too. Tests allow waits
 * for what this says beside them, so that a busy machine fails none, and an idle one forgives
 * nothing.
 */

/* Begins to watch. */
void late_watch(void);

/* The longest delay of a wake-up since then, in milliseconds. */
uint64_t late_ms(void);

#endif
