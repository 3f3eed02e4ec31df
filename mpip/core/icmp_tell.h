/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MPIP_CORE_ICMP_TELL_H
#define MPIP_CORE_ICMP_TELL_H

#include "mpip/core/actions.h"
#include "mpip/core/packet.h"
#include "mpip/core/types.h"
#include "mpip/core/wire.h"

/*
 * What routers say to a socket of this host, said by us.
 */

struct engine;
struct path;
struct session;

/* What is said to a socket, and of which packet of its own. */
struct icmp_message {
	uint8_t type, code;
	uint16_t mtu;
	struct address from;     /* who says it; of this host or none: the other end does */
	const uint8_t *segment;  /* from its transport header on, ICMP_QUOTED bytes or more */
	uint32_t quoted, length; /* bytes of it that there are; that it had */
};
void icmp_tell(struct engine *e, const struct tuple *to, const struct icmp_message *what,
	struct actions *a);

/* Tells the socket that sent `p` that only IP packets of `mtu` bytes fit (RFC 1191). */
void icmp_tell_too_big(struct engine *e, const struct packet *p, uint32_t mtu, struct actions *a);
/* Tells a TCP session's socket, unasked, what fits `path`: it sends again what did not. */
void icmp_tell_path_smaller(
	struct engine *e, const struct session *s, const struct path *p, struct actions *a);

/* A TCP header of what the session would send next; all that a quote needs. */
struct tcp_header icmp_next_header(const struct session *s);

#endif
