// SPDX-License-Identifier: BSD-2-Clause
/* Sections 3.3 to 3.5 of the paper: paths, the feedback loop, changes of addresses, heartbeats. */

#include "mpip/core/engine_testbed.h"

#include <arpa/inet.h>

static const struct path *path_between(const struct host *h, const char *src, const char *dst)
{
	const struct session *s = only_session(h);
	for (unsigned i = 0; i < s->paths; i++)
		if (address_equal(s->mp->path[i]->src.ip, ip(src)) &&
			address_equal(s->mp->path[i]->dst.ip, ip(dst)))
			return s->mp->path[i];
	return NULL;
}

static void m_times_n_paths(void **state)
{
	(void)state;
	struct world *w = world_of(settings_default(), true);
	transfer(w, 0, 1000, 500, 1);
	expect_multipath(w);
	static const char *const client[] = {"10.0.1.2", "10.0.2.2"}, *const server[] = {"10.0.3.2",
									      "10.0.4.2"};
	for (unsigned i = 0; i < 2; i++)
		for (unsigned j = 0; j < 2; j++) {
			assert_non_null(path_between(&w->host[0], client[i], server[j]));
			assert_non_null(path_between(&w->host[1], server[j], client[i]));
		}
	world_free(w);
}

/* From 1, different for each of a node's paths. */
static void path_ids(void **state)
{
	(void)state;
	struct world *w = world_of(settings_default(), true);
	transfer(w, 0, 1000, 500, 1);
	unsigned seen = 0;
	for (unsigned i = 0; i < 4; i++)
		seen |= 1u << only_session(&w->host[0])->mp->path[i]->id.n;
	assert_int_equal(seen, 0x1e); /* 1, 2, 3, 4 */
	world_free(w);
}

static int64_t second_server_nic_delay;

/* Paths to or from the server's second NIC take longer or not, the client's second NIC 2 ms more.
 */
static int64_t uneven(const struct world *w, const struct flight *f)
{
	(void)w;
	bool server2 =
		address_equal(f->src, ip("10.0.4.2")) || address_equal(f->dst, ip("10.0.4.2"));
	bool client2 =
		address_equal(f->src, ip("10.0.2.2")) || address_equal(f->dst, ip("10.0.2.2"));
	return 3000 + (server2 ? second_server_nic_delay : 0) + (client2 ? 2000 : 0);
}

static uint64_t sent_on(const struct world *w, const char *src, const char *dst)
{
	return path_between(&w->host[0], src, dst)->sent_bytes;
}

/* Of four paths two are used, the fastest; the others carry heartbeats only, and are used when the
 * ranking changes. */
static void the_fastest_n(void **state)
{
	(void)state;
	struct settings set = settings_default();
	set.max_active_paths = 2;
	set.min_delay_window = usec_ms(4000);
	struct world *w = world_of(set, true);
	w->delay = uneven;
	second_server_nic_delay = 10000; /* 3, 5, 13 and 15 ms */
	uint32_t seq = transfer(w, 0, 1000, 4000, 1);
	assert_int_equal(only_session(&w->host[0])->in_use, 2);
	uint64_t slow = sent_on(w, "10.0.1.2", "10.0.4.2") + sent_on(w, "10.0.2.2", "10.0.4.2");
	seq = transfer(w, 0, seq, 2000, 1);
	assert_true(sent_on(w, "10.0.1.2", "10.0.4.2") + sent_on(w, "10.0.2.2", "10.0.4.2") - slow <
		    4000);
	assert_int_equal(path_between(&w->host[0], "10.0.1.2", "10.0.4.2")->state, PATH_STANDBY);

	second_server_nic_delay = -2000; /* now 3, 5, 1 and 3: the first stays, the third comes */
	seq = transfer(w, 0, seq, 10000, 1);
	assert_int_equal(only_session(&w->host[0])->in_use, 2);
	assert_int_equal(path_between(&w->host[0], "10.0.1.2", "10.0.4.2")->state, PATH_IN_USE);
	assert_int_equal(path_between(&w->host[0], "10.0.2.2", "10.0.3.2")->state, PATH_STANDBY);
	run_for(w, 20);
	assert_int_equal(w->host[1].tcp.bytes, seq - 1000);
	world_free(w);
}

