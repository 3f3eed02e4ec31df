/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MPIP_MPIPCTL_MONITOR_H
#define MPIP_MPIPCTL_MONITOR_H

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>

/* Prints what the daemon sends of events (mpip/io/monitor.h) until it ends, `*interrupted`, or
 * standard output fails: as it comes, or as text. Returns the exit status. */
int monitor(FILE *reply, bool json, const volatile sig_atomic_t *interrupted);

#endif
