// SPDX-License-Identifier: BSD-2-Clause
/* ICMP errors about rewritten packets (3.7.3): whose they are, and what the socket is told. */

#include "mpip/core/engine_testbed.h"

/* RFC 792 */
#define UNREACHABLE   3
#define HOST          1
#define PORT          3
#define FRAGMENTATION 4
#define EXCEEDED      11

static struct flight data, beat; /* the client's last ones on the path between the second NICs */

static void keep(struct world *w, const struct flight *f)
{
	struct cm cm;
	(void)w;
	if (f->to != 1 || !cm_of(f, &cm) || !address_equal(f->src, ip("10.0.2.2")) ||
		!address_equal(f->dst, ip("10.0.4.2")))
		return;
	if (!(cm.flags & CM_FLAG_HB))
		data = *f;
	else if (f->length < 200) /* no padded one */
		beat = *f;
}

static struct world *multipath(enum encapsulation encap, bool tcp)
{
	struct settings set = settings_default();
	set.encap = encap;
	set.wire_fallback = false;
	struct world *w = world_of(set, true);
	w->tap = keep;
	data.length = beat.length = 0;
	if (tcp) {
		connect_tcp(w);
		transfer(w, 0, 1, 2000, 1);
	} else {
		datagrams(w, 0, 2000);
	}
	expect_multipath(w);
	assert_true(data.length > 0 && beat.length > 0);
	return w;
}

/* A router's error about a packet of the client, which it quotes so much of, to the client. */
static uint8_t error[600];
static const struct host_packet *router_says(
	struct world *w, uint8_t type, uint8_t code, const struct flight *f, uint32_t quoted)
{
	struct host *h = &w->host[0];
	struct ip_header *ip_header = (void *)error;
	uint32_t room = 548 + sizeof(*ip_header);
	quoted = quoted < room ? quoted : room;
	quoted = quoted < f->length ? quoted : f->length;
	uint32_t length = sizeof(*ip_header) + 8 + quoted;
	assert_int_equal(h->actions.hosts, 0);
	if (f->raw) {
		uint8_t *icmp = error + sizeof(*ip_header);
		ip_header_make(ip_header, IPPROTO_ICMP, length, 0, ip("10.0.2.1"), ip("10.0.2.2"));
		ip_checksum(ip_header, sizeof(*ip_header));
		memset(icmp, 0, 8);
		icmp[0] = type;
		icmp[1] = code;
		icmp[6] = 1000 >> 8;
		icmp[7] = 1000 & 255;
		memcpy(icmp + 8, f->bytes, quoted);
		uint16_t sum = (uint16_t)~csum_fold(csum_add(0, icmp, 8 + quoted));
		memcpy(icmp + 2, &sum, 2);
		struct host_input in = {.bytes = error, .length = length};
		engine_from_hook(h->engine, &in, w->now, &h->actions);
	} else {
		struct wire_error e = {.local = f->src,
			.remote = {f->dst, f->dst_port},
			.from = ip("10.0.2.1"),
			.type = type,
			.code = code,
			.mtu = 1000,
			.bytes = f->bytes,
			.length = quoted};
		engine_wire_error(h->engine, &e, w->now, &h->actions);
	}
	assert_in_range(h->actions.hosts, 0, 1);
	const struct host_packet *told = h->actions.hosts ? &h->actions.host[0] : NULL;
	h->actions.hosts = 0;
	return told;
}

/* What the application's kernel reads. */
static void expect_quote(const struct host_packet *told, const struct flight *f, bool tcp,
	enum encapsulation encap, uint32_t length)
{
	const struct ip_header *outer = (const void *)told->head, *quote;
	const uint8_t *icmp = told->head + sizeof(*outer);
	assert_true(told->complete);
	assert_true(address_equal(address_from_ipv4(&outer->src), ip("10.0.2.1")));
	assert_true(address_equal(address_from_ipv4(&outer->dst), ip("10.0.1.2")));
	uint64_t sum = csum_add(0, icmp, told->head_length - sizeof(*outer));
	assert_int_equal(csum_fold(csum_add(sum, told->data.bytes, told->data.length)), 0xffff);

	quote = (const void *)(icmp + 8);
	assert_true(address_equal(address_from_ipv4(&quote->src), ip("10.0.1.2")));
	assert_true(address_equal(address_from_ipv4(&quote->dst), ip("10.0.3.2")));
	assert_int_equal(quote->protocol, tcp ? IPPROTO_TCP : IPPROTO_UDP);
	const struct tcp_header *header = (const void *)(quote + 1);
	assert_int_equal(get16(header->src), CLIENT_PORT);
	assert_int_equal(get16(header->dst), SERVER_PORT);
	uint32_t skip =
		encap == ENCAP_UDP ? 0 : sizeof(*quote) + (encap == ENCAP_FAKE_TCP ? 20 : 0);
	if (tcp)
		assert_memory_equal(&header->seq, f->bytes + skip + 4, 4);
	/* The rest is the application's, and nothing of the CM. */
	assert_int_equal(8 + told->data.length, length);
	assert_memory_equal(told->data.bytes, f->bytes + skip + 8, told->data.length);
}

