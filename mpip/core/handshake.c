// SPDX-License-Identifier: BSD-2-Clause
/*
 * Who speaks MPIP, and how a session begins (paper 3.2 and 3.7.1).
 *
 * Theory of operation: a connection's own packets carry the question (Flags_Enable) and the answer
 * (Flags_Enabled), on the connection's own addresses and ports, in a place that a host without
 * MPIP ignores (cm_wire.h). Both packets say who sends them, so after one exchange each end
 * knows the other's node ID, wire port and wire form, and the pair of sockets that the session
 * belongs to, as each of them sees it.
 *
 * The end that answers draws the session ID: only it can know both node IDs, and so which of the
 * two disjoint ranges is its own. When both ends ask at once, two IDs are drawn; the one from the
 * node of the lower ID stands, and its confirmation is repeated until the other end has used it.
 *
 * As in the paper: for TCP both are copies of a packet of the connection, without its payload, and
 * the answer waits for the next one; for UDP the answer is sent at once. A departure: the UDP
 * question is no copy (a plain host would read it twice) but lies behind a datagram on its way.
 *
 * Limits: at most query_threshold questions to an IP address that has never shown MPIP; then its
 * traffic is excluded from the daemon until no_expiry. An address that has shown it is never given
 * up, only its silent ports are no longer asked.
 */

#include "mpip/core/state.h"

/* FNV-1a (public domain), of the tuple's bytes. */
static uint32_t hash_of(const struct tuple *tuple)
{
	const uint8_t *bytes = (const void *)tuple;
	uint32_t hash = 0x811c9dc5;
	for (size_t i = 0; i < sizeof(*tuple); i++)
		hash = (hash ^ bytes[i]) * 0x01000193;
	return hash;
}

void accepted_note(struct engine *e, const struct tuple *tuple)
{
	uint32_t hash = hash_of(tuple);
	e->accepted[hash % ACCEPTED] = hash;
}

bool accepted_has(const struct engine *e, const struct tuple *tuple)
{
	uint32_t hash = hash_of(tuple);
	return e->accepted[hash % ACCEPTED] == hash;
}

static struct availability *row_get(
	struct engine *e, struct in_addr ip, in_port_t port, struct actions *a)
{
	struct availability evicted;
	struct availability *row = availability_get(&e->peers, ip, port, &evicted);
	if (evicted.key.ip.s_addr && evicted.key.port == 0 && evicted.mpip == MPIP_FALSE)
		a->steer[a->steers++] = (struct steer){
			.kind = STEER_INCLUDE, .tuple = {.remote_ip = evicted.key.ip}};
	return row;
}

void address_shows_mpip(struct engine *e, struct in_addr ip, struct actions *a)
{
	struct availability *row = row_get(e, ip, 0, a);
	if (row->mpip == MPIP_FALSE)
		a->steer[a->steers++] =
			(struct steer){.kind = STEER_INCLUDE, .tuple = {.remote_ip = ip}};
	row->mpip = MPIP_TRUE;
	row->queries = 0;
}

/* Believes an old "no" no longer. */
void handshake_sweep(struct engine *e, struct usec now, struct actions *a)
{
	e->next_sweep = USEC_NEVER;
	struct availability *row, *tmp;
	HASH_ITER (hh, e->peers.availability, row, tmp) {
		if (row->mpip != MPIP_FALSE)
			continue;
		bool room = a->steers + ACTIONS_STEER_ROOM <= a->steer_capacity;
		if (usec_before(now, row->no_until) || !room) {
			e->next_sweep = usec_min(e->next_sweep, room ? row->no_until : now);
			continue;
		}
		row->mpip = MPIP_UNKNOWN;
		row->queries = 0;
		if (row->key.port == 0)
			a->steer[a->steers++] = (struct steer){
				.kind = STEER_INCLUDE, .tuple = {.remote_ip = row->key.ip}};
	}
}

