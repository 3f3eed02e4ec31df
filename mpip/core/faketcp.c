// SPDX-License-Identifier: BSD-2-Clause
/*
 * Fake TCP connections (paper 3.8.1).
 *
 * Theory of operation: middleboxes on the way let pass what belongs to a TCP connection that they
 * have seen begin. So the node that began the session sends a SYN along each path, the other
 * answers with a SYN-ACK on the way that it came, the first with an ACK. All three carry a CM with
 * Flags_Hs and go no higher than MPIP. The CM lies in an option and not in user data, and the
 * ingress hook takes it by its encapsulation: so it meets the other end's engine at whatever port
 * it comes, also at an address that a middlebox has changed, and a kernel that gets it all the same
 * ignores the option.
 *
 * In the encapsulation `literal` the handshake is about the session's own ports, as in the paper;
 * what follows has the session's own sequence numbers, so a middlebox that looks at these will drop
 * it.
 *
 * In the encapsulation `fake-tcp` a path is one ordinary TCP connection to whoever looks. The
 * opener draws a port, the other end's is its wire port. A path's sequence numbers count this
 * path's bytes, from its SYN on; it acknowledges the highest byte that came on it, and never the
 * lack of one: nothing is repeated here, and what is lost is the matter of the TCP inside. A
 * segment that a network lost behind a middlebox was seen by it, and one lost before it is a gap
 * that the middlebox sees closed by the acknowledgement behind it. The window is the largest that
 * TCP can offer (RFC 7323), since none is ever closed; so a middlebox accepts a gigabyte in flight.
 * A reset ends it, from us when the path or the session ends, from a host whose mpipd is gone, or
 * from a middlebox.
 *
 * Nothing of a fake connection may reach the kernel of either host, which would answer with a
 * reset: a packet without a valid CM at one of its ports is dropped.
 *
 * Who opens it, and how, is in faketcp_open.c.
 */

#include "mpip/core/faketcp.h"

#include "mpip/core/packet.h"
#include "mpip/core/slots.h"
#include "mpip/core/state.h"
#include "mpip/core/tables.h"

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

struct path_id faketcp_owner(const struct engine *e, in_port_t port)
{
	return (struct path_id){ntohs(port) < FAKE_PORT_FIRST ? 0 : e->fake_port[port_index(port)]};
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
	p->dst.port = s->accepts ? 0 : s->mp->peer->wire_port; /* 0: known when its SYN comes */
	return s->accepts || port_take(e, s, p);
}

uint32_t faketcp_flow(const struct session *s)
{
	(void)s;
	return IPPROTO_TCP;
}

/* Makes IP and TCP header of a packet whose length is known, at its head. */
void faketcp_headers(struct engine *e, const struct path *p, struct wire_packet *w, uint8_t flags,
	uint32_t seq, uint16_t window)
{
	struct ip_header *ip = (void *)w->head;
	struct tcp_header *tcp = (void *)(ip + 1);
	uint32_t total = (uint32_t)w->head_length + w->data.length + w->tail_length;
	uint8_t offset = tcp->offset;
	ip_header_make(ip, IPPROTO_TCP, total, e->ip_id++, p->src.ip, p->dst.ip);
	ip->tos = w->tos_ttl.tos;
	ip->ttl = w->tos_ttl.ttl;
	*tcp = (struct tcp_header){.seq = put32(seq),
		.ack = put32(flags & TCP_ACK ? p->tcp.expected : 0),
		.offset = offset,
		.flags = flags,
		.window = put16(window)};
	memcpy(tcp->src.b, &p->src.port, 2);
	memcpy(tcp->dst.b, &p->dst.port, 2);
	slot_checksums(w, total - (uint32_t)sizeof(*ip));
	w->kind = WIRE_PACKET_RAW;
	w->local_index = p->local_index;
	w->to = p->dst;
}

struct tcp_header *faketcp_header_at(struct wire_packet *w)
{
	return (void *)(w->head + sizeof(struct ip_header));
}

void faketcp_finish(struct engine *e, struct session *s, struct path *p, struct wire_packet *w)
{
	(void)s;
	uint32_t room = sizeof(struct ip_header) + sizeof(struct tcp_header);
	uint32_t length = w->head_length - room + w->data.length + w->tail_length;
	faketcp_header_at(w)->offset = sizeof(struct tcp_header) / 4 << 4;
	/* PSH would end a run that the other end's NIC merges. */
	faketcp_headers(
		e, p, w, w->data.length ? TCP_ACK : TCP_ACK | TCP_PSH, p->tcp.next, FAKETCP_WINDOW);
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
		struct wire_packet *w = slot_wire(e, a);
		w->head_length = sizeof(struct ip_header) + sizeof(struct tcp_header);
		faketcp_header_at(w)->offset = sizeof(struct tcp_header) / 4 << 4;
		faketcp_headers(e, p, w, TCP_RST | TCP_ACK, p->tcp.next, 0);
		count(e, STAT_RESETS_SENT);
	}
	port_give_back(e, p);
	p->tcp.state = FAKE_CLOSED;
}
