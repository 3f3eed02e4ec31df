// SPDX-License-Identifier: BSD-2-Clause
/*
 * Fuzzer of the packet view: every byte that a view promises is read.
 *
 * Input: a byte that says whether it is a super-packet, then the packet.
 */

#include "mpip/core/packet.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	struct packet p;
	size_t length = size - 1;
	uint8_t *bytes = malloc(length ? length : 1);
	if (!bytes)
		return 0;
	memcpy(bytes, data + 1, length);
	enum packet_kind kind = packet_view(&p, bytes, length, data[0] & 1);
	if (kind != PACKET_BAD && p.length > length)
		abort();
	if (kind == PACKET_TCP || kind == PACKET_UDP) {
		if ((uint64_t)p.header_length + p.data_length + p.surplus != p.length)
			abort();
		/* A checksum that is put in holds. */
		struct be16 *field = kind == PACKET_TCP ? &p.tcp->checksum : &p.udp->checksum;
		uint32_t segment = p.length - p.ip_length - p.surplus;
		*field = put16(0);
		uint64_t sum = csum_pseudo(p.ip, segment);
		uint16_t folded = (uint16_t)~csum_fold(csum_add(sum, bytes + p.ip_length, segment));
		folded = folded ? folded : 0xffff;
		memcpy(field, &folded, sizeof(folded));
		ip_checksum(p.ip, p.ip_length);
		if (!packet_checksum_good(&p) ||
			csum_fold(csum_add(0, p.ip, p.ip_length)) != 0xffff)
			abort();
	}
	free(bytes);
	return 0;
}