static bool drop_first_server_nic(const struct world *w, const struct flight *f)
{
	(void)w;
	return address_equal(f->src, ip("10.0.3.2")) || address_equal(f->dst, ip("10.0.3.2"));
}

/* A used path that is lost is replaced by a spare one at once. */
static void a_spare_replaces_a_lost_path(void **state)
{
	(void)state;
	struct settings set = settings_default();
	set.max_active_paths = 2;
	struct world *w = world_of(set, true);
	w->delay = uneven;
	second_server_nic_delay = 10000;
	uint32_t seq = transfer(w, 0, 1000, 4000, 1);
	w->drop = drop_first_server_nic;
	transfer(w, 0, seq, 1000, 1);
	assert_int_equal(only_session(&w->host[0])->in_use, 2);
	assert_int_equal(path_between(&w->host[0], "10.0.1.2", "10.0.4.2")->state, PATH_IN_USE);
	assert_int_equal(engine_stats(w->host[0].engine)->n[STAT_FALLBACKS], 0);
	world_free(w);
}

/* One-way delays by path, whatever the clocks show: D differs from path to path as delays do. */
static void delays_despite_clocks(void **state)
{
	(void)state;
	struct settings set = settings_default();
	struct world *w = calloc(1, sizeof(*w));
	assert_non_null(w);
	w->now = usec_ms(1000000);
	open_host(w, 0, set);
	set.clock = (struct clock_distortion){.any = true, .offset = usec_ms(-7200 * 1000)};
	open_host(w, 1, set); /* two hours behind */
	w->delay = uneven;
	second_server_nic_delay = 10000;
	transfer(w, 0, 1000, 3000, 1);
	expect_multipath(w);
	const struct path *fast = path_between(&w->host[0], "10.0.1.2", "10.0.3.2");
	const struct path *slow = path_between(&w->host[0], "10.0.2.2", "10.0.4.2");
	assert_in_range(slow->delay - fast->delay, 11000, 13000);
	assert_in_range((uint32_t)(fast->delay + 7200000000u), 2000, 4000);
	for (unsigned i = 0; i < 4; i++)
		assert_in_range(only_session(&w->host[0])->mp->path[i]->queuing, 0, 500);
	world_free(w);
}

/* Flags_IP_Change */

static unsigned changes_seen;
static bool change_has_list;

static void see_changes(struct world *w, const struct flight *f)
{
	struct cm cm;
	(void)w;
	if (cm_of(f, &cm) && cm.flags & CM_FLAG_IP_CHANGE) {
		changes_seen++;
		change_has_list |= cm.has_addresses;
	}
}

static struct address_list two(const char *a, const char *b)
{
	struct address_list list = {2, {ip(a), ip(b)}};
	return list;
}

/* The client's addresses become `list` in the middle of a transfer from `from`. Until every path is
 * back, at most 300 ms; nothing that was sent after the change is lost. */
