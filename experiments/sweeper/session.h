/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EXPERIMENTS_SWEEPER_SESSION_H
#define EXPERIMENTS_SWEEPER_SESSION_H

#include "experiments/runner/guest.h"
#include "experiments/runner/place.h"
#include "experiments/sweeper/line.h"
#include "experiments/sweeper/options.h"
#include "experiments/sweeper/rows.h"

#include <jansson.h>

/* A sweep on which this call is at work, and which of its runs come next. */

struct session {
	const struct sweep_options *options;
	struct sweep *sweep;
	struct grid grid;
	struct plan plan;
	struct place place;
	struct rows rows;
	struct guest_setting setting;
	char *programs, *image;
	char *sweeps; /* OUT/sweeps */
	json_t *provenance;
	struct line line;
	size_t next_row; /* before it there is none that is missing, unless one has come back */
};

/* The next row whose run is missing and of a chosen contestant; its run is then RUN_UNDER_WAY.
 * False: there is none now. */
bool session_next(struct session *s, size_t *row);

/* A run that has to be done once more. */
void session_again(struct session *s, struct planned_run *run);

/* Whether a disk is full, so that no other run can be kept either: *error says so. */
bool session_disk_is_full(const struct session *s, char **error);

#endif
