// SPDX-License-Identifier: BSD-2-Clause
/* Sections 3.6.2 and 3.7 of the paper: policy rules in sessions, and the life of a session. */

#include "mpip/core/engine_testbed.h"

static int64_t first_path_slow(const struct world *w, const struct flight *f)
{
	(void)w;
	return address_equal(f->src, ip("10.0.2.2")) && address_equal(f->dst, ip("10.0.4.2"))
		       ? 3000
		       : 9000;
}

static unsigned packets_on_fast, packets_on_others;
static uint32_t counted_from, counted_to; /* lengths */

static void count_paths(struct world *w, const struct flight *f)
{
	struct cm cm;
	(void)w;
	if (f->to != 1 || !cm_of(f, &cm) || cm.flags & CM_FLAG_HB || f->length < counted_from ||
		f->length > counted_to)
		return;
	bool fast = address_equal(f->src, ip("10.0.2.2")) && address_equal(f->dst, ip("10.0.4.2"));
	packets_on_fast += fast;
	packets_on_others += !fast;
}

/* 100 TCP packets of so many bytes of user data, which are longer by 40 as IP packets. */
static uint32_t of_length(struct world *w, uint32_t seq, uint32_t length)
{
	packets_on_fast = packets_on_others = 0;
	for (unsigned i = 0; i < 100; i++) {
		send_packet(w, 0, IPPROTO_TCP, seq, length, 1);
		seq += length;
		run_for(w, 5);
		send_packet(w, 1, IPPROTO_TCP, 1, 0, 1);
	}
	return seq;
}

static void responsiveness_takes_the_lowest_delay(void **state)
{
	(void)state;
	struct settings set = settings_default();
	const struct policy rule = {.port = htons(SERVER_PORT),
		.protocol = IPPROTO_TCP,
		.end = 200,
		.priority = PRIORITY_RESPONSIVENESS};
	assert_true(policies_add(&set.policies, &rule, 0));
	struct world *w = world_of(set, true);
	w->delay = first_path_slow;
	uint32_t seq = transfer(w, 0, 1000, 2000, 1);
	expect_multipath(w);
	w->tap = count_paths;
	counted_to = UINT32_MAX;
	seq = of_length(w, seq, 159); /* an IP packet of 199 bytes */
	assert_int_equal(packets_on_others, 0);
	assert_int_equal(packets_on_fast, 100);
	seq = of_length(w, seq, 160); /* 200: not smaller than 200 */
	assert_in_range(packets_on_others, 40, 90);

	/* Changed at run time: the session looks again. */
	struct policies *t = engine_policies(w->host[0].engine);
	policies_flush(t);
	seq = of_length(w, seq, 100);
	assert_in_range(packets_on_others, 40, 90);
	const struct policy all = {.end = POLICY_END_ANY, .priority = PRIORITY_RESPONSIVENESS};
	const struct policy other_port = {
		.port = htons(1), .end = POLICY_END_ANY, .priority = PRIORITY_RESPONSIVENESS};
	assert_true(policies_add(t, &other_port, 0));
	seq = of_length(w, seq, 1000);
	assert_in_range(packets_on_others, 40, 90);
	assert_true(policies_add(t, &all, 1));
	seq = of_length(w, seq, 1000);
	assert_int_equal(packets_on_others, 0);
	/* The first match decides. */
	const struct policy throughput = {.end = POLICY_END_ANY};
	assert_true(policies_add(t, &throughput, 0));
	of_length(w, seq, 1000);
	assert_in_range(packets_on_others, 40, 90);
	world_free(w);
}