static void change_in(struct settings set, struct address_list list, unsigned from)
{
	struct world *w = world_of(set, true);
	uint32_t seq = transfer(w, from, 1000, 1000, 1);
	expect_multipath(w);
	changes_seen = 0;
	change_has_list = false;
	w->tap = see_changes;
	run_for(w, 10); /* nothing is under way */
	uint64_t before = w->host[!from].tcp.bytes;
	set_addresses(w, 0, list);

	/* One path is left at once, at the other end when it hears of it. */
	const struct session *s = only_session(&w->host[0]);
	assert_int_equal(s->in_use, 1);
	assert_int_equal(s->arrivals, 0);
	assert_true(address_equal(s->tuple.local_ip, ip("10.0.1.2")));
	run_for(w, 2);
	assert_int_equal(only_session(&w->host[1])->in_use >= 1, 1);
	assert_true(changes_seen > 0 && change_has_list);
	assert_int_equal(engine_stats(w->host[1].engine)->n[STAT_IP_CHANGES_RECEIVED], 1);
	assert_in_range(only_session(&w->host[1])->arrivals, 1, 2 * list.count);

	uint32_t then = seq;
	seq = transfer(w, from, seq, 300, 1);
	for (unsigned i = 0; i < 2; i++) {
		s = only_session(&w->host[i]);
		assert_int_equal(s->paths, 2 * list.count);
		assert_int_equal(s->in_use, 2 * list.count);
	}
	run_for(w, 10);
	assert_int_equal(w->host[!from].tcp.bytes - before, seq - then);
	assert_int_equal(w->host[!from].tcp.wrong, 0);
	assert_int_equal(engine_stats(w->host[0].engine)->n[STAT_FALLBACKS], 0);
	assert_int_equal(engine_stats(w->host[1].engine)->n[STAT_FALLBACKS], 0);
	assert_false(only_session(&w->host[0])->mp->moving);
	world_free(w);
}

static const enum encapsulation encaps[] = {ENCAP_UDP, ENCAP_LITERAL};

static void its_own_address_changes(void **state)
{
	(void)state;
	for (unsigned f = 0; f < 2; f++)
		for (unsigned from = 0; from < 2; from++) {
			struct settings set = settings_default();
			set.encap = encaps[f];
			change_in(set, two("10.0.1.77", "10.0.2.2"), from);
		}
}

static void an_address_is_removed(void **state)
{
	(void)state;
	for (unsigned from = 0; from < 2; from++) {
		change_in(settings_default(), (struct address_list){1, {ip("10.0.2.2")}}, from);
		change_in(settings_default(), (struct address_list){1, {ip("10.0.1.2")}}, from);
	}
}

static void an_address_is_added(void **state)
{
	(void)state;
	struct address_list three = {3, {ip("10.0.1.2"), ip("10.0.2.2"), ip("10.0.9.9")}};
	change_in(settings_default(), three, 0);
	change_in(settings_default(), three, 1);
}

/* All of them at once: the other end has never heard of any of these. */
static void all_addresses_change(void **state)
{
	(void)state;
	change_in(settings_default(), two("10.0.8.1", "10.0.9.1"), 0);
	change_in(settings_default(), two("10.0.8.1", "10.0.9.1"), 1);
}

/* Rows that a change gives back are there for the next: none is lost in a hundred changes. */
static void rows_are_given_back(void **state)
{
	(void)state;
	struct settings set = settings_default();
	set.max_paths = 12;
	struct world *w = world_of(set, true);
	uint32_t seq = transfer(w, 0, 1000, 1000, 1);
	for (unsigned i = 0; i < 100; i++) {
		set_addresses(w, 0, two(i & 1 ? "10.0.1.2" : "10.0.1.77", "10.0.2.2"));
		seq = transfer(w, 0, seq, 300, 1);
		expect_multipath(w);
	}
	world_free(w);
}

/* What is said again, late or by somebody who has heard it, does not reset the session once more.
 */
static struct flight heard;

static void keep_a_change(struct world *w, const struct flight *f)
{
	struct cm cm;
	(void)w;
	if (!heard.length && cm_of(f, &cm) && cm.flags & CM_FLAG_IP_CHANGE)
		heard = *f;
}

