// SPDX-License-Identifier: BSD-2-Clause
/* Fake TCP connections, NATs and the choice of a wire encap, between two engines (paper 3.8.1). */

#include "mpip/core/engine_testbed.h"

#include <arpa/inet.h>

/* A middlebox that knows TCP: it passes a segment only if it is the next of a connection that it
 * has seen begin, and acknowledges nothing that did not pass. */
#define CONNECTIONS 64

struct direction {
	struct endpoint from, to;
	bool began;
	uint32_t next;
	uint64_t bytes;
};

struct strict {
	struct direction direction[2 * CONNECTIONS];
	unsigned used;
	uint64_t refused, original, syns;
};

static struct direction *direction_of(struct strict *b, struct endpoint from, struct endpoint to)
{
	for (unsigned i = 0; i < b->used; i++)
		if (endpoint_equal(b->direction[i].from, from) &&
			endpoint_equal(b->direction[i].to, to))
			return &b->direction[i];
	assert_true(b->used < 2 * CONNECTIONS);
	b->direction[b->used] = (struct direction){.from = from, .to = to};
	return &b->direction[b->used++];
}

static bool on_original_ports(const struct packet *p)
{
	return p->src.port == htons(CLIENT_PORT) || p->dst.port == htons(CLIENT_PORT);
}

static bool strict_box(struct world *w, struct flight *f)
{
	struct strict *b = w->context;
	struct packet p;
	struct cm cm;
	if (packet_view(&p, f->bytes, f->length, false) != PACKET_TCP || !f->raw)
		return false;
	if (on_original_ports(&p)) {
		/* The connection's own; a query or confirmation in its options is no CM on it. */
		b->original += cm_of(f, &cm) && !(cm.flags & (CM_FLAG_ENABLE | CM_FLAG_ENABLED));
		return false;
	}
	struct direction *to = direction_of(b, p.src, p.dst), *back = direction_of(b, p.dst, p.src);
	uint32_t seq = get32(p.tcp->seq), ack = get32(p.tcp->ack);
	uint8_t flags = p.tcp->flags;
	assert_true(packet_checksum_good(&p));
	if (flags & TCP_SYN) {
		b->syns++;
		to->began = true;
		to->next = seq + 1;
		if (!(flags & TCP_ACK))
			back->began = false;
		bool good = !(flags & TCP_ACK) || (back->began && ack == back->next);
		b->refused += !good;
		return !good;
	}
	bool good = to->began && back->began && seq == to->next && flags & TCP_ACK &&
		    (int32_t)(back->next - ack) >= 0;
	b->refused += !good;
	to->next += p.data_length;
	to->bytes += p.data_length;
	return !good;
}

static uint64_t dropped(const struct world *w)
{
	uint64_t n = 0;
	for (unsigned i = 0; i < 2; i++)
		for (int k = STAT_DROP_NOT_IPV4; k < STAT_COUNT; k++)
			n += engine_stats(w->host[i].engine)->n[k];
	return n;
}

static void expect_form(const struct world *w, enum encapsulation encap, unsigned least)
{
	for (unsigned i = 0; i < 2; i++) {
		const struct session *s = only_session(&w->host[i]);
		unsigned n = 0;
		for (unsigned k = 0; k < s->paths; k++)
			n += s->mp->path[k]->state == PATH_IN_USE && s->mp->path[k]->encap == encap;
		assert_in_range(n, least, MAX_PATHS);
	}
}

static struct settings preferring(enum encapsulation encap)
{
	struct settings set = settings_default();
	set.encap = encap;
	return set;
}

/* Each path is one TCP connection, begun by the client; a middlebox that looks closely drops
 * nothing. */
static void strict_box_passes_all(void **state)
{
	(void)state;
	struct strict box = {0};
	struct world *w = world_of(preferring(ENCAP_FAKE_TCP), true);
	w->box = strict_box;
	w->context = &box;
	connect_tcp(w);
	uint32_t seq = transfer(w, 0, 1000, 100, 1);
	expect_multipath(w);
	seq = transfer(w, 0, seq, 400, 20);
	run_for(w, 100);
	expect_multipath(w);
	expect_form(w, ENCAP_FAKE_TCP, 4);

	assert_int_equal(box.refused, 0);
	/* But for the signs that keep its way back open (keepalive.c). */
	uint64_t signs = 0;
	for (unsigned i = 0; i < 2; i++)
		signs += engine_stats(w->host[i].engine)->n[STAT_KEEPALIVES_SENT];
	assert_int_equal(box.original, signs);
	assert_int_equal(box.syns, 8); /* a SYN and a SYN-ACK for each path */
	assert_int_equal(box.used, 8);
	for (unsigned i = 0; i < box.used; i++) {
		bool up = box.direction[i].to.port == htons(WIRE_PORT);
		assert_true(up != (box.direction[i].from.port == htons(WIRE_PORT)));
		assert_true(box.direction[i].bytes > (up ? 1000000 : 1000));
	}
	assert_int_equal(w->host[1].tcp.bytes, seq - 1000);
	assert_int_equal(w->host[0].tcp.wrong + w->host[1].tcp.wrong, 0);
	assert_int_equal(dropped(w), 0);
	world_free(w);
}

