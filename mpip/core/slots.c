// SPDX-License-Identifier: BSD-2-Clause
/* Checksums of packets that are made here; the contract is in the header. */

#include "mpip/core/slots.h"

#include "mpip/core/packet.h"
#include "mpip/core/state.h"
#include "mpip/core/wire.h"

void slot_checksums(struct wire_packet *w, uint32_t length)
{
	struct ip_header *ip = (void *)w->head;
	size_t ip_length = 4u * (ip->version_ihl & 15);

	struct tcp_header *tcp = (void *)(w->head + ip_length);
	struct udp_header *udp = (void *)tcp;
	bool is_udp = ip->protocol == IPPROTO_UDP;
	struct be16 *field = is_udp ? &udp->checksum : &tcp->checksum;
	*field = put16(0);
	uint64_t sum = csum_pseudo(ip, length);
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
