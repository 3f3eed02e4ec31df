/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MPIP_CORE_INPUT_H
#define MPIP_CORE_INPUT_H

#include "mpip/core/types.h"

/* What comes into the engine (engine.h). */

/* A packet from an application of this host. A TSO super-packet has gso_size, the user data of
 * each segment, else 0. checksum_partial: the transport checksum is not yet filled in. */
struct host_input {
	uint8_t *bytes; /* may be changed */
	uint32_t length;
	uint16_t gso_size;
	bool checksum_partial;
};

/* A datagram that came to the wire socket of local address `local_index` from `from`. */
struct wire_input {
	uint8_t *bytes;
	uint32_t length;
	uint8_t local_index;
	struct endpoint from;
	struct tos_ttl tos_ttl; /* of its IP header */
	struct usec arrived;    /* by the kernel, on the same clock as `now` and not after it */
};

/* What a router or the other end says of a datagram of ours: an ICMP error. */
struct wire_error {
	struct address local;
	struct endpoint remote; /* where the datagram was to go */
	struct address from;    /* who says it; none: this host */
	uint8_t type, code;     /* RFC 792 */
	uint32_t mtu;           /* what would have passed, where it is about that */
	const uint8_t *bytes;   /* what is quoted of its payload */
	uint32_t length;
};

#endif