/* A super-packet's segments count by their own length, not by its. */
static void segments_count_by_their_length(void **state)
{
	(void)state;
	struct settings set = settings_default();
	const struct policy rule = {.end = 200, .priority = PRIORITY_RESPONSIVENESS};
	assert_true(policies_add(&set.policies, &rule, 0));
	struct world *w = world_of(set, true);
	w->delay = first_path_slow;
	uint32_t seq = transfer(w, 0, 1000, 2000, 1);
	packets_on_fast = packets_on_others = 0;
	counted_to = UINT32_MAX;
	w->tap = count_paths;
	for (unsigned i = 0; i < 20; i++) {
		send_packet(w, 0, IPPROTO_TCP, seq, 100, 20);
		seq += 2000;
		run_for(w, 5);
	}
	assert_int_equal(packets_on_fast, 400);
	assert_int_equal(packets_on_others, 0);
	world_free(w);
}

/* When the lowest delay is another path's, packets follow: all paths go on being measured. */
static bool swapped;

static int64_t swapping(const struct world *w, const struct flight *f)
{
	(void)w;
	bool second =
		address_equal(f->src, ip("10.0.2.2")) || address_equal(f->dst, ip("10.0.2.2"));
	return second == swapped ? 3000 : 9000;
}

static void the_lowest_delay_may_change(void **state)
{
	(void)state;
	struct settings set = settings_default();
	const struct policy all = {.end = POLICY_END_ANY, .priority = PRIORITY_RESPONSIVENESS};
	assert_true(policies_add(&set.policies, &all, 0));
	struct world *w = world_of(set, true);
	w->delay = swapping;
	swapped = false;
	uint32_t seq = transfer(w, 0, 1000, 3000, 1);
	expect_multipath(w);
	swapped = true;
	seq = transfer(w, 0, seq, 2000, 1);
	const struct session *s = only_session(&w->host[0]);
	uint64_t before[4];
	for (unsigned i = 0; i < 4; i++)
		before[i] = s->mp->path[i]->sent_bytes;
	transfer(w, 0, seq, 500, 1);
	for (unsigned i = 0; i < 4; i++)
		if (address_equal(s->mp->path[i]->src.ip, ip("10.0.1.2")))
			assert_true(s->mp->path[i]->sent_bytes - before[i] < 2000);
	world_free(w);
}

/* Sessions */

/* Both ends have the same ID, drawn by one of them; their sockets are what each of them sees. */
static void one_session_id(void **state)
{
	(void)state;
	struct world *w = world_of(settings_default(), true);
	transfer(w, 0, 1000, 500, 1);
	const struct session *a = only_session(&w->host[0]), *b = only_session(&w->host[1]);
	assert_int_equal(a->mp->key.id.n, b->mp->key.id.n);
	assert_int_not_equal(a->generated_here, b->generated_here);
	assert_true(address_equal(a->tuple.remote_ip, b->tuple.local_ip));
	assert_int_equal(a->tuple.protocol, b->tuple.protocol);
	world_free(w);
}

/* Heartbeats do not keep a session alive, user data of either direction does. */
static void expiry_after_120_s(void **state)
{
	(void)state;
	struct world *w = world_of(settings_default(), true);
	datagrams(w, 0, 1000);
	expect_multipath(w);
	for (unsigned i = 0; i < 30; i++) { /* 300 s with a packet every 10 s, from one side */
		run_for(w, 10000);
		datagrams(w, 1, 1);
	}
	struct usec last = w->now;
	assert_int_equal(
		only_session(&w->host[0])->mp->key.id.n, only_session(&w->host[1])->mp->key.id.n);
	assert_int_not_equal(only_session(&w->host[0])->mp->key.id.n, 0);
	run_for(w, 119000);
	assert_non_null(engine_next_session(w->host[1].engine, NULL));
	run_for(w, 1500);
	assert_null(engine_next_session(w->host[0].engine, NULL));
	assert_null(engine_next_session(w->host[1].engine, NULL));
	assert_true(usec_sub(w->now, last).us < 121000000);
	world_free(w);
}

