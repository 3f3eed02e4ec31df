/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MPIP_CORE_HEARTBEAT_H
#define MPIP_CORE_HEARTBEAT_H

#include "mpip/core/actions.h"
#include "mpip/core/encap.h"
#include "mpip/core/types.h"

/*
 * Heartbeats (paper 3.5) and probes.
 */

struct engine;
struct path;
struct session;

/* The heartbeat of 3.5, on a path chosen as for any packet; s->in_use > 0. */
void heartbeat_send_copy(struct engine *e, struct session *s, struct copied copy, struct usec now,
	struct actions *a);
void heartbeat_send(struct engine *e, struct session *s, struct path *p, uint8_t flags,
	struct usec now, struct actions *a);
/* The same, padded to an IP packet of `size` bytes; its answer says what size came (RFC 8899). */
void heartbeat_send_size_probe(struct engine *e, struct session *s, struct path *p, uint16_t size,
	struct usec now, struct actions *a);

#endif
