/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MPIP_CORE_PEERS_H
#define MPIP_CORE_PEERS_H

#include "mpip/core/settings.h"
#include "mpip/core/types.h"

#include <uthash.h>

/*
 * Who speaks MPIP: availability by address and port (paper 3.2, Table 2), and nodes with their
 * addresses (3.3, Table 4). Both tables are bounded and evict what was used longest ago.
 */

/* A row of Table 2. A port of 0 sums up an IP address: the paper counts queries per address. */
struct availability {
	struct {
		struct address ip; /* IP Address */
		in_port_t port;    /* Port Number */
		uint16_t zero[2];
	} key;
	enum { MPIP_UNKNOWN, MPIP_TRUE, MPIP_FALSE } mpip; /* MPIP Availability */
	unsigned queries;                                  /* Query Count: unanswered ones */
	struct usec last_query;
	struct usec no_until; /* MPIP_FALSE: believed until then */
	UT_hash_handle hh;
};

/* A node of Table 4, with all of its addresses. */
struct peer {
	struct node_id node;
	in_port_t wire_port;
	uint16_t boot;
	bool list_known; /* `addresses` is its own list, not only what we saw */
	bool wants_list; /* ours is news to it, or it has asked */
	bool list_acked; /* it has our list: packets may come from all our addresses */
	bool left;       /* it has said that it stops */
	bool owes_ack;   /* we owe it one, for this version of its list */
	uint8_t list_version;
	uint16_t list_changes; /* of `addresses`: sessions compare it */
	struct address_list addresses;
	unsigned sessions;      /* that refer to it: not evicted while there is one */
	struct usec last_heard; /* anything valid of it: a query, a confirmation, a CM */
	UT_hash_handle hh;
};

struct peers {
	struct availability *availability; /* uthash heads, oldest first */
	struct peer *peer;
	unsigned max_availability, max_peers;
};

/* The row, made if there was none; its age begins anew. Never NULL. An evicted row's address may
 * have been excluded: `evicted` (may be NULL) receives a copy of it, key.ip none if none was. */
struct availability *availability_get(
	struct peers *t, struct address ip, in_port_t port, struct availability *evicted);
struct availability *availability_find(struct peers *t, struct address ip, in_port_t port);

struct peer *peer_find(struct peers *t, struct node_id node);
/* Made if there was none; NULL when the table is full of nodes with sessions. */
struct peer *peer_get(struct peers *t, struct node_id node, struct usec now);

void peers_free(struct peers *t);

#endif
