// SPDX-License-Identifier: BSD-2-Clause
/*
 * Fake TCP connections (paper 3.8.1).
 *
 * Theory of operation: boxes on the way let pass what belongs to a TCP connection that they have
 * seen begin. So the node that began the session sends a SYN along each path, the other answers
 * with a SYN-ACK on the way that it came, the first with an ACK. All three carry a CM with Flags_Hs
 * and go no higher than MPIP. The CM lies in an option and not in user data, and the ingress hook
 * takes it by its form: so it meets the other end's engine at whatever port it comes, also at an
 * address that a box has changed, and a kernel that gets it all the same ignores the option.
 *
 * In the form `literal` the handshake is about the session's own ports, as in the paper; what
 * follows has the session's own sequence numbers, so a box that looks at these will drop it.
 *
 * In the form `fake-tcp` a path is one ordinary TCP connection to whoever looks. The opener draws a
 * port, the other end's is its wire port. A path's sequence numbers count this path's bytes, from
 * its SYN on; it acknowledges the highest byte that came on it, and never the lack of one: nothing
 * is repeated here, and what is lost is the matter of the TCP inside. A segment that a network lost
 * behind a box was seen by it, and one lost before it is a gap that the box sees closed by the
 * acknowledgement behind it. The window is the largest that TCP can offer (RFC 7323), since none
 * is ever closed; so a box accepts a gigabyte in flight. A reset ends it, from us when the path or
 * the session ends, from a host whose mpipd is gone, or from a box.
 *
 * Nothing of a fake connection may reach the kernel of either host, which would answer with a
 * reset: a packet without a valid CM at one of its ports is dropped.
 *
 * A departure from 3.8.1: where both ends may have begun the session (it is older than mpipd), both
 * open. Of two SYNs that cross the one from the node of the lower ID stands, unless that has
 * proven to lead nowhere.
 */

#include "mpip/core/faketcp.h"

#define WINDOW_SHIFT 14 /* RFC 7323's largest */
#define WINDOW       0xffff
#define MSS          1460
#define SYNS         4         /* on one port */
#define RESET_NEAR   (1 << 24) /* so far from what we expect, a reset is not believed */

#define OPTION_MSS   2
#define OPTION_NOP   1
#define OPTION_SCALE 3

/* Ports */

static unsigned port_index(in_port_t port)
{
	return ntohs(port) - FAKE_PORT_FIRST;
}

static bool port_owned(const struct engine *e, const struct path *p)
{
	return ntohs(p->src.port) >= FAKE_PORT_FIRST &&
	       e->fake_port[port_index(p->src.port)] == p->id.n;
}

static void port_give_back(struct engine *e, const struct path *p)
{
	if (port_owned(e, p))
		e->fake_port[port_index(p->src.port)] = 0;
}

static bool port_take(struct engine *e, const struct session *s, struct path *p)
{
	for (unsigned tries = 0; tries < FAKE_PORTS; tries++) {
		unsigned i = e->next_fake_port++ % FAKE_PORTS;
		in_port_t port = htons((in_port_t)(FAKE_PORT_FIRST + i));
		if (e->fake_port[i] == 0 && port != s->tuple.local_port && port != e->wire_port) {
			e->fake_port[i] = p->id.n;
			p->src.port = port;
			return true;
		}
	}
	return false;
}

bool faketcp_port(const struct session *s, uint32_t protocol, in_port_t local)
{
	return protocol == IPPROTO_TCP &&
	       (s->tuple.protocol != IPPROTO_TCP || local != s->tuple.local_port);
}

/* The form */

bool faketcp_opens(const struct session *s, const struct path *p)
{
	(void)s;
	(void)p;
	return true;
}

bool faketcp_ends(struct engine *e, const struct session *s, struct path *p)
{
	p->tcp = (struct fake_tcp){.state = FAKE_CLOSED};
	p->src.port = e->wire_port;
	p->dst.port = s->accepts ? 0 : s->peer->wire_port; /* 0: known when its SYN comes */
	return s->accepts || port_take(e, s, p);
}

uint32_t faketcp_flow(const struct session *s)
{
	(void)s;
	return IPPROTO_TCP;
}

/* Makes IP and TCP header of a packet whose length is known, at its head. */
static void make_headers(struct engine *e, const struct path *p, struct wire_packet *w,
	uint8_t flags, uint32_t seq, uint16_t window)
{
	struct ip_header *ip = (void *)w->head;
	struct tcp_header *tcp = (void *)(ip + 1);
	uint32_t total = (uint32_t)w->head_length + w->data.length + w->tail_length;
	uint8_t offset = tcp->offset;
	ip_header_make(ip, IPPROTO_TCP, total, e->ip_id++, p->src.ip, p->dst.ip);
	ip->tos = w->mark.tos;
	ip->ttl = w->mark.ttl;
	*tcp = (struct tcp_header){.seq = put32(seq),
		.ack = put32(flags & TCP_ACK ? p->tcp.expected : 0),
		.offset = offset,
		.flags = flags,
		.window = put16(window)};
	memcpy(tcp->src.b, &p->src.port, 2);
	memcpy(tcp->dst.b, &p->dst.port, 2);
	raw_checksums(w, total - (uint32_t)sizeof(*ip));
	w->kind = WIRE_PACKET_RAW;
	w->nic = p->nic;
	w->to = p->dst;
}

