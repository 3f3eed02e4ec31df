/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MPIP_CORE_SLOTS_H
#define MPIP_CORE_SLOTS_H

#include "mpip/core/state.h"

/*
 * Free places in a batch of actions.
 */

/* A place for a packet to a network, empty; NULL, and the drop counted, if there is none. */
static inline struct wire_packet *slot_wire(struct engine *e, struct actions *a)
{
	if (a->wires >= a->wire_capacity) {
		count(e, STAT_DROP_NO_ROOM);
		return NULL;
	}
	struct wire_packet *w = &a->wire[a->wires++];
	w->head_length = w->tail_length = 0;
	w->mark = IP_MARK_PLAIN;
	w->data = (struct slice){NULL, 0};
	return w;
}

/* A place for a packet to an application; NULL, and the drop counted, if there is none. */
static inline struct host_packet *slot_host(struct engine *e, struct actions *a)
{
	if (a->hosts >= a->host_capacity) {
		count(e, STAT_DROP_NO_ROOM);
		return NULL;
	}
	struct host_packet *h = &a->host[a->hosts++];
	h->verbatim = h->complete = h->no_checksum = false;
	return h;
}

/* Fills the transport checksum of a raw packet whose IP header is right, over `length` bytes, and
 * then the IP header's own. */
void slot_checksums(struct wire_packet *w, uint32_t length);

/* Appends to a packet's head. */
static inline void slot_put(struct wire_packet *w, const void *bytes, size_t length)
{
	memcpy(w->head + w->head_length, bytes, length);
	w->head_length = (uint8_t)(w->head_length + length);
}

#endif
