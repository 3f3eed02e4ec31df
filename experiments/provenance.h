/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EXPERIMENTS_PROVENANCE_H
#define EXPERIMENTS_PROVENANCE_H

#include <jansson.h>
#include <sys/types.h>

/* Where a result comes from: kernel, machine, compiler, libraries, programs and their digests, the
 * source's git revision, the command line. The same for every run of one call of the runner.
 *
 * `programs` is the build directory with mpip/mpipd; `argv` ends with NULL. The git revision is
 * null when the working directory is not in a git work tree. */
json_t *provenance(const char *programs, char *const *argv);

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
