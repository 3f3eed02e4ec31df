/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EXPERIMENTS_RUNNER_PROVENANCE_H
#define EXPERIMENTS_RUNNER_PROVENANCE_H

#include <jansson.h>

/* Where a result comes from: kernel, machine, compiler, libraries, programs and their digests, the
 * source's git revision, the command line. The same for every run of one call of the runner.
 *
 * `programs` is the build directory with mpip/mpipd; `argv` ends with NULL. The git revision is
 * null when the working directory is not in a git work tree. */
json_t *provenance(const char *programs, char *const *argv);

#endif
