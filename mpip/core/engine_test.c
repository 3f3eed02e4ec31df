// SPDX-License-Identifier: BSD-2-Clause
/*
 * Two engines and the networks between them, in virtual time: every test here runs the protocol
 * as two hosts would.
 *
 *      client 10.0.1.2, 10.0.2.2  ---  each address to each, 1 or 0.7 ms  ---
 * server 10.0.3.2, 10.0.4.2
 */

#include "mpip/core/engine.h"
#include "mpip/core/packet.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define WIRES  2048
#define HOSTS  2048
#define STEERS 256
#define FLYING 4096

struct flight {
	struct usec at;
	unsigned to;
	bool raw;
	struct in_addr src, dst;
	uint32_t length;
	uint8_t bytes[1600];
};

struct received {
	uint64_t packets, bytes, wrong;
	uint32_t next_seq;
	bool synced;
};

/* One host: an engine, or none (a plain host). */
struct host {
	struct engine *engine;
	struct address_list addresses;
	struct actions actions;
	struct wire_packet wire[WIRES];
	struct host_packet host[HOSTS];
	struct steer steer[STEERS];
	struct received tcp, udp;
	unsigned excluded, included, flows;
	struct tuple flow[STEERS];
	uint64_t queries_seen, raw_seen, wrapped_seen, cm_as_data;
};

struct world {
	struct host host[2];
	struct usec now;
	struct flight flight[FLYING];
	unsigned flying;
	/* A direction of a pair of networks that drops everything. */
	bool (*drop)(const struct world *w, const struct flight *f);
	bool unreachable[2];
};

static struct in_addr ip(const char *text)
{
	struct in_addr a;
	inet_pton(AF_INET, text, &a);
	return a;
}

static const struct usec ms1 = {1000};

static void carry(struct world *w, unsigned from);

static struct host *peer_of(struct world *w, unsigned i)
{
	return &w->host[!i];
}

static void launch(struct world *w, unsigned from, const struct wire_packet *p)
{
	assert_true(w->flying < FLYING);
	struct flight *f = &w->flight[w->flying];
	*f = (struct flight){
		.at = usec_add(w->now, ms1), .to = !from, .raw = p->kind == WIRE_PACKET_RAW};
	f->length = (uint32_t)p->head_length + p->data.length + p->tail_length;
	assert_true(f->length <= sizeof(f->bytes));
	memcpy(f->bytes, p->head, p->head_length);
	if (p->data.length)
		memcpy(f->bytes + p->head_length, p->data.bytes, p->data.length);
	memcpy(f->bytes + p->head_length + p->data.length, p->tail, p->tail_length);
	f->dst = p->to.ip;
	f->src = p->nic < w->host[from].addresses.count ? w->host[from].addresses.ip[p->nic]
							: (struct in_addr){0};
	if (f->raw)
		memcpy(&f->src, ((struct ip_header *)f->bytes)->src.b, 4);
	/* The second NIC is faster: what it sends overtakes. */
	bool first = f->src.s_addr == w->host[from].addresses.ip[0].s_addr;
	f->at = usec_add(w->now, first ? ms1 : (struct usec){700});
	if (!w->drop || !w->drop(w, f))
		w->flying++;
}

/* What the kernel at host `i` gets: the application reads user data by its pattern. */
static void kernel_reads(struct host *h, uint8_t *bytes, uint32_t length)
{
	struct packet p;
	enum packet_kind kind = packet_view(&p, bytes, length, false);
	if (kind == PACKET_TCP) {
		h->raw_seen++;
		if (p.tcp->offset >> 4 == 15 && bytes[40] == CARRIER_TCP_KIND)
			h->queries_seen++;
		uint32_t seq = get32(p.tcp->seq);
		for (uint32_t i = 0; i < p.data_length; i++)
			h->tcp.wrong += bytes[p.header_length + i] != (uint8_t)((seq + i) * 7);
		h->tcp.packets++;
		h->tcp.bytes += p.data_length;
	} else if (kind == PACKET_UDP) {
		h->raw_seen++;
		h->queries_seen += p.surplus > 0;
		for (uint32_t i = 0; i < p.data_length; i++)
			h->udp.wrong +=
				bytes[p.header_length + i] != (uint8_t)(p.data_length * 3 + i);
		h->udp.packets++;
		h->udp.bytes += p.data_length;
	}
}

