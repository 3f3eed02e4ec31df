// SPDX-License-Identifier: BSD-2-Clause
/*
 * How fake TCP connections begin and end (paper 3.8.1); what they are is in faketcp.c.
 *
 * Theory of operation: the node that began the session sends a SYN along each path, the other
 * answers with a SYN-ACK on the way that it came, the first with an ACK. All three carry a CM with
 * Flags_Hs in an option (cm_wire.h) and go no higher than MPIP.
 *
 * A departure from 3.8.1: where both ends may have begun the session (it is older than mpipd), both
 * open. Of two SYNs that cross the one from the node of the lower ID stands, unless that has
 * been seen to lead nowhere.
 */

#include "mpip/core/faketcp_open.h"

#include "mpip/core/carrier.h"
#include "mpip/core/cm.h"
#include "mpip/core/faketcp.h"
#include "mpip/core/heartbeat.h"
#include "mpip/core/mesh.h"
#include "mpip/core/path.h"
#include "mpip/core/path_state.h"
#include "mpip/core/session.h"
#include "mpip/core/slots.h"
#include "mpip/core/state.h"
#include "mpip/core/tables.h"

#define MSS        1460
#define SYNS       4         /* on one port */
#define RESET_NEAR (1 << 24) /* so far from what we expect, a reset is not believed */

#define OPTION_MSS   2
#define OPTION_NOP   1
#define OPTION_SCALE 3

static void send_handshake(struct engine *e, struct session *s, struct path *p, uint8_t flags,
	struct usec now, struct actions *a)
{
	struct wire_packet *w = slot_wire(e, a);
	if (!w)
		return;
	bool syn = flags & TCP_SYN;
	struct be16 exid = put16(CARRIER_EXID), mss = put16(MSS);
	struct cm cm = {.node = e->node,
		.session = s->mp->key.id,
		.path = p->id,
		.stamp = (uint32_t)now.us,
		.flags = CM_FLAG_HS};
	uint8_t *option = (uint8_t *)(faketcp_header_at(w) + 1);
	option[0] = CARRIER_TCP_KIND;
	option[1] = CARRIER_HS_LENGTH;
	memcpy(option + 2, &exid, 2);
	cm_encode(&cm, (struct cm_binding){0, 0}, option + 4);
	option += CARRIER_HS_LENGTH;
	memset(option, OPTION_NOP, CARRIER_LENGTH - CARRIER_HS_LENGTH);
	if (syn) {
		option[0] = OPTION_MSS;
		option[1] = 4;
		memcpy(option + 2, &mss, 2);
		option[5] = OPTION_SCALE;
		option[6] = 3;
		option[7] = FAKETCP_WINDOW_SHIFT;
	}
	w->head_length = sizeof(struct ip_header) + sizeof(struct tcp_header) + CARRIER_LENGTH;
	faketcp_header_at(w)->offset = 15 << 4;
	faketcp_headers(e, p, w, flags, syn ? p->tcp.next - 1 : p->tcp.next, FAKETCP_WINDOW);
	p->tcp.acked = p->tcp.expected;
	count(e, STAT_HANDSHAKES_SENT);
}

/* A first sequence number: in the encapsulation `literal` the one that the session's next bytes
 * follow. */
static uint32_t first_number(struct engine *e, const struct session *s, const struct path *p)
{
	return p->encap == ENCAP_LITERAL ? s->last_seq : (uint32_t)rng_next(&e->rng);
}

void faketcp_syn(
	struct engine *e, struct session *s, struct path *p, struct usec now, struct actions *a)
{
	if (s->accepts || p->tcp.state == FAKE_SYN_RECEIVED)
		return;
	if (p->tcp.state == FAKE_SYN_SENT && ++p->tcp.syns % SYNS == 0) {
		/* A middlebox may remember another connection at this port. */
		path_renew_ends(e, s, p, a);
		p->tcp.state = FAKE_CLOSED;
	}
	if (p->tcp.state != FAKE_SYN_SENT) {
		p->tcp.next = first_number(e, s, p);
		p->tcp.expected = 0;
		p->tcp.state = FAKE_SYN_SENT;
	}
	send_handshake(e, s, p, TCP_SYN, now, a);
}

/* The path that a SYN is about, set up for its ends; NULL: the SYN is not to be answered. */
static struct path *path_for_syn(struct engine *e, struct session *s, const struct packet *p,
	const struct cm *cm, enum encapsulation encap, uint8_t local_index, struct usec now,
	struct actions *a)
{
	struct path *path = path_at(s, local_index, p->src, p->dst.port);
	if (!path)
		path = path_reverse(s, local_index, encap, cm->path);
	if (!path)
		path = path_idle(s, local_index, p->src.ip, cm->path);
	if (path && path->tcp.state == FAKE_SYN_SENT && path->probes < 2 &&
		node_lower(e->node, s->mp->peer->node))
		return NULL; /* ours has crossed it, and stands */
	if (!path)
		return mesh_add_reflexive(e, s, local_index, encap, p->src, p->dst.port, now, a);
	if (path->encap != encap || path->src.port != p->dst.port ||
		!endpoint_equal(path->dst, p->src))
		path_move(e, s, path, encap, p->src, p->dst.port, now, a);
	return path;
}