static void a_change_counts_once(void **state)
{
	(void)state;
	struct world *w = world_of(settings_default(), true);
	uint32_t seq = transfer(w, 0, 1000, 1000, 1);
	heard.length = 0;
	w->tap = keep_a_change;
	set_addresses(w, 0, two("10.0.1.77", "10.0.2.2"));
	seq = transfer(w, 0, seq, 1000, 1);
	assert_true(heard.length > 0);
	for (unsigned i = 0; i < 5; i++) {
		struct flight again = heard;
		struct wire_input in = {.bytes = again.bytes,
			.length = again.length,
			.from = {again.src, htons(WIRE_PORT)},
			.arrived = w->now};
		engine_from_wire(w->host[1].engine, &in, w->now, &w->host[1].actions);
		carry(w, 1);
		assert_int_equal(only_session(&w->host[1])->in_use, 4);
		seq = transfer(w, 0, seq, 300, 1);
	}
	assert_int_equal(engine_stats(w->host[1].engine)->n[STAT_IP_CHANGES_RECEIVED], 1);
	world_free(w);
}

/* The packet that says so comes from where there is no path, and there is no room for one: until
 * the paths are back, the session is regular, since then, and with this reason. */
static void a_change_that_leaves_no_path(void **state)
{
	(void)state;
	struct settings set = settings_default();
	set.max_paths = 4;
	struct world *w = world_of(set, true);
	uint32_t seq = transfer(w, 0, 1000, 1000, 1);
	expect_multipath(w);
	const struct session *s = only_session(&w->host[1]);
	struct cm cm = {.node = s->mp->key.node,
		.session = s->mp->key.id,
		.flags = CM_FLAG_HB | CM_FLAG_IP_CHANGE,
		.has_addresses = true,
		.addresses = s->mp->peer->addresses,
		.list_version = s->mp->peer->list_version};
	uint8_t bytes[CM_MAX];
	struct wire_input in = {.bytes = bytes, .from = {ip("10.0.1.2"), htons(999)}};
	in.length = (uint32_t)cm_encode(&cm, (struct cm_binding){0}, bytes);
	engine_from_wire(w->host[1].engine, &in, w->now, &w->host[1].actions);
	assert_int_equal(engine_stats(w->host[1].engine)->n[STAT_IP_CHANGES_RECEIVED], 1);
	assert_int_equal(s->in_use, 0);
	assert_int_equal(s->mp->regular_since.us, w->now.us);
	assert_string_equal(s->regular_reason, "addresses of the other end changed");
	carry(w, 1);
	transfer(w, 0, seq, 1000, 1);
	expect_multipath(w);
	world_free(w);
}

static bool lose_to_client(const struct world *w, const struct flight *f)
{
	(void)w;
	return f->to == 0;
}

/* A second change so soon that the other end only takes its list, and whose acknowledgement is
 * lost: when it is said again and the session is reset, the paths to that list are made all the
 * same. */
static void two_changes_in_a_row(void **state)
{
	(void)state;
	for (unsigned f = 0; f < 2; f++) {
		struct settings set = settings_default();
		set.encap = encaps[f];
		struct world *w = world_of(set, true);
		uint32_t seq = transfer(w, 0, 1000, 1000, 1);
		set_addresses(w, 0, two("10.0.1.77", "10.0.2.2"));
		seq = transfer(w, 0, seq, 50, 1);
		set_addresses(w, 0, two("10.0.1.77", "10.0.2.77"));
		w->drop = lose_to_client;
		seq = transfer(w, 0, seq, 250, 1);
		w->drop = NULL;
		transfer(w, 0, seq, 2000, 1);
		assert_true(engine_stats(w->host[1].engine)->n[STAT_IP_CHANGES_IGNORED] > 0);
		for (unsigned i = 0; i < 2; i++) {
			const struct session *s = only_session(&w->host[i]);
			assert_int_equal(s->paths, 4);
			assert_int_equal(s->in_use, 4);
			for (unsigned k = 0; k < 4; k++)
				assert_false(s->mp->path[k]->reflexive);
		}
		world_free(w);
	}
}

static bool lose_changes(const struct world *w, const struct flight *f)
{
	(void)w;
	struct cm cm;
	return changes_seen <= 3 && cm_of(f, &cm) && cm.flags & CM_FLAG_IP_CHANGE;
}