static void carry(struct world *w, unsigned i)
{
	struct host *h = &w->host[i];
	for (unsigned k = 0; k < h->actions.wires; k++)
		launch(w, i, &h->actions.wire[k]);
	for (unsigned k = 0; k < h->actions.hosts; k++) {
		struct host_packet *p = &h->actions.host[k];
		uint8_t bytes[65536];
		memcpy(bytes, p->head, p->head_length);
		memcpy(bytes + p->head_length, p->data.bytes, p->data.length);
		kernel_reads(h, bytes, p->head_length + p->data.length);
	}
	for (unsigned k = 0; k < h->actions.steers; k++) {
		h->excluded += h->actions.steer[k].kind == STEER_EXCLUDE;
		h->included += h->actions.steer[k].kind == STEER_INCLUDE;
		if (h->actions.steer[k].kind == STEER_FLOW_ADD) {
			assert_true(h->flows < STEERS);
			h->flow[h->flows++] = h->actions.steer[k].tuple;
		}
	}
	h->actions.wires = h->actions.hosts = h->actions.steers = 0;
	if (h->engine)
		engine_carried_out(h->engine);
}

/* Whether the ingress hook would take it: the form of a query, or a CM's flow. */
static bool hook_takes(const struct host *h, struct flight *f)
{
	struct packet p;
	enum packet_kind kind = packet_view(&p, f->bytes, f->length, false);
	if (kind == PACKET_TCP && p.tcp->offset >> 4 == 15 && f->bytes[40] == CARRIER_TCP_KIND)
		return true;
	struct tuple tuple = {p.dst.ip, p.src.ip, p.dst.port, p.src.port, p.ip->protocol};
	for (unsigned i = 0; i < h->flows; i++)
		if (memcmp(&h->flow[i], &tuple, sizeof(tuple)) == 0)
			return true;
	return p.surplus > 0;
}

static void land(struct world *w, struct flight *f)
{
	struct host *h = &w->host[f->to];
	if (!h->engine && !f->raw) {
		w->unreachable[f->to] = true;
		struct engine *other = peer_of(w, f->to)->engine;
		if (other)
			engine_unreachable(other, (struct endpoint){f->dst, htons(5280)}, w->now);
		return;
	}
	if (f->raw && (!h->engine || !hook_takes(h, f))) {
		kernel_reads(h, f->bytes, f->length);
		return;
	}
	if (f->raw) {
		struct host_input in = {.bytes = f->bytes, .length = f->length};
		engine_from_hook(h->engine, &in, w->now, &h->actions);
	} else {
		struct wire_input in = {.bytes = f->bytes,
			.length = f->length,
			.from = {f->src, htons(5280)},
			.arrived = w->now};
		while (h->addresses.ip[in.nic].s_addr != f->dst.s_addr)
			assert_true(++in.nic < h->addresses.count);
		h->wrapped_seen++;
		engine_from_wire(h->engine, &in, w->now, &h->actions);
	}
	carry(w, f->to);
}

/* Lets everything happen until `until`. */
static void run(struct world *w, struct usec until)
{
	for (;;) {
		struct usec next = until;
		unsigned first = FLYING;
		for (unsigned i = 0; i < w->flying; i++)
			if (first == FLYING || usec_before(w->flight[i].at, w->flight[first].at))
				first = i;
		struct usec deadline[2];
		for (unsigned i = 0; i < 2; i++) {
			deadline[i] = USEC_NEVER;
			if (!w->host[i].engine)
				continue;
			deadline[i] = engine_tick(w->host[i].engine, w->now, &w->host[i].actions);
			carry(w, i);
			next = usec_min(next, deadline[i]);
		}
		if (first < FLYING && !usec_before(next, w->flight[first].at)) {
			struct flight f = w->flight[first];
			memmove(&w->flight[first], &w->flight[first + 1],
				(--w->flying - first) * sizeof(f));
			w->now = f.at;
			land(w, &f);
			continue;
		}
		if (!usec_before(next, until)) {
			w->now = until;
			return;
		}
		w->now = next.us > w->now.us ? next : usec_add(w->now, (struct usec){1});
	}
}

