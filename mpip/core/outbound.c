// SPDX-License-Identifier: BSD-2-Clause
/*
 * From the application to the networks (paper 3.7.3, outbound).
 *
 * Theory of operation: a packet from the TUN belongs to a session or it does not. If it does and a
 * path is in use, it is cut into segments if it is a super-packet, and each segment gets a path, a
 * CM, and the path's wire form (forms.h).
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

#include "mpip/core/forms.h"

struct wire_packet *wire_slot(struct engine *e, struct actions *a)
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

struct cm cm_for(struct engine *e, struct session *s, const struct path *p, struct usec now)
{
	struct cm cm;
	cm.node = e->node;
	cm.session = s->key.id;
	cm.path = p->id;
	cm.feedback_path.n = 0;
	cm.path_delay = 0;
	cm.stamp = stamp_at(e, now);
	cm.flags = s->peer->list_known ? 0 : CM_FLAG_WANT;
	cm.has_hello = cm.has_addresses = cm.has_list_ack = cm.has_size = cm.has_scale = false;

	/* On a path that is not in use it may well be lost, and the other end would take a path
	 * that works for silent: there the news of what it answers goes along, and once more
	 * elsewhere. */
	bool sure = p->state == PATH_IN_USE || s->in_use == 0;
	struct arrival *news = sure ? session_oldest_news(s) : session_latest_news(s);
	if (news) {
		cm.feedback_path = news->path;
		cm.path_delay = news->delay;
	}
	if (news && sure) {
		news->fresh = false;
		news->feedback_time = now;
	}
	return cm;
}

/* The address list and its acknowledgement go along where there is room and news. */
static void cm_add_addresses(struct engine *e, struct session *s, struct cm *cm)
{
	struct peer *peer = s->peer;
	if (peer->wants_list && !mesh_short(e, s)) {
		cm->has_addresses = true;
		cm->addresses = e->addresses;
		cm->list_version = e->list_version;
		peer->wants_list = false;
	}
	if (s->wire_form == WIRE_LITERAL ? s->owes_ack : peer->owes_ack) {
		cm->has_list_ack = true;
		cm->list_ack = s->wire_form == WIRE_LITERAL ? (uint8_t)(s->list_seen - 1)
							    : peer->list_version;
		peer->owes_ack = s->owes_ack = false;
	}
}

void path_sent(struct session *s, struct path *p, uint32_t bytes, struct usec now)
{
	p->sent_packets++;
	p->sent_bytes += bytes;
	/* Of probes the last one counts: the path is known to be silent. */
	if (p->first_unanswered.us == USEC_NEVER.us || p->state != PATH_IN_USE) {
		p->first_unanswered = now;
		p->feedbacks_before = s->feedbacks;
	}
	s->sending_since = usec_min(s->sending_since, now);
}

static void put_bytes(struct wire_packet *w, const void *bytes, size_t length)
{
	memcpy(w->head + w->head_length, bytes, length);
	w->head_length = (uint8_t)(w->head_length + length);
}

uint32_t path_holds(const struct path *p)
{
	return p->pmtu->size - CM_FIXED - forms[p->form].header;
}

/* A path in use that the application's packets of `size` bytes fit; the one for a packet of
 * `length` bytes if it is one. */