static void lost_changes_are_said_again(void **state)
{
	(void)state;
	struct world *w = world_of(settings_default(), true);
	uint32_t seq = transfer(w, 0, 1000, 1000, 1);
	changes_seen = 0;
	w->tap = see_changes;
	w->drop = lose_changes;
	set_addresses(w, 0, two("10.0.1.77", "10.0.2.2"));
	transfer(w, 0, seq, 1500, 1);
	assert_true(changes_seen > 3);
	expect_multipath(w);
	world_free(w);
}

/* Only a live session, only with its IDs, and not too often: nothing else is reset. */
static void forged_changes(void **state)
{
	(void)state;
	struct world *w = world_of(settings_default(), true);
	uint32_t seq = transfer(w, 0, 1000, 1000, 1);
	const struct session *s = only_session(&w->host[1]);
	struct cm cm = {.node = s->mp->key.node,
		.session = s->mp->key.id,
		.flags = CM_FLAG_HB | CM_FLAG_IP_CHANGE,
		.has_addresses = true,
		.addresses = {1, {ip("10.6.6.6")}}};
	uint8_t bytes[CM_MAX];
	struct wire_input in = {.bytes = bytes, .from = {ip("10.6.6.6"), htons(WIRE_PORT)}};
	const uint64_t *taken = &engine_stats(w->host[1].engine)->n[STAT_IP_CHANGES_RECEIVED];

	cm.session.n ^= 2; /* not a session of ours */
	in.length = (uint32_t)cm_encode(&cm, (struct cm_binding){0}, bytes);
	engine_from_wire(w->host[1].engine, &in, w->now, &w->host[1].actions);
	cm.session = s->mp->key.id;
	cm.node.b[0] ^= 4; /* nor a node */
	in.length = (uint32_t)cm_encode(&cm, (struct cm_binding){0}, bytes);
	engine_from_wire(w->host[1].engine, &in, w->now, &w->host[1].actions);
	carry(w, 1);
	assert_int_equal(*taken, 0);
	transfer(w, 0, seq, 100, 1);
	expect_multipath(w);

	/* Right IDs, many times within a second. */
	cm.node = s->mp->key.node;
	struct usec until = usec_add(w->now, usec_ms(1000));
	for (unsigned i = 0; usec_before(w->now, until); i++) {
		cm.list_version = (uint8_t)i;
		in.length = (uint32_t)cm_encode(&cm, (struct cm_binding){0}, bytes);
		engine_from_wire(w->host[1].engine, &in, w->now, &w->host[1].actions);
		carry(w, 1);
		run_for(w, 1);
	}
	assert_in_range(*taken, 1, 6);
	assert_true(engine_stats(w->host[1].engine)->n[STAT_IP_CHANGES_IGNORED] > 900);
	world_free(w);
}

/* Heartbeats */

static struct {
	unsigned copies[2], exchanged, others;
	struct usec last[2], longest[2];
} beat;

static void see_heartbeats(struct world *w, const struct flight *f)
{
	struct cm cm;
	unsigned from = !f->to;
	if (!cm_of(f, &cm) || !(cm.flags & CM_FLAG_HB) || cm.flags & CM_FLAG_PROBE || from == 0)
		return;
	/* In the udp encapsulation the session's header comes first: its ports, from the server's
	 * end. */
	const struct udp_header *udp = (const void *)f->bytes;
	if (f->raw || f->length < sizeof(*udp) + CM_FIXED) {
		beat.others++;
		return;
	}
	beat.copies[from]++;
	beat.exchanged += get16(udp->src) == SERVER_PORT && get16(udp->dst) == CLIENT_PORT;
	(void)w;
}

/* One-way datagrams: heartbeats are copies with the ends exchanged, on all paths; every path is
 * measured and used, and none of them reaches an application. */
