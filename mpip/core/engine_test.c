// SPDX-License-Identifier: BSD-2-Clause
/* The protocol as two hosts run it: all of it together. Single sentences of the paper are tested in
 * paper_*_test.c. */

#include "mpip/core/engine_testbed.h"

/* What each pair of addresses carries from the client to the server. */
static uint64_t carried[2][2];

static void count_carried(struct world *w, const struct flight *f)
{
	struct address src = f->src, dst = f->dst;
	(void)w;
	if (f->raw) { /* what its header says, whatever the NIC */
		src = address_from_ipv4(((const struct ip_header *)f->bytes)->src.b);
		dst = address_from_ipv4(((const struct ip_header *)f->bytes)->dst.b);
	}
	if (f->to == 1)
		carried[address_equal(src, ip("10.0.2.2"))][address_equal(dst, ip("10.0.4.2"))]++;
}

static void multipath_in(enum encapsulation encap)
{
	struct settings set = settings_default();
	set.encap = encap;
	struct world *w = world_of(set, true);
	uint32_t seq = transfer(w, 0, 1000, 100, 1);
	expect_multipath(w);
	memset(carried, 0, sizeof(carried));
	w->tap = count_carried;
	seq = transfer(w, 0, seq, 400, 20);
	run_for(w, 100);
	for (unsigned i = 0; i < 4; i++)
		assert_true(carried[i / 2][i % 2] > 1000);

	assert_int_equal(w->host[1].tcp.bytes, seq - 1000);
	assert_int_equal(w->host[1].tcp.wrong, 0);
	assert_int_equal(w->host[0].tcp.wrong, 0);
	const struct session *s = only_session(&w->host[0]);
	for (unsigned i = 0; i < 4; i++)
		assert_true(s->mp->path[i]->sent_packets > 1000);
	const struct stats *sent = engine_stats(w->host[0].engine),
			   *got = engine_stats(w->host[1].engine);
	for (int i = STAT_DROP_NOT_IPV4; i < STAT_COUNT; i++) {
		assert_int_equal(sent->n[i], 0);
		assert_int_equal(got->n[i], 0);
	}
	assert_int_equal(sent->n[STAT_QUERIES_SENT], 1);
	assert_int_equal(sent->n[STAT_PATHS_DOWN] + got->n[STAT_PATHS_DOWN], 0);
	world_free(w);
}

static void udp_form(void **state)
{
	(void)state;
	multipath_in(ENCAP_UDP);
}

static void literal_form(void **state)
{
	(void)state;
	multipath_in(ENCAP_LITERAL);
}

/* 3.2: "the number of query messages ... if larger than a threshold value": 5. */
static void plain_peer(void **state)
{
	(void)state;
	struct world *w = world_of(settings_default(), false);
	uint32_t seq = transfer(w, 0, 1000, 2000, 1);
	run_for(w, 100);
	assert_int_equal(w->host[1].queries_seen, 5);
	assert_int_equal(w->host[1].tcp.bytes, seq - 1000);
	assert_int_equal(w->host[1].tcp.wrong, 0);
	assert_int_equal(w->host[1].wrapped_seen, 0);
	assert_int_equal(w->host[0].excluded, 1);
	world_free(w);
}

/* 3.2: "In a connection with only one-way traffic ... no query packet will be sent out at all." */
static void inbound_only(void **state)
{
	(void)state;
	struct world *w = world_of(settings_default(), false);
	for (unsigned i = 0; i < 100; i++) {
		send_packet(w, 1, IPPROTO_UDP, 0, 500, 1);
		run_for(w, 1);
	}
	run_for(w, 100);
	assert_int_equal(engine_stats(w->host[0].engine)->n[STAT_QUERIES_SENT], 0);
	assert_int_equal(w->host[0].udp.packets, 100);
	world_free(w);
}

/* 3.5: one-way UDP gets its paths measured and used. */
static void one_way_udp(void **state)
{
	(void)state;
	for (int encap = 0; encap < 2; encap++) {
		struct settings set = settings_default();
		set.encap = encap ? ENCAP_LITERAL : ENCAP_UDP;
		struct world *w = world_of(set, true);
		for (unsigned i = 0; i < 3000; i++) {
			send_packet(w, 0, IPPROTO_UDP, 0, 1 + i % 1400, 1);
			run_for(w, 1);
		}
		run_for(w, 200);
		expect_multipath(w);
		assert_int_equal(w->host[1].udp.packets, 3000);
		assert_int_equal(w->host[1].udp.wrong, 0);
		const struct session *s = only_session(&w->host[0]);
		for (unsigned i = 0; i < 4; i++) {
			assert_true(s->mp->path[i]->sent_packets > 300);
			assert_true(usec_sub(w->now, s->mp->path[i]->last_feedback).us < 600000);
		}
		assert_int_equal(engine_stats(w->host[0].engine)->n[STAT_PATHS_DOWN], 0);
		world_free(w);
	}
}

