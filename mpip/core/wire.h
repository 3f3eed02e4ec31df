/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MPIP_CORE_WIRE_H
#define MPIP_CORE_WIRE_H

/*
 * Integers as they lie on the wire. They are arrays of bytes, so that a header can be laid over
 * any address, and neither byte order nor alignment can be got wrong.
 */

#include <stdint.h>
#include <string.h>

struct be16 {
	uint8_t b[2];
};

struct be32 {
	uint8_t b[4];
};

static inline uint16_t get16(struct be16 w)
{
	uint16_t v;
	memcpy(&v, w.b, 2);
	return __builtin_bswap16(v);
}

static inline uint32_t get32(struct be32 w)
{
	uint32_t v;
	memcpy(&v, w.b, 4);
	return __builtin_bswap32(v);
}

static inline struct be16 put16(uint16_t v)
{
	struct be16 w;
	v = __builtin_bswap16(v);
	memcpy(w.b, &v, 2);
	return w;
}

static inline struct be32 put32(uint32_t v)
{
	struct be32 w;
	v = __builtin_bswap32(v);
	memcpy(w.b, &v, 4);
	return w;
}

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "get and put swap bytes");

/* RFC 791 */
struct ip_header {
	uint8_t version_ihl, tos;
	struct be16 length, id, fragment;
	uint8_t ttl, protocol;
	struct be16 checksum;
	struct be32 src, dst;
};

/* RFC 9293 */
struct tcp_header {
	struct be16 src, dst;
	struct be32 seq, ack;
	uint8_t offset, flags;
	struct be16 window, checksum, urgent;
};

/* RFC 768 */
struct udp_header {
	struct be16 src, dst, length, checksum;
};

#define IP_DONT_FRAGMENT  0x4000
#define IP_MORE_OR_OFFSET 0x3fff

#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_PSH 0x08
#define TCP_ACK 0x10
#define TCP_CWR 0x80

#endif
