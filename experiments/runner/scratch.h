/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EXPERIMENTS_RUNNER_SCRATCH_H
#define EXPERIMENTS_RUNNER_SCRATCH_H

/* Directories that end with us, or after kill -9, with the next who makes the like. The same as
 * lab/vm/scratch.sh: a lock says that one is in use, and the file .held in it, that it is to go. */

/* Makes a directory PREFIX.XXXXXX, ours as long as we are there, and removes those that nobody has
 * any more. Allocated; NULL and *error (mpip/base/error.h). */
char *scratch_make(const char *prefix, char **error);

/* From now on it is the user's, and stays. */
void scratch_keep(const char *directory);

#endif