static void one_way_udp(void **state)
{
	(void)state;
	struct world *w = world_of(settings_default(), true);
	datagrams(w, 0, 1000);
	expect_multipath(w);
	memset(&beat, 0, sizeof(beat));
	w->tap = see_heartbeats;
	uint64_t before = w->host[0].udp.packets;
	datagrams(w, 0, 3000);
	assert_true(beat.copies[1] >= 4 * 3000 / 300);
	assert_int_equal(beat.exchanged, beat.copies[1]);
	assert_int_equal(w->host[0].udp.packets, before);
	run_for(w, 10);
	assert_int_equal(w->host[1].udp.packets, 4000);
	const struct session *s = only_session(&w->host[0]);
	for (unsigned i = 0; i < 4; i++) {
		assert_true(s->mp->path[i]->sent_packets > 400);
		assert_true(usec_sub(w->now, s->mp->path[i]->last_feedback).us < 400000);
	}
	/* Chosen as for any packet: all of the server's paths have carried some. */
	s = only_session(&w->host[1]);
	for (unsigned i = 0; i < 4; i++)
		assert_true(s->mp->path[i]->sent_packets > 3);
	world_free(w);
}

/* Where user data goes the other way all the time, none is due. */
static void no_heartbeat_without_need(void **state)
{
	(void)state;
	struct world *w = world_of(settings_default(), true);
	uint32_t seq = transfer(w, 0, 1000, 1000, 1);
	memset(&beat, 0, sizeof(beat));
	w->tap = see_heartbeats;
	transfer(w, 0, seq, 2000, 1);
	assert_int_equal(beat.copies[1] + beat.others, 0);
	world_free(w);
}

/* In the literal encapsulation the user data goes back, too. */
static unsigned full_copies;

static void see_full_copies(struct world *w, const struct flight *f)
{
	(void)w;
	struct cm cm;
	if (cm_of(f, &cm) && cm.flags & CM_FLAG_HB && f->to == 0 && f->raw &&
		f->length >= 20 + 8 + 500 + CM_FIXED) {
		uint64_t wrong = 0;
		for (unsigned i = 0; i < 500; i++)
			wrong += f->bytes[28 + i] != (uint8_t)(500 * 3 + i);
		full_copies += wrong == 0;
	}
}

static void literal_heartbeat_is_a_whole_copy(void **state)
{
	(void)state;
	struct settings set = settings_default();
	set.encap = ENCAP_LITERAL;
	struct world *w = world_of(set, true);
	full_copies = 0;
	w->tap = see_full_copies;
	datagrams(w, 0, 4000);
	expect_multipath(w);
	assert_true(full_copies >= 30);
	assert_int_equal(w->host[0].udp.packets, 0);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PAPER("3.3-1, 3.3-5: M*N paths, from every local address", m_times_n_paths),
		PAPER("3.3-2: Path IDs are unique and start at 1", path_ids),
		PAPER("3.3-7: only the fastest N paths are used", the_fastest_n),
		PAPER("3.3-7: a spare path replaces a lost one", a_spare_replaces_a_lost_path),
		PAPER("3.4-2, 3.4-3: one-way delays, whatever the clocks show",
			delays_despite_clocks),
		PAPER("3.4-7, 3.4-8, 3.4-9: the session's own address changes",
			its_own_address_changes),
		PAPER("3.4-9: an address is removed", an_address_is_removed),
		PAPER("3.4-9: an address is added", an_address_is_added),
		PAPER("3.4-8: the change comes from an unknown address", all_addresses_change),
		PAPER("3.4-10: lost changes are said again", lost_changes_are_said_again),
		PAPER("3.4-8: a change counts once", a_change_counts_once),
		PAPER("3.4-9: two changes in a row", two_changes_in_a_row),
		PAPER("3.4-8: a change that leaves no path", a_change_that_leaves_no_path),
		PAPER("3.4-9: the rows are given back", rows_are_given_back),
		PAPER("3.4-8: forged changes", forged_changes),
		PAPER("3.5-1, 3.5-2, 3.5-3, 3.5-4, 3.5-5: one-way UDP", one_way_udp),
		PAPER("3.5-1: no heartbeat without need", no_heartbeat_without_need),
		PAPER("3.5-1: the literal form copies user data",
			literal_heartbeat_is_a_whole_copy),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