/* Datagrams travel in the same connections. */
static void datagrams_in_fake_tcp(void **state)
{
	(void)state;
	struct strict box = {0};
	struct world *w = world_of(preferring(ENCAP_FAKE_TCP), true);
	w->box = strict_box;
	w->context = &box;
	datagrams(w, 0, 3000);
	run_for(w, 200);
	expect_multipath(w);
	expect_form(w, ENCAP_FAKE_TCP, 4);
	assert_int_equal(w->host[1].udp.packets, 3000);
	assert_int_equal(w->host[1].udp.wrong, 0);
	assert_int_equal(box.refused, 0);
	assert_int_equal(dropped(w), 0);
	world_free(w);
}

/* Both ends think that they began the connection: it is older than they are. */
static void both_open(void **state)
{
	(void)state;
	struct strict box = {0};
	struct world *w = world_of(preferring(ENCAP_FAKE_TCP), true);
	w->box = strict_box;
	w->context = &box;
	uint32_t seq = transfer(w, 0, 1000, 1000, 1);
	run_for(w, 100);
	expect_multipath(w);
	expect_form(w, ENCAP_FAKE_TCP, 4);
	assert_int_equal(w->host[1].tcp.bytes, seq - 1000);
	assert_int_equal(box.refused, 0);
	world_free(w);
}

/* "then sends out a SYN packet through each possible path to the server except the original one":
 * the literal encapsulation's handshake, with Flags_Hs in each of its packets. */
struct handshakes {
	unsigned syn, syn_ack, ack, original;
	bool other_first; /* another CM went on a path before its handshake was done */
	struct endpoint open[8];
	unsigned opens;
};

static void watch_handshakes(struct world *w, const struct flight *f)
{
	struct handshakes *h = w->context;
	static uint8_t bytes[sizeof(f->bytes)];
	struct packet p;
	struct cm cm;
	memcpy(bytes, f->bytes, f->length);
	if (packet_view(&p, bytes, f->length, false) != PACKET_TCP || !cm_of(f, &cm) ||
		cm.flags & (CM_FLAG_ENABLE | CM_FLAG_ENABLED))
		return;
	bool client = !f->to ? false : true;
	struct endpoint there = client ? p.src : p.dst;
	struct address far = client ? p.dst.ip : p.src.ip;
	bool original =
		address_equal(there.ip, ip("10.0.1.2")) && address_equal(far, ip("10.0.3.2"));
	if (cm.flags & CM_FLAG_HS) {
		assert_int_equal(p.data_length, 0);
		uint8_t flags = p.tcp->flags & (TCP_SYN | TCP_ACK);
		h->syn += flags == TCP_SYN;
		h->syn_ack += flags == (TCP_SYN | TCP_ACK);
		h->ack += flags == TCP_ACK;
		h->original += original;
		assert_true(client == (flags != (TCP_SYN | TCP_ACK)));
		if (flags == TCP_ACK) {
			there.port = (in_port_t)address_hash(far, 0);
			h->open[h->opens++ % 8] = there;
		}
		return;
	}
	there.port = (in_port_t)address_hash(far, 0);
	bool open = original;
	for (unsigned i = 0; i < h->opens && i < 8; i++)
		open |= endpoint_equal(h->open[i], there);
	h->other_first |= !open;
}

static void literal_handshake(void **state)
{
	(void)state;
	struct handshakes seen = {0};
	struct world *w = world_of(preferring(ENCAP_LITERAL), true);
	w->tap = watch_handshakes;
	w->context = &seen;
	connect_tcp(w);
	uint32_t seq = transfer(w, 0, 1000, 300, 1);
	run_for(w, 100);
	expect_multipath(w);
	expect_form(w, ENCAP_LITERAL, 4);
	assert_int_equal(seen.syn, 3);
	assert_int_equal(seen.syn_ack, 3);
	assert_int_equal(seen.ack, 3);
	assert_int_equal(seen.original, 0);
	assert_false(seen.other_first);
	assert_int_equal(w->host[0].queries_seen + w->host[1].queries_seen, 0);
	assert_int_equal(w->host[1].tcp.bytes, seq - 1000);
	assert_int_equal(dropped(w), 0);
	world_free(w);
}