static const enum encapsulation all_forms[] = {ENCAP_UDP, ENCAP_LITERAL, ENCAP_FAKE_TCP};

static void the_socket_is_told(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 6; i++) {
		enum encapsulation encap = all_forms[i / 2];
		bool tcp = i % 2;
		struct world *w = multipath(encap, tcp);
		/* A datagram of 500 bytes is quoted whole; of a segment of 1000 only the beginning.
		 */
		uint32_t header = encap == ENCAP_FAKE_TCP ? 40 : encap == ENCAP_LITERAL ? 20 : 0;
		const struct host_packet *told = router_says(w, EXCEEDED, 0, &data, 1500);
		assert_non_null(told);
		if (!tcp && encap != ENCAP_FAKE_TCP)
			expect_quote(told, &data, false, encap, 508);
		else
			expect_quote(told, &data, tcp, encap, 568 - header - CM_MAX);
		/* Routers of RFC 792 quote 8 bytes: TCP's sequence number is among them. */
		if (encap != ENCAP_UDP) {
			run_for(w, 20);
			told = router_says(w, EXCEEDED, 0, &data, 28);
			assert_non_null(told);
			assert_int_equal(told->data.length, 0);
		}
		/* It says nothing about the path. */
		assert_int_equal(only_session(&w->host[0])->in_use, 4);
		run_for(w, 20);
		/* But that a host cannot be reached does, also if a heartbeat could not. */
		assert_null(router_says(w, UNREACHABLE, HOST, &beat, 1500));
		assert_int_equal(only_session(&w->host[0])->in_use, 3);
		world_free(w);
	}
}

static void ports_of_the_form_are_not_the_sockets(void **state)
{
	(void)state;
	struct world *w = multipath(ENCAP_LITERAL, false);
	assert_non_null(router_says(w, UNREACHABLE, PORT, &data, 1500));
	assert_int_equal(only_session(&w->host[0])->in_use, 4);
	world_free(w);
	w = multipath(ENCAP_FAKE_TCP, false);
	assert_null(router_says(w, UNREACHABLE, PORT, &data, 1500));
	assert_int_equal(only_session(&w->host[0])->in_use, 3);
	world_free(w);
}

static void a_path_mtu_is_the_paths(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		enum encapsulation encap = all_forms[i];
		struct world *w = multipath(encap, true);
		const struct host_packet *told =
			router_says(w, UNREACHABLE, FRAGMENTATION, &data, 1500);
		if (!told) {
			fail();
			return;
		}
		const uint8_t *icmp = told->head + sizeof(struct ip_header);
		uint32_t ours = CM_FIXED + (encap == ENCAP_UDP               ? 8
						   : encap == ENCAP_FAKE_TCP ? 20
									     : 0);
		assert_int_equal(icmp[0] << 8 | icmp[1], UNREACHABLE << 8 | FRAGMENTATION);
		assert_int_equal(icmp[6] << 8 | icmp[7], 1000 - ours);
		assert_int_equal(only_session(&w->host[0])->in_use, 4);
		run_for(w, 20);
		/* Once is enough. */
		assert_null(router_says(w, UNREACHABLE, FRAGMENTATION, &data, 1500));
		world_free(w);
	}
}

static void deliver_verbatim(struct world *w, const struct flight *f, uint32_t quoted)
{
	const struct host_packet *told = router_says(w, UNREACHABLE, HOST, f, quoted);
	assert_non_null(told);
	assert_true(told->verbatim && told->data.bytes == error);
}

static void others_errors_are_put_back(void **state)
{
	(void)state;
	for (unsigned i = 1; i < 3; i++) {
		struct world *w = multipath(all_forms[i], true);
		struct flight other = data;
		other.bytes[23]++; /* to another port */
		deliver_verbatim(w, &other, 28);
		run_for(w, 20);
		other = data;
		other.bytes[15]++; /* from an address that is not ours */
		deliver_verbatim(w, &other, 28);
		run_for(w, 20);
		other = data;
		other.bytes[24] += 0x40; /* a sequence number of long ago */
		deliver_verbatim(w, &other, 28);
		deliver_verbatim(w, &data, 27); /* too short to have one */
		assert_int_equal(only_session(&w->host[0])->in_use, 4);
		assert_int_equal(engine_stats(w->host[0].engine)->n[STAT_ICMP_RECEIVED], 0);
		world_free(w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PAPER("3.7-10: the socket is told what routers say", the_socket_is_told),
		PAPER("3.7-10: ports of a wire form are not the socket's",
			ports_of_the_form_are_not_the_sockets),
		PAPER("3.7-10: a path MTU is the path's", a_path_mtu_is_the_paths),
		PAPER("3.7-10: others' errors are put back", others_errors_are_put_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
