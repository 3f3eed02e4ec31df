/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MPIP_CORE_PATH_STATE_H
#define MPIP_CORE_PATH_STATE_H

#include "mpip/core/types.h"

/*
 * A path's state: in use, down, standby.
 */

struct engine;
struct path;
struct session;

/* Feedback came for a path that was not in use. */
void path_state_up(struct engine *e, struct session *s, struct path *p, struct usec now);
/* A path that was in use is down; `reason` is for people. */
void path_state_down(
	struct engine *e, struct session *s, struct path *p, const char *reason, struct usec now);
/* All of the session's. */
void path_state_all_down(struct engine *e, struct session *s, const char *reason, struct usec now);
/* 3.3: the fastest N paths are in use. */
void path_state_rank(const struct engine *e, struct session *s, struct usec now);

#endif