static struct path *path_for(struct engine *e, struct session *s, uint32_t size, uint32_t length)
{
	/* A few draws among all keep the shares of those that fit. */
	for (unsigned i = 0; i < 4; i++) {
		struct path *p = session_choose(e, s, length);
		if (path_holds(p) >= size)
			return p;
	}
	struct path *best = NULL;
	for (unsigned i = 0; i < s->paths; i++) {
		struct path *p = s->path[i];
		if (p->state == PATH_IN_USE && path_holds(p) >= size &&
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
		const struct path *p = s->path[i];
		if (p->state != PATH_IN_USE)
			continue;
		if (!p->pmtu->sure) {
			fit.searching = true;
			continue;
		}
		if (fit.smallest == 0 || path_holds(p) < fit.smallest)
			fit.smallest = path_holds(p);
		if (path_holds(p) > fit.largest)
			fit.largest = path_holds(p);
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
	if (tell && usec_sub(now, s->told).us >= TELL_AGAIN.us) {
		s->told = now;
		icmp_too_big(e, p, mtu, a);
	}
	if (!none)
		return true;
	if (is_tcp && tell && !fit.searching) {
		count(e, STAT_DROP_TOO_BIG); /* TCP sends it again at once */
		return false;
	}
	s->regular_packets++;
	send_regular(e, p, in, a);
	return false;
}

/* The segments of a super-packet, or the packet itself as the only one. */
struct segments {
	const struct packet *packet;
	uint32_t step, offset, index;
};

struct segment {
	struct slice data;
	uint32_t index, offset;
	bool last;
};

static struct segments segments_of(const struct packet *p, const struct host_input *in)
{
	uint32_t step = in->gso_size ? in->gso_size : p->data_length;
	return (struct segments){.packet = p, .step = step ? step : 1};
}

static bool next_segment(struct segments *it, struct segment *out)
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
static uint32_t segment_header(void *header, bool is_tcp, const struct segment *g)
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
	struct path *path = session_choose(e, s, size);
	if (path_holds(path) < size) {
		if (!make_fit(e, s, p, in, size, now, a))
			return;
		path = path_for(e, s, size, size);
	}

	while (next_segment(&it, &g)) {
		if (g.index > 0 && !e->scheduler->per_super_packet)
			path = path_for(e, s, size, p->header_length + g.data.length);
		struct wire_packet *w = wire_slot(e, a);
		if (!w)
			return;
		const struct form *form = &forms[path->form];
		w->head_length = form->room;
		uint8_t *transport = w->head + w->head_length;
		put_bytes(w, p->bytes + p->ip_length, header);
		w->data = g.data;
		w->mark = (struct ip_mark){p->ip->tos, p->ip->ttl};
		uint32_t seq = segment_header(transport, is_tcp, &g);

		struct cm cm = cm_for(e, s, path, now);
		if (size + 4 * CM_EXT_WORDS <= path_holds(path) && g.data.length < 1000)
			cm_add_addresses(e, s, &cm);
		if (s->moving && cm.has_addresses)
			cm.flags |= CM_FLAG_IP_CHANGE;
		w->tail_length = (uint8_t)cm_encode(
			&cm, (struct cm_binding){header + g.data.length, seq}, w->tail);
		form->finish(e, s, path, w);
		path_sent(s, path, w->head_length + g.data.length + w->tail_length, now);
		s->sent_packets++;
		s->sent_bytes += g.data.length;
		count(e, STAT_SENT_MULTIPATH);
	}
}

static void send_segments(struct engine *e, const struct packet *p, const struct host_input *in,
	struct segments it, struct actions *a)
{
	bool is_tcp = p->ip->protocol == IPPROTO_TCP;
	struct segment g;
	uint8_t nic = nic_of(e, p->src.ip);

