// SPDX-License-Identifier: BSD-2-Clause
/*
 * To the applications (paper 3.7.3, 3.8.3).
 *
 * Theory of operation: a segment gets the session's own addresses and ports back, whatever path it
 * came on, and TCP passes the out-of-order buffer. Its IP header has DSCP, ECN and TTL of the one
 * that it came with: so the receiving end sees what the path made of them, a router's CE mark as
 * well. Sessions whose buffer holds something are in a list, whose deadlines the engine's tick asks
 * for. What turns out not to be MPIP's goes to the kernel as it came.
 */

#include "mpip/core/deliver.h"

#include "mpip/core/input.h"
#include "mpip/core/slots.h"
#include "mpip/core/state.h"
#include "mpip/core/tables.h"

#include <utlist.h>

/* Hands a segment (transport header and user data) to the application's end of the session. */
static void hand_up(struct engine *e, struct session *s, const struct upward *up, struct actions *a)
{
	struct host_packet *h = slot_host(e, a);
	if (!h)
		return;
	struct ip_header *ip = (void *)h->head;
	ip_header_make(ip, (uint8_t)s->tuple.protocol, (uint32_t)sizeof(*ip) + up->length,
		e->ip_id++, s->tuple.remote_ip, s->tuple.local_ip);
	ip->tos = up->tos_ttl.tos;
	ip->ttl = up->tos_ttl.ttl;

	struct udp_header *udp = (void *)(ip + 1);
	memcpy(udp, up->bytes, up->header);
	memcpy(udp->src.b, &s->tuple.remote_port, 2);
	memcpy(udp->dst.b, &s->tuple.local_port, 2);
	if (s->tuple.protocol == IPPROTO_UDP) {
		h->no_checksum = get16(udp->checksum) == 0;
		udp->length = put16((uint16_t)up->length);
	}
	h->ip_length = sizeof(*ip);
	h->head_length = (uint8_t)(sizeof(*ip) + up->header);
	h->data = (struct slice){up->bytes + up->header, up->length - up->header};
	count(e, STAT_HOST_OUT);
}

static void deliver_slot(
	struct engine *e, struct session *s, const struct reorder_slot *slot, struct actions *a)
{
	struct upward up = {slot->bytes, slot->head_length, slot->length, slot->tos_ttl};
	hand_up(e, s, &up, a);
}

void deliver_held(struct engine *e, struct session *s, struct actions *a)
{
	const struct reorder_slot *slot;
	while ((slot = reorder_push(&s->mp->reorder, &e->pool)))
		deliver_slot(e, s, slot, a);
	if (s->mp->holding)
		DL_DELETE2(e->holding, s->mp, holding_prev, holding_next);
	s->mp->holding = false;
}

/* The buffer holds something now, or nothing any more: puts the session on the list of those, or
 * off.
 */
static void set_holding(struct engine *e, struct session *s, struct usec now)
{
	bool holds = s->mp->reorder.held > 0;
	if (holds && !s->mp->holding)
		DL_APPEND2(e->holding, s->mp, holding_prev, holding_next);
	if (!holds && s->mp->holding)
		DL_DELETE2(e->holding, s->mp, holding_prev, holding_next);
	s->mp->holding = holds;
	if (holds)
		s->mp->reorder.deadline =
			e->set.reorder_hold.us ? usec_add(now, e->set.reorder_hold) : USEC_NEVER;
}

/* Figure 3. */
static void deliver_tcp(struct engine *e, struct session *s, const struct upward *up,
	struct usec now, struct actions *a)
{
	const struct reorder_slot *slot;
	struct reorder *r = &s->mp->reorder;
	uint8_t flags = ((const struct tcp_header *)up->bytes)->flags;
	if (flags & (TCP_FIN | TCP_RST)) {
		s->fin_received |= (flags & TCP_FIN) != 0;
		s->reset |= (flags & TCP_RST) != 0;
	}
	switch (reorder_in(r, &e->pool, up->bytes, (uint16_t)up->header, (uint16_t)up->length,
		up->tos_ttl, e->set.reorder_packets)) {
	case REORDER_DELIVER:
		hand_up(e, s, up, a);
		while ((slot = reorder_next(r, &e->pool)))
			deliver_slot(e, s, slot, a);
		break;
	case REORDER_HELD:
		count(e, STAT_REORDER_HELD);
		break;
	case REORDER_PUSH:
		count(e, STAT_REORDER_FULL);
		deliver_held(e, s, a);
		break;
	case REORDER_NO_SLOT:
		count(e, STAT_REORDER_NO_ROOM);
		deliver_held(e, s, a);
		hand_up(e, s, up, a);
		break;
	}
	if (s->mp->holding != (r->held > 0))
		set_holding(e, s, now);
}

void deliver(struct engine *e, struct session *s, const struct upward *up, struct usec now,
	struct actions *a)
{
	if (s->tuple.protocol == IPPROTO_TCP)
		deliver_tcp(e, s, up, now, a);
	else
		hand_up(e, s, up, a);
}

void deliver_without_surplus(struct engine *e, const struct packet *p, struct actions *a)
{
	struct host_packet *h = slot_host(e, a);
	if (!h)
		return;
	h->no_checksum = get16(p->udp->checksum) == 0;
	h->ip_length = (uint8_t)p->ip_length;
	h->head_length = (uint8_t)p->header_length;
	memcpy(h->head, p->bytes, p->header_length);
	((struct ip_header *)h->head)->length = put16((uint16_t)(p->length - p->surplus));
	h->data = (struct slice){p->bytes + p->header_length, p->data_length};
	count(e, STAT_HOST_OUT);
}

void deliver_verbatim(struct engine *e, const struct host_input *in, struct actions *a)
{
	struct host_packet *h = slot_host(e, a);
	if (!h)
		return;
	h->head_length = 0;
	h->verbatim = true;
	h->data = (struct slice){in->bytes, in->length};
	count(e, STAT_PUT_BACK);
}

void deliver_part(struct engine *e, const struct packet *p, const uint8_t *header,
	struct slice data, struct actions *a)
{
	struct host_packet *h = slot_host(e, a);
	if (!h)
		return;
	memcpy(h->head, p->bytes, p->ip_length);
	((struct ip_header *)h->head)->length = put16((uint16_t)(p->header_length + data.length));
	memcpy(h->head + p->ip_length, header, (size_t)p->header_length - p->ip_length);
	h->ip_length = (uint8_t)p->ip_length;
	h->head_length = (uint8_t)p->header_length;
	h->data = data;
	count(e, STAT_PUT_BACK);
}
