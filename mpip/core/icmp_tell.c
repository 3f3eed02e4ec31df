// SPDX-License-Identifier: BSD-2-Clause
/*
 * What routers say to a socket of this host, said by us (RFC 792, RFC 1191).
 *
 * Theory of operation: the kernel finds the socket by the quoted packet's addresses and ports, and
 * TCP looks at the quoted sequence number (RFC 5927), so the quote is of the packet as the
 * application's kernel made it.
 */

#include "mpip/core/icmp_tell.h"

#include "mpip/core/icmp_wire.h"
#include "mpip/core/path.h"
#include "mpip/core/slots.h"
#include "mpip/core/state.h"
#include "mpip/core/tables.h"

#define QUOTED_MOST 548 /* bytes behind the quoted IP header (RFC 1812: 576 in all) */

void icmp_tell(struct engine *e, const struct tuple *to, const struct icmp_message *what,
	struct actions *a)
{
	struct host_packet *h = slot_host(e, a);
	if (!h)
		return;
	struct ip_header *ip = (void *)h->head;
	struct icmp_header *icmp = (void *)(ip + 1);
	struct ip_header *quote = (void *)(icmp + 1);
	struct udp_header *ports = (void *)(quote + 1);
	uint32_t quoted = what->quoted < QUOTED_MOST ? what->quoted : QUOTED_MOST;
	h->head_length = sizeof(*ip) + sizeof(*icmp) + sizeof(*quote) + ICMP_QUOTED;
	h->data = (struct slice){
		quoted > ICMP_QUOTED ? what->segment + ICMP_QUOTED : NULL, quoted - ICMP_QUOTED};

	/* What filters reverse paths believes no address of this host, but the other end's. */
	bool own = address_is_none(what->from) || local_index_of(e, what->from) != LOCAL_ANY;
	ip_header_make(ip, IPPROTO_ICMP, h->head_length + h->data.length, e->ip_id++,
		own ? to->remote_ip : what->from, to->local_ip);
	ip_checksum(ip, sizeof(*ip));
	ip_header_make(quote, (uint8_t)to->protocol, (uint32_t)sizeof(*quote) + what->length, 0,
		to->local_ip, to->remote_ip);
	ip_checksum(quote, sizeof(*quote));
	memcpy(ports, what->segment, ICMP_QUOTED);
	memcpy(ports->src.b, &to->local_port, 2);
	memcpy(ports->dst.b, &to->remote_port, 2);
	if (to->protocol == IPPROTO_UDP)
		ports->length = put16((uint16_t)what->length);

	*icmp = (struct icmp_header){
		.type = what->type, .code = what->code, .mtu = put16(what->mtu)};
	uint64_t sum = csum_add(0, icmp, sizeof(*icmp) + sizeof(*quote) + ICMP_QUOTED);
	sum = csum_add(sum, h->data.bytes, h->data.length);
	uint16_t checksum = (uint16_t)~csum_fold(sum);
	memcpy(icmp->checksum.b, &checksum, 2);
	h->complete = true;
	h->ip_length = sizeof(*ip);
}

static void tell_too_big(struct engine *e, const struct tuple *to, const void *segment,
	uint32_t length, uint32_t mtu, struct actions *a)
{
	struct icmp_message what = {.type = ICMP_UNREACHABLE,
		.code = ICMP_FRAGMENTATION,
		.mtu = (uint16_t)mtu,
		.segment = segment,
		.quoted = ICMP_QUOTED,
		.length = length};
	icmp_tell(e, to, &what, a);
	count(e, STAT_ICMP_TOO_BIG_TX);
}

void icmp_tell_too_big(struct engine *e, const struct packet *p, uint32_t mtu, struct actions *a)
{
	struct tuple to = {p->src.ip, p->dst.ip, p->src.port, p->dst.port, p->ip->protocol};
	tell_too_big(e, &to, p->bytes + p->ip_length, p->length - p->ip_length, mtu, a);
}

struct tcp_header icmp_next_header(const struct session *s)
{
	return (struct tcp_header){.seq = put32(s->last_seq)};
}

void icmp_tell_path_smaller(
	struct engine *e, const struct session *s, const struct path *p, struct actions *a)
{
	if (s->tuple.protocol != IPPROTO_TCP || !s->tcp_known)
		return;
	struct tcp_header tcp = icmp_next_header(s);
	tell_too_big(e, &s->tuple, &tcp, e->mtu - (uint32_t)sizeof(struct ip_header),
		path_max_packet(p), a);
}