static void run_for(struct world *w, int64_t ms)
{
	run(w, usec_add(w->now, usec_ms(ms)));
}

static void open_host(struct world *w, unsigned i, struct settings settings)
{
	struct host *h = &w->host[i];
	static const char *const addresses[2][2] = {
		{"10.0.1.2", "10.0.2.2"}, {"10.0.3.2", "10.0.4.2"}};
	h->addresses = (struct address_list){2, {ip(addresses[i][0]), ip(addresses[i][1])}};
	struct engine_setup setup = {.settings = settings,
		.node = {{2, 0, 0, 0, 0, (uint8_t)(1 + i)}},
		.wire_port = htons(5280)};
	h->engine = engine_new(&setup);
	assert_non_null(h->engine);
	h->actions = (struct actions){.wire = h->wire,
		.host = h->host,
		.steer = h->steer,
		.wire_capacity = WIRES,
		.host_capacity = HOSTS,
		.steer_capacity = STEERS};
	engine_set_addresses(h->engine, &h->addresses, w->now, &h->actions);
}

static struct world *world_of(struct settings settings, bool server_has_mpip)
{
	struct world *w = calloc(1, sizeof(*w));
	assert_non_null(w);
	w->now = usec_ms(1000000);
	open_host(w, 0, settings);
	if (server_has_mpip)
		open_host(w, 1, settings);
	else
		w->host[1].addresses = (struct address_list){2, {ip("10.0.3.2"), ip("10.0.4.2")}};
	return w;
}

static void world_free(struct world *w)
{
	engine_free(w->host[0].engine);
	engine_free(w->host[1].engine);
	free(w);
}

/* An application at `from` sends: its kernel makes a packet, super-packet if segments > 1. */
static void send_packet(struct world *w, unsigned from, uint8_t protocol, uint32_t seq,
	uint32_t length, unsigned segments)
{
	static uint8_t bytes[65536];
	struct host *h = &w->host[from], *other = peer_of(w, from);
	struct ip_header *iph = (void *)bytes;
	bool tcp = protocol == IPPROTO_TCP;
	uint32_t header = tcp ? 20 : 8, total = 20 + header + length * segments;
	memset(bytes, 0, 40);
	*iph = (struct ip_header){.version_ihl = 0x45,
		.length = put16((uint16_t)total),
		.ttl = 64,
		.protocol = protocol};
	memcpy(iph->src.b, &h->addresses.ip[0], 4);
	memcpy(iph->dst.b, &other->addresses.ip[0], 4);
	uint16_t ports[2] = {from ? 5201 : 40000, from ? 40000 : 5201};
	if (tcp) {
		struct tcp_header *t = (void *)(bytes + 20);
		*t = (struct tcp_header){put16(ports[0]), put16(ports[1]), put32(seq), put32(1),
			5 << 4, TCP_ACK | TCP_PSH, put16(1000), {{0}}, {{0}}};
		for (uint32_t i = 0; i < length * segments; i++)
			bytes[40 + i] = (uint8_t)((seq + i) * 7);
	} else {
		struct udp_header *u = (void *)(bytes + 20);
		*u = (struct udp_header){
			put16(ports[0]), put16(ports[1]), put16((uint16_t)(8 + length)), {{0}}};
		for (uint32_t i = 0; i < length; i++)
			bytes[28 + i] = (uint8_t)(length * 3 + i);
	}
	if (!h->engine) {
		struct wire_packet p = {.kind = WIRE_PACKET_RAW,
			.to = {other->addresses.ip[0], 0},
			.data = {bytes, total}};
		launch(w, from, &p);
		return;
	}
	struct host_input in = {.bytes = bytes,
		.length = total,
		.gso_size = (uint16_t)(segments > 1 ? length : 0),
		.checksum_partial = true};
	engine_from_host(h->engine, &in, w->now, &h->actions);
	carry(w, from);
}