static struct tcp_header *tcp_at(struct wire_packet *w)
{
	return (void *)(w->head + sizeof(struct ip_header));
}

void faketcp_finish(struct engine *e, struct session *s, struct path *p, struct wire_packet *w)
{
	(void)s;
	uint32_t room = sizeof(struct ip_header) + sizeof(struct tcp_header);
	uint32_t length = w->head_length - room + w->data.length + w->tail_length;
	tcp_at(w)->offset = sizeof(struct tcp_header) / 4 << 4;
	/* PSH would end a run that the other end's NIC merges. */
	make_headers(e, p, w, w->data.length ? TCP_ACK : TCP_ACK | TCP_PSH, p->tcp.next, WINDOW);
	p->tcp.next += length;
	p->tcp.acked = p->tcp.expected;
}

void faketcp_received(struct path *p, uint32_t end)
{
	if ((int32_t)(end - p->tcp.expected) > 0)
		p->tcp.expected = end;
}

void faketcp_close(struct engine *e, struct session *s, struct path *p, struct actions *a)
{
	(void)s;
	bool told = p->tcp.state == FAKE_OPEN || p->tcp.state == FAKE_SYN_RECEIVED;
	if (told && a->wires < a->wire_capacity) {
		struct wire_packet *w = wire_slot(e, a);
		w->head_length = sizeof(struct ip_header) + sizeof(struct tcp_header);
		tcp_at(w)->offset = sizeof(struct tcp_header) / 4 << 4;
		make_headers(e, p, w, TCP_RST | TCP_ACK, p->tcp.next, 0);
		count(e, STAT_RESETS_SENT);
	}
	port_give_back(e, p);
	p->tcp.state = FAKE_CLOSED;
}

/* Handshake */

static void send_handshake(struct engine *e, struct session *s, struct path *p, uint8_t flags,
	struct usec now, struct actions *a)
{
	struct wire_packet *w = wire_slot(e, a);
	if (!w)
		return;
	bool syn = flags & TCP_SYN;
	struct be16 exid = put16(CARRIER_EXID), mss = put16(MSS);
	struct cm cm = {.node = e->node,
		.session = s->key.id,
		.path = p->id,
		.stamp = (uint32_t)now.us,
		.flags = CM_FLAG_HS};
	uint8_t *option = (uint8_t *)(tcp_at(w) + 1);
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
		option[7] = WINDOW_SHIFT;
	}
	w->head_length = sizeof(struct ip_header) + sizeof(struct tcp_header) + CARRIER_LENGTH;
	tcp_at(w)->offset = 15 << 4;
	make_headers(e, p, w, flags, syn ? p->tcp.next - 1 : p->tcp.next, WINDOW);
	p->tcp.acked = p->tcp.expected;
	count(e, STAT_HANDSHAKES_SENT);
}

/* A first sequence number: in the form `literal` the one that the session's next bytes follow. */
static uint32_t first_number(struct engine *e, const struct session *s, const struct path *p)
{
	return p->form == WIRE_LITERAL ? s->last_seq : (uint32_t)rng_next(&e->rng);
}

