// SPDX-License-Identifier: BSD-2-Clause
/*
 * The encapsulations `udp` and `literal`, and the table of all; `fake-tcp` is in faketcp.c.
 *
 * Theory of operation: a path in the encapsulation `udp` is a pair of wire sockets, shared by all
 * sessions of two nodes, and the kernel makes its headers. One in the encapsulation `literal` has
 * the session's own transport header, with the path's addresses; for TCP it is opened by three
 * handshake packets that go no higher than MPIP (3.8.1), but for the original path, which the
 * connection itself has opened.
 */

#include "mpip/core/encap.h"

#include "mpip/core/faketcp.h"
#include "mpip/core/packet.h"
#include "mpip/core/slots.h"
#include "mpip/core/state.h"
#include "mpip/core/tables.h"
#include "mpip/core/wire.h"

static void keep(struct engine *e, struct session *s, struct path *p, struct actions *a)
{
	(void)e;
	(void)s;
	(void)p;
	(void)a;
}

/* udp */

static bool udp_opens(const struct session *s, const struct path *p)
{
	(void)s;
	(void)p;
	return false;
}

static bool udp_ends(struct engine *e, const struct session *s, struct path *p)
{
	p->src.port = e->wire_port;
	p->dst.port = s->mp->peer->wire_port;
	return true;
}

static uint32_t udp_flow(const struct session *s)
{
	(void)s;
	return 0;
}

struct cm_binding encap_empty(const struct session *s, struct wire_packet *w, struct copied copy)
{
	bool is_tcp = s->tuple.protocol == IPPROTO_TCP;
	if (!copy.bytes)
		return (struct cm_binding){0, 0};
	uint32_t length = is_tcp ? sizeof(struct tcp_header) : sizeof(struct udp_header);
	struct tcp_header *tcp = (void *)(w->head + w->head_length);
	memcpy(tcp, copy.bytes, length);
	struct be16 from = tcp->src;
	tcp->src = tcp->dst;
	tcp->dst = from;
	w->head_length = (uint8_t)(w->head_length + length);
	return (struct cm_binding){length, is_tcp ? get32(tcp->seq) : 0};
}

static void udp_finish(struct engine *e, struct session *s, struct path *p, struct wire_packet *w)
{
	(void)e;
	(void)s;
	w->kind = WIRE_PACKET_UDP;
	w->local_index = p->local_index;
	w->to = p->dst;
}

/* literal */

static bool literal_opens(const struct session *s, const struct path *p)
{
	return s->tuple.protocol == IPPROTO_TCP &&
	       (!address_equal(p->src.ip, s->tuple.local_ip) ||
		       !address_equal(p->dst.ip, s->tuple.remote_ip));
}

static bool literal_ends(struct engine *e, const struct session *s, struct path *p)
{
	(void)e;
	p->src.port = s->tuple.local_port;
	p->dst.port = s->tuple.remote_port;
	return true;
}

static uint32_t literal_flow(const struct session *s)
{
	return s->tuple.protocol;
}

/* A TCP header has the session's last numbers, so that what looks at it on the way does not drop
 * it. */
static struct cm_binding literal_empty(
	const struct session *s, struct wire_packet *w, struct copied copy)
{
	void *at = w->head + w->head_length;
	if (s->tuple.protocol == IPPROTO_TCP) {
		struct tcp_header tcp = {.seq = put32(s->last_seq),
			.ack = put32(s->last_ack),
			.offset = sizeof(tcp) / 4 << 4,
			.flags = TCP_ACK,
			.window = put16(s->last_window)};
		memcpy(at, &tcp, sizeof(tcp));
		w->head_length = (uint8_t)(w->head_length + sizeof(tcp));
		return (struct cm_binding){sizeof(tcp), s->last_seq};
	}
	if (copy.bytes)
		w->data = (struct slice){copy.bytes + copy.header, copy.length - copy.header};
	memset(at, 0, sizeof(struct udp_header));
	w->head_length = (uint8_t)(w->head_length + sizeof(struct udp_header));
	return (struct cm_binding){sizeof(struct udp_header), 0};
}

static void literal_finish(
	struct engine *e, struct session *s, struct path *p, struct wire_packet *w)
{
	struct ip_header *ip = (void *)w->head;
	struct udp_header *udp = (void *)(w->head + sizeof(*ip));
	uint32_t total = (uint32_t)w->head_length + w->data.length + w->tail_length;
	uint32_t segment = total - (uint32_t)sizeof(*ip);

	ip_header_make(ip, (uint8_t)s->tuple.protocol, total, e->ip_id++, p->src.ip, p->dst.ip);
	ip->tos = w->tos_ttl.tos;
	ip->ttl = w->tos_ttl.ttl;
	memcpy(udp->src.b, &p->src.port, 2);
	memcpy(udp->dst.b, &p->dst.port, 2);
	if (s->tuple.protocol == IPPROTO_UDP)
		udp->length = put16((uint16_t)segment);
	slot_checksums(w, segment);
	w->kind = WIRE_PACKET_RAW;
	w->local_index = p->local_index;
	w->to = p->dst;
}

const struct encap encaps[] = {
	[ENCAP_UDP] = {.header = sizeof(struct udp_header),
		.opens = udp_opens,
		.ends = udp_ends,
		.flow = udp_flow,
		.empty = encap_empty,
		.finish = udp_finish,
		.close = keep},
	[ENCAP_LITERAL] = {.room = sizeof(struct ip_header),
		.opens = literal_opens,
		.ends = literal_ends,
		.flow = literal_flow,
		.empty = literal_empty,
		.finish = literal_finish,
		.close = keep},
	[ENCAP_FAKE_TCP] = {.room = sizeof(struct ip_header) + sizeof(struct tcp_header),
		.header = sizeof(struct tcp_header),
		.opens = faketcp_opens,
		.ends = faketcp_ends,
		.flow = faketcp_flow,
		.empty = encap_empty,
		.finish = faketcp_finish,
		.close = faketcp_close},
};
