// SPDX-License-Identifier: BSD-2-Clause
/*
 * From the networks to the application (paper 3.7.3, inbound).
 *
 * Theory of operation: the CM at a packet's end names node and session; with the session known,
 * its checksum can be verified, and only then it is a CM. What it measures goes to Tables 5 and
 * 3; the user data gets the session's own addresses back, whatever path it came on, and TCP
 * passes the out-of-order buffer.
 *
 * The encapsulations differ only in where the segment lies: alone in a datagram that came to our
 * wire port (udp), or behind a TCP header in a packet that the ingress hook took (fake-tcp), where
 * everything must carry a CM; or in an IP packet that the hook took (literal), where a packet
 * without a valid CM is somebody else's and goes back untouched.
 */

#include "mpip/core/inbound.h"

#include "mpip/core/cm.h"
#include "mpip/core/deliver.h"
#include "mpip/core/encap.h"
#include "mpip/core/faketcp.h"
#include "mpip/core/faketcp_open.h"
#include "mpip/core/handshake.h"
#include "mpip/core/heartbeat.h"
#include "mpip/core/icmp.h"
#include "mpip/core/input.h"
#include "mpip/core/ipchange.h"
#include "mpip/core/measure.h"
#include "mpip/core/mesh.h"
#include "mpip/core/packet.h"
#include "mpip/core/path.h"
#include "mpip/core/path_state.h"
#include "mpip/core/pmtu.h"
#include "mpip/core/pmtu_search.h"
#include "mpip/core/sched.h"
#include "mpip/core/session.h"
#include "mpip/core/state.h"
#include "mpip/core/tables.h"
#include "mpip/core/upkeep.h"
#include "mpip/core/wire.h"

/* The feedback in a CM is about one of our paths (3.4). */
static void take_feedback(struct engine *e, struct session *s, const struct cm *cm, struct usec now)
{
	struct path *p = path_row(e, cm->feedback_path);
	if (!p || p->session != s || p->sent_packets == 0)
		return; /* or about a path that had this ID before */
	s->mp->feedbacks++;
	measure_feedback(p, cm->path_delay, &e->set, now);
	if (p->first_unanswered.us != USEC_NEVER.us) {
		struct usec answer = usec_sub(now, p->first_unanswered);
		p->response_time.us +=
			(answer.us - p->response_time.us) >> (p->feedbacks > 1 ? 3 : 0);
		p->first_unanswered = USEC_NEVER;
	}
	if (p->state != PATH_IN_USE && path_is_open(s, p))
		path_state_up(e, s, p, now);
}

/* The other end has seen a padded heartbeat of ours. */
static void take_size(struct engine *e, struct session *s, const struct cm *cm, struct usec now)
{
	struct path *p = path_row(e, cm->size_path);
	if (p && p->session == s)
		pmtu_answer(e, p->pmtu,
			cm->size + (uint32_t)sizeof(struct ip_header) + encaps[p->encap].header,
			now);
}

static void take_addresses(struct engine *e, struct session *s, const struct cm *cm,
	struct usec now, struct actions *a)
{
	struct peer *peer = s->mp->peer;
	const struct address_list before = peer->addresses;
	bool known = peer->list_known;
	bool news = !known || !address_list_equal(&before, &cm->addresses);
	peer->list_known = true;
	peer->list_version = cm->list_version;
	peer->addresses.count = 0;
	for (unsigned i = 0; i < cm->addresses.count; i++)
		if (address_is_unicast(cm->addresses.ip[i]))
			peer->addresses.ip[peer->addresses.count++] = cm->addresses.ip[i];
	if (!known || !address_list_equal(&before, &peer->addresses))
		event_tell(e, now, .kind = EVENT_PEER_ADDRESSES, .peer = peer);
	news |= s->mp->list_seen != 1u + cm->list_version;
	if (news) {
		s->mp->peer->list_changes++;
		mesh_update(e, s, now, a);
	}
	s->mp->list_seen = 1 + cm->list_version;
	s->mp->owes_ack = mesh_complete(e, s);
	s->mp->peer->owes_ack = true;
	if (news)
		upkeep_session(e, s, now, a);
}

/* Our path with the same ends as a packet that just came, or any in use. */
static struct path *path_back(struct engine *e, struct session *s, const struct arrived_at *at)
{
	struct path *p = path_at(s, at->local_index, at->from, at->port);
	if (p && path_is_open(s, p))
		return p;
	return s->in_use > 0 ? sched_choose(e, s, sizeof(struct ip_header)) : NULL;
}

