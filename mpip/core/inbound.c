// SPDX-License-Identifier: BSD-2-Clause
/*
 * From the networks to the application (paper 3.7.3, inbound).
 *
 * Theory of operation: the CM at a packet's end names node and session; with the session known,
 * its checksum can be verified, and only then it is a CM. What it measures goes to Tables 5 and
 * 3; the user data gets the session's own addresses back, whatever path it came on, and TCP
 * passes the out-of-order buffer.
 *
 * The IP header that an application's packet gets has DSCP, ECN and TTL of the one that it came
 * with: so the receiving end sees what the path made of them, a router's CE mark as well.
 *
 * The wire forms differ only in where the segment lies: alone in a datagram that came to our wire
 * port (udp), or behind a TCP header in a packet that the ingress hook took (fake-tcp), where
 * everything must carry a CM; or in an IP packet that the hook took (literal), where a packet
 * without a valid CM is somebody else's and goes back untouched.
 */

#include "mpip/core/faketcp.h"

struct host_packet *host_slot(struct engine *e, struct actions *a)
{
	if (a->hosts >= a->host_capacity) {
		count(e, STAT_DROP_NO_ROOM);
		return NULL;
	}
	struct host_packet *h = &a->host[a->hosts++];
	h->verbatim = h->complete = h->no_checksum = false;
	return h;
}

/* Hands a segment (transport header and user data) to the application's end of the session. */
static void deliver(struct engine *e, struct session *s, const uint8_t *segment, uint32_t header,
	uint32_t length, struct ip_mark mark, struct actions *a)
{
	struct host_packet *h = host_slot(e, a);
	if (!h)
		return;
	struct ip_header *ip = (void *)h->head;
	ip_header_make(ip, (uint8_t)s->tuple.protocol, (uint32_t)sizeof(*ip) + length, e->ip_id++,
		s->tuple.remote_ip, s->tuple.local_ip);
	ip->tos = mark.tos;
	ip->ttl = mark.ttl;

	struct udp_header *udp = (void *)(ip + 1);
	memcpy(udp, segment, header);
	memcpy(udp->src.b, &s->tuple.remote_port, 2);
	memcpy(udp->dst.b, &s->tuple.local_port, 2);
	if (s->tuple.protocol == IPPROTO_UDP) {
		h->no_checksum = get16(udp->checksum) == 0;
		udp->length = put16((uint16_t)length);
	}
	h->ip_length = sizeof(*ip);
	h->head_length = (uint8_t)(sizeof(*ip) + header);
	h->data = (struct slice){segment + header, length - header};
	count(e, STAT_HOST_OUT);
}

static void deliver_slot(
	struct engine *e, struct session *s, const struct reorder_slot *slot, struct actions *a)
{
	deliver(e, s, slot->bytes, slot->head_length, slot->length, slot->mark, a);
}

void reorder_push_all(struct engine *e, struct session *s, struct actions *a)
{
	const struct reorder_slot *slot;
	while ((slot = reorder_push(&s->reorder, &e->pool)))
		deliver_slot(e, s, slot, a);
}

/* Figure 3. */
static void deliver_tcp(struct engine *e, struct session *s, const uint8_t *segment,
	uint32_t header, uint32_t length, struct usec now, struct actions *a)
{
	const struct reorder_slot *slot;
	uint8_t flags = ((const struct tcp_header *)segment)->flags;
	s->fin_received = s->fin_received || flags & TCP_FIN;
	s->reset = s->reset || flags & TCP_RST;
	switch (reorder_in(&s->reorder, &e->pool, segment, (uint16_t)header, (uint16_t)length,
		e->mark, e->set.reorder_packets)) {
	case REORDER_DELIVER:
		deliver(e, s, segment, header, length, e->mark, a);
		while ((slot = reorder_next(&s->reorder, &e->pool)))
			deliver_slot(e, s, slot, a);
		break;
	case REORDER_HELD:
		count(e, STAT_REORDER_HELD);
		break;
	case REORDER_PUSH:
		count(e, STAT_REORDER_FULL);
		reorder_push_all(e, s, a);
		break;
	case REORDER_NO_SLOT:
		count(e, STAT_REORDER_NO_ROOM);
		reorder_push_all(e, s, a);
		deliver(e, s, segment, header, length, e->mark, a);
		break;
	}
	if (s->holding != (s->reorder.held > 0))
		session_set_holding(e, s, now);
}

