// SPDX-License-Identifier: BSD-2-Clause
/*
 * The wire forms `udp` and `literal`, and the table of all; `fake-tcp` is in faketcp.c.
 *
 * Theory of operation: a path in the form `udp` is a pair of wire sockets, shared by all sessions
 * of two nodes, and the kernel makes its headers. One in the form `literal` has the session's own
 * transport header, with the path's addresses; for TCP it is opened by three handshake packets that
 * go no higher than MPIP (3.8.1), but for the original path, which the connection itself has
 * opened.
 */

#include "mpip/core/forms.h"

#include "mpip/core/faketcp.h"

bool path_open(const struct session *s, const struct path *p)
{
	return p->tcp.state == FAKE_OPEN || !forms[p->form].opens(s, p);
}

void raw_checksums(struct wire_packet *w, uint32_t length)
{
	struct ip_header *ip = (void *)w->head;
	size_t ip_length = 4u * (ip->version_ihl & 15);
	struct in_addr src, dst;
	memcpy(&src, ip->src.b, 4);
	memcpy(&dst, ip->dst.b, 4);

	struct tcp_header *tcp = (void *)(w->head + ip_length);
	struct udp_header *udp = (void *)tcp;
	bool is_udp = ip->protocol == IPPROTO_UDP;
	struct be16 *field = is_udp ? &udp->checksum : &tcp->checksum;
	*field = put16(0);
	uint64_t sum = csum_pseudo(src, dst, ip->protocol, length);
	sum = csum_add(sum, tcp, w->head_length - ip_length);
	sum = csum_add(sum, w->data.bytes, w->data.length);
	uint64_t tail = csum_add(0, w->tail, w->tail_length);
	if (w->data.length & 1) { /* the tail then starts on an odd byte (RFC 1071, 2.B) */
		uint16_t odd = csum_fold(tail);
		tail = (uint16_t)(odd << 8 | odd >> 8);
	}
	uint16_t checksum = (uint16_t)~csum_fold((uint64_t)csum_fold(sum) + csum_fold(tail));
	if (is_udp && checksum == 0)
		checksum = 0xffff;
	memcpy(field->b, &checksum, 2);
	ip_checksum(ip, ip_length);
}

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
	p->dst.port = s->peer->wire_port;
	return true;
}

static uint32_t udp_flow(const struct session *s)
{
	(void)s;
	return 0;
}

struct cm_binding wrapped_empty(const struct session *s, struct wire_packet *w, struct copied copy)
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
	w->nic = p->nic;
	w->to = p->dst;
}

/* literal */

static bool literal_opens(const struct session *s, const struct path *p)
{
	return s->tuple.protocol == IPPROTO_TCP &&
	       (p->src.ip.s_addr != s->tuple.local_ip.s_addr ||
		       p->dst.ip.s_addr != s->tuple.remote_ip.s_addr);
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
	ip->tos = w->mark.tos;
	ip->ttl = w->mark.ttl;
	memcpy(udp->src.b, &p->src.port, 2);
	memcpy(udp->dst.b, &p->dst.port, 2);
	if (s->tuple.protocol == IPPROTO_UDP)
		udp->length = put16((uint16_t)segment);
	raw_checksums(w, segment);
	w->kind = WIRE_PACKET_RAW;
	w->nic = p->nic;
	w->to = p->dst;
}

const struct form forms[] = {
	[WIRE_UDP] = {.header = sizeof(struct udp_header),
		.opens = udp_opens,
		.ends = udp_ends,
		.flow = udp_flow,
		.empty = wrapped_empty,
		.finish = udp_finish,
		.close = keep},
	[WIRE_LITERAL] = {.room = sizeof(struct ip_header),
		.opens = literal_opens,
		.ends = literal_ends,
		.flow = literal_flow,
		.empty = literal_empty,
		.finish = literal_finish,
		.close = keep},
	[WIRE_FAKE_TCP] = {.room = sizeof(struct ip_header) + sizeof(struct tcp_header),
		.header = sizeof(struct tcp_header),
		.opens = faketcp_opens,
		.ends = faketcp_ends,
		.flow = faketcp_flow,
		.empty = wrapped_empty,
		.finish = faketcp_finish,
		.close = faketcp_close},
};
