// SPDX-License-Identifier: BSD-2-Clause
/* Addresses of both families: the same questions asked of each. */

#include "mpip/base/address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static struct address parsed(const char *text)
{
	struct address a;
	memset(&a, 0x55, sizeof(a));
	assert_true(address_parse(text, &a));
	return a;
}

static void texts(void **state)
{
	(void)state;
	static const char *const both[][2] = {/* and with port 80 */
		{"10.0.1.2", "10.0.1.2:80"}, {"255.255.255.255", "255.255.255.255:80"},
		{"0.0.0.0", "0.0.0.0:80"}, {"2001:db8::1", "[2001:db8::1]:80"},
		{"2001:db8:1111:2222:3333:4444:5555:6666",
			"[2001:db8:1111:2222:3333:4444:5555:6666]:80"},
		{"::", "[::]:80"}};
	for (size_t i = 0; i < sizeof(both) / sizeof(both[0]); i++) {
		struct address a = parsed(both[i][0]);
		assert_string_equal(address_text(a).text, both[i][0]);
		assert_string_equal(address_port_text(a, htons(80)).text, both[i][1]);
	}

	static const char *const none[] = {
		"", "10.0.1", "10.0.1.2.3", "10.0.1.256", "10.0.1.2/24", "fe80::1%eth0", "eth0"};
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		struct address a = parsed("10.0.1.2");
		assert_false(address_parse(none[i], &a));
		assert_true(address_equal(a, parsed("10.0.1.2")));
	}
}

static void families(void **state)
{
	(void)state;
	assert_int_equal(address_family(parsed("10.0.1.2")), AF_INET);
	assert_int_equal(address_family(parsed("0.0.0.0")), AF_INET);
	assert_int_equal(address_family(parsed("2001:db8::1")), AF_INET6);
	assert_int_equal(address_family(parsed("::1")), AF_INET6);
	assert_int_equal(address_family((struct address){0}), AF_UNSPEC);
	assert_true(address_is_none(parsed("::")));
	assert_false(address_is_none(parsed("0.0.0.0")));
	/* However it is written, an address of IPv4 is one. */
	assert_true(address_equal(parsed("::ffff:10.0.1.2"), parsed("10.0.1.2")));
	assert_false(address_equal(parsed("::10.0.1.2"), parsed("10.0.1.2")));
}

/* Addresses that differ in one bit differ, and so do their hashes, in what a table of 256 uses. */
static void equality_and_hashes(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		unsigned first; /* byte of those that may differ */
	} all[] = {{"10.0.1.2", 12}, {"2001:db8::1", 0}};
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		struct address a = parsed(all[i].text);
		uint64_t hash = address_hash(a, 1);
		unsigned alike = 0, bits = 8 * (16 - all[i].first);
		assert_true(hash == address_hash(parsed(all[i].text), 1));
		assert_true(hash != address_hash(a, 2));
		for (unsigned bit = 0; bit < bits; bit++) {
			struct address b = a;
			b.bytes[all[i].first + bit / 8] ^= (uint8_t)(1 << bit % 8);
			assert_false(address_equal(a, b));
			assert_true(address_hash(b, 1) != hash);
			alike += (address_hash(b, 1) & 255) == (hash & 255);
		}
		assert_true(alike <= 4);
	}
}

static void ipv4_on_the_wire(void **state)
{
	(void)state;
	static const uint8_t wire[4] = {10, 0, 1, 2};
	uint8_t back[4];
	struct address a = address_from_ipv4(wire);
	assert_true(address_equal(a, parsed("10.0.1.2")));
	address_to_ipv4(a, back);
	assert_memory_equal(back, wire, sizeof(wire));
}

static void socket_names(void **state)
{
	(void)state;
	union address_name name;
	in_port_t port;
	assert_int_equal(
		address_to_name(parsed("10.0.1.2"), htons(80), &name), sizeof(struct sockaddr_in));
	assert_int_equal(name.ipv4.sin_family, AF_INET);
	assert_int_equal(name.ipv4.sin_port, htons(80));
	assert_int_equal(name.ipv4.sin_addr.s_addr, htonl(0x0a000102));
	assert_true(address_equal(address_from_name(&name, &port), parsed("10.0.1.2")));
	assert_int_equal(port, htons(80));

	assert_int_equal(address_to_name(parsed("2001:db8::1"), htons(81), &name),
		sizeof(struct sockaddr_in6));
	assert_int_equal(name.ipv6.sin6_family, AF_INET6);
	assert_int_equal(name.ipv6.sin6_port, htons(81));
	assert_int_equal(name.ipv6.sin6_addr.s6_addr[15], 1);
	assert_true(address_equal(address_from_name(&name, &port), parsed("2001:db8::1")));
	assert_int_equal(port, htons(81));

	/* An IPv6 socket that serves both families names those of IPv4 like this. */
	name.ipv6.sin6_addr = (struct in6_addr){{{[10] = 0xff, [11] = 0xff, 10, 0, 1, 2}}};
	assert_true(address_equal(address_from_name(&name, &port), parsed("10.0.1.2")));
}

static void prefixes(void **state)
{
	(void)state;
	static const struct {
		const char *address, *prefix;
		unsigned bits;
		bool in;
	} all[] = {{"10.0.1.2", "10.0.1.0", 24, true}, {"10.0.1.2", "10.0.2.0", 24, false},
		{"10.0.1.2", "10.0.1.3", 31, true}, {"10.0.1.2", "10.0.1.4", 30, false},
		{"10.0.1.2", "10.0.1.2", 32, true}, {"10.0.1.3", "10.0.1.2", 32, false},
		{"10.0.1.2", "128.0.0.0", 1, false}, {"192.0.2.1", "128.0.0.0", 1, true},
		{"10.0.1.2", "2001:db8::", 32, false}, {"2001:db8::1", "10.0.0.0", 8, false},
		{"2001:db8::1", "2001:db8::", 32, true}, {"2001:db9::1", "2001:db8::", 32, false},
		{"2001:db9::1", "2001:db8::", 31, true}, {"2001:db8::1", "2001:db8::1", 128, true},
		{"2001:db8::1", "2001:db8::2", 128, false}, {"10.0.1.2", "::", 0, true},
		{"2001:db8::1", "0.0.0.0", 0, true}};
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		assert_int_equal(address_in_prefix(parsed(all[i].address), parsed(all[i].prefix),
					 all[i].bits),
			all[i].in);
}

static void unicast(void **state)
{
	(void)state;
	static const char *const yes[] = {"1.2.3.4", "10.0.1.2", "126.255.255.255", "128.0.0.1",
		"223.255.255.255", "2001:db8::1", "fe80::1", "fd00::1"},
				 *const no[] = {"0.0.0.0", "0.1.2.3", "127.0.0.1", "224.0.0.1",
					 "255.255.255.255", "::", "::1", "ff02::1"};
	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
		assert_true(address_is_unicast(parsed(yes[i])));
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		assert_false(address_is_unicast(parsed(no[i])));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts),
		cmocka_unit_test(families),
		cmocka_unit_test(equality_and_hashes),
		cmocka_unit_test(ipv4_on_the_wire),
		cmocka_unit_test(socket_names),
		cmocka_unit_test(prefixes),
		cmocka_unit_test(unicast),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
