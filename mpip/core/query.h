/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MPIP_CORE_QUERY_H
#define MPIP_CORE_QUERY_H

#include "mpip/core/actions.h"
#include "mpip/core/peers.h"
#include "mpip/core/tables.h"
#include "mpip/core/types.h"

/*
 * Whether an address or a port speaks MPIP (paper 3.2, Table 2).
 */

struct engine;

/* This host accepted the connection with a SYN-ACK; whether it did. */
void query_accepted_note(struct engine *e, const struct tuple *tuple);
bool query_accepted_has(const struct engine *e, const struct tuple *tuple);

/* MPIP was seen behind this address, and at this port. */
void query_address_shows_mpip(struct engine *e, struct address ip, struct actions *a);
/* The row of Table 2, made if there was none. */
struct availability *query_row(
	struct engine *e, struct address ip, in_port_t port, struct actions *a);

/* Whether the connection may ask at all now; nearly all packets have to ask no further. */
static inline bool query_may_be_due(const struct session *s, struct usec now)
{
	return !s->mp && !usec_before(now, s->next_query);
}
/* Whether the connection asks with this packet: query_may_be_due(). Moves Table 2's verdicts. */
bool query_due(struct engine *e, struct session *s, struct usec now, struct actions *a);

/* Believes an old "no" no longer. */
void query_sweep(struct engine *e, struct usec now, struct actions *a);

#endif
