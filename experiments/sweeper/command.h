/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EXPERIMENTS_SWEEPER_COMMAND_H
#define EXPERIMENTS_SWEEPER_COMMAND_H

/* Programs that are called for their answer. */

/* Runs argv[0], looked up in PATH, with these arguments (NULL at the end), for half a minute at
 * most. Returns what it has printed (allocated); or NULL and *error, "PROGRAM: the last line of
 * what it said", or NULL alone when we are asked to stop. */
char *command_run(const char *const *argv, char **error);

#endif
