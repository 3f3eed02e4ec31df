/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EXPERIMENTS_RECORD_DIGEST_H
#define EXPERIMENTS_RECORD_DIGEST_H

#include "mpip/base/sha256.h"

#include <jansson.h>

/* The digest of everything that a run has measured: SHA-256 over the lines "SHA256  NAME" of its
 * raw logs, sorted by name, so
 *
 *   cd RUN && sha256sum $(ls -A | LC_ALL=C grep -vE '^(result|mpipd-.*)\.json$') | sha256sum
 *
 * Not in it: result.json, which holds it and tells the same in other words, and mpipd's settings,
 * which hold the seed. 0, or -1 and *error. */
int digest_of_run(const char *directory, char out[SHA256_TEXT], char **error);

/* The logs that are in it, {"NAME": "SHA256"}, sorted by name. NULL and *error. */
json_t *digest_files(const char *directory, char **error);

#endif
