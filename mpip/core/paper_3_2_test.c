// SPDX-License-Identifier: BSD-2-Clause
/* Sections 3.1 and 3.2 of the paper: the control message on its packets, and the handshake. */

#include "mpip/core/engine_testbed.h"

/* What the tap has seen, by direction. */
static struct seen {
	uint64_t packets, cms, queries, confirmations, lost;
	uint32_t query_seq, confirmation_seq, last_seq;
	bool query_has_data, confirmation_has_data;
	uint8_t flags;
} seen[2];
static struct node_id node[2];
static unsigned lose_queries, lose_confirmations; /* the first so many */

static void look(struct world *w, const struct flight *f)
{
	(void)w;
	static uint8_t bytes[sizeof(f->bytes)];
	struct seen *s = &seen[!f->to];
	struct cm cm;
	struct packet p;
	s->packets++;
	memcpy(bytes, f->bytes, f->length);
	bool is_tcp = f->raw && packet_view(&p, bytes, f->length, false) == PACKET_TCP;
	if (!cm_of(f, &cm)) {
		if (is_tcp)
			s->last_seq = get32(p.tcp->seq);
		return;
	}
	s->cms++;
	s->flags |= cm.flags;
	node[!f->to] = cm.node;
	if (cm.flags & CM_FLAG_ENABLE) {
		s->queries++;
		s->query_seq = is_tcp ? get32(p.tcp->seq) : 0;
		s->query_has_data = is_tcp && p.data_length > 0;
	}
	if (cm.flags & CM_FLAG_ENABLED) {
		s->confirmations++;
		s->confirmation_seq = is_tcp ? get32(p.tcp->seq) : 0;
		s->confirmation_has_data = is_tcp && p.data_length > 0;
	}
}

static bool lose_handshake(const struct world *w, const struct flight *f)
{
	(void)w;
	struct cm cm;
	if (!f->raw || !cm_of(f, &cm))
		return false;
	unsigned *left = cm.flags & CM_FLAG_ENABLE    ? &lose_queries
			 : cm.flags & CM_FLAG_ENABLED ? &lose_confirmations
						      : NULL;
	if (!left || *left == 0)
		return false;
	--*left;
	return true;
}

static struct world *watched(struct settings set, bool server_has_mpip)
{
	struct world *w = world_of(set, server_has_mpip);
	memset(seen, 0, sizeof(seen));
	lose_queries = lose_confirmations = 0;
	w->tap = look;
	return w;
}

static const struct stats *stats_of(const struct world *w, unsigned i)
{
	return engine_stats(w->host[i].engine);
}

/* Each encapsulation: every packet of the session ends with a CM, of this node's ID and 28 bytes.
 */
static void every_packet_has_a_cm(void **state)
{
	(void)state;
	for (int encap = ENCAP_UDP; encap <= ENCAP_LITERAL; encap++) {
		struct settings set = settings_default();
		set.encap = (enum encapsulation)encap;
		struct world *w = watched(set, true);
		uint32_t seq = transfer(w, 0, 1000, 500, 1);
		expect_multipath(w);
		struct seen before = seen[0];
		transfer(w, 0, seq, 500, 1);
		assert_int_equal(seen[0].packets - before.packets, seen[0].cms - before.cms);
		for (unsigned i = 0; i < 2; i++)
			assert_int_equal(node[i].b[5], 1 + i);
		world_free(w);
	}
}

static uint32_t longest, shortest;

static void measure(struct world *w, const struct flight *f)
{
	(void)w;
	longest = f->length > longest ? f->length : longest;
	shortest = f->length < shortest ? f->length : shortest;
}