void faketcp_syn(
	struct engine *e, struct session *s, struct path *p, struct usec now, struct actions *a)
{
	if (s->accepts || p->tcp.state == FAKE_SYN_RECEIVED)
		return;
	if (p->tcp.state == FAKE_SYN_SENT && ++p->tcp.syns % SYNS == 0) {
		/* A box may remember another connection at this port. */
		path_ends(e, s, p, a);
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
	const struct cm *cm, enum wire_form form, uint8_t nic, struct actions *a)
{
	struct path *path = path_at(s, nic, p->src, p->dst.port);
	if (!path)
		path = path_reverse(s, nic, form, cm->path);
	if (!path)
		path = path_idle(s, nic, p->src.ip, cm->path);
	if (path && path->tcp.state == FAKE_SYN_SENT && path->probes < 2 &&
		node_lower(e->node, s->peer->node))
		return NULL; /* ours has crossed it, and stands */
	if (!path)
		return path_learn(e, s, nic, form, p->src, p->dst.port, a);
	if (path->form != form || path->src.port != p->dst.port ||
		!endpoint_equal(path->dst, p->src))
		path_move(e, s, path, form, p->src, p->dst.port, a);
	return path;
}

static void take_syn(struct engine *e, struct session *s, const struct packet *p,
	const struct cm *cm, uint8_t nic, struct usec now, struct actions *a)
{
	bool fake = faketcp_port(s, IPPROTO_TCP, p->dst.port);
	uint32_t number = get32(p->tcp->seq);
	if (fake && p->dst.port != e->wire_port)
		return;
	struct path *path = path_for_syn(e, s, p, cm, fake ? WIRE_FAKE_TCP : WIRE_LITERAL, nic, a);
	if (!path)
		return;
	if (fake && path->tcp.state == FAKE_OPEN && path->tcp.began == number)
		return; /* one that was sent twice, and late */
	if (path->tcp.state != FAKE_SYN_RECEIVED || path->tcp.began != number) {
		path_silence(e, s, path, "its connection begins anew", now);
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
	send_heartbeat(e, s, path, CM_FLAG_PROBE, now, a);
}

static void take_syn_ack(struct engine *e, struct session *s, const struct packet *p, uint8_t nic,
	struct usec now, struct actions *a)
{
	struct path *path = path_at(s, nic, p->src, p->dst.port);
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

static void take_ack(struct engine *e, struct session *s, const struct packet *p, uint8_t nic,
	struct usec now, struct actions *a)
{
	struct path *path = path_at(s, nic, p->src, p->dst.port);
	if (path && path->tcp.state == FAKE_SYN_RECEIVED && get32(p->tcp->ack) == path->tcp.next)
		opened(e, s, path, now, a);
}

static const uint8_t *handshake_option(const struct packet *p)
{
	struct be16 exid = put16(CARRIER_EXID);
	const uint8_t *option = p->bytes + p->ip_length + sizeof(struct tcp_header);
	if (p->ip->protocol != IPPROTO_TCP || p->tcp->offset >> 4 != 15 ||
		option[0] != CARRIER_TCP_KIND || option[1] != CARRIER_HS_LENGTH ||
		memcmp(option + 2, &exid, 2) != 0)
		return NULL;
	return option + 4;
}

bool faketcp_in(struct engine *e, struct packet *p, struct usec now, struct actions *a)
{
	struct cm cm;
	const uint8_t *option = handshake_option(p);
	if (!option || !cm_decode(option, CM_FIXED, (struct cm_binding){0, 0}, &cm) ||
		!(cm.flags & CM_FLAG_HS))
		return false;
	struct session *s = session_by_id(e, cm.node, cm.session);
	uint8_t nic = nic_of(e, p->dst.ip);
	if (!s || cm.session.n == 0 || nic == NIC_ANY || e->leaving) {
		count(e, STAT_DROP_UNKNOWN_SESSION);
		return true;
	}
	count(e, STAT_HANDSHAKES_RECEIVED);
	s->peer_knows = true;
	switch (p->tcp->flags & (TCP_SYN | TCP_ACK)) {
	case TCP_SYN:
		take_syn(e, s, p, &cm, nic, now, a);
		break;
	case TCP_SYN | TCP_ACK:
		take_syn_ack(e, s, p, nic, now, a);
		break;
	case TCP_ACK:
		take_ack(e, s, p, nic, now, a);
		break;
	}
	return true;
}

/* What is not ours */

struct path *faketcp_opened(struct engine *e, in_port_t port)
{
	if (ntohs(port) < FAKE_PORT_FIRST)
		return NULL;
	return path_row(e, (struct path_id){e->fake_port[port_index(port)]});
}

/* The path of a fake connection; NULL: none, or not to be found in time. */
static struct path *path_of_stray(struct engine *e, const struct packet *p, struct usec now)
{
	if (p->dst.port != e->wire_port) {
		struct path *path = faketcp_opened(e, p->dst.port);
		return path && endpoint_equal(path->dst, p->src) &&
				       path->src.ip.s_addr == p->dst.ip.s_addr
			       ? path
			       : NULL;
	}
	/* Those that came to us are not sorted by port: so all are looked through, but rarely. */
	if (usec_before(now, e->next_stray))
		return NULL;
	e->next_stray = usec_add(now, usec_ms(10));
	uint8_t nic = nic_of(e, p->dst.ip);
	for (struct session *s = e->oldest; s; s = s->age_next) {
		struct path *path = path_at(s, nic, p->src, p->dst.port);
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
	path_silence(e, s, path, "its connection was reset", now);
	path->tcp.state = FAKE_CLOSED;
	path->probe_due = usec_add(now, e->set.probe_interval);
	if (refused)
		path->probes = UINT32_MAX; /* the next form */
}

bool faketcp_stray(struct engine *e, const struct packet *p, struct usec now)
{
	if (p->ip->protocol != IPPROTO_TCP)
		return false;
	struct path *path = path_of_stray(e, p, now);
	if (path && path->form != WIRE_FAKE_TCP)
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
