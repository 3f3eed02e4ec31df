// SPDX-License-Identifier: BSD-2-Clause
/* Packet views and checksums: known packets, every truncation, every wrong length. */

#include "mpip/core/packet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* RFC 1071's example: the sum of 00 01 f2 03 f4 f5 f6 f7 is ddf2. */
static void sum_of_rfc_1071(void **state)
{
	(void)state;
	const uint8_t bytes[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
	uint16_t sum = csum_fold(csum_add(0, bytes, sizeof(bytes)));
	assert_memory_equal(&sum, ((uint8_t[]){0xdd, 0xf2}), 2);
	assert_int_equal(csum_fold(csum_add(csum_add(0, bytes, 4), bytes + 4, 4)), sum);
	uint16_t odd = csum_fold(csum_add(0, bytes, 7));
	uint8_t padded[8] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0};
	assert_int_equal(csum_fold(csum_add(0, padded, 8)), odd);
}

static size_t make(uint8_t *bytes, uint8_t protocol, size_t options, size_t data)
{
	struct ip_header *ip = (void *)bytes;
	size_t header = protocol == IPPROTO_TCP ? 32 : 8, ip_length = 20 + options;
	size_t total = ip_length + header + data;
	memset(bytes, 0, total + 64);
	*ip = (struct ip_header){.version_ihl = (uint8_t)(0x40 | ip_length / 4),
		.length = put16((uint16_t)total),
		.ttl = 64,
		.protocol = protocol,
		.src = {{10, 0, 0, 1}},
		.dst = {{10, 0, 0, 2}}};
	struct udp_header *u = (void *)(bytes + ip_length);
	struct tcp_header *t = (void *)u;
	u->src = put16(1);
	u->dst = put16(2);
	if (protocol == IPPROTO_TCP)
		t->offset = 8 << 4;
	else
		u->length = put16((uint16_t)(header + data));
	for (size_t i = 0; i < data; i++)
		bytes[ip_length + header + i] = (uint8_t)(i * 31);
	struct packet p;
	assert_true(packet_view(&p, bytes, total, false) >= PACKET_TCP);
	uint64_t sum = csum_pseudo(p.ip, (uint32_t)(header + data));
	uint16_t folded = (uint16_t)~csum_fold(csum_add(sum, u, header + data));
	memcpy(protocol == IPPROTO_TCP ? t->checksum.b : u->checksum.b, &folded, 2);
	return total;
}

static void views_and_their_bounds(void **state)
{
	(void)state;
	uint8_t bytes[2048];
	const uint8_t protocols[] = {IPPROTO_TCP, IPPROTO_UDP};
	for (unsigned k = 0; k < 2; k++)
		for (size_t options = 0; options <= 40; options += 4) {
			size_t total = make(bytes, protocols[k], options, 100);
			struct packet p;
			enum packet_kind kind = k ? PACKET_UDP : PACKET_TCP;
			/* Ethernet padding behind the packet is no part of it. */
			assert_int_equal(packet_view(&p, bytes, total + 50, false), kind);
			assert_int_equal(p.length, total);
			assert_int_equal(p.data_length, 100);
			assert_int_equal(p.ip_length, 20 + options);
			assert_int_equal(p.surplus, 0);
			assert_int_equal(ntohs(p.dst.port), 2);
			assert_true(packet_checksum_good(&p));
			for (size_t cut = 0; cut < total; cut++)
				assert_int_equal(packet_view(&p, bytes, cut, false), PACKET_BAD);
		}
}

static void damage_is_seen(void **state)
{
	(void)state;
	uint8_t bytes[2048];
	size_t total = make(bytes, IPPROTO_TCP, 0, 101);
	struct packet p;
	for (size_t i = 8 * 20; i < 8 * total; i++) {
		bytes[i / 8] ^= (uint8_t)(1 << i % 8);
		if (packet_view(&p, bytes, total, false) == PACKET_TCP)
			assert_false(packet_checksum_good(&p));
		bytes[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	total = make(bytes, IPPROTO_UDP, 0, 100);
	memset(bytes + 26, 0, 2); /* a UDP checksum of 0 is none */
	assert_int_equal(packet_view(&p, bytes, total, false), PACKET_UDP);
	assert_true(packet_checksum_good(&p));
}

static void surplus_and_kinds(void **state)
{
	(void)state;
	uint8_t bytes[2048];
	struct packet p;
	size_t total = make(bytes, IPPROTO_UDP, 0, 100);
	struct ip_header *ip = (void *)bytes;
	ip->length = put16((uint16_t)(total + 42));
	assert_int_equal(packet_view(&p, bytes, total + 42, false), PACKET_UDP);
	assert_int_equal(p.surplus, 42);
	assert_int_equal(p.data_length, 100);
	assert_true(packet_checksum_good(&p));

	ip->fragment = put16(0x2000); /* more fragments */
	assert_int_equal(packet_view(&p, bytes, total + 42, false), PACKET_FRAGMENT);
	ip->fragment = put16(0x0010); /* an offset */
	assert_int_equal(packet_view(&p, bytes, total + 42, false), PACKET_FRAGMENT);
	ip->fragment = put16(IP_DONT_FRAGMENT);
	ip->protocol = IPPROTO_ICMP;
	assert_int_equal(packet_view(&p, bytes, total, false), PACKET_BAD); /* longer than given */
	assert_int_equal(packet_view(&p, bytes, total + 42, false), PACKET_OTHER);
	ip->version_ihl = 0x65;
	assert_int_equal(packet_view(&p, bytes, total + 42, false), PACKET_BAD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sum_of_rfc_1071),
		cmocka_unit_test(views_and_their_bounds),
		cmocka_unit_test(damage_is_seen),
		cmocka_unit_test(surplus_and_kinds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