static void take_syn(struct engine *e, struct session *s, const struct packet *p,
	const struct cm *cm, uint8_t local_index, struct usec now, struct actions *a)
{
	bool fake = faketcp_port(s, IPPROTO_TCP, p->dst.port);
	uint32_t number = get32(p->tcp->seq);
	if (fake && p->dst.port != e->wire_port)
		return;
	struct path *path = path_for_syn(
		e, s, p, cm, fake ? ENCAP_FAKE_TCP : ENCAP_LITERAL, local_index, now, a);
	if (!path)
		return;
	if (fake && path->tcp.state == FAKE_OPEN && path->tcp.began == number)
		return; /* one that was sent twice, and late */
	if (path->tcp.state != FAKE_SYN_RECEIVED || path->tcp.began != number) {
		path_state_down(e, s, path, "its connection begins anew", now);
		path->tcp.next = first_number(e, s, path);
	}
	path->tcp.state = FAKE_SYN_RECEIVED;
	path->tcp.began = number;
	path->tcp.expected = number + 1;
	path->reverse = cm->path;
	send_handshake(e, s, path, TCP_SYN | TCP_ACK, now, a);
}

static void opened(
	struct engine *e, struct session *s, struct path *path, struct usec now, struct actions *a)
{
	path->tcp.state = FAKE_OPEN;
	path->probes = 0;
	path->probe_due = usec_add(now, e->set.probe_interval);
	heartbeat_send(e, s, path, CM_FLAG_PROBE, now, a);
}

static void take_syn_ack(struct engine *e, struct session *s, const struct packet *p,
	uint8_t local_index, struct usec now, struct actions *a)
{
	struct path *path = path_at(s, local_index, p->src, p->dst.port);
	if (!path || get32(p->tcp->ack) != path->tcp.next)
		return; /* of a handshake that we gave up */
	if (path->tcp.state != FAKE_SYN_SENT && path->tcp.state != FAKE_OPEN)
		return;
	bool again = path->tcp.state == FAKE_OPEN; /* our ACK was lost */
	if (!again)
		path->tcp.expected = get32(p->tcp->seq) + 1;
	send_handshake(e, s, path, TCP_ACK, now, a);
	if (!again)
		opened(e, s, path, now, a);
}

static void take_ack(struct engine *e, struct session *s, const struct packet *p,
	uint8_t local_index, struct usec now, struct actions *a)
{
	struct path *path = path_at(s, local_index, p->src, p->dst.port);
	if (path && path->tcp.state == FAKE_SYN_RECEIVED && get32(p->tcp->ack) == path->tcp.next)
		opened(e, s, path, now, a);
}

bool faketcp_in(struct engine *e, struct packet *p, struct usec now, struct actions *a)
{
	struct cm cm;
	const uint8_t *option = carrier_find_handshake(p);
	if (!option || !cm_decode(option, CM_FIXED, (struct cm_binding){0, 0}, &cm) ||
		!(cm.flags & CM_FLAG_HS))
		return false;
	struct session *s = session_by_id(e, cm.node, cm.session);
	uint8_t local_index = local_index_of(e, p->dst.ip);
	if (!s || cm.session.n == 0 || local_index == LOCAL_ANY || e->leaving) {
		count(e, STAT_DROP_UNKNOWN_SESSION);
		return true;
	}
	count(e, STAT_HANDSHAKES_RECEIVED);
	s->peer_knows = true;
	switch (p->tcp->flags & (TCP_SYN | TCP_ACK)) {
	case TCP_SYN:
		take_syn(e, s, p, &cm, local_index, now, a);
		break;
	case TCP_SYN | TCP_ACK:
		take_syn_ack(e, s, p, local_index, now, a);
		break;
	case TCP_ACK:
		take_ack(e, s, p, local_index, now, a);
		break;
	}
	return true;
}

/* What is not ours */

struct path *faketcp_opened(struct engine *e, in_port_t port)
{
	return path_row(e, faketcp_owner(e, port));
}

/* The path of a fake connection; NULL: none, or not to be found in time. */
static struct path *path_of_stray(struct engine *e, const struct packet *p, struct usec now)
{
	if (p->dst.port != e->wire_port) {
		struct path *path = faketcp_opened(e, p->dst.port);
		return path && endpoint_equal(path->dst, p->src) &&
				       address_equal(path->src.ip, p->dst.ip)
			       ? path
			       : NULL;
	}
	/* Those that came to us are not sorted by port: so all are looked through, but rarely. */
	if (usec_before(now, e->next_stray))
		return NULL;
	e->next_stray = usec_add(now, usec_ms(10));
	uint8_t local_index = local_index_of(e, p->dst.ip);
	for (struct session *s = e->oldest; s; s = s->age_next) {
		struct path *path = path_at(s, local_index, p->src, p->dst.port);
		if (path)
			return path;
	}
	return NULL;
}

static void take_reset(struct engine *e, struct path *path, const struct packet *p, struct usec now)
{
	struct session *s = path->session;
	int32_t off = (int32_t)(path->tcp.expected - get32(p->tcp->seq));
	bool refused = path->tcp.state == FAKE_SYN_SENT && p->tcp->flags & TCP_ACK &&
		       get32(p->tcp->ack) == path->tcp.next;
	bool ended = path->tcp.state == FAKE_OPEN && off > -RESET_NEAR && off < RESET_NEAR;
	if (!refused && !ended)
		return;
	count(e, STAT_PATHS_RESET);
	path_state_down(e, s, path, "its connection was reset", now);
	path->tcp.state = FAKE_CLOSED;
	path->probe_due = usec_add(now, e->set.probe_interval);
	if (refused)
		path->probes = UINT32_MAX; /* the next encapsulation */
}

bool faketcp_stray(struct engine *e, const struct packet *p, struct usec now)
{
	if (p->ip->protocol != IPPROTO_TCP)
		return false;
	struct path *path = path_of_stray(e, p, now);
	if (path && path->encap != ENCAP_FAKE_TCP)
		return false;
	if (!path && p->dst.port != e->wire_port)
		return false;
	if (p->tcp->flags & TCP_RST) {
		count(e, STAT_RESETS_RECEIVED);
		if (path)
			take_reset(e, path, p, now);
	} else {
		count(e, STAT_DROP_NO_CM);
	}
	return true;
}
