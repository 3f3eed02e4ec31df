/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MPIP_CORE_HANDSHAKE_H
#define MPIP_CORE_HANDSHAKE_H

#include "mpip/core/actions.h"
#include "mpip/core/input.h"
#include "mpip/core/packet.h"
#include "mpip/core/types.h"

/*
 * Who speaks MPIP, and how a session begins (paper 3.2, 3.7.1).
 */

struct engine;
struct session;

/* Before `p` goes out on the regular connection: adds query or confirmation where one is due.
 * True: the packet itself was sent, with the query in its surplus. */
bool handshake_out(struct engine *e, struct session *s, const struct packet *p,
	const struct host_input *in, struct usec now, struct actions *a);
/* If `p` carries a query or confirmation: handles it. True: it did (a copy, or a datagram that
 * handshake_in() has handed on without its surplus). */
bool handshake_in(struct engine *e, const struct packet *p, const struct host_input *in,
	struct usec now, struct actions *a);

#endif
