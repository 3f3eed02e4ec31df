/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EXPERIMENTS_SWEEPER_ABOUT_H
#define EXPERIMENTS_SWEEPER_ABOUT_H

#include "experiments/sweeper/plan.h"

#include <jansson.h>
#include <stdbool.h>

/* sweep.json: what the rows are about, for who reads them. */

#define SWEEP_SCHEMA 1

/* The caller's own. */
json_t *about_sweep(const struct plan *p);

/* Whether the file says just that. 0, also where there is no file; or -1 and *error: it is of
 * another version of this program. */
int about_check(const char *file, const json_t *about, bool *same, char **error);

#endif