/* A port-restricted NAT in front of both of the client's NICs, one public address. */
struct nat_row {
	struct endpoint inside, outside, far;
	uint8_t protocol;
};

struct nat {
	struct nat_row row[256];
	unsigned rows;
	uint16_t next_port;
	uint64_t refused;
	bool no_udp, no_other_tcp; /* a firewall: drops UDP; TCP but the session's own */
	struct address closed;     /* an address of the server that nobody reaches */
};

static void put_endpoint(struct flight *f, bool source, struct endpoint to)
{
	struct ip_header *iph = (void *)f->bytes;
	if (source)
		f->src = to.ip;
	else
		f->dst = to.ip;
	if (!f->raw) {
		if (source)
			f->src_port = to.port;
		else
			f->dst_port = to.port;
		return;
	}
	struct packet p;
	address_to_ipv4(to.ip, source ? iph->src.b : iph->dst.b);
	packet_view(&p, f->bytes, f->length, false);
	memcpy(source ? p.tcp->src.b : p.tcp->dst.b, &to.port, 2);
	packet_view(&p, f->bytes, f->length, false);
	struct be16 *field = p.ip->protocol == IPPROTO_TCP ? &p.tcp->checksum : &p.udp->checksum;
	uint32_t length = p.length - p.ip_length - p.surplus;
	*field = put16(0);
	uint16_t sum = (uint16_t)~csum_fold(csum_add(csum_pseudo(p.ip, length), p.tcp, length));
	memcpy(field->b, &sum, 2);
}

/* The session's own connection, on whose far side the NAT's first row is. */
static bool original(const struct packet *p, bool outbound)
{
	struct endpoint client = {ip("10.0.1.2"), htons(CLIENT_PORT)},
			server = {ip("10.0.3.2"), htons(SERVER_PORT)};
	return outbound ? endpoint_equal(p->src, client) && endpoint_equal(p->dst, server)
			: endpoint_equal(p->src, server) && p->dst.port == htons(20000);
}

static bool nat_box(struct world *w, struct flight *f)
{
	struct nat *nat = w->context;
	struct packet p = {.src = {f->src, f->src_port}, .dst = {f->dst, f->dst_port}};
	uint8_t protocol = IPPROTO_UDP;
	bool syn = false, outbound = f->to == 1;
	if (f->raw) {
		packet_view(&p, f->bytes, f->length, false);
		protocol = p.ip->protocol;
		syn = protocol == IPPROTO_TCP && (p.tcp->flags & (TCP_SYN | TCP_ACK)) == TCP_SYN;
	}
	if ((nat->no_udp && protocol == IPPROTO_UDP) ||
		(nat->no_other_tcp && protocol == IPPROTO_TCP && !original(&p, outbound)) ||
		address_equal(p.src.ip, nat->closed) || address_equal(p.dst.ip, nat->closed))
		return true;
	for (unsigned i = nat->rows; i-- > 0;) {
		struct nat_row *r = &nat->row[i];
		if (r->protocol != protocol)
			continue;
		if (outbound && endpoint_equal(r->inside, p.src) && endpoint_equal(r->far, p.dst)) {
			put_endpoint(f, true, r->outside);
			return false;
		}
		if (!outbound && endpoint_equal(r->far, p.src) &&
			endpoint_equal(r->outside, p.dst)) {
			put_endpoint(f, false, r->inside);
			return false;
		}
	}
	if (!outbound || (protocol == IPPROTO_TCP && !syn)) {
		nat->refused++;
		return true;
	}
	assert_true(nat->rows < 256);
	struct nat_row *r = &nat->row[nat->rows++];
	*r = (struct nat_row){p.src,
		{ip("192.0.2.1"), htons((in_port_t)(20000 + nat->next_port++))}, p.dst, protocol};
	put_endpoint(f, true, r->outside);
	return false;
}

static struct world *behind_nat(struct nat *nat, struct settings set)
{
	struct world *w = world_of(set, true);
	w->box = nat_box;
	w->context = nat;
	w->host[0].seen_as = (struct endpoint){ip("192.0.2.1"), htons(20000)};
	connect_tcp(w);
	return w;
}

static unsigned in_use(const struct world *w, unsigned host)
{
	return only_session(&w->host[host])->in_use;
}

