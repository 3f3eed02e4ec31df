/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EXPERIMENTS_PROBE_PROC_H
#define EXPERIMENTS_PROBE_PROC_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* The runner's children and its clock. One thread; children are ended by pid, and die with us. */

struct child {
	const char *name; /* for messages; NULL: never started */
	pid_t pid;        /* 0: not running */
	int status;       /* of waitpid(), once it ended */
	double cpu_s;     /* user and system time, once it ended */
};

enum wait_result { WAIT_ENDED, WAIT_TIME, WAIT_STOPPED };

/* Once, before anything else here: from now on SIGINT, SIGTERM and SIGHUP only ask the run to stop.
 * 0, or -1 and *error. */
int proc_begin(char **error);

/* The signal that asked us to stop, or 0. */
int proc_stop_signal(void);

/* CLOCK_MONOTONIC in microseconds, the clock of mpipd's path log. */
int64_t now_us(void);

/* Forks. In the child: own process group, signals as normal, killed when we die, standard input
 * empty, standard output and error to these files (NULL: as ours), every other descriptor closed
 * but `keep_fd` (-1: none); then `body(argument)`, whose value is its exit status, or 1 if that is
 * 0 and what it printed could not be written. 0, or -1 and *error. */
int child_start(struct child *c, const char *name, int (*body)(void *), void *argument,
	const char *out_file, const char *err_file, int keep_fd, char **error);

/* Waits until `until_us` for the child to end (NULL: only for the time), or for a signal to stop.
 */
enum wait_result child_wait(struct child *c, int64_t until_us);

/* SIGTERM, up to `patience_ms` for it to end, then SIGKILL. Works while stopping. True when it went
 * by itself after SIGTERM, or had ended before. */
bool child_end(struct child *c, int patience_ms);

/* How the child ended, for a message: "ended with status 1", "was ended by signal 11". Static. */
const char *child_fate(const struct child *c);

#endif
