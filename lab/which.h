/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef LAB_WHICH_H
#define LAB_WHICH_H

#include "lab/build/owner.h"

/* Which lab a command is about. One line in `*error` says what there is, and how to choose. */

/* The lab that is named, or without a name (NULL) the only one of the user's own: never one that a
 * runner or the tests have for themselves. `command` is as it was typed: "down". Allocated; NULL
 * with `*error` set. */
char *which_lab(const char *named, const char *command, char **error);

/* -1 with `*error` set when the lab is another process's, which takes it down itself; else 0. */
int which_may_go(const char *name, char **error);

/* The process that labs are built for: that which LAB_OWNER in the environment names. NULL: they
 * are the user's own; or `*error` is set. */
const struct lab_owner *which_owner(char **error);

#endif