static void give_up(struct engine *e, struct availability *row, struct usec now, struct actions *a)
{
	row->mpip = MPIP_FALSE;
	row->no_until = usec_add(now, e->set.no_expiry);
	e->next_sweep = usec_min(e->next_sweep, row->no_until);
	if (row->key.port == 0)
		a->steer[a->steers++] =
			(struct steer){.kind = STEER_EXCLUDE, .tuple = {.remote_ip = row->key.ip}};
}

static bool spent(const struct engine *e, const struct availability *row, struct usec now)
{
	return row->queries >= e->set.query_threshold &&
	       usec_sub(now, row->last_query).us >= e->set.query_grace.us;
}

/* Whether a session leads to the address. Table 2 is bounded, and may have forgotten that it has
 * shown MPIP; to exclude it would take the session's own packets from the daemon. Walks all
 * sessions, but only where an address would be given up. */
static bool leads_to(const struct engine *e, struct in_addr ip)
{
	for (const struct session *s = e->oldest; s; s = s->age_next)
		if (s->key.id.n && s->tuple.remote_ip.s_addr == ip.s_addr)
			return true;
	return false;
}

/* Whether the connection asks with this packet. Moves Table 2's verdicts. */
static bool query_due(struct engine *e, struct session *s, struct usec now, struct actions *a)
{
	if (s->key.id.n || usec_before(now, s->next_query))
		return false;
	s->next_query = usec_add(now, e->set.query_interval);

	struct availability *address = row_get(e, s->tuple.remote_ip, 0, a);
	struct availability *socket = row_get(e, s->tuple.remote_ip, s->tuple.remote_port, a);
	if (address->mpip == MPIP_FALSE || socket->mpip == MPIP_FALSE)
		return false;
	if (address->mpip == MPIP_UNKNOWN && spent(e, address, now)) {
		if (!leads_to(e, address->key.ip)) {
			give_up(e, address, now, a);
			s->regular_reason = "the other end has no MPIP";
			return false;
		}
		address->mpip = MPIP_TRUE;
		address->queries = 0;
	}
	if (address->mpip == MPIP_TRUE && spent(e, socket, now)) {
		give_up(e, socket, now, a);
		s->regular_reason = "this port of the other end does not answer";
		return false;
	}
	struct availability *limit = address->mpip == MPIP_UNKNOWN ? address : socket;
	if (limit == address && limit->queries == 0)
		s->queries = 0; /* nobody has asked since the last "no" expired */
	if (limit->queries >= e->set.query_threshold || s->queries >= e->set.query_threshold ||
		(limit == address && limit->queries &&
			usec_sub(now, limit->last_query).us < e->set.query_interval.us))
		return false;
	s->queries++;
	address->queries++;
	socket->queries++;
	address->last_query = socket->last_query = now;
	return true;
}

/* The carrier's 36 bytes: a CM that says who we are. */
static void put_hello(struct engine *e, const struct session *s, uint8_t flags, uint32_t seq,
	struct usec now, uint8_t *out)
{
	struct cm cm = {.node = e->node,
		.session = s->key.id,
		.stamp = stamp_at(e, now),
		.flags = flags,
		.has_hello = true,
		.hello = {
			.wire_form = (uint8_t)s->wire_form, .port = e->wire_port, .boot = e->boot}};
	cm_encode(&cm, (struct cm_binding){.tcp_seq = seq}, out);
}

static void raw_out(struct engine *e, struct wire_packet *w, const struct session *s)
{
	w->kind = WIRE_PACKET_RAW;
	w->nic = nic_of(e, s->tuple.local_ip);
	w->to = (struct endpoint){s->tuple.remote_ip, s->tuple.remote_port};
}

