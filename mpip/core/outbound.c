// SPDX-License-Identifier: BSD-2-Clause
/*
 * From the application to the networks (paper 3.7.3, outbound).
 *
 * Theory of operation: a packet from the TUN belongs to a session or it does not. If it does and a
 * path is in use, it is cut into segments if it is a super-packet, and each segment gets a path, a
 * CM, and the path's encapsulation (encap.h).
 *
 * A packet that is too big for a path takes another one, and TCP is told the smallest path MTU, so
 * that its next segments fit all paths. One that is too big for every path goes the regular way
 * while a path MTU is still being looked for; then its sender is told, as a router would.
 *
 * Else it goes out as the application's kernel made it, on the regular connection, with its
 * checksums filled in. So do all fragments: only the first of a datagram's fragments shows its
 * ports, and a CM behind one would end up inside the datagram. And so do packets with IP options,
 * which are about this packet on this way: record route, router alert.
 */

#include "mpip/core/outbound.h"

#include "mpip/core/cm.h"
#include "mpip/core/compose.h"
#include "mpip/core/encap.h"
#include "mpip/core/handshake.h"
#include "mpip/core/icmp_tell.h"
#include "mpip/core/input.h"
#include "mpip/core/ipchange.h"
#include "mpip/core/keepalive.h"
#include "mpip/core/packet.h"
#include "mpip/core/path.h"
#include "mpip/core/pmtu.h"
#include "mpip/core/query.h"
#include "mpip/core/regular.h"
#include "mpip/core/sched.h"
#include "mpip/core/segments.h"
#include "mpip/core/session.h"
#include "mpip/core/slots.h"
#include "mpip/core/state.h"
#include "mpip/core/tables.h"
#include "mpip/core/upkeep.h"
#include "mpip/core/wire.h"

/* A path in use that the application's packets of `size` bytes fit; the one for a packet of
 * `length` bytes if it is one. */
static struct path *path_for(struct engine *e, struct session *s, uint32_t size, uint32_t length)
{
	/* A few draws among all keep the shares of those that fit. */
	for (unsigned i = 0; i < 4; i++) {
		struct path *p = sched_choose(e, s, length);
		if (path_max_packet(p) >= size)
			return p;
	}
	struct path *best = NULL;
	for (unsigned i = 0; i < s->paths; i++) {
		struct path *p = s->mp->path[i];
		if (p->state == PATH_IN_USE && path_max_packet(p) >= size &&
			(!best || p->weight > best->weight))
			best = p;
	}
	return best;
}

/* What fits the paths in use. */
struct fit {
	uint32_t smallest, largest; /* of what path MTUs known for sure leave; 0: none */
	bool searching;             /* one is not */
};

static struct fit fit_of(const struct session *s)
{
	struct fit fit = {0};
	for (unsigned i = 0; i < s->paths; i++) {
		const struct path *p = s->mp->path[i];
		if (p->state != PATH_IN_USE)
			continue;
		if (!p->pmtu->sure) {
			fit.searching = true;
			continue;
		}
		if (fit.smallest == 0 || path_max_packet(p) < fit.smallest)
			fit.smallest = path_max_packet(p);
		if (path_max_packet(p) > fit.largest)
			fit.largest = path_max_packet(p);
	}
	return fit;
}

#define TELL_AGAIN usec_ms(100)

/*
 * Before a packet whose segments are of `size` bytes leaves over several paths. False: it may not,
 * and was taken care of.
 */
static bool make_fit(struct engine *e, struct session *s, const struct packet *p,
	const struct host_input *in, uint32_t size, struct usec now, struct actions *a)
{
	struct fit fit = fit_of(s);
	bool is_tcp = s->tuple.protocol == IPPROTO_TCP;
	bool dont_fragment = get16(p->ip->fragment) & IP_DONT_FRAGMENT;
	bool none = !path_for(e, s, size, p->length);
	uint32_t mtu = is_tcp ? fit.smallest : fit.largest;

	bool tell = dont_fragment && mtu && mtu < size && (is_tcp || (none && !fit.searching));
	if (tell && usec_sub(now, s->mp->told).us >= TELL_AGAIN.us) {
		s->mp->told = now;
		icmp_tell_too_big(e, p, mtu, a);
	}
	if (!none)
		return true;
	if (is_tcp && tell && !fit.searching) {
		count(e, STAT_DROP_TOO_BIG); /* TCP sends it again at once */
		return false;
	}
	s->regular_packets++;
	regular_send(e, p, in, a);
	return false;
}