/* A transfer of `count` super-packets, one a millisecond, each answered by an ACK. */
static uint32_t transfer(
	struct world *w, unsigned from, uint32_t seq, unsigned count, unsigned segments)
{
	for (unsigned i = 0; i < count; i++) {
		send_packet(w, from, IPPROTO_TCP, seq, 1000, segments);
		seq += 1000 * segments;
		run_for(w, 1);
		send_packet(w, !from, IPPROTO_TCP, 1, 0, 1);
	}
	return seq;
}

static const struct session *only_session(const struct host *h)
{
	const struct session *s = engine_next_session(h->engine, NULL);
	assert_non_null(s);
	assert_null(engine_next_session(h->engine, s));
	return s;
}

static void expect_multipath(struct world *w)
{
	for (unsigned i = 0; i < 2; i++) {
		const struct session *s = only_session(&w->host[i]);
		assert_int_not_equal(s->key.id.n, 0);
		assert_int_equal(s->paths, 4);
		assert_int_equal(s->in_use, 4);
	}
	assert_int_equal(only_session(&w->host[0])->key.id.n, only_session(&w->host[1])->key.id.n);
}

static void multipath_in(enum wire_form form)
{
	struct settings set = settings_default();
	set.wire_form = form;
	struct world *w = world_of(set, true);
	uint32_t seq = transfer(w, 0, 1000, 100, 1);
	expect_multipath(w);
	seq = transfer(w, 0, seq, 400, 20);
	run_for(w, 100);

	assert_int_equal(w->host[1].tcp.bytes, seq - 1000);
	assert_int_equal(w->host[1].tcp.wrong, 0);
	assert_int_equal(w->host[0].tcp.wrong, 0);
	const struct session *s = only_session(&w->host[0]);
	for (unsigned i = 0; i < 4; i++)
		assert_true(s->path[i]->sent_packets > 1000);
	const struct stats *sent = engine_stats(w->host[0].engine),
			   *got = engine_stats(w->host[1].engine);
	for (int i = STAT_DROP_NOT_IPV4; i < STAT_COUNT; i++) {
		assert_int_equal(sent->n[i], 0);
		assert_int_equal(got->n[i], 0);
	}
	assert_int_equal(sent->n[STAT_QUERIES_SENT], 1);
	assert_int_equal(sent->n[STAT_PATHS_SILENCED] + got->n[STAT_PATHS_SILENCED], 0);
	world_free(w);
}

static void udp_form(void **state)
{
	(void)state;
	multipath_in(WIRE_UDP);
}

static void literal_form(void **state)
{
	(void)state;
	multipath_in(WIRE_LITERAL);
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
	for (int form = 0; form < 2; form++) {
		struct settings set = settings_default();
		set.wire_form = form ? WIRE_LITERAL : WIRE_UDP;
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
			assert_true(s->path[i]->sent_packets > 300);
			assert_true(usec_sub(w->now, s->path[i]->last_feedback).us < 600000);
		}
		assert_int_equal(engine_stats(w->host[0].engine)->n[STAT_PATHS_SILENCED], 0);
		world_free(w);
	}
}

static bool drop_second_nic(const struct world *w, const struct flight *f)
{
	(void)w;
	return f->src.s_addr == ip("10.0.2.2").s_addr || f->dst.s_addr == ip("10.0.2.2").s_addr;
}

static bool drop_first_nic_outbound(const struct world *w, const struct flight *f)
{
	(void)w;
	return f->src.s_addr == ip("10.0.1.2").s_addr;
}

static bool drop_wire_port(const struct world *w, const struct flight *f)
{
	(void)w;
	return !f->raw;
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
		cmocka_unit_test(dead_peer),
		cmocka_unit_test(both_at_once),
		cmocka_unit_test(expiry),
		cmocka_unit_test(bounded_sessions),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
