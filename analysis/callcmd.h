/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ANALYSIS_CALLCMD_H
#define ANALYSIS_CALLCMD_H

#include <jansson.h>
#include <stdio.h>

/* analysis call: computes the measures of a run's call again from the logs beside its result
 * `file`, prints them, and compares them with those in `result`. 0; 1 when one differs, which is
 * printed; or -1 and *error. */
int call_command(const char *file, const json_t *result, FILE *out, char **error);

#endif