static void send_multipath(struct engine *e, struct session *s, const struct packet *p,
	const struct host_input *in, struct usec now, struct actions *a)
{
	bool is_tcp = s->tuple.protocol == IPPROTO_TCP;
	uint16_t header = (uint16_t)(p->header_length - p->ip_length);
	struct segments it = segments_of(p, in);
	struct segment g;
	uint32_t largest = p->data_length < it.step ? p->data_length : it.step;
	uint32_t size = p->header_length + largest;
	if (size + CM_FIXED > PMTU_MIN)
		s->sent_large = true;
	struct path *path = sched_choose(e, s, size);
	if (path_max_packet(path) < size) {
		if (!make_fit(e, s, p, in, size, now, a))
			return;
		path = path_for(e, s, size, size);
	}

	while (segments_next(&it, &g)) {
		if (g.index > 0 && !e->scheduler->per_super_packet)
			path = path_for(e, s, size, p->header_length + g.data.length);
		struct wire_packet *w = slot_wire(e, a);
		if (!w)
			return;
		const struct encap *encap = &encaps[path->encap];
		w->head_length = encap->room;
		uint8_t *transport = w->head + w->head_length;
		slot_put(w, p->bytes + p->ip_length, header);
		w->data = g.data;
		w->tos_ttl = (struct tos_ttl){p->ip->tos, p->ip->ttl};
		uint32_t seq = segments_header(transport, is_tcp, &g);

		struct cm cm = compose_cm(e, s, path, now);
		if (g.data.length < 1000 && size + 4 * CM_EXT_WORDS <= path_max_packet(path))
			compose_addresses(e, s, &cm);
		if (s->mp->moving && cm.has_addresses)
			cm.flags |= CM_FLAG_IP_CHANGE;
		w->tail_length = (uint8_t)cm_encode(
			&cm, (struct cm_binding){header + g.data.length, seq}, w->tail);
		encap->finish(e, s, path, w);
		path_sent(s, path, w->head_length + g.data.length + w->tail_length, now);
		s->mp->sent_packets++;
		s->mp->sent_bytes += g.data.length;
		count(e, STAT_SENT_MULTIPATH);
	}
}

void outbound_packet(
	struct engine *e, const struct host_input *in, struct usec now, struct actions *a)
{
	struct packet p;
	count(e, STAT_HOST_IN);
	switch (packet_view(&p, in->bytes, in->length, in->gso_size > 0)) {
	case PACKET_BAD:
		count(e, STAT_DROP_NOT_IPV4);
		return;
	case PACKET_OTHER:
	case PACKET_FRAGMENT:
		regular_send_untouched(e, &p, a);
		return;
	case PACKET_TCP:
	case PACKET_UDP:
		break;
	}

	struct tuple tuple = {p.src.ip, p.dst.ip, p.src.port, p.dst.port, p.ip->protocol};
	struct session *s = session_find(e, &tuple);
	bool is_tcp = p.ip->protocol == IPPROTO_TCP;
	if (is_tcp && p.tcp->flags & TCP_SYN) {
		/* A new connection, maybe with the ports of an old one. Its SYN goes as it is. */
		if (s)
			session_remove(e, s, "a new connection has its ports", now, a);
		if (p.tcp->flags & TCP_ACK)
			query_accepted_note(e, &tuple);
		keepalive_syn(e, &tuple, &p);
		regular_send(e, &p, in, a);
		return;
	}
	if (!s) {
		s = session_new(e, &tuple, now, a);
		s->accepts = is_tcp && query_accepted_has(e, &tuple);
	}
	if (s->address_epoch != e->address_epoch)
		ipchange_local(e, s, now, a);
	bool idle = s->in_use > 0 && usec_sub(now, s->update_time).us > e->set.fallback.us &&
		    usec_sub(now, s->mp->last_received).us > e->set.fallback.us;
	bool again = false;
	session_touch(e, s, now);
	if (is_tcp) {
		uint32_t seq = get32(p.tcp->seq);
		s->last_seq = seq + p.data_length;
		again = s->tcp_known && p.data_length && (int32_t)(seq - s->sent_seq) < 0;
		s->resent |= again;
		if (!s->tcp_known || (int32_t)(s->last_seq - s->sent_seq) > 0)
			s->sent_seq = s->last_seq;
		s->tcp_known = true;
		if (p.tcp->flags & (TCP_FIN | TCP_RST)) {
			s->fin_sent |= (p.tcp->flags & TCP_FIN) != 0;
			s->reset |= (p.tcp->flags & TCP_RST) != 0;
		}
		s->last_ack = get32(p.tcp->ack);
		s->last_window = get16(p.tcp->window);
		if (s->mp && s->mp->keepalive.on)
			keepalive_out(e, s, now, a);
	}

	if (idle)
		upkeep_after_pause(e, s, again, now, a);
	if (s->in_use > 0 && p.ip_length == sizeof(struct ip_header)) {
		if (!s->confirm_due || !handshake_out(e, s, &p, in, now, a))
			send_multipath(e, s, &p, in, now, a);
		return;
	}
	s->regular_packets++;
	if (!handshake_out(e, s, &p, in, now, a))
		regular_send(e, &p, in, a);
}