/* The server answers at the places that the NAT has drawn; it reaches nothing else. */
static void nat_with_each_form(void **state)
{
	(void)state;
	for (int encap = 0; encap < ENCAPS; encap++) {
		struct nat nat = {0};
		struct world *w = behind_nat(&nat, preferring((enum encapsulation)encap));
		uint32_t seq = transfer(w, 0, 1000, 1000, 1);
		expect_form(w, (enum encapsulation)encap, 4);
		/* What led nowhere is removed, or was never more than learned. */
		seq = transfer(w, 0, seq, 14000, 1);
		run_for(w, 100);
		assert_int_equal(in_use(w, 0), 4);
		assert_int_equal(in_use(w, 1), 4);
		for (unsigned i = 0; i < 2; i++) {
			const struct session *s = only_session(&w->host[i]);
			for (unsigned k = 0; k < s->paths; k++)
				assert_true(s->mp->path[k]->state == PATH_IN_USE ||
					    s->mp->path[k]->state == PATH_REMOVED);
		}
		assert_int_equal(w->host[1].tcp.bytes, seq - 1000);
		assert_int_equal(w->host[0].tcp.wrong + w->host[1].tcp.wrong, 0);
		assert_int_equal(dropped(w), 0);
		world_free(w);
	}
}

/* The server asks first, so that it is the client who confirms and does not know of it. */
static void nat_and_the_server_asks(void **state)
{
	(void)state;
	for (int encap = 0; encap < ENCAPS; encap++) {
		struct nat nat = {0};
		struct world *w = behind_nat(&nat, preferring((enum encapsulation)encap));
		transfer(w, 1, 1000, 1000, 1);
		expect_form(w, (enum encapsulation)encap, 4);
		assert_true(only_session(&w->host[0])->generated_here);
		assert_int_equal(w->host[0].tcp.wrong + w->host[1].tcp.wrong, 0);
		assert_int_equal(dropped(w), 0);
		world_free(w);
	}
}

/* The NAT forgets everything but the connection itself in the middle of a transfer. */
static void nat_rebinds(void **state)
{
	(void)state;
	for (int encap = 0; encap < ENCAPS; encap++) {
		if (encap == ENCAP_LITERAL)
			continue; /* a port of the session's that a NAT has forgotten is lost */
		struct nat nat = {0};
		struct world *w = behind_nat(&nat, preferring((enum encapsulation)encap));
		uint32_t seq = transfer(w, 0, 1000, 1000, 1);
		expect_form(w, (enum encapsulation)encap, 4);
		nat.rows = 1;
		transfer(w, 0, seq, 4000, 1);
		expect_form(w, (enum encapsulation)encap, 4);
		assert_int_equal(in_use(w, 0), 4);
		assert_int_equal(in_use(w, 1), 4);
		assert_int_equal(w->host[0].tcp.wrong + w->host[1].tcp.wrong, 0);
		world_free(w);
	}
}

/* "Where an encapsulation is found not to work on a path, another is taken." */
static void firewalls(void **state)
{
	(void)state;
	static const struct {
		enum encapsulation wished, taken;
		bool no_udp, no_other_tcp;
	} cases[] = {
		{ENCAP_UDP, ENCAP_FAKE_TCP, true, false},
		{ENCAP_FAKE_TCP, ENCAP_UDP, false, true},
		{ENCAP_LITERAL, ENCAP_UDP, false, true},
	};
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct nat nat = {.no_udp = cases[i].no_udp, .no_other_tcp = cases[i].no_other_tcp};
		struct world *w = behind_nat(&nat, preferring(cases[i].wished));
		uint32_t seq = transfer(w, 0, 1000, 5000, 1);
		expect_form(w, cases[i].taken, cases[i].wished == ENCAP_LITERAL ? 3 : 4);
		run_for(w, 100);
		assert_int_equal(w->host[1].tcp.bytes, seq - 1000);
		assert_int_equal(w->host[0].tcp.wrong + w->host[1].tcp.wrong, 0);
		world_free(w);
	}
}

/* Neither gets through, or only one is allowed: the regular connection, and no path is left. */
static void no_form_works(void **state)
{
	(void)state;
	for (unsigned fallback = 0; fallback < 2; fallback++) {
		struct settings set = preferring(ENCAP_FAKE_TCP);
		set.wire_fallback = fallback;
		struct nat nat = {.no_udp = fallback, .no_other_tcp = true};
		struct world *w = behind_nat(&nat, set);
		uint32_t seq = transfer(w, 0, 1000, 4500, 1);
		run_for(w, 100);
		assert_int_equal(in_use(w, 0), 0);
		assert_true(engine_stats(w->host[0].engine)->n[STAT_PATHS_REMOVED] >= 2);
		assert_non_null(only_session(&w->host[0])->regular_reason);
		assert_int_equal(w->host[1].tcp.bytes, seq - 1000);
		world_free(w);
	}
}