/* The feedback in a CM is about one of our paths (3.4). */
static void take_feedback(struct engine *e, struct session *s, const struct cm *cm, struct usec now)
{
	struct path *p = path_row(e, cm->feedback_path);
	if (!p || p->session != s || p->sent_packets == 0)
		return; /* or about a path that had this ID before */
	s->feedbacks++;
	path_feedback(p, cm->path_delay, &e->set, now);
	if (p->first_unanswered.us != USEC_NEVER.us) {
		struct usec answer = usec_sub(now, p->first_unanswered);
		p->answer.us += (answer.us - p->answer.us) >> (p->feedbacks > 1 ? 3 : 0);
		p->first_unanswered = USEC_NEVER;
	}
	if (p->state != PATH_IN_USE && path_open(s, p))
		path_prove(e, s, p);
}

/* The other end has seen a padded heartbeat of ours. */
static void take_size(struct engine *e, struct session *s, const struct cm *cm, struct usec now)
{
	struct path *p = path_row(e, cm->size_path);
	if (p && p->session == s)
		pmtu_answer(e, p->pmtu,
			cm->size + (uint32_t)sizeof(struct ip_header) + forms[p->form].header, now);
}

/* Whether a path may lead there, whoever says so. */
static bool unicast(struct in_addr ip)
{
	uint32_t a = ntohl(ip.s_addr);
	return a >> 24 != 0 && a >> 24 != 127 && a >> 28 < 0xe;
}

static void take_addresses(struct engine *e, struct session *s, const struct cm *cm,
	struct usec now, struct actions *a)
{
	bool news =
		!s->peer->list_known || !address_list_equal(&s->peer->addresses, &cm->addresses);
	s->peer->list_known = true;
	s->peer->list_version = cm->list_version;
	s->peer->addresses.count = 0;
	for (unsigned i = 0; i < cm->addresses.count; i++)
		if (unicast(cm->addresses.ip[i]))
			s->peer->addresses.ip[s->peer->addresses.count++] = cm->addresses.ip[i];
	news |= s->list_seen != 1u + cm->list_version;
	if (news) {
		s->peer->list_changes++;
		session_mesh(e, s, now, a);
	}
	s->list_seen = 1 + cm->list_version;
	s->owes_ack = mesh_complete(e, s);
	s->peer->owes_ack = true;
	if (news)
		session_upkeep(e, s, now, a);
}

/* Our path with the same ends as a packet that just came, or any in use. */
static struct path *path_back(struct engine *e, struct session *s, const struct arrived_at *at)
{
	struct path *p = path_at(s, at->nic, at->from, at->port);
	if (p && path_open(s, p))
		return p;
	return s->in_use > 0 ? session_choose(e, s, sizeof(struct ip_header)) : NULL;
}

/* To a peer that goes on although we leave: our word may have been lost. */
static void say_leaving(struct engine *e, struct session *s, const struct arrived_at *at,
	struct usec now, struct actions *a)
{
	struct path *back = path_back(e, s, at);
	if (!back || usec_before(now, s->next_upkeep))
		return;
	s->next_upkeep = usec_add(now, e->set.maintenance);
	send_heartbeat(e, s, back, CM_FLAG_LEAVE, now, a);
}

static void take_heartbeat(struct engine *e, struct session *s, const struct cm *cm, uint32_t bytes,
	const struct arrived_at *at, struct usec now, struct actions *a)
{
	if (cm->flags & CM_FLAG_LEAVE) {
		/* Regular from now on; its flows linger in the hook for what is under way. */
		count(e, STAT_SESSIONS_LEFT);
		session_remove(e, s, a);
		return;
	}
	struct path *back = path_back(e, s, at);
	if (bytes > sizeof(struct tcp_header)) {
		s->size_path = cm->path;
		s->size = (uint16_t)(bytes + cm_size(cm));
	}
	if (cm->flags & CM_FLAG_PROBE && back) {
		bool prove = back->state != PATH_IN_USE && !usec_before(now, back->probe_due);
		if (prove)
			back->probe_due = usec_add(now, e->set.probe_interval);
		send_heartbeat(e, s, back, prove ? CM_FLAG_PROBE : 0, now, a);
		if (prove)
			pmtu_upkeep(e, s, back, now, a);
	}
}

