// SPDX-License-Identifier: BSD-2-Clause
/*
 * Packet views and Internet checksums.
 *
 * Theory of operation: the sums are taken over native 64-bit words with an end-around carry; a
 * ones' complement sum does not care about the byte order it is taken in, as long as it is put
 * back the same way (RFC 1071, section 2).
 */

#include "mpip/core/packet.h"

enum packet_kind packet_view(struct packet *p, uint8_t *bytes, size_t length, bool super_packet)
{
	struct ip_header *ip = (void *)bytes;
	if (length < sizeof(*ip) || ip->version_ihl >> 4 != 4)
		return PACKET_BAD;

	size_t total = super_packet ? length : get16(ip->length);
	size_t ip_length = 4u * (ip->version_ihl & 15);
	if (ip_length < sizeof(*ip) || total < ip_length || total > length)
		return PACKET_BAD;

	memset(p, 0, sizeof(*p));
	p->bytes = bytes;
	p->length = (uint32_t)total;
	p->ip = ip;
	p->ip_length = (uint16_t)ip_length;
	p->src.ip = address_from_ipv4(ip->src.b);
	p->dst.ip = address_from_ipv4(ip->dst.b);
	if (get16(ip->fragment) & IP_MORE_OR_OFFSET)
		return PACKET_FRAGMENT;

	size_t segment = total - ip_length;
	p->tcp = (void *)(bytes + ip_length);
	if (ip->protocol == IPPROTO_TCP) {
		if (segment < sizeof(*p->tcp))
			return PACKET_BAD;
		size_t tcp_length = 4u * (p->tcp->offset >> 4);
		if (tcp_length < sizeof(*p->tcp) || tcp_length > segment)
			return PACKET_BAD;
		p->header_length = (uint16_t)(ip_length + tcp_length);
		p->data_length = (uint32_t)(segment - tcp_length);
	} else if (ip->protocol == IPPROTO_UDP) {
		if (segment < sizeof(*p->udp))
			return PACKET_BAD;
		size_t udp_length = super_packet ? segment : get16(p->udp->length);
		if (udp_length < sizeof(*p->udp) || udp_length > segment)
			return PACKET_BAD;
		p->header_length = (uint16_t)(ip_length + sizeof(*p->udp));
		p->data_length = (uint32_t)(udp_length - sizeof(*p->udp));
		p->surplus = (uint32_t)(segment - udp_length);
	} else {
		return PACKET_OTHER;
	}

	memcpy(&p->src.port, p->tcp->src.b, 2);
	memcpy(&p->dst.port, p->tcp->dst.b, 2);
	return ip->protocol == IPPROTO_TCP ? PACKET_TCP : PACKET_UDP;
}

static inline uint64_t add_carry(uint64_t a, uint64_t b)
{
	uint64_t s = a + b;
	return s + (s < a);
}

uint64_t csum_add(uint64_t sum, const void *bytes, size_t length)
{
	const uint8_t *p = bytes;
	for (; length >= 8; p += 8, length -= 8) {
		uint64_t word;
		memcpy(&word, p, 8);
		sum = add_carry(sum, word);
	}
	if (length > 0) {
		uint64_t word = 0;
		memcpy(&word, p, length);
		sum = add_carry(sum, word);
	}
	return sum;
}

uint16_t csum_fold(uint64_t sum)
{
	sum = (sum >> 32) + (sum & 0xffffffff);
	sum = (sum >> 32) + (sum & 0xffffffff);
	sum = (sum >> 16) + (sum & 0xffff);
	sum = (sum >> 16) + (sum & 0xffff);
	return (uint16_t)((sum >> 16) + (sum & 0xffff));
}

uint64_t csum_pseudo(const struct ip_header *ip, uint32_t length)
{
	struct be32 wire_length = put32(length), wire_protocol = put32(ip->protocol);
	uint64_t sum = csum_add(0, &ip->src, sizeof(ip->src) + sizeof(ip->dst));
	sum = csum_add(sum, &wire_length, 4);
	return csum_add(sum, &wire_protocol, 4);
}

bool packet_checksum_good(const struct packet *p)
{
	bool udp = p->ip->protocol == IPPROTO_UDP;
	struct be16 field = udp ? p->udp->checksum : p->tcp->checksum;
	if (udp && get16(field) == 0)
		return true;
	uint32_t length = p->length - p->ip_length - p->surplus;
	uint64_t sum = csum_pseudo(p->ip, length);
	return csum_fold(csum_add(sum, p->bytes + p->ip_length, length)) == 0xffff;
}

void ip_header_make(struct ip_header *ip, uint8_t protocol, uint32_t length, uint16_t id,
	struct address src, struct address dst)
{
	*ip = (struct ip_header){.version_ihl = 0x45,
		.length = put16((uint16_t)length),
		.id = put16(id),
		.fragment = put16(IP_DONT_FRAGMENT),
		.ttl = 64,
		.protocol = protocol};
	address_to_ipv4(src, ip->src.b);
	address_to_ipv4(dst, ip->dst.b);
}

void ip_checksum(struct ip_header *ip, size_t ip_length)
{
	ip->checksum = put16(0);
	uint16_t sum = (uint16_t)~csum_fold(csum_add(0, ip, ip_length));
	memcpy(ip->checksum.b, &sum, 2);
}
