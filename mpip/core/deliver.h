/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MPIP_CORE_DELIVER_H
#define MPIP_CORE_DELIVER_H

#include "mpip/core/actions.h"
#include "mpip/core/input.h"
#include "mpip/core/packet.h"
#include "mpip/core/types.h"

/*
 * Packets to the applications of this host, and the out-of-order buffer in front of them.
 */

struct engine;
struct session;

/* A segment on its way up. */
struct upward {
	const uint8_t *bytes;    /* transport header and user data */
	uint32_t header, length; /* of the header; of all */
	struct tos_ttl tos_ttl;  /* of the IP header that it came with */
};

/* Hands a segment to the application's end of the session: UDP at once, TCP as Figure 3 has it. */
void deliver(struct engine *e, struct session *s, const struct upward *up, struct usec now,
	struct actions *a);

/* Pushes up all that the session's out-of-order buffer holds, in sequence or not. */
void deliver_held(struct engine *e, struct session *s, struct actions *a);

/* A datagram that carried a query goes on without its surplus. */
void deliver_without_surplus(struct engine *e, const struct packet *p, struct actions *a);
/* A packet of the hook that is not MPIP's goes to the kernel as it came. */
void deliver_verbatim(struct engine *e, const struct host_input *in, struct actions *a);
/* A part of a super-packet that has no CM goes to the kernel alone. `header` is its transport
 * header, of the length that the super-packet's has. */
void deliver_part(struct engine *e, const struct packet *p, const uint8_t *header,
	struct slice data, struct actions *a);

#endif