/* To a peer that goes on although we leave: our word may have been lost. */
static void say_leaving(struct engine *e, struct session *s, const struct arrived_at *at,
	struct usec now, struct actions *a)
{
	struct path *back = path_back(e, s, at);
	if (!back || usec_before(now, s->mp->next_upkeep))
		return;
	s->mp->next_upkeep = usec_add(now, e->set.maintenance);
	heartbeat_send(e, s, back, CM_FLAG_LEAVE, now, a);
}

static void take_heartbeat(struct engine *e, struct session *s, const struct cm *cm, uint32_t bytes,
	const struct arrived_at *at, struct usec now, struct actions *a)
{
	struct path *back = path_back(e, s, at);
	if (bytes > sizeof(struct tcp_header)) {
		s->mp->size_path = cm->path;
		s->mp->size = (uint16_t)(bytes + cm_size(cm));
	}
	if (cm->flags & CM_FLAG_PROBE && back) {
		bool prove = back->state != PATH_IN_USE && !usec_before(now, back->probe_due);
		if (prove)
			back->probe_due = usec_add(now, e->set.probe_interval);
		heartbeat_send(e, s, back, prove ? CM_FLAG_PROBE : 0, now, a);
		if (prove)
			pmtu_upkeep(e, s, back, now, a);
	}
}

/* A heartbeat for the path whose feedback is about to be too old (3.5). */
static void feed_back_in_time(
	struct engine *e, struct session *s, struct copied came, struct usec now, struct actions *a)
{
	struct arrival *news = measure_oldest_news(s);
	if (news && s->in_use > 0 &&
		usec_sub(now, news->feedback_time).us >=
			e->set.heartbeat.us - e->set.maintenance.us)
		heartbeat_send_copy(e, s, came, now, a);
}