/* In the steady state 28 bytes: the datagram is TCP header, user data and CM. */
static void the_cm_is_28_bytes(void **state)
{
	(void)state;
	struct world *w = world_of(settings_default(), true);
	uint32_t seq = transfer(w, 0, 1000, 5000, 1);
	longest = 0;
	shortest = UINT32_MAX;
	w->tap = measure;
	seq = transfer(w, 0, seq, 1000, 1);
	assert_int_equal(longest, 20 + 1000 + 28);
	/* Nor where there is room for more, once what was owed is said. */
	for (unsigned i = 0; i < 500; i++) {
		longest = i < 100 ? 0 : longest;
		send_packet(w, 0, IPPROTO_TCP, seq + i * 500, 500, 1);
		run_for(w, 1);
	}
	assert_int_equal(longest, 20 + 500 + 28);
	world_free(w);
}

static bool corrupt_all(const struct world *w, const struct flight *f)
{
	(void)w;
	if (!f->raw) /* a bit of the timestamp in the CM */
		((struct flight *)(uintptr_t)f)->bytes[f->length - 10] ^= 4;
	return false;
}

/* A CM whose checksum is wrong is none: nothing of it is believed, and no application reads it. */
static void a_wrong_checksum_is_no_cm(void **state)
{
	(void)state;
	struct world *w = world_of(settings_default(), true);
	uint32_t seq = transfer(w, 0, 1000, 500, 1);
	expect_multipath(w);
	uint64_t before = w->host[1].tcp.packets;
	w->drop = corrupt_all;
	for (unsigned i = 0; i < 50; i++) {
		send_packet(w, 0, IPPROTO_TCP, seq + i * 1000, 1000, 1);
		run_for(w, 1);
	}
	assert_int_equal(w->host[1].tcp.packets, before);
	assert_true(stats_of(w, 1)->n[STAT_DROP_NO_CM] >= 48);
	world_free(w);
}

static void regular_before_the_handshake(void **state)
{
	(void)state;
	struct world *w = watched(settings_default(), true);
	lose_queries = 1000;
	w->drop = lose_handshake;
	uint32_t seq = transfer(w, 0, 1000, 300, 1);
	assert_int_equal(w->host[1].wrapped_seen, 0);
	assert_int_equal(w->host[1].tcp.bytes, seq - 1000);
	assert_int_equal(w->host[1].tcp.wrong, 0);
	world_free(w);
}

/* A query is a copy of the packet, with its sequence number; the original goes too. Ours has no
 * user data: a plain host would read it twice. */
static void a_query_is_a_copy(void **state)
{
	(void)state;
	struct world *w = watched(settings_default(), true);
	send_packet(w, 0, IPPROTO_TCP, 4711, 1000, 1);
	assert_int_equal(seen[0].packets, 2);
	assert_int_equal(seen[0].queries, 1);
	assert_int_equal(seen[0].query_seq, 4711);
	assert_int_equal(seen[0].last_seq, 4711);
	assert_false(seen[0].query_has_data);
	run_for(w, 10);
	assert_int_equal(w->host[1].tcp.packets, 1);
	world_free(w);
}

/* Table 2 of the end that is asked has the address as True. */
static void the_asked_end_learns(void **state)
{
	(void)state;
	struct world *w = watched(settings_default(), true);
	send_packet(w, 0, IPPROTO_TCP, 1000, 100, 1);
	run_for(w, 5);
	struct peers *t = (struct peers *)(uintptr_t)engine_peers(w->host[1].engine);
	struct availability *row = availability_find(t, ip("10.0.1.2"), htons(CLIENT_PORT));
	assert_non_null(row);
	assert_int_equal(row->mpip, MPIP_TRUE);
	world_free(w);
}

/* TCP: it waits for the next packet, and is a copy of it. */
static void tcp_confirmation_waits(void **state)
{
	(void)state;
	struct world *w = watched(settings_default(), true);
	send_packet(w, 0, IPPROTO_TCP, 1000, 100, 1);
	run_for(w, 1000);
	assert_int_equal(seen[1].confirmations, 0);
	send_packet(w, 1, IPPROTO_TCP, 777, 50, 1);
	assert_int_equal(seen[1].confirmations, 1);
	assert_int_equal(seen[1].confirmation_seq, 777);
	assert_int_equal(seen[1].last_seq, 777);
	assert_false(seen[1].confirmation_has_data);
	world_free(w);
}

