/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MPIP_CORE_PACKET_H
#define MPIP_CORE_PACKET_H

#include "mpip/core/types.h"
#include "mpip/core/wire.h"

/*
 * A view of an IPv4 packet, and the Internet checksum. The one way the core touches packet bytes:
 * after packet_view() said what it is, the offsets in the view are inside the bytes.
 */

enum packet_kind {
	PACKET_BAD,      /* not IPv4, or shorter than its headers say */
	PACKET_OTHER,    /* neither TCP nor UDP */
	PACKET_FRAGMENT, /* any fragment, the first included */
	PACKET_TCP,
	PACKET_UDP,
};

struct packet {
	uint8_t *bytes;  /* borrowed */
	uint32_t length; /* as the IP header says; what lies behind is Ethernet padding */
	uint16_t ip_length, header_length; /* IP header; IP and transport header */
	struct ip_header *ip;
	union {
		struct tcp_header *tcp;
		struct udp_header *udp;
	};
	uint32_t data_length; /* user data, by the IP length (TCP) or the UDP length */
	uint32_t surplus;     /* UDP: bytes between the UDP length and the IP length (RFC 9868) */
	struct endpoint src, dst;
};

/* Looks at `length` bytes. A super-packet (TSO) is one packet whose IP length may be its own or,
 * where the kernel leaves it so, anything: `length` then counts. */
enum packet_kind packet_view(struct packet *p, uint8_t *bytes, size_t length, bool super_packet);

/* Ones' complement sums (RFC 1071). csum_add() takes an even offset into the summed data. */
uint64_t csum_add(uint64_t sum, const void *bytes, size_t length);
uint16_t csum_fold(uint64_t sum); /* folded, not complemented, in memory order */

/* The sum of the pseudo-header: of the IP header's addresses and protocol, for a transport segment
 * of `length` bytes. */
uint64_t csum_pseudo(const struct ip_header *ip, uint32_t length);

/* True if the transport checksum holds, or is a UDP checksum of 0. */
bool packet_checksum_good(const struct packet *p);

/* Fills a header without options; all but its checksum. `length` is the packet's. The addresses are
 * of IPv4. */
void ip_header_make(struct ip_header *ip, uint8_t protocol, uint32_t length, uint16_t id,
	struct address src, struct address dst);

/* Sets the IP header's checksum. */
void ip_checksum(struct ip_header *ip, size_t ip_length);

#endif