/* Finishes a carrier whose IP and TCP headers and CM are in place. */
static void tcp_carrier_out(struct engine *e, struct wire_packet *w, const struct session *s)
{
	struct ip_header *ip = (void *)w->head;
	struct tcp_header *tcp = (void *)(ip + 1);
	uint8_t *option = (uint8_t *)(tcp + 1);
	struct be16 exid = put16(CARRIER_EXID);
	uint32_t length = sizeof(*tcp) + CARRIER_LENGTH;

	tcp->offset = 15 << 4;
	option[0] = CARRIER_TCP_KIND;
	option[1] = CARRIER_LENGTH;
	memcpy(option + 2, &exid, 2);
	tcp->checksum = put16(0);
	uint64_t sum =
		csum_add(csum_pseudo(s->tuple.local_ip, s->tuple.remote_ip, IPPROTO_TCP, length),
			tcp, length);
	uint16_t checksum = (uint16_t)~csum_fold(sum);
	memcpy(tcp->checksum.b, &checksum, 2);
	ip_checksum(ip, sizeof(*ip));
	w->head_length = sizeof(*ip) + sizeof(*tcp) + CARRIER_LENGTH;
	raw_out(e, w, s);
}

void send_keepalive(struct engine *e, struct session *s, uint32_t seq, uint32_t ack,
	struct usec now, struct actions *a)
{
	struct wire_packet *w = wire_slot(e, a);
	if (!w)
		return;
	struct ip_header *ip = (void *)w->head;
	struct tcp_header *tcp = (void *)(ip + 1);
	ip_header_make(ip, IPPROTO_TCP, sizeof(*ip) + sizeof(*tcp) + CARRIER_LENGTH, e->ip_id++,
		s->tuple.local_ip, s->tuple.remote_ip);
	*tcp = (struct tcp_header){.seq = put32(seq),
		.ack = put32(ack),
		.flags = TCP_ACK,
		.window = put16(s->last_window)};
	memcpy(tcp->src.b, &s->tuple.local_port, 2);
	memcpy(tcp->dst.b, &s->tuple.remote_port, 2);

	struct cm cm = {.node = e->node,
		.session = s->key.id,
		.stamp = (uint32_t)now.us,
		.flags = CM_FLAG_HB | (keepalive_wanted(s, now) ? CM_FLAG_PROBE : 0),
		.has_scale = true,
		.scale = s->keepalive.scale};
	uint8_t *place = (uint8_t *)(tcp + 1) + CARRIER_LENGTH - CARRIER_CM;
	memset(place, 0, CARRIER_CM);
	cm_encode(&cm, (struct cm_binding){.tcp_seq = seq}, place + CARRIER_CM - cm_size(&cm));
	tcp_carrier_out(e, w, s);
	count(e, STAT_KEEPALIVES_SENT);
}

/* A copy of a TCP packet, without its payload and options, that carries `flags`. */
static void send_tcp_carrier(struct engine *e, const struct session *s, const struct packet *p,
	uint8_t flags, struct usec now, struct actions *a)
{
	struct wire_packet *w = wire_slot(e, a);
	if (!w)
		return;
	struct ip_header *ip = (void *)w->head;
	struct tcp_header *tcp = (void *)(ip + 1);

	memcpy(ip, p->ip, sizeof(*ip));
	ip->version_ihl = 0x45;
	ip->length = put16(sizeof(*ip) + sizeof(*tcp) + CARRIER_LENGTH);
	memcpy(tcp, p->tcp, sizeof(*tcp));
	tcp->flags &= TCP_ACK;
	put_hello(e, s, flags, get32(tcp->seq), now,
		(uint8_t *)(tcp + 1) + CARRIER_LENGTH - CARRIER_CM);
	tcp_carrier_out(e, w, s);
}

/*
 * A datagram with `flags` in its surplus: `data` is its user data, or empty. `like`: the IP header
 * of the datagram that it goes along with, or NULL.
 *
 * The option checksum makes the surplus, with its own length, sum to zero, so that a checksum
 * that a middlebox wrongly takes over all of the IP payload comes out right too (RFC 9868).
 */
