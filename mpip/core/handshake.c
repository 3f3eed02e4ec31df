// SPDX-License-Identifier: BSD-2-Clause
/*
 * Who speaks MPIP, and how a session begins (paper 3.2 and 3.7.1).
 *
 * Theory of operation: a connection's own packets carry the question (Flags_Enable) and the answer
 * (Flags_Enabled), on the connection's own addresses and ports, in a place that a host without
 * MPIP ignores (cm_wire.h). Both packets say who sends them, so after one exchange each end
 * knows the other's node ID, wire port and wire encap, and the pair of sockets that the session
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
 * How often is asked, and when no longer, is in query.c.
 */

#include "mpip/core/handshake.h"

#include "mpip/core/carrier.h"
#include "mpip/core/cm.h"
#include "mpip/core/deliver.h"
#include "mpip/core/input.h"
#include "mpip/core/keepalive.h"
#include "mpip/core/peers.h"
#include "mpip/core/query.h"
#include "mpip/core/regular.h"
#include "mpip/core/session.h"
#include "mpip/core/state.h"
#include "mpip/core/tables.h"
#include "mpip/core/upkeep.h"

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
		s->mp->confirms++;
		s->mp->confirmed = now;
		s->mp->next_confirm = usec_add(now, e->set.query_interval);
		flags = CM_FLAG_ENABLED;
		count(e, STAT_CONFIRMS_SENT);
	} else if (query_may_be_due(s, now) && may_carry(p) && query_due(e, s, now, a)) {
		flags = CM_FLAG_ENABLE;
		count(e, STAT_QUERIES_SENT);
	}
	if (!flags)
		return false;
	if (is_tcp) {
		carrier_send_tcp(e, s, p, flags, now, a);
		return false;
	}
	/* Of a super-packet the first datagram asks. */
	struct slice data = {p->bytes + p->header_length, p->data_length};
	if (in->gso_size && in->gso_size < data.length)
		data.length = in->gso_size;
	bool checksum = in->checksum_partial || get16(p->udp->checksum) != 0;
	carrier_send_udp(e, s, p->ip, data, checksum, flags, now, a);
	count(e, STAT_SENT_REGULAR);
	regular_send_behind(e, p, in, data.length, a);
	return true;
}

/* The peer's row in Table 4. Its daemon may have been restarted since we last heard of it. */
static struct peer *meet(struct engine *e, const struct cm *cm, struct address from,
	struct usec now, struct actions *a)
{
	struct peer *peer = peer_get(&e->peers, cm->node, now);
	if (!peer)
		return NULL;
	bool is_new = peer->wire_port == 0 || peer->left;
	if (peer->wire_port && peer->boot != cm->hello.boot) {
		static const char *const reason = "it was restarted";
		if (!is_new)
			event_tell(e, now, .kind = EVENT_PEER_LEFT, .peer = peer, .reason = reason);
		is_new = true;
		for (struct session *s = e->oldest, *next; s; s = next) {
			next = s->age_next;
			if (s->mp && s->mp->peer == peer &&
				a->steers + ACTIONS_STEER_ROOM <= a->steer_capacity)
				session_remove(e, s, "the other end was restarted", now, a);
		}
		peer->list_known = peer->list_acked = false;
	}
	peer->boot = cm->hello.boot;
	peer->wire_port = cm->hello.port;
	if (!peer->list_known && !address_list_has(&peer->addresses, from) &&
		peer->addresses.count < MAX_ADDRESSES)
		peer->addresses.ip[peer->addresses.count++] = from;
	peer->list_changes++;
	peer->left = false;
	if (is_new)
		event_tell(e, now, .kind = EVENT_PEER_MET, .peer = peer);
	return peer;
}

static enum encapsulation encap_of(const struct cm *cm)
{
	return cm->hello.encap < ENCAPS ? (enum encapsulation)cm->hello.encap : ENCAP_UDP;
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
		s->accepts = tuple->protocol == IPPROTO_UDP || query_accepted_has(e, tuple);
	}
	if (!s->mp || s->mp->peer != peer) {
		s->encap = encap_of(cm);
		s->generated_here = true;
		s->peer_knows = false;
		if (!session_enter(e, s, peer, draw_session_id(e, peer->node), now, a)) {
			session_stays_regular(e, s, "no path to be had", now);
			return;
		}
	}
	if (tuple->protocol == IPPROTO_TCP) {
		s->confirm_due = true;
		return;
	}
	count(e, STAT_CONFIRMS_SENT);
	s->mp->confirmed = now;
	carrier_send_udp(e, s, NULL, (struct slice){NULL, 0}, true, CM_FLAG_ENABLED, now, a);
}

static void take_confirmation(struct engine *e, const struct tuple *tuple, const struct cm *cm,
	struct usec now, struct actions *a)
{
	count(e, STAT_CONFIRMS_RECEIVED);
	struct session *s = session_find(e, tuple);
	if (e->leaving || !s || cm->session.n == 0)
		return;
	if (session_is(s, cm->node, cm->session)) {
		/* Ours has arrived: the other end waits for us to open the paths (3.8.1). */
		s->peer_knows = true;
		upkeep_session(e, s, now, a);
		return;
	}
	if (s->queries == 0)
		return; /* nobody asked */
	struct peer *peer = meet(e, cm, tuple->remote_ip, now, a);
	s = session_find(e, tuple); /* meeting a restarted peer removes its sessions */
	if (!peer || !s)
		return;
	if (s->mp && s->mp->peer == peer && s->generated_here && !node_lower(peer->node, e->node))
		return; /* our ID stands */
	s->generated_here = false;
	s->confirm_due = false;
	s->encap = encap_of(cm);
	if (!session_enter(e, s, peer, cm->session, now, a)) {
		session_stays_regular(e, s, "no path to be had", now);
		return;
	}
	s->peer_knows = true;
	upkeep_session(e, s, now, a);
}

bool handshake_in(struct engine *e, const struct packet *p, const struct host_input *in,
	struct usec now, struct actions *a)
{
	uint32_t seq;
	const uint8_t *bytes = in->gso_size ? NULL : carrier_find(p, &seq);
	struct cm cm;
	if (!bytes || !cm_decode(bytes, CARRIER_CM, (struct cm_binding){.tcp_seq = seq}, &cm))
		return false;
	if (cm.flags & CM_FLAG_HB && p->ip->protocol == IPPROTO_TCP) {
		/* Of a session that is not known here, or no longer: TCP ignores it just as well.
		 */
		struct tuple tuple = {p->dst.ip, p->src.ip, p->dst.port, p->src.port, IPPROTO_TCP};
		struct session *s = session_find(e, &tuple);
		count(e, STAT_KEEPALIVES_RECEIVED);
		if (s && !e->leaving && session_is(s, cm.node, cm.session))
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
	query_address_shows_mpip(e, p->src.ip, a);
	struct availability *socket = query_row(e, p->src.ip, p->src.port, a);
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