/* Others: at once, without waiting for traffic. */
static void udp_confirmation_is_immediate(void **state)
{
	(void)state;
	struct world *w = watched(settings_default(), true);
	send_packet(w, 0, IPPROTO_UDP, 0, 500, 1);
	run_for(w, 2);
	assert_int_equal(seen[1].confirmations, 1);
	world_free(w);
}

/* Neither reaches an application. */
static void copies_stop_at_the_network_layer(void **state)
{
	(void)state;
	struct world *w = watched(settings_default(), true);
	transfer(w, 0, 1000, 100, 1);
	assert_int_equal(w->host[1].tcp.packets, 100);
	assert_int_equal(w->host[0].queries_seen + w->host[1].queries_seen, 0);
	datagrams(w, 0, 100);
	run_for(w, 10);
	assert_int_equal(w->host[1].udp.packets, 100);
	assert_int_equal(w->host[0].queries_seen + w->host[1].queries_seen, 0);
	world_free(w);
}

static void one_query_is_enough(void **state)
{
	(void)state;
	struct world *w = watched(settings_default(), true);
	transfer(w, 0, 1000, 500, 1);
	assert_int_equal(seen[0].queries + seen[1].queries, 1);
	expect_multipath(w);
	world_free(w);
}

/* Up to four of each may be lost; and some are in flight at the same time. */
static void lost_queries_and_confirmations(void **state)
{
	(void)state;
	for (unsigned queries = 0; queries < 5; queries++)
		for (unsigned confirmations = 0; confirmations + queries < 5; confirmations++) {
			struct world *w = watched(settings_default(), true);
			w->drop = lose_handshake;
			lose_queries = queries;
			lose_confirmations = confirmations;
			uint32_t seq = transfer(w, 0, 1000, 2000, 1);
			expect_multipath(w);
			assert_int_equal(w->host[1].tcp.bytes, seq - 1000);
			world_free(w);
		}
}

static int64_t slow(const struct world *w, const struct flight *f)
{
	(void)w;
	(void)f;
	return 250000;
}

/* A round trip of 500 ms and a query every 100 ms: five are in flight at once. */
static void several_in_flight(void **state)
{
	(void)state;
	struct world *w = watched(settings_default(), true);
	w->delay = slow;
	for (unsigned i = 0; i < 500; i++) {
		send_packet(w, 0, IPPROTO_TCP, 1000, 100, 1);
		run_for(w, 1);
	}
	transfer(w, 0, 1100, 4000, 1);
	assert_int_equal(seen[0].queries, 5);
	assert_int_equal(stats_of(w, 1)->n[STAT_QUERIES_RECEIVED], 5);
	assert_int_equal(stats_of(w, 1)->n[STAT_SESSIONS_CREATED], 1);
	expect_multipath(w);
	world_free(w);
}

static void both_ends_at_once(void **state)
{
	(void)state;
	for (unsigned lost = 0; lost < 6; lost++) {
		struct world *w = watched(settings_default(), true);
		w->drop = lose_handshake;
		lose_queries = lost & 1;
		lose_confirmations = lost >> 1;
		uint32_t seq = 1000;
		for (unsigned i = 0; i < 1500; i++) {
			send_packet(w, 0, IPPROTO_TCP, seq, 500, 1);
			send_packet(w, 1, IPPROTO_TCP, seq, 500, 1);
			seq += 500;
			run_for(w, 1);
		}
		run_for(w, 50);
		expect_multipath(w);
		assert_int_equal(w->host[0].tcp.bytes, seq - 1000);
		assert_int_equal(w->host[1].tcp.bytes, seq - 1000);
		world_free(w);
	}
}

