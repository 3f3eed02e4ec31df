/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MPIP_CORE_ICMP_WIRE_H
#define MPIP_CORE_ICMP_WIRE_H

#include "mpip/core/types.h"
#include "mpip/core/wire.h"

/*
 * ICMP as it lies on the wire (RFC 792, RFC 1191, RFC 1812).
 */

struct icmp_header {
	uint8_t type, code;
	struct be16 checksum, unused, mtu;
};

#define ICMP_UNREACHABLE   3
#define ICMP_TIME_EXCEEDED 11
#define ICMP_PARAMETER     12

/* Codes of "unreachable". */
#define ICMP_PROTOCOL        2
#define ICMP_PORT            3
#define ICMP_FRAGMENTATION   4 /* needed, but DF is set */
#define ICMP_NET_PROHIBITED  9
#define ICMP_HOST_PROHIBITED 10
#define ICMP_FILTERED        13

#define ICMP_QUOTED 8 /* bytes of the transport header, at least */

#endif
