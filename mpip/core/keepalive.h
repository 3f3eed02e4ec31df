/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MPIP_CORE_KEEPALIVE_H
#define MPIP_CORE_KEEPALIVE_H

#include "mpip/core/actions.h"
#include "mpip/core/cm.h"
#include "mpip/core/packet.h"
#include "mpip/core/types.h"
#include "mpip/core/wire.h"

/*
 * The way back through stateful middleboxes. All but the first two are for TCP sessions with
 * keepalive.on only.
 */

struct engine;
struct session;

/* A SYN goes out: what it says of windows is kept for the session that it becomes. */
void keepalive_syn(struct engine *e, const struct tuple *tuple, const struct packet *p);
void keepalive_new(const struct engine *e, struct session *s);
/* The session becomes multipath: from now on boxes do not see what it sends. */
void keepalive_begin(struct session *s);
/* After every packet of the application. */
void keepalive_out(struct engine *e, struct session *s, struct usec now, struct actions *a);
void keepalive_upkeep(struct engine *e, struct session *s, struct usec now, struct actions *a);
/* The other end's came. */
void keepalive_in(struct engine *e, struct session *s, const struct cm *cm,
	const struct tcp_header *tcp, struct usec now, struct actions *a);

#endif
