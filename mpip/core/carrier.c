// SPDX-License-Identifier: BSD-2-Clause
/*
 * Carriers: CMs in places that a host without MPIP ignores (cm_wire.h): an option of a TCP packet
 * without payload, or the surplus behind a UDP datagram. They are made and found here and nowhere
 * else.
 */

#include "mpip/core/carrier.h"

#include "mpip/core/cm.h"
#include "mpip/core/slots.h"
#include "mpip/core/state.h"
#include "mpip/core/tables.h"

/* The carrier's 36 bytes: a CM that says who we are. */
static void put_hello(struct engine *e, const struct session *s, uint8_t flags, uint32_t seq,
	struct usec now, uint8_t *out)
{
	struct cm cm = {.node = e->node,
		.session = session_id(s),
		.stamp = stamp_at(e, now),
		.flags = flags,
		.has_hello = true,
		.hello = {.encap = (uint8_t)s->encap, .port = e->wire_port, .boot = e->boot}};
	cm_encode(&cm, (struct cm_binding){.tcp_seq = seq}, out);
}

static void raw_out(struct engine *e, struct wire_packet *w, const struct session *s)
{
	w->kind = WIRE_PACKET_RAW;
	w->local_index = local_index_of(e, s->tuple.local_ip);
	w->to = (struct endpoint){s->tuple.remote_ip, s->tuple.remote_port};
}

/* Finishes a carrier whose IP and TCP headers and CM are in place. */
static void tcp_carrier_out(struct engine *e, struct wire_packet *w, const struct session *s)
{
	struct ip_header *ip = (void *)w->head;
	struct tcp_header *tcp = (void *)(ip + 1);
	uint8_t *option = (uint8_t *)(tcp + 1);
	struct be16 exid = put16(CARRIER_EXID);
	uint32_t length = sizeof(*tcp) + CARRIER_LENGTH;

	tcp->offset = 15 << 4;
	option[0] = CARRIER_TCP_KIND;
	option[1] = CARRIER_LENGTH;
	memcpy(option + 2, &exid, 2);
	tcp->checksum = put16(0);
	uint64_t sum = csum_add(csum_pseudo(ip, length), tcp, length);
	uint16_t checksum = (uint16_t)~csum_fold(sum);
	memcpy(tcp->checksum.b, &checksum, 2);
	ip_checksum(ip, sizeof(*ip));
	w->head_length = sizeof(*ip) + sizeof(*tcp) + CARRIER_LENGTH;
	raw_out(e, w, s);
}

void carrier_send_keepalive(struct engine *e, struct session *s, uint32_t seq, uint32_t ack,
	bool wanted, struct usec now, struct actions *a)
{
	struct wire_packet *w = slot_wire(e, a);
	if (!w)
		return;
	struct ip_header *ip = (void *)w->head;
	struct tcp_header *tcp = (void *)(ip + 1);
	ip_header_make(ip, IPPROTO_TCP, sizeof(*ip) + sizeof(*tcp) + CARRIER_LENGTH, e->ip_id++,
		s->tuple.local_ip, s->tuple.remote_ip);
	*tcp = (struct tcp_header){.seq = put32(seq),
		.ack = put32(ack),
		.flags = TCP_ACK,
		.window = put16(s->last_window)};
	memcpy(tcp->src.b, &s->tuple.local_port, 2);
	memcpy(tcp->dst.b, &s->tuple.remote_port, 2);

	struct cm cm = {.node = e->node,
		.session = session_id(s),
		.stamp = (uint32_t)now.us,
		.flags = CM_FLAG_HB | (wanted ? CM_FLAG_PROBE : 0),
		.has_scale = true,
		.scale = s->scale};
	uint8_t *place = (uint8_t *)(tcp + 1) + CARRIER_LENGTH - CARRIER_CM;
	memset(place, 0, CARRIER_CM);
	cm_encode(&cm, (struct cm_binding){.tcp_seq = seq}, place + CARRIER_CM - cm_size(&cm));
	tcp_carrier_out(e, w, s);
	count(e, STAT_KEEPALIVES_SENT);
}

