/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MPIP_CORE_SESSION_H
#define MPIP_CORE_SESSION_H

#include "mpip/core/actions.h"
#include "mpip/core/peers.h"
#include "mpip/core/types.h"

/*
 * Table 7: the engine's sessions, and connections that may become one (paper 3.7.1).
 */

struct engine;
struct session;

struct session *session_find(struct engine *e, const struct tuple *tuple);
struct session *session_by_id(struct engine *e, struct node_id node, struct session_id id);
/* Never NULL: evicts when full. */
struct session *session_new(
	struct engine *e, const struct tuple *tuple, struct usec now, struct actions *a);
/* `reason` is for people. */
void session_remove(struct engine *e, struct session *s, const char *reason, struct usec now,
	struct actions *a);
/* Gives the connection its session ID and its place in Table 7, and its first path. An older
 * session of this ID goes. False: no peer row or no local address to be had. */
bool session_enter(struct engine *e, struct session *s, struct peer *peer, struct session_id id,
	struct usec now, struct actions *a);
/* The connection does not become multipath; `reason`, which stays, is for people. */
void session_stays_regular(
	const struct engine *e, struct session *s, const char *reason, struct usec now);
/* User data went or came: Update Time, and the lists that depend on it. */
void session_touch(struct engine *e, struct session *s, struct usec now);

/* Whether the TCP connection is over, by what was seen of it: a reset, or a FIN either way. What
 * comes on the regular connection is not seen; there it is our end's FIN and a second without a
 * packet. */
bool session_ended(const struct session *s, struct usec now);

#endif