static void five_queries_and_no_more(void **state)
{
	(void)state;
	struct world *w = watched(settings_default(), false);
	uint32_t seq = transfer(w, 0, 1000, 3000, 1);
	assert_int_equal(w->host[1].queries_seen, 5);
	assert_int_equal(w->host[0].excluded, 1);
	assert_int_equal(w->host[1].tcp.bytes, seq - 1000);
	assert_int_equal(w->host[1].tcp.wrong, 0);
	world_free(w);
}

/* Ours: a "no" is believed for no_expiry, and a peer that has MPIP by then is found. */
static void a_no_expires(void **state)
{
	(void)state;
	struct settings set = settings_default();
	set.no_expiry = usec_ms(10000);
	struct world *w = watched(set, false);
	uint32_t seq = transfer(w, 0, 1000, 1500, 1);
	assert_int_equal(w->host[0].excluded, 1);
	run_for(w, 8000);
	assert_int_equal(w->host[0].included, 0);
	open_host(w, 1, set);
	run_for(w, 2000);
	assert_int_equal(w->host[0].included, 1);
	transfer(w, 0, seq, 1000, 1);
	expect_multipath(w);
	assert_true(stats_of(w, 0)->n[STAT_QUERIES_SENT] > 5);
	world_free(w);
}

/* The receiver has MPIP, the sender has not: no query at all. */
static void one_way_traffic(void **state)
{
	(void)state;
	struct world *w = watched(settings_default(), false);
	datagrams(w, 1, 500);
	assert_int_equal(seen[0].packets, 0);
	assert_int_equal(w->host[0].udp.packets, 500);

	/* Nor where the hook shows us the packet, as it does those of an old session's flow. */
	uint8_t bytes[64] = {0};
	struct ip_header *iph = (void *)bytes;
	struct udp_header *udp = (void *)(iph + 1);
	ip_header_make(iph, IPPROTO_UDP, 36, 1, ip("10.0.3.2"), ip("10.0.1.2"));
	udp->src = put16(SERVER_PORT);
	udp->dst = put16(CLIENT_PORT);
	udp->length = put16(16);
	struct host_input in = {.bytes = bytes, .length = 36};
	engine_from_hook(w->host[0].engine, &in, w->now, &w->host[0].actions);
	assert_int_equal(w->host[0].actions.wires, 0);
	assert_int_equal(w->host[0].actions.hosts, 1);
	carry(w, 0);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PAPER("3.1-1, 3.1-4: each packet of a session ends with a CM of the node",
			every_packet_has_a_cm),
		PAPER("3.1-3: the CM is at most 28 bytes in the steady state", the_cm_is_28_bytes),
		PAPER("3.1-8: a wrong checksum is no CM", a_wrong_checksum_is_no_cm),
		PAPER("3.2-1: regular traffic before the handshake finishes",
			regular_before_the_handshake),
		PAPER("3.2-3: a query is a copy of the packet", a_query_is_a_copy),
		PAPER("3.2-4: the receiver of a query enters its sender", the_asked_end_learns),
		PAPER("3.2-5: not TCP: the confirmation at once", udp_confirmation_is_immediate),
		PAPER("3.2-6: TCP: the confirmation with the next packet", tcp_confirmation_waits),
		PAPER("3.2-7: copies are not passed up", copies_stop_at_the_network_layer),
		PAPER("3.2-8: one query is enough", one_query_is_enough),
		PAPER("3.2-9: lost queries and confirmations", lost_queries_and_confirmations),
		PAPER("3.2-9: several in flight", several_in_flight),
		PAPER("3.2-9: both ends at once", both_ends_at_once),
		PAPER("3.2-10: five queries, then no MPIP", five_queries_and_no_more),
		PAPER("3.2-10: a no expires", a_no_expires),
		PAPER("3.2-11: one-way traffic from a plain sender: no query", one_way_traffic),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
