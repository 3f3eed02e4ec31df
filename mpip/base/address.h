/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MPIP_BASE_ADDRESS_H
#define MPIP_BASE_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

/*
 * An IP address, of either family. It is 16 bytes in the order of the wire; one of IPv4 is kept as
 * ::ffff:a.b.c.d (RFC 4291, 2.5.5.2), which no packet of IPv6 has. So no field for the family is
 * needed, equal addresses have equal bytes, and structs of them have no holes and can be a hash's
 * key. All zero is none: IPv4's 0.0.0.0 is another.
 */
struct address {
	union {
		uint8_t bytes[16];
		uint64_t half[2];
	};
};

static inline bool address_equal(struct address a, struct address b)
{
	return a.half[0] == b.half[0] && a.half[1] == b.half[1];
}

static inline bool address_is_none(struct address a)
{
	return (a.half[0] | a.half[1]) == 0;
}

/* Mixes the address into a hash, which is what it goes on from: a secret, if there is to be one. By
 * the two halves' product, as wyhash does: each of its bits depends on all of the address. */
static inline uint64_t address_hash(struct address a, uint64_t hash)
{
	__extension__ typedef unsigned __int128 product_type;
	product_type product = (product_type)(a.half[0] ^ hash ^ 0xa0761d6478bd642f) *
			       (a.half[1] ^ 0xe7037ed1a0b428db);
	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* The 12 bytes in front of IPv4's 4. */
#define ADDRESS_IPV4_PREFIX                                                                        \
	{                                                                                          \
		0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff                                           \
	}

/* From and to 4 bytes as they lie on the wire (a header's field, struct in_addr). The second is for
 * addresses of IPv4 alone. */
static inline struct address address_from_ipv4(const void *bytes)
{
	struct address a = {.bytes = ADDRESS_IPV4_PREFIX};
	memcpy(a.bytes + 12, bytes, 4);
	return a;
}

static inline void address_to_ipv4(struct address a, void *bytes)
{
	memcpy(bytes, a.bytes + 12, 4);
}

/* AF_INET or AF_INET6; AF_UNSPEC: none. */
sa_family_t address_family(struct address a);

/* Whether a host may have it as its own, and be reached from others by it: neither "this network",
 * nor the loopback, nor multicast (RFC 6890). */
bool address_is_unicast(struct address a);

/* Whether the first `bits` bits, of 32 or 128, are the prefix's, which is of the same family. 0
 * bits are any address's. */
bool address_in_prefix(struct address a, struct address prefix, unsigned bits);

/* For people. The text lives until the end of the statement: printf("%s", address_text(a).text). */
struct address_text {
	char text[INET6_ADDRSTRLEN + sizeof("[]:65535")];
};
struct address_text address_text(struct address a);
/* With a port, in network order: 10.0.1.2:80 or [2001:db8::1]:80. */
struct address_text address_port_text(struct address a, in_port_t port);
/* False, and nothing set: no address. */
bool address_parse(const char *text, struct address *out);

/* What sockets take and give for an address and a port. */
union address_name {
	struct sockaddr any;
	struct sockaddr_in ipv4;
	struct sockaddr_in6 ipv6;
};

/* Returns the name's length. */
socklen_t address_to_name(struct address a, in_port_t port, union address_name *out);
struct address address_from_name(const union address_name *name, in_port_t *port);

#endif