static void send_udp_carrier(struct engine *e, const struct session *s,
	const struct ip_header *like, struct slice data, bool checksum, uint8_t flags,
	struct usec now, struct actions *a)
{
	struct wire_packet *w = wire_slot(e, a);
	if (!w)
		return;
	struct ip_header *ip = (void *)w->head;
	struct udp_header *udp = (void *)(ip + 1);
	uint32_t pad = data.length & 1;
	uint32_t surplus = pad + CARRIER_UDP_SURPLUS;
	uint32_t segment = (uint32_t)sizeof(*udp) + data.length;

	w->head_length = sizeof(*ip) + sizeof(*udp);
	ip_header_make(ip, IPPROTO_UDP, (uint32_t)sizeof(*ip) + segment + surplus, e->ip_id++,
		s->tuple.local_ip, s->tuple.remote_ip);
	if (like) {
		ip->tos = like->tos;
		ip->ttl = like->ttl;
		ip->fragment = like->fragment;
	}
	memcpy(udp->src.b, &s->tuple.local_port, 2);
	memcpy(udp->dst.b, &s->tuple.remote_port, 2);
	udp->length = put16((uint16_t)segment);
	udp->checksum = put16(0);
	if (checksum) {
		uint64_t sum =
			csum_pseudo(s->tuple.local_ip, s->tuple.remote_ip, IPPROTO_UDP, segment);
		sum = csum_add(csum_add(sum, udp, sizeof(*udp)), data.bytes, data.length);
		uint16_t folded = (uint16_t)~csum_fold(sum);
		folded = folded ? folded : 0xffff;
		memcpy(udp->checksum.b, &folded, 2);
	}
	ip_checksum(ip, sizeof(*ip));

	uint8_t *tail = w->tail;
	struct be16 exid = put16(CARRIER_EXID);
	memset(tail, 0, pad + CARRIER_UDP_OCS);
	uint8_t *ocs = tail + pad, *option = ocs + CARRIER_UDP_OCS;
	option[0] = CARRIER_UDP_KIND;
	option[1] = CARRIER_LENGTH;
	memcpy(option + 2, &exid, 2);
	put_hello(e, s, flags, 0, now, option + 4);
	struct be16 length = put16((uint16_t)surplus);
	uint16_t sum = (uint16_t)~csum_fold(csum_add(csum_add(0, &length, 2), ocs, surplus - pad));
	memcpy(ocs, &sum, 2);

	w->data = data;
	w->tail_length = (uint8_t)surplus;
	raw_out(e, w, s);
}

/* Whether a query can go along with `p`. What has IP options or a surplus of its own stays as it
 * is. */
static bool may_carry(const struct packet *p)
{
	if (p->ip->protocol == IPPROTO_TCP)
		return !(p->tcp->flags & TCP_RST);
	return p->surplus == 0 && p->ip_length == sizeof(struct ip_header);
}

bool handshake_out(struct engine *e, struct session *s, const struct packet *p,
	const struct host_input *in, struct usec now, struct actions *a)
{
	bool is_tcp = s->tuple.protocol == IPPROTO_TCP;
	uint8_t flags = 0;
	if (s->confirm_due && is_tcp) {
		s->confirm_due = false;
		s->confirms++;
		s->confirmed = now;
		s->next_confirm = usec_add(now, e->set.query_interval);
		flags = CM_FLAG_ENABLED;
		count(e, STAT_CONFIRMS_SENT);
	} else if (may_carry(p) && query_due(e, s, now, a)) {
		flags = CM_FLAG_ENABLE;
		count(e, STAT_QUERIES_SENT);
	}
	if (!flags)
		return false;
	if (is_tcp) {
		send_tcp_carrier(e, s, p, flags, now, a);
		return false;
	}
	/* Of a super-packet the first datagram asks. */
	struct slice data = {p->bytes + p->header_length, p->data_length};
	if (in->gso_size && in->gso_size < data.length)
		data.length = in->gso_size;
	bool checksum = in->checksum_partial || get16(p->udp->checksum) != 0;
	send_udp_carrier(e, s, p->ip, data, checksum, flags, now, a);
	count(e, STAT_SENT_REGULAR);
	send_regular_behind(e, p, in, data.length, a);
	return true;
}

