/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MPIP_CORE_SEGMENTS_H
#define MPIP_CORE_SEGMENTS_H

#include "mpip/core/actions.h"
#include "mpip/core/input.h"
#include "mpip/core/packet.h"
#include "mpip/core/types.h"

/*
 * The segments of a super-packet (TSO, USO), or a packet itself as the only one.
 */

struct segments {
	const struct packet *packet;
	uint32_t step, offset, index;
};

struct segment {
	struct slice data; /* points into the packet */
	uint32_t index, offset;
	bool last;
};

static inline struct segments segments_of(const struct packet *p, const struct host_input *in)
{
	uint32_t step = in->gso_size ? in->gso_size : p->data_length;
	return (struct segments){.packet = p, .step = step ? step : 1};
}

/* False: there is no further one. A packet without user data has one, empty. */
static inline bool segments_next(struct segments *it, struct segment *out)
{
	uint32_t all = it->packet->data_length;
	if (it->offset >= all && it->index > 0)
		return false;
	uint32_t length = all - it->offset < it->step ? all - it->offset : it->step;
	out->data =
		(struct slice){it->packet->bytes + it->packet->header_length + it->offset, length};
	out->index = it->index++;
	out->offset = it->offset;
	it->offset += length;
	out->last = it->offset >= all;
	return true;
}

/* Makes a copied transport header that of one segment. Returns its sequence number, 0 for UDP. */
static inline uint32_t segments_header(void *header, bool is_tcp, const struct segment *g)
{
	if (!is_tcp) {
		struct udp_header *udp = header;
		udp->length = put16((uint16_t)(sizeof(*udp) + g->data.length));
		return 0;
	}
	struct tcp_header *tcp = header;
	uint32_t seq = get32(tcp->seq) + g->offset;
	tcp->seq = put32(seq);
	if (!g->last)
		tcp->flags &= (uint8_t) ~(TCP_FIN | TCP_PSH);
	if (g->offset > 0)
		tcp->flags &= (uint8_t)~TCP_CWR;
	return seq;
}

#endif