/* A heartbeat for the path whose feedback is about to be too old (3.5). */
static void feed_back_in_time(
	struct engine *e, struct session *s, struct copied came, struct usec now, struct actions *a)
{
	struct arrival *news = session_oldest_news(s);
	if (news && s->in_use > 0 &&
		usec_sub(now, news->feedback_time).us >=
			e->set.heartbeat.us - e->set.maintenance.us)
		send_heartbeat_copy(e, s, came, now, a);
}

/* A CM that is one. `segment` and `length` are what lies in front of it, empty for a heartbeat. */
static void take_cm(struct engine *e, struct session *s, const struct cm *cm,
	const struct arrived_at *at, uint32_t bytes, struct usec now, struct actions *a)
{
	if (s->address_epoch != e->address_epoch)
		session_move(e, s, now, a);
	s->last_received = now;
	s->sending_since = USEC_NEVER;
	s->peer_knows = true;
	s->peer->last_heard = now;
	if (cm->flags & CM_FLAG_IP_CHANGE && cm->has_addresses)
		session_moved(e, s, cm, at, now, a);
	session_arrival(s, cm->path, stamp_at(e, at->time) - cm->stamp, bytes, &e->set, now);
	if (cm->has_addresses)
		take_addresses(e, s, cm, now, a);
	else if (s->mesh_of != s->peer->list_changes)
		session_mesh(e, s, now, a); /* the peer's list came with another session */
	if (cm->flags & CM_FLAG_WANT)
		s->peer->wants_list = true;
	if (cm->has_list_ack)
		s->list_acked = 1 + cm->list_ack;
	if (cm->has_list_ack && cm->list_ack == e->list_version &&
		(s->moving || !s->peer->list_acked)) {
		s->peer->list_acked = true;
		s->moving = false;
		session_upkeep(e, s, now, a);
	}
	if (cm->feedback_path.n)
		take_feedback(e, s, cm, now);
	if (cm->has_size)
		take_size(e, s, cm, now);

	bool heartbeat = cm->flags & CM_FLAG_HB;
	count(e, heartbeat ? STAT_HEARTBEATS_RECEIVED : STAT_RECEIVED_MULTIPATH);
	if (e->leaving)
		say_leaving(e, s, at, now, a);
	else if (heartbeat)
		take_heartbeat(e, s, cm, bytes, at, now, a); /* may be the session's end */
	if (heartbeat)
		return;
	session_touch(e, s, now);
	s->received_packets++;
	s->received_bytes += bytes;
}

/* The transport header's length, 0 if no header of this protocol fits. */
static uint32_t header_length(const uint8_t *segment, uint32_t length, uint32_t protocol)
{
	if (protocol == IPPROTO_UDP)
		return length >= sizeof(struct udp_header) ? sizeof(struct udp_header) : 0;
	if (length < sizeof(struct tcp_header))
		return 0;
	uint32_t header = 4u * (((const struct tcp_header *)segment)->offset >> 4);
	return header >= sizeof(struct tcp_header) && header <= length ? header : 0;
}

/*
 * Reads the CM behind the segment of `protocol` that `bytes` starts with. Returns its session; NULL
 * if it is no CM, or one of a session that is not known here, and which of the two in `why`.
 */
static struct session *find_cm(struct engine *e, const uint8_t *bytes, uint32_t length,
	uint32_t protocol, struct cm *cm, uint32_t *segment, enum counter *why)
{
	struct node_id node;
	struct session_id id;
	size_t size = cm_size_at_end(bytes, length);
	*why = STAT_DROP_NO_CM;
	if (size == 0 || !cm_peek(bytes, length, &node, &id))
		return NULL;
	struct session *s = id.n ? session_by_id(e, node, id) : NULL;
	if (s)
		protocol = s->tuple.protocol;

	*segment = length - (uint32_t)size;
	struct cm_binding binding = {.segment_length = *segment};
	if (protocol == IPPROTO_TCP && *segment >= sizeof(struct tcp_header))
		binding.tcp_seq = get32(((const struct tcp_header *)bytes)->seq);
	if (!cm_decode(bytes, length, binding, cm))
		return NULL;
	if (!s)
		*why = node_equal(node, e->node) ? STAT_DROP_OWN_NODE : STAT_DROP_UNKNOWN_SESSION;
	return s;
}