static bool drop_second_nic(const struct world *w, const struct flight *f)
{
	(void)w;
	return address_equal(f->src, ip("10.0.2.2")) || address_equal(f->dst, ip("10.0.2.2"));
}

static bool drop_first_nic_outbound(const struct world *w, const struct flight *f)
{
	(void)w;
	return address_equal(f->src, ip("10.0.1.2"));
}

static bool drop_wire_port(const struct world *w, const struct flight *f)
{
	(void)w;
	return !f->raw;
}

static bool drop_all(const struct world *w, const struct flight *f)
{
	(void)w, (void)f;
	return true;
}

/* A silently dead path is out of use in less than half a second, and back when it is back. */
static void lost_path(void **state)
{
	(void)state;
	bool (*const losses[])(const struct world *, const struct flight *) = {
		drop_second_nic, drop_first_nic_outbound};
	for (unsigned i = 0; i < 2; i++) {
		struct world *w = world_of(settings_default(), true);
		uint32_t seq = transfer(w, 0, 1000, 1000, 1);
		expect_multipath(w);
		w->drop = losses[i];
		seq = transfer(w, 0, seq, 450, 1);
		assert_int_equal(only_session(&w->host[0])->in_use, 2);
		uint64_t before = w->host[1].tcp.packets;
		seq = transfer(w, 0, seq, 1000, 1);
		assert_true(w->host[1].tcp.packets - before > 990);
		w->drop = NULL;
		transfer(w, 0, seq, 2000, 1);
		expect_multipath(w);
		assert_int_equal(w->host[1].tcp.wrong, 0);
		world_free(w);
	}
}

static bool drop_size_probes(const struct world *w, const struct flight *f)
{
	(void)w;
	return f->length > 1400;
}

static int64_t full_queue(const struct world *w, const struct flight *f)
{
	(void)w;
	return f->to == 1 ? 50000 : 1000;
}

static uint64_t black_holes_after(struct world *w, unsigned ms)
{
	for (unsigned i = 0; i < ms; i++) {
		send_packet(w, 0, IPPROTO_UDP, 0, 1300, 1);
		run_for(w, 1);
	}
	return engine_stats(w->host[0].engine)->n[STAT_BLACK_HOLES];
}

/* Where queues are full, probes get lost; a path without a queue that loses them is narrow. */
static void a_full_queue_is_no_black_hole(void **state)
{
	(void)state;
	struct world *w = world_of(settings_default(), true);
	assert_int_equal(black_holes_after(w, 1000), 0);
	expect_multipath(w);
	w->drop = drop_size_probes;
	w->delay = full_queue;
	assert_int_equal(black_holes_after(w, 20000), 0);
	w->delay = NULL;
	assert_true(black_holes_after(w, 20000) > 0);
	assert_int_equal(w->host[1].udp.wrong, 0);
	world_free(w);
}

/* 3.7.2: nothing gets through: the regular connection takes over, and multipath returns. */
static void fallback(void **state)
{
	(void)state;
	struct world *w = world_of(settings_default(), true);
	uint32_t seq = transfer(w, 0, 1000, 1000, 1);
	expect_multipath(w);
	w->drop = drop_wire_port;
	seq = transfer(w, 0, seq, 600, 1);
	uint64_t before = w->host[1].tcp.packets;
	seq = transfer(w, 0, seq, 1000, 1);
	assert_int_equal(only_session(&w->host[0])->in_use, 0);
	assert_non_null(only_session(&w->host[0])->regular_reason);
	assert_true(w->host[1].tcp.packets - before > 990);
	w->drop = NULL;
	transfer(w, 0, seq, 2000, 1);
	expect_multipath(w);
	world_free(w);
}

/* The other end's daemon dies: at once, since its host says that nobody listens. Restarted, it is
 * found again although the session is lost. */