static void the_handshake_starts_over(void **state)
{
	(void)state;
	struct world *w = world_of(settings_default(), true);
	uint32_t seq = transfer(w, 0, 1000, 500, 1);
	uint32_t old = only_session(&w->host[0])->mp->key.id.n;
	uint64_t asked = engine_stats(w->host[0].engine)->n[STAT_QUERIES_SENT];
	run_for(w, 125000);
	seq = transfer(w, 0, seq, 500, 1);
	expect_multipath(w);
	assert_int_not_equal(only_session(&w->host[0])->mp->key.id.n, old);
	assert_int_equal(engine_stats(w->host[0].engine)->n[STAT_QUERIES_SENT], asked + 1);
	run_for(w, 10);
	assert_int_equal(w->host[1].tcp.bytes, seq - 1000);
	world_free(w);
}

static bool drop_multipath(const struct world *w, const struct flight *f)
{
	(void)w;
	return !f->raw;
}

/* Nothing comes for more than 500 ms while we send: regular; then, when it can, multipath again. */
static void fallback_and_back(void **state)
{
	(void)state;
	struct settings set = settings_default();
	set.silence_min = set.silence_max = usec_ms(60000); /* the fallback alone */
	struct world *w = world_of(set, true);
	uint32_t seq = transfer(w, 0, 1000, 1000, 1);
	expect_multipath(w);
	w->drop = drop_multipath;
	seq = transfer(w, 0, seq, 450, 1);
	assert_int_equal(only_session(&w->host[0])->in_use, 4);
	seq = transfer(w, 0, seq, 150, 1);
	assert_int_equal(only_session(&w->host[0])->in_use, 0);
	assert_int_equal(only_session(&w->host[1])->in_use, 0);
	uint64_t before = w->host[1].tcp.packets;
	seq = transfer(w, 0, seq, 500, 1);
	assert_true(w->host[1].tcp.packets - before >= 499);
	w->drop = NULL;
	transfer(w, 0, seq, 1500, 1);
	expect_multipath(w);
	world_free(w);
}

/* An idle session falls back with its next packet, loses nothing although its paths are dead by
 * now, and is multipath again as soon as they answer. */
static void an_idle_session_falls_back(void **state)
{
	(void)state;
	for (int dead = 0; dead < 2; dead++) {
		struct world *w = world_of(settings_default(), true);
		uint32_t seq = transfer(w, 0, 1000, 500, 1);
		expect_multipath(w);
		run_for(w, 20000);
		uint64_t before = w->host[1].tcp.bytes, fallbacks;
		fallbacks = engine_stats(w->host[0].engine)->n[STAT_FALLBACKS];
		w->drop = dead ? drop_multipath : NULL;
		uint32_t first = seq;
		seq = transfer(w, 0, seq, 400, 1);
		run_for(w, 5);
		assert_int_equal(w->host[1].tcp.bytes - before, seq - first);
		assert_int_equal(engine_stats(w->host[0].engine)->n[STAT_FALLBACKS], fallbacks + 1);
		assert_int_equal(only_session(&w->host[0])->in_use, dead ? 0 : 4);
		world_free(w);
	}
}

/* Heartbeats of a one-way stream are enough: it never falls back. */
static void one_way_streams_do_not_fall_back(void **state)
{
	(void)state;
	struct world *w = world_of(settings_default(), true);
	datagrams(w, 0, 20000);
	assert_int_equal(engine_stats(w->host[0].engine)->n[STAT_FALLBACKS], 0);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PAPER("3.6-8, 3.6-9, 3.6-10, 3.6-11: policy rules",
			responsiveness_takes_the_lowest_delay),
		PAPER("3.6-8: segments count by their length", segments_count_by_their_length),
		PAPER("3.6-9: the lowest delay may change", the_lowest_delay_may_change),
		PAPER("3.7-2: one session ID, from one side", one_session_id),
		PAPER("3.7-3, 3.7-4: expiry after 120 s", expiry_after_120_s),
		PAPER("3.7-5: the handshake starts over", the_handshake_starts_over),
		PAPER("3.7-6: fallback after 500 ms, and back", fallback_and_back),
		PAPER("3.7-7: an idle session falls back and loses nothing",
			an_idle_session_falls_back),
		PAPER("3.7-6: one-way streams do not fall back", one_way_streams_do_not_fall_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
