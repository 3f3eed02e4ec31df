// SPDX-License-Identifier: BSD-2-Clause
/*
 * The regular connection: packets as the application's kernel made them (paper 3.7.2).
 *
 * Theory of operation: a packet goes out with its checksums filled in, a super-packet cut into
 * segments. What the core does not look into, such as fragments, goes out as it came.
 */

#include "mpip/core/regular.h"

#include "mpip/core/input.h"
#include "mpip/core/segments.h"
#include "mpip/core/slots.h"
#include "mpip/core/state.h"

static void send_segments(struct engine *e, const struct packet *p, const struct host_input *in,
	struct segments it, struct actions *a)
{
	bool is_tcp = p->ip->protocol == IPPROTO_TCP;
	struct segment g;
	uint8_t nic = nic_of(e, p->src.ip);

	while (segments_next(&it, &g)) {
		struct wire_packet *w = slot_wire(e, a);
		if (!w)
			return;
		w->kind = WIRE_PACKET_RAW;
		w->nic = nic;
		w->to = p->dst;
		w->data = g.data;
		slot_put(w, p->bytes, p->header_length);
		void *transport = w->head + p->ip_length;
		if (in->gso_size) {
			struct ip_header *ip = (void *)w->head;
			ip->length = put16((uint16_t)(p->header_length + g.data.length));
			ip->id = put16((uint16_t)(get16(p->ip->id) + g.index));
			segments_header(transport, is_tcp, &g);
		}
		if (in->checksum_partial || in->gso_size)
			slot_checksums(
				w, (uint32_t)p->header_length - p->ip_length + g.data.length);
		count(e, STAT_SENT_REGULAR);
	}
}

void regular_send(
	struct engine *e, const struct packet *p, const struct host_input *in, struct actions *a)
{
	send_segments(e, p, in, segments_of(p, in), a);
}

void regular_send_behind(struct engine *e, const struct packet *p, const struct host_input *in,
	uint32_t offset, struct actions *a)
{
	struct segments it = segments_of(p, in);
	it.offset = offset;
	it.index = 1;
	send_segments(e, p, in, it, a);
}

void regular_send_untouched(struct engine *e, const struct packet *p, struct actions *a)
{
	struct wire_packet *w = slot_wire(e, a);
	if (!w)
		return;
	w->kind = WIRE_PACKET_RAW;
	w->nic = nic_of(e, p->src.ip);
	w->to = p->dst;
	w->data = (struct slice){p->bytes, p->length};
	count(e, STAT_SENT_FRAGMENT);
}