/* A CM that is one. `segment` and `length` are what lies in front of it, empty for a heartbeat. */
static void take_cm(struct engine *e, struct session *s, const struct cm *cm,
	const struct arrived_at *at, uint32_t bytes, struct usec now, struct actions *a)
{
	struct multipath *mp = s->mp;
	struct peer *peer = mp->peer;
	if (s->address_epoch != e->address_epoch)
		ipchange_local(e, s, now, a);
	mp->last_received = now;
	mp->sending_since = USEC_NEVER;
	s->peer_knows = true;
	peer->last_heard = now;
	if (cm->flags & CM_FLAG_IP_CHANGE && cm->has_addresses)
		ipchange_remote(e, s, cm, at, now, a);
	measure_arrival(s, cm->path, stamp_at(e, at->time) - cm->stamp, bytes, &e->set, now);
	if (cm->has_addresses)
		take_addresses(e, s, cm, now, a);
	else if (mp->mesh_of != peer->list_changes)
		mesh_update(e, s, now, a); /* the peer's list came with another session */
	if (cm->flags & CM_FLAG_WANT)
		peer->wants_list = true;
	if (cm->has_list_ack)
		mp->list_acked = 1 + cm->list_ack;
	if (cm->has_list_ack && cm->list_ack == e->list_version &&
		(mp->moving || !peer->list_acked)) {
		peer->list_acked = true;
		mp->moving = false;
		upkeep_session(e, s, now, a);
	}
	if (cm->feedback_path.n)
		take_feedback(e, s, cm, now);
	if (cm->has_size)
		take_size(e, s, cm, now);

	bool heartbeat = cm->flags & CM_FLAG_HB;
	count(e, heartbeat ? STAT_HEARTBEATS_RECEIVED : STAT_RECEIVED_MULTIPATH);
	if (e->leaving)
		say_leaving(e, s, at, now, a);
	else if (heartbeat && !(cm->flags & CM_FLAG_LEAVE))
		take_heartbeat(e, s, cm, bytes, at, now, a);
	if (heartbeat)
		return;
	session_touch(e, s, now);
	mp->received_packets++;
	mp->received_bytes += bytes;
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

/* A packet from a network, or a part of one that GRO has merged. */
struct part {
	const uint8_t *bytes; /* the session's transport header, user data, CM */
	uint32_t length;
	const struct arrived_at *at;
	struct tos_ttl tos_ttl;
	struct session
		*session; /* of its CM; NULL: no CM, or of no session here; `why` says which */
	enum counter why;
	struct cm cm;
	uint32_t segment; /* bytes in front of the CM */
};

/* What the end of a packet looks like, before the CM's checksum can be looked at: what that is
 * bound to depends on the session. */
struct claim {
	uint32_t size;           /* of the CM, 0: there is none */
	struct session *session; /* that it names; NULL: none here */
};

static struct claim claim_of(struct engine *e, const uint8_t *bytes, uint32_t length)
{
	struct node_id node;
	struct session_id id;
	struct claim claim = {.size = (uint32_t)cm_peek(bytes, length, &node, &id)};
	if (claim.size && id.n)
		claim.session = session_by_id(e, node, id);
	return claim;
}

/* Reads the CM at the part's end. `protocol` is what its segment is bound to where no session is
 * named: IPPROTO_TCP or another. */
static void read_cm(struct engine *e, struct part *part, struct claim claim, uint32_t protocol)
{
	struct session *named = claim.session;
	part->session = NULL;
	part->why = STAT_DROP_NO_CM;
	if (claim.size == 0 || claim.size > part->length)
		return;
	if (named)
		protocol = named->tuple.protocol;
	part->segment = part->length - claim.size;
	struct cm_binding binding = {.segment_length = part->segment};
	if (protocol == IPPROTO_TCP && part->segment >= sizeof(struct tcp_header))
		binding.tcp_seq = get32(((const struct tcp_header *)part->bytes)->seq);
	if (!cm_read(part->bytes + part->segment, claim.size, binding, &part->cm))
		return;
	part->session = named;
	if (!named)
		part->why = node_equal(part->cm.node, e->node) ? STAT_DROP_OWN_NODE
							       : STAT_DROP_UNKNOWN_SESSION;
}

/* The part has a CM of a session: what it says is done, and its segment goes up. */
static void take_part(struct engine *e, const struct part *part, struct usec now, struct actions *a)
{
	struct session *s = part->session;
	bool heartbeat = part->cm.flags & CM_FLAG_HB;
	uint32_t header =
		heartbeat ? 0 : header_length(part->bytes, part->segment, s->tuple.protocol);
	if (!heartbeat && header == 0) {
		count(e, STAT_DROP_BAD_SEGMENT);
		return;
	}
	take_cm(e, s, &part->cm, part->at, part->segment - header, now, a);
	if (header) {
		if (!e->leaving)
			feed_back_in_time(
				e, s, (struct copied){part->bytes, header, part->segment}, now, a);
		struct upward up = {part->bytes, header, part->segment, part->tos_ttl};
		deliver(e, s, &up, now, a);
	} else if (part->cm.flags & CM_FLAG_LEAVE && !e->leaving) {
		/* Regular from now on; its flows linger in the hook for what is under way. */
		count(e, STAT_SESSIONS_LEFT);
		if (!s->mp->peer->left)
			event_tell(e, now, .kind = EVENT_PEER_LEFT, .peer = s->mp->peer,
				.reason = "it stops");
		s->mp->peer->left = true;
		session_remove(e, s, "the other end stops", now, a);
	}
}

void inbound_wire(struct engine *e, const struct wire_input *in, struct usec now, struct actions *a)
{
	struct arrived_at at = {.encap = ENCAP_UDP,
		.local_index = in->local_index,
		.port = e->wire_port,
		.from = in->from,
		.time = in->arrived};
	struct part part;
	part.bytes = in->bytes;
	part.length = in->length;
	part.at = &at;
	part.tos_ttl = in->tos_ttl;
	read_cm(e, &part, claim_of(e, in->bytes, in->length), IPPROTO_TCP);
	if (!part.session)
		count(e, part.why);
	else if (!mesh_arrival(e, part.session, &part.cm, &at, a))
		count(e, STAT_DROP_FOREIGN_ADDRESS);
	else
		take_part(e, &part, now, a);
}

static uint32_t transport_header(const struct packet *p)
{
	return (uint32_t)p->header_length - p->ip_length;
}

/*
 * A packet of the hook as its parts. GRO merges segments that follow each other, so what was
 * several packets, each with its CM, may come as one. In the encapsulation `literal` a further part
 * is put together with its header again; in `fake-tcp` a part is whole behind the path's own TCP
 * header.
 */
struct parts {
	const struct packet *packet;
	bool fake;
	uint32_t step, offset; /* of the part at hand */
	struct slice data;     /* its bytes, in the packet */
	uint8_t copy[REORDER_SLOT_LEN];
};

/* The transport header of the literal part at hand. */
static void part_header(const struct parts *it, uint8_t *out)
{
	const struct packet *p = it->packet;
	uint32_t header = transport_header(p);
	memcpy(out, p->bytes + p->ip_length, header);
	if (p->ip->protocol == IPPROTO_TCP) {
		struct tcp_header *tcp = (void *)out;
		tcp->seq = put32(get32(tcp->seq) + it->offset);
	} else {
		((struct udp_header *)out)->length = put16((uint16_t)(header + it->data.length));
	}
}

/* Goes to the next part, and reads its CM. False: there is none. */
static bool next_part(struct engine *e, struct parts *it, struct part *part)
{
	const struct packet *p = it->packet;
	it->offset += it->step;
	if (it->step == 0 || it->offset >= p->data_length)
		return false;
	uint32_t left = p->data_length - it->offset, header = transport_header(p);
	it->data = (struct slice){
		p->bytes + p->header_length + it->offset, left < it->step ? left : it->step};
	part->bytes = it->data.bytes;
	part->length = it->data.length;
	if (!it->fake) {
		/* What is larger is none of ours. */
		bool fits = header + it->data.length <= sizeof(it->copy);
		part_header(it, it->copy);
		if (fits)
			memcpy(it->copy + header, it->data.bytes, it->data.length);
		part->bytes = it->copy;
		part->length = fits ? header + it->data.length : 0;
	}
	read_cm(e, part, claim_of(e, part->bytes, part->length),
		it->fake ? IPPROTO_TCP : p->ip->protocol);
	return true;
}

/* What went up, or out, at once points into the copy: lets it point to the bytes that stay. */
static void point_to_packet(
	const struct parts *it, unsigned hosts, unsigned wires, struct actions *a)
{
	const uint8_t *copied = it->copy + transport_header(it->packet);
	for (unsigned i = hosts; i < a->hosts; i++)
		if (a->host[i].data.bytes == copied)
			a->host[i].data.bytes = it->data.bytes;
	for (unsigned i = wires; i < a->wires; i++)
		if (a->wire[i].data.bytes == copied)
			a->wire[i].data.bytes = it->data.bytes;
}

/* `part` is the first one, and has a CM of a session. */
static void take_parts(struct engine *e, const struct packet *p, bool fake, uint32_t step,
	struct part *part, struct usec now, struct actions *a)
{
	struct parts it; /* not all of it set: the copy is large */
	it.packet = p;
	it.fake = fake;
	it.step = step;
	it.offset = 0;
	it.data = (struct slice){p->bytes + p->header_length, step};
	do {
		unsigned hosts = a->hosts, wires = a->wires;
		struct path *path = part->session && fake
					    ? path_at(part->session, part->at->local_index,
						      part->at->from, part->at->port)
					    : NULL;
		if (path)
			faketcp_received(path, get32(p->tcp->seq) + it.offset + it.data.length);
		if (part->session) {
			take_part(e, part, now, a);
			point_to_packet(&it, hosts, wires, a);
		} else if (fake || part->why != STAT_DROP_NO_CM) {
			count(e, part->why);
		} else {
			deliver_part(e, p, it.copy, it.data, a);
		}
	} while (next_part(e, &it, part));
}

void inbound_hook(struct engine *e, const struct host_input *in, struct usec now, struct actions *a)
{
	struct packet p;
	enum packet_kind kind = packet_view(&p, in->bytes, in->length, in->gso_size > 0);
	if (kind == PACKET_OTHER && p.ip->protocol == IPPROTO_ICMP && icmp_in(e, &p, now, a))
		return;
	if (kind != PACKET_TCP && kind != PACKET_UDP) {
		deliver_verbatim(e, in, a);
		return;
	}
	if (!in->checksum_partial && in->gso_size == 0 && !packet_checksum_good(&p)) {
		count(e, STAT_DROP_CHECKSUM);
		return;
	}
	if (handshake_in(e, &p, in, now, a) || (!in->gso_size && faketcp_in(e, &p, now, a)))
		return;

	/* The first part tells what all of it is. */
	uint32_t step = in->gso_size && in->gso_size < p.data_length ? in->gso_size : p.data_length;
	uint32_t header = transport_header(&p);
	/* Its CM is at the same place in every encapsulation. */
	struct claim claim = claim_of(e, p.bytes + p.ip_length, header + step);
	bool fake = claim.session && faketcp_port(claim.session, p.ip->protocol, p.dst.port);
	struct arrived_at at = {.encap = fake ? ENCAP_FAKE_TCP : ENCAP_LITERAL,
		.local_index = local_index_of(e, p.dst.ip),
		.port = p.dst.port,
		.from = p.src,
		.time = now};
	struct part part;
	part.bytes = p.bytes + p.ip_length + (fake ? header : 0);
	part.length = step + (fake ? 0 : header);
	part.at = &at;
	part.tos_ttl = (struct tos_ttl){p.ip->tos, p.ip->ttl};
	read_cm(e, &part, claim, p.ip->protocol);
	if (!part.session && part.why == STAT_DROP_NO_CM) {
		if (!faketcp_stray(e, &p, now))
			deliver_verbatim(e, in, a);
	} else if (!part.session) {
		/* No application reads a CM, also of a session that a predecessor had. */
		count(e, part.why);
	} else if (!mesh_arrival(e, part.session, &part.cm, &at, a)) {
		count(e, STAT_DROP_FOREIGN_ADDRESS);
	} else if (fake || step < p.data_length) {
		take_parts(e, &p, fake, step, &part, now, a);
	} else {
		take_part(e, &part, now, a);
	}
}
