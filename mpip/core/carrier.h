/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MPIP_CORE_CARRIER_H
#define MPIP_CORE_CARRIER_H

#include "mpip/core/actions.h"
#include "mpip/core/packet.h"
#include "mpip/core/types.h"
#include "mpip/core/wire.h"

/*
 * CMs on the connection's own packets, where a host without MPIP ignores them (cm_wire.h).
 */

struct engine;
struct session;

/* A copy of a TCP packet, without its payload and options, that carries `flags`. */
void carrier_send_tcp(struct engine *e, const struct session *s, const struct packet *p,
	uint8_t flags, struct usec now, struct actions *a);

/* A datagram with `flags` in its surplus: `data` is its user data, or empty. `like`: the IP header
 * of the datagram that it goes along with, or NULL.
 *
 * The option checksum makes the surplus, with its own length, sum to zero, so that a checksum
 * that a middlebox wrongly takes over all of the IP payload comes out right too (RFC 9868). */
void carrier_send_udp(struct engine *e, const struct session *s, const struct ip_header *like,
	struct slice data, bool checksum, uint8_t flags, struct usec now, struct actions *a);

/* A pure ACK of the connection on its original tuple (keepalive.c). `wanted`: the other end's are.
 */
void carrier_send_keepalive(struct engine *e, struct session *s, uint32_t seq, uint32_t ack,
	bool wanted, struct usec now, struct actions *a);

/* The CARRIER_CM bytes of CM in the packet's carrier, NULL if it has none; `seq` is what its
 * checksum is bound to. */
const uint8_t *carrier_find(const struct packet *p, uint32_t *seq);

/* The CM_FIXED bytes of CM in the options of a fake connection's handshake; NULL: there are none.
 */
const uint8_t *carrier_find_handshake(const struct packet *p);

#endif