static void dead_peer(void **state)
{
	(void)state;
	struct world *w = world_of(settings_default(), true);
	uint32_t seq = transfer(w, 0, 1000, 500, 1);
	expect_multipath(w);
	engine_free(w->host[1].engine);
	w->host[1].engine = NULL;
	uint64_t before = w->host[1].tcp.packets;
	seq = transfer(w, 0, seq, 100, 1);
	assert_true(w->host[1].tcp.packets - before > 90);
	assert_int_equal(only_session(&w->host[0])->in_use, 0);

	struct settings set = settings_default();
	set.seed = 7;
	open_host(w, 1, set);
	transfer(w, 0, seq, 8000, 1);
	expect_multipath(w);
	assert_int_equal(w->host[1].tcp.wrong, 0);
	world_free(w);
}

/* Both ends ask at once: one session comes of it, with the same ID at both ends. */
static void both_at_once(void **state)
{
	(void)state;
	struct world *w = world_of(settings_default(), true);
	uint32_t seq = 1000;
	for (unsigned i = 0; i < 500; i++) {
		send_packet(w, 0, IPPROTO_TCP, seq, 1000, 1);
		send_packet(w, 1, IPPROTO_TCP, seq, 1000, 1);
		seq += 1000;
		run_for(w, 1);
	}
	run_for(w, 100);
	expect_multipath(w);
	assert_int_equal(w->host[0].tcp.bytes, seq - 1000);
	assert_int_equal(w->host[1].tcp.bytes, seq - 1000);
	assert_int_equal(w->host[0].tcp.wrong + w->host[1].tcp.wrong, 0);
	world_free(w);
}

/* When a node was last heard: not only at the handshake, and not what it has sent since in vain. */
static void heard(void **state)
{
	(void)state;
	struct world *w = world_of(settings_default(), true);
	uint32_t seq = transfer(w, 0, 1000, 3000, 1);
	const struct peer *server = engine_peers(w->host[0].engine)->peer;
	assert_true(usec_sub(w->now, server->last_heard).us < 300000);
	w->drop = drop_all;
	transfer(w, 0, seq, 2000, 1);
	assert_true(usec_sub(w->now, server->last_heard).us >= 1900000);
	world_free(w);
}

/* 3.7.1: 120 s after the last packet a session is gone, and its paths and slots with it. */
static void expiry(void **state)
{
	(void)state;
	struct world *w = world_of(settings_default(), true);
	transfer(w, 0, 1000, 500, 1);
	run_for(w, 119000);
	expect_multipath(w);
	run_for(w, 2000);
	assert_null(engine_next_session(w->host[0].engine, NULL));
	assert_null(engine_next_session(w->host[1].engine, NULL));
	world_free(w);
}

/* Table 7 is bounded: the session used longest ago goes. */
static void bounded_sessions(void **state)
{
	(void)state;
	struct settings set = settings_default();
	set.max_sessions = 10;
	struct world *w = world_of(set, true);
	for (unsigned i = 0; i < 100; i++) {
		uint8_t bytes[64] = {0};
		struct ip_header *iph = (void *)bytes;
		*iph = (struct ip_header){.version_ihl = 0x45,
			.length = put16(40),
			.protocol = IPPROTO_TCP,
			.src = {{10, 0, 1, 2}},
			.dst = {{10, 0, 3, 2}}};
		struct tcp_header *t = (void *)(bytes + 20);
		t->src = put16((uint16_t)(1000 + i));
		t->offset = 5 << 4;
		struct host_input in = {.bytes = bytes, .length = 40};
		engine_from_host(w->host[0].engine, &in, w->now, &w->host[0].actions);
		carry(w, 0);
	}
	unsigned n = 0;
	for (const struct session *s = NULL; (s = engine_next_session(w->host[0].engine, s));)
		n++;
	assert_int_equal(n, 10);
	assert_int_equal(engine_stats(w->host[0].engine)->n[STAT_SESSIONS_EVICTED], 90);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(udp_form),
		cmocka_unit_test(literal_form),
		cmocka_unit_test(plain_peer),
		cmocka_unit_test(inbound_only),
		cmocka_unit_test(one_way_udp),
		cmocka_unit_test(lost_path),
		cmocka_unit_test(fallback),
		cmocka_unit_test(a_full_queue_is_no_black_hole),
		cmocka_unit_test(dead_peer),
		cmocka_unit_test(both_at_once),
		cmocka_unit_test(heard),
		cmocka_unit_test(expiry),
		cmocka_unit_test(bounded_sessions),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