static void take_segment(struct engine *e, struct session *s, const struct cm *cm,
	const uint8_t *bytes, uint32_t segment, const struct arrived_at *at, struct usec now,
	struct actions *a)
{
	uint32_t header = 0;
	if (!(cm->flags & CM_FLAG_HB)) {
		header = header_length(bytes, segment, s->tuple.protocol);
		if (header == 0) {
			count(e, STAT_DROP_BAD_SEGMENT);
			return;
		}
	}
	take_cm(e, s, cm, at, segment - header, now, a);
	if (header && !e->leaving)
		feed_back_in_time(e, s, (struct copied){bytes, header, segment}, now, a);
	if (header && s->tuple.protocol == IPPROTO_TCP)
		deliver_tcp(e, s, bytes, header, segment, now, a);
	else if (header)
		deliver(e, s, bytes, header, segment, e->mark, a);
}

void engine_from_wire(
	struct engine *e, const struct wire_input *in, struct usec now, struct actions *a)
{
	struct cm cm;
	uint32_t segment;
	enum counter why;
	struct session *s = find_cm(e, in->bytes, in->length, IPPROTO_TCP, &cm, &segment, &why);
	if (!s) {
		count(e, why);
		return;
	}
	struct arrived_at at = {.form = WIRE_UDP,
		.nic = in->nic,
		.port = e->wire_port,
		.from = in->from,
		.time = in->arrived};
	e->mark = in->mark;
	if (path_arrival(e, s, &cm, &at, a))
		take_segment(e, s, &cm, in->bytes, segment, &at, now, a);
	else
		count(e, STAT_DROP_FOREIGN_ADDRESS);
}

static void put_back(struct engine *e, const struct host_input *in, struct actions *a)
{
	struct host_packet *h = host_slot(e, a);
	if (!h)
		return;
	h->head_length = 0;
	h->verbatim = true;
	h->data = (struct slice){in->bytes, in->length};
	count(e, STAT_PUT_BACK);
}

/* The transport header of the part of a super-packet that starts at `offset`. */
static void part_header(const struct packet *p, uint32_t offset, uint32_t length, uint8_t *out)
{
	uint32_t header = (uint32_t)p->header_length - p->ip_length;
	memcpy(out, p->bytes + p->ip_length, header);
	if (p->ip->protocol == IPPROTO_TCP) {
		struct tcp_header *tcp = (void *)out;
		tcp->seq = put32(get32(tcp->seq) + offset);
	} else {
		((struct udp_header *)out)->length = put16((uint16_t)(header + length));
	}
}

/* A part of a super-packet that has no CM goes to the kernel alone. */
static void put_back_part(struct engine *e, const struct packet *p, uint32_t offset,
	struct slice data, struct actions *a)
{
	struct host_packet *h = host_slot(e, a);
	if (!h)
		return;
	memcpy(h->head, p->bytes, p->ip_length);
	((struct ip_header *)h->head)->length = put16((uint16_t)(p->header_length + data.length));
	part_header(p, offset, data.length, h->head + p->ip_length);
	h->ip_length = (uint8_t)p->ip_length;
	h->head_length = (uint8_t)p->header_length;
	h->data = data;
	count(e, STAT_PUT_BACK);
}

/*
 * GRO merges segments that follow each other, so what was several packets, each with its CM, may
 * come as one. Each part is put together again with its header and looked at alone; those without
 * a CM go to the kernel alone.
 */
static void take_literal_parts(struct engine *e, const struct packet *p, uint32_t step,
	const struct arrived_at *at, struct usec now, struct actions *a)
{
	uint32_t header = (uint32_t)p->header_length - p->ip_length;
	for (uint32_t offset = 0; offset < p->data_length; offset += step) {
		uint32_t length = p->data_length - offset < step ? p->data_length - offset : step;
		const uint8_t *data = p->bytes + p->header_length + offset;
		uint8_t part[REORDER_SLOT_LEN];
		struct session *s = NULL;
		struct cm cm;
		uint32_t segment;
		enum counter why = STAT_DROP_NO_CM;
		if (header + length <= sizeof(part)) {
			part_header(p, offset, length, part);
			memcpy(part + header, data, length);
			s = find_cm(e, part, header + length, p->ip->protocol, &cm, &segment, &why);
		}
		unsigned before = a->hosts;
		unsigned wires = a->wires;
		if (s) {
			take_segment(e, s, &cm, part, segment, at, now, a);
			/* What went up at once points into `part`: let it point to the bytes that
			 * stay. */
			for (unsigned i = before; i < a->hosts; i++)
				if (a->host[i].data.bytes == part + header)
					a->host[i].data.bytes = data;
			for (unsigned i = wires; i < a->wires; i++)
				if (a->wire[i].data.bytes == part + header)
					a->wire[i].data.bytes = data;
		} else if (why != STAT_DROP_NO_CM) {
			count(e, why);
		} else {
			put_back_part(e, p, offset, (struct slice){data, length}, a);
		}
	}
}