/* "other IP addresses on the server are not public ... this interface will not be used at all" */
static void private_server_address(void **state)
{
	(void)state;
	for (int encap = 0; encap < ENCAPS; encap++) {
		struct nat nat = {.closed = ip("10.0.4.2")};
		struct world *w = behind_nat(&nat, preferring((enum encapsulation)encap));
		uint32_t seq = transfer(w, 0, 1000, 6000, 1);
		run_for(w, 100);
		expect_form(w, (enum encapsulation)encap, 2);
		assert_int_equal(in_use(w, 0), 2);
		const struct session *s = only_session(&w->host[0]);
		unsigned removed = 0;
		for (unsigned k = 0; k < s->paths; k++)
			removed += s->mp->path[k]->state == PATH_REMOVED;
		assert_int_equal(removed, 2);
		assert_int_equal(w->host[1].tcp.bytes, seq - 1000);
		world_free(w);
	}
}

static bool drop_second_nic(const struct world *w, const struct flight *f)
{
	(void)w;
	return address_equal(f->src, ip("10.0.2.2")) || address_equal(f->dst, ip("10.0.2.2"));
}

/* A path that was lost comes back by a new connection. */
static void lost_path_reopens(void **state)
{
	(void)state;
	struct strict box = {0};
	struct world *w = world_of(preferring(ENCAP_FAKE_TCP), true);
	w->box = strict_box;
	w->context = &box;
	connect_tcp(w);
	uint32_t seq = transfer(w, 0, 1000, 1000, 1);
	expect_multipath(w);
	w->drop = drop_second_nic;
	seq = transfer(w, 0, seq, 1500, 1);
	assert_int_equal(in_use(w, 0), 2);
	w->drop = NULL;
	transfer(w, 0, seq, 2000, 1);
	expect_multipath(w);
	expect_form(w, ENCAP_FAKE_TCP, 4);
	assert_true(box.syns > 8);
	assert_int_equal(w->host[1].tcp.wrong, 0);
	world_free(w);
}

/* The other end's daemon is gone, and its kernel answers with resets. */
static void dead_peer_resets(void **state)
{
	(void)state;
	for (unsigned dead = 0; dead < 2; dead++) {
		struct world *w = world_of(preferring(ENCAP_FAKE_TCP), true);
		connect_tcp(w);
		uint32_t seq = transfer(w, !dead, 1000, 500, 1);
		expect_multipath(w);
		struct host *h = &w->host[dead];
		engine_free(h->engine);
		h->engine = NULL;
		uint64_t before = h->tcp.packets;
		transfer(w, !dead, seq, 200, 1);
		assert_true(h->resets_sent > 0);
		assert_true(h->tcp.packets - before > 130);
		assert_int_equal(h->tcp.wrong, 0);
		assert_int_equal(in_use(w, !dead), 0);
		assert_true(engine_stats(w->host[!dead].engine)->n[STAT_PATHS_RESET] >= 4);
		world_free(w);
	}
}

/* Behind another NAT the server has an address that is one of the client's: no path goes there. */
static void address_of_both(void **state)
{
	(void)state;
	for (int encap = 0; encap < ENCAPS; encap++) {
		struct nat nat = {0};
		struct world *w = behind_nat(&nat, preferring((enum encapsulation)encap));
		struct address_list list = {.count = 2, .ip = {ip("10.0.3.2"), ip("10.0.2.2")}};
		set_addresses(w, 1, list);
		connect_tcp(w);
		transfer(w, 0, 1000, 500, 1);
		for (unsigned i = 0; i < 2; i++) {
			const struct session *s = only_session(&w->host[i]);
			assert_true(s->in_use >= 2);
			for (unsigned k = 0; k < s->paths; k++)
				assert_false(address_equal(s->mp->path[k]->dst.ip, ip("10.0.2.2")));
		}
		world_free(w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strict_box_passes_all),
		cmocka_unit_test(datagrams_in_fake_tcp),
		cmocka_unit_test(both_open),
		PAPER("3.8-1, 3.8-2, 3.8-3: the handshake of the literal form", literal_handshake),
		cmocka_unit_test(nat_with_each_form),
		cmocka_unit_test(nat_and_the_server_asks),
		cmocka_unit_test(nat_rebinds),
		cmocka_unit_test(address_of_both),
		cmocka_unit_test(firewalls),
		PAPER("3.8-6: paths without feedback are removed", no_form_works),
		PAPER("3.8-4: a server address that is not public", private_server_address),
		cmocka_unit_test(lost_path_reopens),
		cmocka_unit_test(dead_peer_resets),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
