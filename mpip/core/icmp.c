// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a router would say to a socket of this host, said by us (paper 3.7.3 leaves it open).
 *
 * Theory of operation: the kernel finds the socket by the quoted packet's addresses and ports, and
 * TCP looks at the quoted sequence number (RFC 5927), so the quote is of the packet as the
 * application's kernel made it. The error comes from the other end's address: whatever filters
 * reverse paths believes that.
 */

#include "mpip/core/state.h"

/* RFC 792, RFC 1191 */
struct icmp_header {
	uint8_t type, code;
	struct be16 checksum, unused, mtu;
};

#define ICMP_UNREACHABLE   3
#define ICMP_FRAGMENTATION 4 /* needed, but DF is set */
#define QUOTED             8 /* bytes of the transport header */

/* `quoted`: an IP header of `ip_length` bytes, and the first of what is behind it. */
static void too_big(struct engine *e, const struct tuple *to, const void *quoted,
	uint32_t ip_length, uint32_t mtu, struct actions *a)
{
	struct host_packet *h = host_slot(e, a);
	if (!h)
		return;
	struct ip_header *ip = (void *)h->head;
	struct icmp_header *icmp = (void *)(ip + 1);
	uint32_t quote = ip_length + QUOTED;
	uint32_t length = (uint32_t)sizeof(*ip) + (uint32_t)sizeof(*icmp) + quote;

	ip_header_make(ip, IPPROTO_ICMP, length, e->ip_id++, to->remote_ip, to->local_ip);
	ip_checksum(ip, sizeof(*ip));
	*icmp = (struct icmp_header){
		.type = ICMP_UNREACHABLE, .code = ICMP_FRAGMENTATION, .mtu = put16((uint16_t)mtu)};
	memcpy(icmp + 1, quoted, quote);
	uint16_t sum = (uint16_t)~csum_fold(csum_add(0, icmp, sizeof(*icmp) + quote));
	memcpy(icmp->checksum.b, &sum, 2);
	h->complete = true;
	h->ip_length = sizeof(*ip);
	h->head_length = (uint8_t)length;
	h->data = (struct slice){NULL, 0};
	count(e, STAT_TOO_BIG_SAID);
}

void icmp_too_big(struct engine *e, const struct packet *p, uint32_t mtu, struct actions *a)
{
	struct tuple to = {.local_ip = p->src.ip, .remote_ip = p->dst.ip};
	too_big(e, &to, p->bytes, p->ip_length, mtu, a);
}

void icmp_path_became_smaller(
	struct engine *e, const struct session *s, const struct path *p, struct actions *a)
{
	struct {
		struct ip_header ip;
		struct tcp_header tcp;
	} quoted;
	if (s->tuple.protocol != IPPROTO_TCP || !s->tcp_known)
		return;
	ip_header_make(&quoted.ip, IPPROTO_TCP, e->mtu, 0, s->tuple.local_ip, s->tuple.remote_ip);
	ip_checksum(&quoted.ip, sizeof(quoted.ip));
	quoted.tcp = (struct tcp_header){.seq = put32(s->last_seq)};
	memcpy(quoted.tcp.src.b, &s->tuple.local_port, 2);
	memcpy(quoted.tcp.dst.b, &s->tuple.remote_port, 2);
	too_big(e, &s->tuple, &quoted, sizeof(quoted.ip), path_holds(p), a);
}
