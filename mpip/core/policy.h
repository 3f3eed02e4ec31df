/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MPIP_CORE_POLICY_H
#define MPIP_CORE_POLICY_H

#include "mpip/core/types.h"

/*
 * The MPIP routing table (paper 3.6.2, Table 6): which packets want responsiveness.
 *
 * A packet's length is that of the IP packet as this host's kernel made it, before MPIP adds its
 * CM and wire header; of a super-packet, each segment's.
 */

enum priority { PRIORITY_THROUGHPUT, PRIORITY_RESPONSIVENESS };
extern const char *const priority_names[];

/* A row of Table 6. */
struct policy {
	struct address ip;      /* IP Address */
	uint8_t prefix;         /* bits of `ip` that count; 0: `*` */
	uint8_t protocol;       /* Protocol; 0: `*` */
	in_port_t port;         /* Port Number, network order; 0: `*` */
	uint32_t start, end;    /* Start Size <= length < End Size; END_ANY: `*` */
	enum priority priority; /* Routing Priority */
};
#define POLICY_END_ANY UINT32_MAX

#define POLICIES_MAX 64

struct policies {
	struct policy row[POLICIES_MAX];
	unsigned rows;
	uint32_t generation; /* changes with every change; never 0 once a session has seen it */
};

/* Inserts before row `at`; at the end if there are not so many. False: the table is full. */
bool policies_add(struct policies *t, const struct policy *row, unsigned at);
/* False: there is no row `at`. */
bool policies_delete(struct policies *t, unsigned at);
void policies_flush(struct policies *t);

/* The rows that packets of this connection can match, by their length: a bit each. Only this much
 * is worked out per connection, and again when `generation` has changed. */
uint64_t policies_of(const struct policies *t, const struct tuple *connection);

/* The first row of `candidates` that a packet of this length matches decides; if there is none,
 * throughput. */
enum priority policies_priority(const struct policies *t, uint64_t candidates, uint32_t length);

#endif
