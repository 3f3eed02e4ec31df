/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EXPERIMENTS_RUNNER_REPRODUCE_H
#define EXPERIMENTS_RUNNER_REPRODUCE_H

/* Runs the cell of a result again, in a guest, and compares the digests of what was measured. RUN
 * is the result's directory, or the result.json in it; `file` is its experiment (NULL: the one that
 * its command line named, or experiments/NAME.json); `programs` is the build directory; `argv` ends
 * with NULL. What comes of it is one line on standard output, "equal: DIGEST", or "differs: ..."
 * and which logs. The run that differs is kept, an equal one is removed.
 *
 * 0 when equal, 1 when not, -1 and *error when it could not be run, 128 + the signal when stopped.
 */
int reproduce(
	const char *run, const char *file, const char *programs, char *const *argv, char **error);

#endif
