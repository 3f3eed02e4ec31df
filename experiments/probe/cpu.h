/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EXPERIMENTS_PROBE_CPU_H
#define EXPERIMENTS_PROBE_CPU_H

#include <sys/types.h>

/* The machine's processor time since it started, of all processors together. */
struct busy {
	double total_s;
	double busy_s;       /* not idle */
	double interrupts_s; /* of busy_s, what the kernel took to serve interrupts */
};
struct busy machine_busy(void);

/* User and system time that a process has taken so far; 0 when it is gone or pid is 0. */
double process_seconds(pid_t pid);

#endif