void carrier_send_tcp(struct engine *e, const struct session *s, const struct packet *p,
	uint8_t flags, struct usec now, struct actions *a)
{
	struct wire_packet *w = slot_wire(e, a);
	if (!w)
		return;
	struct ip_header *ip = (void *)w->head;
	struct tcp_header *tcp = (void *)(ip + 1);

	memcpy(ip, p->ip, sizeof(*ip));
	ip->version_ihl = 0x45;
	ip->length = put16(sizeof(*ip) + sizeof(*tcp) + CARRIER_LENGTH);
	memcpy(tcp, p->tcp, sizeof(*tcp));
	tcp->flags &= TCP_ACK;
	put_hello(e, s, flags, get32(tcp->seq), now,
		(uint8_t *)(tcp + 1) + CARRIER_LENGTH - CARRIER_CM);
	tcp_carrier_out(e, w, s);
}

void carrier_send_udp(struct engine *e, const struct session *s, const struct ip_header *like,
	struct slice data, bool checksum, uint8_t flags, struct usec now, struct actions *a)
{
	struct wire_packet *w = slot_wire(e, a);
	if (!w)
		return;
	struct ip_header *ip = (void *)w->head;
	struct udp_header *udp = (void *)(ip + 1);
	uint32_t pad = data.length & 1;
	uint32_t surplus = pad + CARRIER_UDP_SURPLUS;
	uint32_t segment = (uint32_t)sizeof(*udp) + data.length;

	w->head_length = sizeof(*ip) + sizeof(*udp);
	ip_header_make(ip, IPPROTO_UDP, (uint32_t)sizeof(*ip) + segment + surplus, e->ip_id++,
		s->tuple.local_ip, s->tuple.remote_ip);
	if (like) {
		ip->tos = like->tos;
		ip->ttl = like->ttl;
		ip->fragment = like->fragment;
	}
	memcpy(udp->src.b, &s->tuple.local_port, 2);
	memcpy(udp->dst.b, &s->tuple.remote_port, 2);
	udp->length = put16((uint16_t)segment);
	udp->checksum = put16(0);
	if (checksum) {
		uint64_t sum = csum_pseudo(ip, segment);
		sum = csum_add(csum_add(sum, udp, sizeof(*udp)), data.bytes, data.length);
		uint16_t folded = (uint16_t)~csum_fold(sum);
		folded = folded ? folded : 0xffff;
		memcpy(udp->checksum.b, &folded, 2);
	}
	ip_checksum(ip, sizeof(*ip));

	uint8_t *tail = w->tail;
	struct be16 exid = put16(CARRIER_EXID);
	memset(tail, 0, pad + CARRIER_UDP_OCS);
	uint8_t *ocs = tail + pad, *option = ocs + CARRIER_UDP_OCS;
	option[0] = CARRIER_UDP_KIND;
	option[1] = CARRIER_LENGTH;
	memcpy(option + 2, &exid, 2);
	put_hello(e, s, flags, 0, now, option + 4);
	struct be16 length = put16((uint16_t)surplus);
	uint16_t sum = (uint16_t)~csum_fold(csum_add(csum_add(0, &length, 2), ocs, surplus - pad));
	memcpy(ocs, &sum, 2);

	w->data = data;
	w->tail_length = (uint8_t)surplus;
	raw_out(e, w, s);
}

const uint8_t *carrier_find(const struct packet *p, uint32_t *seq)
{
	struct be16 exid = put16(CARRIER_EXID);
	const uint8_t *option;
	*seq = 0;
	if (p->ip->protocol == IPPROTO_TCP) {
		option = p->bytes + p->ip_length + sizeof(struct tcp_header);
		*seq = get32(p->tcp->seq);
		if (p->tcp->offset >> 4 != 15 || option[0] != CARRIER_TCP_KIND || p->data_length)
			return NULL;
	} else {
		uint32_t pad = p->data_length & 1;
		if (p->surplus != pad + CARRIER_UDP_SURPLUS)
			return NULL;
		option = p->bytes + p->header_length + p->data_length + pad + CARRIER_UDP_OCS;
		if (option[0] != CARRIER_UDP_KIND)
			return NULL;
	}
	if (option[1] != CARRIER_LENGTH || memcmp(option + 2, &exid, 2) != 0)
		return NULL;
	return option + 4;
}

const uint8_t *carrier_find_handshake(const struct packet *p)
{
	struct be16 exid = put16(CARRIER_EXID);
	const uint8_t *option = p->bytes + p->ip_length + sizeof(struct tcp_header);
	if (p->ip->protocol != IPPROTO_TCP || p->tcp->offset >> 4 != 15 ||
		option[0] != CARRIER_TCP_KIND || option[1] != CARRIER_HS_LENGTH ||
		memcmp(option + 2, &exid, 2) != 0)
		return NULL;
	return option + 4;
}
