/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MPIP_CORE_TYPES_H
#define MPIP_CORE_TYPES_H

/* The types that everything in the core speaks: times, identities, addresses. */

#include "mpip/base/address.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* A point in time or a span of it, in microseconds. The core never reads a clock. */
struct usec {
	int64_t us;
};

#define USEC_NEVER ((struct usec){INT64_MAX})

static inline struct usec usec_ms(int64_t ms)
{
	return (struct usec){ms * 1000};
}

static inline struct usec usec_add(struct usec a, struct usec b)
{
	return (struct usec){a.us + b.us};
}

static inline struct usec usec_sub(struct usec a, struct usec b)
{
	return (struct usec){a.us - b.us};
}

static inline bool usec_before(struct usec a, struct usec b)
{
	return a.us < b.us;
}

static inline struct usec usec_min(struct usec a, struct usec b)
{
	return a.us < b.us ? a : b;
}

/* The MAC address of one of the node's NICs (paper 3.1). */
struct node_id {
	uint8_t b[6];
};

static inline bool node_equal(struct node_id a, struct node_id b)
{
	return memcmp(a.b, b.b, sizeof(a.b)) == 0;
}

static inline bool node_lower(struct node_id a, struct node_id b)
{
	return memcmp(a.b, b.b, sizeof(a.b)) < 0;
}

/* Unique between two nodes; 0 is none (paper 3.7.1). */
struct session_id {
	uint32_t n;
};

/* Unique at the node that chooses the path; from 1, 0 is none (paper 3.3). */
struct path_id {
	uint16_t n;
};

/* An address and a port; ports are in network order. */
struct endpoint {
	struct address ip;
	in_port_t port;
};

static inline bool endpoint_equal(struct endpoint a, struct endpoint b)
{
	return address_equal(a.ip, b.ip) && a.port == b.port;
}

/* A connection as this host's sockets see it. No padding: it is a hash key. */
struct tuple {
	struct address local_ip, remote_ip;
	in_port_t local_port, remote_port;
	uint32_t protocol; /* IPPROTO_TCP or IPPROTO_UDP */
};
_Static_assert(sizeof(struct tuple) == 2 * sizeof(struct address) + 8, "no padding");

static inline uint32_t tuple_hash(const struct tuple *t)
{
	uint64_t rest =
		(uint64_t)t->protocol << 32 | (uint32_t)t->remote_port << 16 | t->local_port;
	return (uint32_t)address_hash(t->remote_ip, address_hash(t->local_ip, rest));
}

/* The bound on a node's addresses, and so on a session's paths. */
#define MAX_ADDRESSES 8
#define MAX_PATHS     (MAX_ADDRESSES * MAX_ADDRESSES)

/* What an IP header tells the receiving end besides addresses: DSCP and ECN, TTL. */
struct tos_ttl {
	uint8_t tos, ttl;
};
#define TOS_TTL_PLAIN ((struct tos_ttl){0, 64})

struct address_list {
	uint8_t count;
	struct address ip[MAX_ADDRESSES];
};

static inline bool address_list_equal(const struct address_list *a, const struct address_list *b)
{
	return a->count == b->count && memcmp(a->ip, b->ip, a->count * sizeof(a->ip[0])) == 0;
}

static inline bool address_list_has(const struct address_list *list, struct address ip)
{
	for (unsigned i = 0; i < list->count; i++)
		if (address_equal(list->ip[i], ip))
			return true;
	return false;
}

#endif