	while (next_segment(&it, &g)) {
		struct wire_packet *w = wire_slot(e, a);
		if (!w)
			return;
		w->kind = WIRE_PACKET_RAW;
		w->nic = nic;
		w->to = p->dst;
		w->data = g.data;
		put_bytes(w, p->bytes, p->header_length);
		void *transport = w->head + p->ip_length;
		if (in->gso_size) {
			struct ip_header *ip = (void *)w->head;
			ip->length = put16((uint16_t)(p->header_length + g.data.length));
			ip->id = put16((uint16_t)(get16(p->ip->id) + g.index));
			segment_header(transport, is_tcp, &g);
		}
		if (in->checksum_partial || in->gso_size)
			raw_checksums(w, (uint32_t)p->header_length - p->ip_length + g.data.length);
		count(e, STAT_SENT_REGULAR);
	}
}

void send_regular(
	struct engine *e, const struct packet *p, const struct host_input *in, struct actions *a)
{
	send_segments(e, p, in, segments_of(p, in), a);
}

void send_regular_behind(struct engine *e, const struct packet *p, const struct host_input *in,
	uint32_t offset, struct actions *a)
{
	struct segments it = segments_of(p, in);
	it.offset = offset;
	it.index = 1;
	send_segments(e, p, in, it, a);
}

/* A packet that the core does not look into goes out as it came. */
static void send_untouched(struct engine *e, const struct packet *p, struct actions *a)
{
	struct wire_packet *w = wire_slot(e, a);
	if (!w)
		return;
	w->kind = WIRE_PACKET_RAW;
	w->nic = nic_of(e, p->src.ip);
	w->to = p->dst;
	w->data = (struct slice){p->bytes, p->length};
	count(e, STAT_SENT_FRAGMENT);
}

/*
 * A heartbeat. One that is due (3.5) is a copy of the packet that just came, with its ends
 * exchanged; our own ones, without a packet to copy, are a CM alone, in the literal form behind a
 * header. `size`: padded to an IP packet of so many bytes.
 *
 * Of the copy, user data goes along in the literal form of a UDP session only: elsewhere it would
 * be bytes for nothing, and on a way back with a smaller MTU the loss of all feedback. A TCP header
 * in the literal form has this end's last numbers, not the copied ones, which a box on the way
 * drops.
 */
static void heartbeat(struct engine *e, struct session *s, struct path *p, uint8_t flags,
	uint32_t size, struct copied copy, struct usec now, struct actions *a)
{
	static const uint8_t padding[PMTU_MAX];
	const struct form *form = &forms[p->form];
	struct wire_packet *w = path_open(s, p) ? wire_slot(e, a) : NULL;
	if (!w)
		return;
	w->head_length = form->room;
	struct cm_binding binding = form->empty(s, w, copy);

	struct cm cm = cm_for(e, s, p, now);
	cm.flags |= CM_FLAG_HB | flags;
	if (size) {
		uint32_t headers = (uint32_t)sizeof(struct ip_header) + form->header + CM_FIXED;
		w->data = (struct slice){padding, size - headers - binding.segment_length};
	} else {
		if (!s->peer->list_acked || (s->wire_form == WIRE_LITERAL && !lists_agreed(e, s)))
			s->peer->wants_list = true;
		cm_add_addresses(e, s, &cm);
		if (s->moving && cm.has_addresses)
			cm.flags |= CM_FLAG_IP_CHANGE;
		cm.has_size = s->size_path.n;
		cm.size_path = s->size_path;
		cm.size = s->size;
		s->size_path.n = 0;
	}
	binding.segment_length += w->data.length;
	w->tail_length = (uint8_t)cm_encode(&cm, binding, w->tail);
	form->finish(e, s, p, w);
	count(e, size ? STAT_SIZE_PROBES_SENT : STAT_HEARTBEATS_SENT);
	/* A probe of a size that is too large is no sign that the path does not work. */
	if (!size)
		path_sent(s, p, w->head_length + w->tail_length, now);
}

void send_heartbeat_copy(
	struct engine *e, struct session *s, struct copied copy, struct usec now, struct actions *a)
{
	struct path *p = session_choose(e, s, (uint32_t)sizeof(struct ip_header) + copy.length);
	if (sizeof(struct ip_header) + copy.length + CM_MAX > p->pmtu->size)
		copy.length = copy.header;
	heartbeat(e, s, p, 0, 0, copy, now, a);
}

void send_heartbeat(struct engine *e, struct session *s, struct path *p, uint8_t flags,
	struct usec now, struct actions *a)
{
	heartbeat(e, s, p, flags, 0, (struct copied){0}, now, a);
}

void send_size_probe(struct engine *e, struct session *s, struct path *p, uint16_t size,
	struct usec now, struct actions *a)
{
	heartbeat(e, s, p, CM_FLAG_PROBE, size, (struct copied){0}, now, a);
}

void engine_from_host(
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
		send_untouched(e, &p, a);
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
			session_remove(e, s, a);
		if (p.tcp->flags & TCP_ACK)
			accepted_note(e, &tuple);
		keepalive_syn(e, &tuple, &p);
		send_regular(e, &p, in, a);
		return;
	}
	if (!s) {
		s = session_new(e, &tuple, now, a);
		s->accepts = is_tcp && accepted_has(e, &tuple);
	}
	if (s->address_epoch != e->address_epoch)
		session_move(e, s, now, a);
	bool idle = usec_sub(now, s->update_time).us > e->set.fallback.us &&
		    usec_sub(now, s->last_received).us > e->set.fallback.us;
	session_touch(e, s, now);
	if (is_tcp) {
		uint32_t seq = get32(p.tcp->seq);
		s->last_seq = seq + p.data_length;
		if (s->tcp_known && p.data_length && (int32_t)(seq - s->sent_seq) < 0)
			s->resent = true;
		if (!s->tcp_known || (int32_t)(s->last_seq - s->sent_seq) > 0)
			s->sent_seq = s->last_seq;
		s->tcp_known = true;
		s->fin_sent = s->fin_sent || p.tcp->flags & TCP_FIN;
		s->reset = s->reset || p.tcp->flags & TCP_RST;
		s->last_ack = get32(p.tcp->ack);
		s->last_window = get16(p.tcp->window);
		if (s->keepalive.on)
			keepalive_out(e, s, now, a);
	}

	if (idle && s->in_use > 0)
		session_rest(e, s, now, a);
	if (s->in_use > 0 && p.ip_length == sizeof(struct ip_header)) {
		if (!s->confirm_due || !handshake_out(e, s, &p, in, now, a))
			send_multipath(e, s, &p, in, now, a);
		return;
	}
	s->regular_packets++;
	if (!handshake_out(e, s, &p, in, now, a))
		send_regular(e, &p, in, a);
}
