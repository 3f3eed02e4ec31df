/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef LAB_BUILD_OWNER_H
#define LAB_BUILD_OWNER_H

#include <jansson.h>
#include <stdbool.h>
#include <sys/types.h>

/*
 * The process that a lab was built for, and that takes it down itself: a runner, a calibration, a
 * call of the tests. A number alone would not name it, since numbers are used again; the time of
 * its start, and the PID namespace that both are of, make it certain:
 *
 *      { "pid", "started": clock ticks since the machine's start, "pid_namespace": inode,
 *        "what": "the experiment two-nics" }
 */
struct lab_owner {
	pid_t pid;
	const char *what; /* it does, for people; NULL: its command */
};

/* That object, to be freed by the caller; NULL with `*error` set when there is no such process. */
json_t *owner_describe(const struct lab_owner *owner, char **error);

/* Whether it is one of ours to read. */
bool owner_is_whole(const json_t *owner);

/* Whether the process is still there. One of another PID namespace cannot be looked for: true. */
bool owner_lives(const json_t *owner);

/* Whether it is this process, or one that this process comes from. */
bool owner_is_ancestor(const json_t *owner);

#endif