/* The same where a part is whole behind the path's own TCP header. */
static void take_fake_parts(struct engine *e, const struct packet *p, uint32_t step,
	const struct arrived_at *at, struct usec now, struct actions *a)
{
	for (uint32_t offset = 0; offset < p->data_length; offset += step) {
		uint32_t length = p->data_length - offset < step ? p->data_length - offset : step;
		const uint8_t *data = p->bytes + p->header_length + offset;
		struct cm cm;
		uint32_t segment;
		enum counter why;
		struct session *s = find_cm(e, data, length, IPPROTO_TCP, &cm, &segment, &why);
		if (!s) {
			count(e, why);
			continue;
		}
		struct path *path = path_at(s, at->nic, at->from, at->port);
		if (path)
			faketcp_received(path, get32(p->tcp->seq) + offset + length);
		take_segment(e, s, &cm, data, segment, at, now, a);
	}
}

/* The session that a packet's first CM names, before its checksum can be looked at. */
static struct session *session_named(struct engine *e, const uint8_t *bytes, uint32_t length)
{
	struct node_id node;
	struct session_id id;
	return cm_peek(bytes, length, &node, &id) && id.n ? session_by_id(e, node, id) : NULL;
}

void engine_from_hook(
	struct engine *e, const struct host_input *in, struct usec now, struct actions *a)
{
	struct packet p;
	enum packet_kind kind = packet_view(&p, in->bytes, in->length, in->gso_size > 0);
	if (kind == PACKET_OTHER && p.ip->protocol == IPPROTO_ICMP && icmp_in(e, &p, now, a))
		return;
	if (kind != PACKET_TCP && kind != PACKET_UDP) {
		put_back(e, in, a);
		return;
	}
	if (!in->checksum_partial && in->gso_size == 0 && !packet_checksum_good(&p)) {
		count(e, STAT_DROP_CHECKSUM);
		return;
	}
	if (handshake_in(e, &p, in, now, a) || (!in->gso_size && faketcp_in(e, &p, now, a)))
		return;
	e->mark = (struct ip_mark){p.ip->tos, p.ip->ttl};

	/* The first part of a super-packet tells what it is. */
	uint8_t *bytes = p.bytes + p.ip_length;
	uint32_t header = (uint32_t)p.header_length - p.ip_length;
	uint32_t step = in->gso_size && in->gso_size < p.data_length ? in->gso_size : p.data_length;
	struct session *named = session_named(e, bytes, header + step);
	bool fake = named && faketcp_port(named, p.ip->protocol, p.dst.port);
	struct cm cm;
	uint32_t segment;
	enum counter why;
	struct session *s = find_cm(e, fake ? bytes + header : bytes, fake ? step : header + step,
		p.ip->protocol, &cm, &segment, &why);
	struct arrived_at at = {.form = fake ? WIRE_FAKE_TCP : WIRE_LITERAL,
		.nic = nic_of(e, p.dst.ip),
		.port = p.dst.port,
		.from = p.src,
		.time = now};
	if (!s && why == STAT_DROP_NO_CM) {
		if (!faketcp_stray(e, &p, now))
			put_back(e, in, a);
	} else if (!s) {
		/* No application reads a CM, also of a session that a predecessor had. */
		count(e, why);
	} else if (!path_arrival(e, s, &cm, &at, a)) {
		count(e, STAT_DROP_FOREIGN_ADDRESS);
	} else if (fake) {
		take_fake_parts(e, &p, step, &at, now, a);
	} else if (step < p.data_length) {
		take_literal_parts(e, &p, step, &at, now, a);
	} else {
		take_segment(e, s, &cm, bytes, segment, &at, now, a);
	}
}