/* The peer's row in Table 4. Its daemon may have been restarted since we last heard of it. */
static struct peer *meet(struct engine *e, const struct cm *cm, struct in_addr from,
	struct usec now, struct actions *a)
{
	struct peer *peer = peer_get(&e->peers, cm->node, now);
	if (!peer)
		return NULL;
	if (peer->wire_port && peer->boot != cm->hello.boot) {
		for (struct session *s = e->oldest, *next; s; s = next) {
			next = s->age_next;
			if (s->key.id.n && s->peer == peer &&
				a->steers + ACTIONS_STEER_ROOM <= a->steer_capacity)
				session_remove(e, s, a);
		}
		peer->list_known = peer->list_acked = false;
	}
	peer->boot = cm->hello.boot;
	peer->wire_port = cm->hello.port;
	if (!peer->list_known && !address_list_has(&peer->addresses, from) &&
		peer->addresses.count < MAX_ADDRESSES)
		peer->addresses.ip[peer->addresses.count++] = from;
	peer->list_changes++;
	return peer;
}

static enum wire_form form_of(const struct cm *cm)
{
	return cm->hello.wire_form < WIRE_FORMS ? (enum wire_form)cm->hello.wire_form : WIRE_UDP;
}

static struct session_id draw_session_id(struct engine *e, struct node_id peer)
{
	e->next_session_id = (e->next_session_id + 1) & 0x7fffffff;
	uint32_t odd = node_lower(e->node, peer);
	uint32_t n = e->next_session_id << 1 | odd;
	return (struct session_id){n ? n : 2};
}

static void take_query(struct engine *e, const struct tuple *tuple, const struct cm *cm,
	struct usec now, struct actions *a)
{
	count(e, STAT_QUERIES_RECEIVED);
	if (e->leaving)
		return;
	struct peer *peer = meet(e, cm, tuple->remote_ip, now, a);
	if (!peer)
		return;
	struct session *s = session_find(e, tuple);
	if (!s) {
		s = session_new(e, tuple, now, a);
		s->accepts = tuple->protocol == IPPROTO_UDP || accepted_has(e, tuple);
	}
	if (s->key.id.n == 0 || s->peer != peer) {
		s->wire_form = form_of(cm);
		s->generated_here = true;
		s->peer_knows = false;
		s->confirms = 0;
		if (!session_enter(e, s, peer, draw_session_id(e, peer->node), now, a)) {
			s->regular_reason = "no path to be had";
			return;
		}
	}
	if (tuple->protocol == IPPROTO_TCP) {
		s->confirm_due = true;
		return;
	}
	count(e, STAT_CONFIRMS_SENT);
	s->confirmed = now;
	send_udp_carrier(e, s, NULL, (struct slice){NULL, 0}, true, CM_FLAG_ENABLED, now, a);
}

static void take_confirmation(struct engine *e, const struct tuple *tuple, const struct cm *cm,
	struct usec now, struct actions *a)
{
	count(e, STAT_CONFIRMS_RECEIVED);
	struct session *s = session_find(e, tuple);
	if (e->leaving || !s || cm->session.n == 0)
		return;
	if (s->key.id.n == cm->session.n && node_equal(s->key.node, cm->node)) {
		/* Ours has arrived: the other end waits for us to open the paths (3.8.1). */
		s->peer_knows = true;
		session_upkeep(e, s, now, a);
		return;
	}
	if (s->queries == 0)
		return; /* nobody asked */
	struct peer *peer = meet(e, cm, tuple->remote_ip, now, a);
	s = session_find(e, tuple); /* meeting a restarted peer removes its sessions */
	if (!peer || !s)
		return;
	if (s->key.id.n && s->peer == peer && s->generated_here && !node_lower(peer->node, e->node))
		return; /* our ID stands */
	s->generated_here = false;
	s->confirm_due = false;
	s->wire_form = form_of(cm);
	if (!session_enter(e, s, peer, cm->session, now, a)) {
		s->regular_reason = "no path to be had";
		return;
	}
	s->peer_knows = true;
	s->confirms = 0;
	session_upkeep(e, s, now, a);
}

