// SPDX-License-Identifier: BSD-2-Clause
/*
 * Heartbeats (paper 3.5), and what else consists of a CM alone: probes of a path, and of its MTU.
 */

#include "mpip/core/heartbeat.h"

#include "mpip/core/compose.h"
#include "mpip/core/encap.h"
#include "mpip/core/mesh.h"
#include "mpip/core/path.h"
#include "mpip/core/pmtu.h"
#include "mpip/core/sched.h"
#include "mpip/core/slots.h"
#include "mpip/core/state.h"
#include "mpip/core/tables.h"
#include "mpip/core/wire.h"

/*
 * A heartbeat. One that is due (3.5) is a copy of the packet that just came, with its ends
 * exchanged; our own ones, without a packet to copy, are a CM alone, in the literal encapsulation
 * behind a header. `size`: padded to an IP packet of so many bytes.
 *
 * Of the copy, user data goes along in the literal encapsulation of a UDP session only: elsewhere
 * it would be bytes for nothing, and on a way back with a smaller MTU the loss of all feedback. A
 * TCP header in the literal encapsulation has this end's last numbers, not the copied ones, which a
 * middlebox on the way drops.
 */
static void heartbeat(struct engine *e, struct session *s, struct path *p, uint8_t flags,
	uint32_t size, struct copied copy, struct usec now, struct actions *a)
{
	static const uint8_t padding[PMTU_MAX];
	const struct encap *encap = &encaps[p->encap];
	struct wire_packet *w = path_is_open(s, p) ? slot_wire(e, a) : NULL;
	if (!w)
		return;
	w->head_length = encap->room;
	struct cm_binding binding = encap->empty(s, w, copy);

	struct cm cm = compose_cm(e, s, p, now);
	cm.flags |= CM_FLAG_HB | flags;
	if (size) {
		uint32_t headers = (uint32_t)sizeof(struct ip_header) + encap->header + CM_FIXED;
		w->data = (struct slice){padding, size - headers - binding.segment_length};
	} else {
		if (!s->mp->peer->list_acked ||
			(s->encap == ENCAP_LITERAL && !mesh_lists_agreed(e, s)))
			s->mp->peer->wants_list = true;
		compose_addresses(e, s, &cm);
		if (s->mp->moving && cm.has_addresses)
			cm.flags |= CM_FLAG_IP_CHANGE;
		cm.has_size = s->mp->size_path.n;
		cm.size_path = s->mp->size_path;
		cm.size = s->mp->size;
		s->mp->size_path.n = 0;
	}
	binding.segment_length += w->data.length;
	w->tail_length = (uint8_t)cm_encode(&cm, binding, w->tail);
	encap->finish(e, s, p, w);
	count(e, size ? STAT_SIZE_PROBES_SENT : STAT_HEARTBEATS_SENT);
	/* A probe of a size that is too large is no sign that the path does not work. */
	if (!size)
		path_sent(s, p, w->head_length + w->tail_length, now);
}

void heartbeat_send_copy(
	struct engine *e, struct session *s, struct copied copy, struct usec now, struct actions *a)
{
	struct path *p = sched_choose(e, s, (uint32_t)sizeof(struct ip_header) + copy.length);
	if (sizeof(struct ip_header) + copy.length + CM_MAX > p->pmtu->size)
		copy.length = copy.header;
	heartbeat(e, s, p, 0, 0, copy, now, a);
}

void heartbeat_send(struct engine *e, struct session *s, struct path *p, uint8_t flags,
	struct usec now, struct actions *a)
{
	heartbeat(e, s, p, flags, 0, (struct copied){0}, now, a);
}

void heartbeat_send_size_probe(struct engine *e, struct session *s, struct path *p, uint16_t size,
	struct usec now, struct actions *a)
{
	heartbeat(e, s, p, CM_FLAG_PROBE, size, (struct copied){0}, now, a);
}
