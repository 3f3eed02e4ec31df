// SPDX-License-Identifier: BSD-2-Clause
/* Addresses of both families: what is not needed per packet. The contract is in the header. */

#include "mpip/base/address.h"

#include <arpa/inet.h>
#include <stdio.h>

static const uint8_t ipv4_prefix[] = ADDRESS_IPV4_PREFIX;

static bool is_ipv4(const struct address *a)
{
	return memcmp(a->bytes, ipv4_prefix, sizeof(ipv4_prefix)) == 0;
}

sa_family_t address_family(struct address a)
{
	if (address_is_none(a))
		return AF_UNSPEC;
	return is_ipv4(&a) ? AF_INET : AF_INET6;
}

bool address_is_unicast(struct address a)
{
	static const struct address loopback = {.bytes = {[15] = 1}};
	uint8_t first = a.bytes[is_ipv4(&a) ? 12 : 0];
	if (is_ipv4(&a))
		return first != 0 && first != 127 && first < 0xe0;
	return first != 0xff && !address_is_none(a) && !address_equal(a, loopback);
}

bool address_in_prefix(struct address a, struct address prefix, unsigned bits)
{
	if (bits == 0)
		return true;
	if (is_ipv4(&prefix))
		bits += 8 * sizeof(ipv4_prefix);
	unsigned whole = bits / 8, rest = bits % 8;
	return memcmp(a.bytes, prefix.bytes, whole) == 0 &&
	       (rest == 0 || (a.bytes[whole] ^ prefix.bytes[whole]) >> (8 - rest) == 0);
}

struct address_text address_text(struct address a)
{
	struct address_text out;
	bool ipv4 = is_ipv4(&a);
	inet_ntop(ipv4 ? AF_INET : AF_INET6, a.bytes + (ipv4 ? 12 : 0), out.text, sizeof(out.text));
	return out;
}

struct address_text address_port_text(struct address a, in_port_t port)
{
	struct address_text out;
	snprintf(out.text, sizeof(out.text), is_ipv4(&a) ? "%s:%u" : "[%s]:%u",
		address_text(a).text, ntohs(port));
	return out;
}

bool address_parse(const char *text, struct address *out)
{
	struct in_addr ipv4;
	struct in6_addr ipv6;
	if (inet_pton(AF_INET, text, &ipv4) == 1) {
		*out = address_from_ipv4(&ipv4);
		return true;
	}
	if (inet_pton(AF_INET6, text, &ipv6) != 1)
		return false;
	memcpy(out->bytes, &ipv6, sizeof(out->bytes));
	return true;
}

socklen_t address_to_name(struct address a, in_port_t port, union address_name *out)
{
	memset(out, 0, sizeof(*out));
	if (is_ipv4(&a)) {
		out->ipv4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = port};
		address_to_ipv4(a, &out->ipv4.sin_addr);
		return sizeof(out->ipv4);
	}
	out->ipv6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = port};
	memcpy(&out->ipv6.sin6_addr, a.bytes, sizeof(a.bytes));
	return sizeof(out->ipv6);
}

struct address address_from_name(const union address_name *name, in_port_t *port)
{
	struct address a;
	if (name->any.sa_family == AF_INET) {
		*port = name->ipv4.sin_port;
		return address_from_ipv4(&name->ipv4.sin_addr);
	}
	*port = name->ipv6.sin6_port;
	memcpy(a.bytes, &name->ipv6.sin6_addr, sizeof(a.bytes));
	return a;
}