/* The 36 bytes of CM in the packet's carrier, NULL if it has none. */
static const uint8_t *carrier(const struct packet *p, uint32_t *seq)
{
	struct be16 exid = put16(CARRIER_EXID);
	const uint8_t *option;
	*seq = 0;
	if (p->ip->protocol == IPPROTO_TCP) {
		option = p->bytes + p->ip_length + sizeof(struct tcp_header);
		*seq = get32(p->tcp->seq);
		if (p->tcp->offset >> 4 != 15 || option[0] != CARRIER_TCP_KIND || p->data_length)
			return NULL;
	} else {
		uint32_t pad = p->data_length & 1;
		if (p->surplus != pad + CARRIER_UDP_SURPLUS)
			return NULL;
		option = p->bytes + p->header_length + p->data_length + pad + CARRIER_UDP_OCS;
		if (option[0] != CARRIER_UDP_KIND)
			return NULL;
	}
	if (option[1] != CARRIER_LENGTH || memcmp(option + 2, &exid, 2) != 0)
		return NULL;
	return option + 4;
}

/* The datagram that carried a query goes on without its surplus. */
static void deliver_without_surplus(struct engine *e, const struct packet *p, struct actions *a)
{
	struct host_packet *h = host_slot(e, a);
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

bool handshake_in(struct engine *e, const struct packet *p, const struct host_input *in,
	struct usec now, struct actions *a)
{
	uint32_t seq;
	const uint8_t *bytes = in->gso_size ? NULL : carrier(p, &seq);
	struct cm cm;
	if (!bytes || !cm_decode(bytes, CARRIER_CM, (struct cm_binding){.tcp_seq = seq}, &cm))
		return false;
	if (cm.flags & CM_FLAG_HB && p->ip->protocol == IPPROTO_TCP) {
		/* Of a session that is not known here, or no longer: TCP ignores it just as well.
		 */
		struct tuple tuple = {p->dst.ip, p->src.ip, p->dst.port, p->src.port, IPPROTO_TCP};
		struct session *s = session_find(e, &tuple);
		count(e, STAT_KEEPALIVES_RECEIVED);
		if (s && !e->leaving && s->key.id.n == cm.session.n &&
			node_equal(s->key.node, cm.node))
			keepalive_in(e, s, &cm, p->tcp, now, a);
		return true;
	}
	if (!cm.has_hello || !(cm.flags & (CM_FLAG_ENABLE | CM_FLAG_ENABLED)))
		return false;
	if (node_equal(cm.node, e->node)) {
		count(e, STAT_DROP_OWN_NODE);
		return true;
	}

	struct tuple tuple = {p->dst.ip, p->src.ip, p->dst.port, p->src.port, p->ip->protocol};
	address_shows_mpip(e, p->src.ip, a);
	struct availability *socket = row_get(e, p->src.ip, p->src.port, a);
	socket->mpip = MPIP_TRUE;
	socket->queries = 0;
	if (cm.flags & CM_FLAG_ENABLE)
		take_query(e, &tuple, &cm, now, a);
	else
		take_confirmation(e, &tuple, &cm, now, a);

	if (p->ip->protocol == IPPROTO_UDP && !(cm.flags & CM_FLAG_ENABLED))
		deliver_without_surplus(e, p, a);
	return true;
}
