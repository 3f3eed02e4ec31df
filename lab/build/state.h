/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef LAB_BUILD_STATE_H
#define LAB_BUILD_STATE_H

#include "lab/build/owner.h"
#include "lab/scenario/scenario.h"

#include <jansson.h>

/*
 * What labs there are, in files that outlive a crash:
 *
 *      /run/mpip-lab/            its lock: who adds or removes labs
 *        .run-netns              how much of /run/netns the lab made itself, see netns.h
 *        .aside/                 a lab's directory while it is made or removed
 *        NAME/                   its lock: who builds or takes down this lab
 *          scenario.json         there before anything is built; enough to take it all down
 *          owner.json            the process that it is for (owner.h); a user's own lab has none
 *          up.json               written when everything is built: {"scenario_file", "since"}
 */

#define STATE_DIR "/run/mpip-lab"

enum state_kind {
	STATE_NONE,
	STATE_BUSY,   /* somebody is building it or taking it down right now */
	STATE_BROKEN, /* whoever built it or took it down was killed in the middle */
	STATE_UP,
};

enum state_kind state_of(const char *name);

/* Enters the lab `name` as one that is being built from `s`, for `owner` (NULL: the user), and sees
 * to it that namespaces can be named. Returns the lab's lock, to be closed when it is built; -1
 * with `*error` set, and nothing changed, when there is a lab of this name in whatever state. */
int state_claim(
	const char *name, const struct scenario *s, const struct lab_owner *owner, char **error);

/* The lab is built. */
int state_mark_up(const char *name, const struct scenario *s, char **error);

/* The lock of a lab that is there; -1 with `*error` set when there is none or somebody has it. */
int state_lock(const char *name, char **error);

/* Forgets a lab, and when it was the last one, removes whatever is left of us on the machine. */
int state_forget(const char *name, char **error);

/* Removes what a lab that was killed while it came or went may have left, if there is no lab. */
void state_tidy(void);

/* Names of all labs, sorted: an array of strings. */
json_t *state_list(void);

/* The scenario that a lab was built from. NULL with `*error` set when there is no such lab, or when
 * somebody has damaged the file. */
struct scenario *state_scenario(const char *name, char **error);

/* owner.json, an empty object when it cannot be read; NULL when the lab is a user's own. */
json_t *state_owner(const char *name);

/* Sets `*error` to that there is no lab of this name, and which there are. Always returns -1. */
int state_fail_none(const char *name, char **error);

/* up.json, or NULL. */
json_t *state_up(const char *name);

#endif
