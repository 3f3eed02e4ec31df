// SPDX-License-Identifier: BSD-2-Clause
/*
 * Fuzzer of the engine's entries.
 *
 * Theory of operation: two engines first agree on a session, the encapsulation and the protocol
 * drawn by the input's first byte. Then the input is a list of steps: an entry, a time to wait, a
 * length, and so many bytes. Bytes for the network become a packet of this session as far as the
 * entry's upper bits say: with its addresses and ports, and with the node, session and checksum of
 * a CM. After each step what the engine asked for is read to its last byte, and its tables are
 * looked at.
 */

#include "mpip/core/cm.h"
#include "mpip/core/engine.h"
#include "mpip/core/packet.h"

#include <arpa/inet.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define WIRES   (2 * ACTIONS_WIRE_ROOM)
#define HOSTS   (2 * ACTIONS_HOST_ROOM)
#define STEERS  (4 * ACTIONS_STEER_ROOM)
#define LONGEST 4000

enum entry {
	FROM_HOST,
	FROM_WIRE,
	FROM_HOOK,
	TICK,
	ADDRESSES,
	UNREACHABLE,
	EXCHANGE,
	TOO_BIG,
	LEAVE,
	ICMP,
	ENTRIES
};

struct node {
	struct engine *engine;
	struct address_list addresses;
	struct actions actions;
	struct wire_packet wire[WIRES];
	struct host_packet host[HOSTS];
	struct steer steer[STEERS];
	bool left;
};

static struct node node[2];
static struct usec now;
static volatile uint64_t sink;

static void read_all(const uint8_t *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		sink += bytes[i];
}

static void read_actions(struct node *n)
{
	const struct actions *a = &n->actions;
	for (unsigned i = 0; i < a->wires; i++) {
		read_all(a->wire[i].head, a->wire[i].head_length);
		read_all(a->wire[i].data.bytes, a->wire[i].data.length);
		read_all(a->wire[i].tail, a->wire[i].tail_length);
	}
	for (unsigned i = 0; i < a->hosts; i++) {
		read_all(a->host[i].head, a->host[i].head_length);
		read_all(a->host[i].data.bytes, a->host[i].data.length);
	}
}

static void check(const struct node *n)
{
	unsigned sessions = 0;
	for (const struct session *s = NULL; (s = engine_next_session(n->engine, s));) {
		uint64_t weight = 0;
		for (unsigned i = 0; i < s->paths; i++)
			weight += s->mp->path[i]->state == PATH_IN_USE
					  ? (uint64_t)s->mp->path[i]->weight
					  : 0;
		if ((s->mp && weight != s->mp->weight_sum) || s->arrivals > MAX_PATHS)
			abort();
		sessions++;
	}
	if (sessions > engine_settings(n->engine)->max_sessions)
		abort();
}

static void forget(struct node *n)
{
	read_actions(n);
	n->actions.wires = n->actions.hosts = n->actions.steers = 0;
	engine_carried_out(n->engine);
	check(n);
}

static void arrive(struct node *to, const struct wire_packet *p, struct address from)
{
	/* What it answers may be a copy that points into them, until it has been sent in turn. */
	static uint8_t arrived[256][LONGEST];
	static unsigned next;
	uint8_t *bytes = arrived[next++ % 256];
	uint32_t length = (uint32_t)p->head_length + p->data.length + p->tail_length;
	if (length > LONGEST)
		return;
	memcpy(bytes, p->head, p->head_length);
	if (p->data.length)
		memcpy(bytes + p->head_length, p->data.bytes, p->data.length);
	memcpy(bytes + p->head_length + p->data.length, p->tail, p->tail_length);
	if (p->kind == WIRE_PACKET_RAW) {
		struct host_input in = {.bytes = bytes, .length = length};
		engine_from_hook(to->engine, &in, now, &to->actions);
	} else {
		struct wire_input in = {.bytes = bytes,
			.length = length,
			.from = {from, htons(5280)},
			.arrived = now};
		engine_from_wire(to->engine, &in, now, &to->actions);
	}
	/* What it delivers may point into `bytes`. */
	read_actions(to);
	to->actions.hosts = 0;
}

/* What one has for the other goes there, a few times. */
static void exchange(unsigned rounds)
{
	for (unsigned r = 0; r < rounds; r++) {
		unsigned i = r % 2;
		struct node *from = &node[i], *to = &node[!i];
		for (unsigned k = 0; k < from->actions.wires && k < 64; k++) {
			const struct wire_packet *p = &from->actions.wire[k];
			unsigned nic = p->local_index < from->addresses.count ? p->local_index : 0;
			arrive(to, p, from->addresses.ip[nic]);
		}
		forget(from);
	}
	forget(&node[0]);
	forget(&node[1]);
}

/* An IP packet of the session from node `from`, with `length` bytes of what `data` says. */
static uint32_t packet(uint8_t *out, unsigned from, bool tcp, const uint8_t *data, uint32_t length)
{
	struct ip_header *ip = (void *)out;
	struct tcp_header *t = (void *)(ip + 1);
	uint32_t header = tcp ? sizeof(struct tcp_header) : sizeof(struct udp_header);
	ip_header_make(ip, tcp ? IPPROTO_TCP : IPPROTO_UDP, (uint32_t)sizeof(*ip) + header + length,
		1, node[from].addresses.ip[0], node[!from].addresses.ip[0]);
	memset(t, 0, header);
	t->src = put16(from ? 5201 : 40000);
	t->dst = put16(from ? 40000 : 5201);
	if (tcp) {
		/* The first bytes of the data choose the sequence number and the flags. */
		t->seq = put32(1000 + (length > 1 ? data[0] * 16u : 0));
		t->offset = 5 << 4;
		t->flags = TCP_ACK | (length > 2 ? data[1] & (TCP_FIN | TCP_PSH) : 0);
	} else {
		((struct udp_header *)t)->length = put16((uint16_t)(header + length));
	}
	memcpy((uint8_t *)t + header, data, length);
	return (uint32_t)sizeof(*ip) + header + length;
}

static void fill_checksums(uint8_t *bytes, uint32_t length)
{
	struct packet p;
	enum packet_kind kind = packet_view(&p, bytes, length, false);
	if (kind != PACKET_TCP && kind != PACKET_UDP)
		return;
	uint32_t segment = p.length - p.ip_length - p.surplus;
	struct be16 *field = kind == PACKET_TCP ? &p.tcp->checksum : &p.udp->checksum;
	*field = put16(0);
	uint64_t sum = csum_pseudo(p.ip, segment);
	uint16_t folded = (uint16_t)~csum_fold(csum_add(sum, bytes + p.ip_length, segment));
	folded = folded ? folded : 0xffff;
	memcpy(field, &folded, sizeof(folded));
	ip_checksum(p.ip, p.ip_length);
}

/* Makes the end of a segment a CM of the session, as far as its version and size are those of one.
 */
static void make_cm_of(struct node_id sender, uint8_t *segment, uint32_t length, bool tcp)
{
	const struct session *s = engine_next_session(node[0].engine, NULL);
	if (length < CM_FIXED || !s)
		return;
	uint8_t *fixed = segment + length - CM_FIXED;
	fixed[CM_OFF_VERSION] = (uint8_t)(CM_VERSION << 4 | (fixed[CM_OFF_VERSION] & 15));
	size_t size = cm_size_at_end(segment, length);
	if (size == 0)
		return;
	struct be32 id = put32(session_id(s).n), word;
	memcpy(fixed + CM_OFF_NODE, &sender, 6);
	memcpy(fixed + CM_OFF_SESSION, &id, 4);
	uint32_t sum = CM_SALT + length - (uint32_t)size;
	if (tcp && length - size >= sizeof(struct tcp_header))
		sum += get32(((struct tcp_header *)segment)->seq);
	for (uint8_t *p = segment + length - size; p < fixed + CM_OFF_SUM; p += 4) {
		memcpy(&word, p, 4);
		sum += get32(word);
	}
	word = put32(sum);
	memcpy(fixed + CM_OFF_SUM, &word, 4);
}

static void make_cm(uint8_t *segment, uint32_t length, bool tcp)
{
	const struct session *s = engine_next_session(node[0].engine, NULL);
	if (s && s->mp)
		make_cm_of(s->mp->key.node, segment, length, tcp);
}

static void make_own_cm(uint8_t *segment, uint32_t length, bool tcp)
{
	make_cm_of((struct node_id){{2, 0, 0, 0, 0, 1}}, segment, length, tcp);
}

static void from_host(bool tcp, uint8_t how, const uint8_t *data, uint32_t length)
{
	uint8_t bytes[LONGEST + 100];
	if (how & 1) {
		memcpy(bytes, data, length);
	} else {
		length = packet(bytes, 0, tcp, data, length);
	}
	uint16_t gso = how & 2 && length > 200 ? (uint16_t)(48 + length / 8) : 0;
	struct host_input in = {
		.bytes = bytes, .length = length, .gso_size = gso, .checksum_partial = true};
	engine_from_host(node[0].engine, &in, now, &node[0].actions);
	exchange(how & 4 ? 4 : 0);
	forget(&node[0]);
}

static void from_network(bool tcp, bool hook, uint8_t how, const uint8_t *data, uint32_t length)
{
	uint8_t bytes[LONGEST + 100];
	if (how & 1)
		memcpy(bytes, data, length);
	else
		length = packet(bytes, 1, tcp, data, length);
	uint32_t ip = how & 1 ? 0 : (uint32_t)sizeof(struct ip_header);
	if (!(how & 2))
		make_cm(bytes + ip, length - ip, tcp);
	if (hook) {
		fill_checksums(bytes, length);
		uint16_t gso = how & 4 && length > 200 ? (uint16_t)(60 + length / 4) : 0;
		struct host_input in = {.bytes = bytes, .length = length, .gso_size = gso};
		engine_from_hook(node[0].engine, &in, now, &node[0].actions);
	} else {
		struct wire_input in = {.bytes = bytes + ip,
			.length = length - ip,
			.local_index = how >> 2 & 1,
			.from = {node[1].addresses.ip[how >> 3 & 1], htons(5280)},
			.arrived = now};
		engine_from_wire(node[0].engine, &in, now, &node[0].actions);
	}
	forget(&node[0]);
}

/* An ICMP error about a packet that node 0 may have sent, quoted in part; or one of a wire socket.
 */
static void icmp_error(bool tcp, uint8_t how, const uint8_t *data, uint32_t length)
{
	static const uint8_t types[] = {3, 11, 12, 3};
	uint8_t bytes[LONGEST + 200];
	struct ip_header *ip = (void *)bytes;
	uint8_t *icmp = bytes + sizeof(*ip), *quote = icmp + 8;
	uint8_t code = length > 0 ? data[0] : 0, cut = length > 1 ? data[1] : 0;
	uint32_t quoted = packet(quote, 0, tcp, data, length);
	if (how & 4)
		make_own_cm(quote + sizeof(*ip), quoted - (uint32_t)sizeof(*ip), tcp);
	if (how & 8 && quoted > 28u + cut)
		quoted = 28u + cut;
	if ((how & 3) == 3) {
		struct wire_error e = {.local = node[0].addresses.ip[0],
			.remote = {node[1].addresses.ip[cut & 1], htons(5280)},
			.type = types[cut & 3],
			.code = code,
			.mtu = cut * 8u,
			.bytes = quote + sizeof(*ip),
			.length = quoted - (uint32_t)sizeof(*ip)};
		engine_wire_error(node[0].engine, &e, now, &node[0].actions);
	} else {
		uint32_t all = 8 + quoted;
		ip_header_make(ip, IPPROTO_ICMP, (uint32_t)sizeof(*ip) + all, 1,
			node[1].addresses.ip[0], node[0].addresses.ip[0]);
		memset(icmp, 0, 8);
		icmp[0] = types[how & 3];
		icmp[1] = code;
		icmp[6] = cut;
		uint16_t sum = (uint16_t)~csum_fold(csum_add(0, icmp, all));
		memcpy(icmp + 2, &sum, 2);
		struct host_input in = {.bytes = bytes, .length = (uint32_t)sizeof(*ip) + all};
		engine_from_hook(node[0].engine, &in, now, &node[0].actions);
	}
	forget(&node[0]);
}

static void set_addresses(const uint8_t *data, uint32_t length)
{
	struct address_list list = {0};
	for (uint32_t i = 0; i < length && i < 4; i++)
		list.ip[list.count++] = address_from_ipv4(
			(uint8_t[]){10, 0, (uint8_t)i, (uint8_t)(2 + (data[i] & 3))});
	node[0].addresses = list;
	engine_set_addresses(node[0].engine, &list, now, &node[0].actions);
	forget(&node[0]);
}

static void open_node(unsigned i, enum encapsulation encap)
{
	struct node *n = &node[i];
	struct engine_setup setup = {.settings = settings_default(),
		.node = {{2, 0, 0, 0, 0, (uint8_t)(i + 1)}},
		.wire_port = htons(5280)};
	setup.settings.encap = encap;
	setup.settings.max_paths = 24;
	setup.settings.max_sessions = 4;
	setup.settings.max_peers = 2;
	setup.settings.max_addresses = 6;
	setup.settings.reorder_pool = 8;
	n->engine = engine_new(&setup);
	if (!n->engine)
		abort();
	n->left = false;
	n->actions = (struct actions){.wire = n->wire,
		.host = n->host,
		.steer = n->steer,
		.wire_capacity = WIRES,
		.host_capacity = HOSTS,
		.steer_capacity = STEERS};
	n->addresses = (struct address_list){
		2, {{htonl(0x0a000002u + (i << 16))}, {htonl(0x0a000102u + (i << 16))}}};
	engine_set_addresses(n->engine, &n->addresses, now, &n->actions);
}

/* A session with all its paths in use, at both ends. */
static void establish(bool tcp)
{
	uint8_t data[100] = {0}, bytes[200];
	for (unsigned round = 0; round < 8; round++)
		for (unsigned i = 0; i < 2; i++) {
			uint32_t length = packet(bytes, i, tcp, data, sizeof(data));
			struct host_input in = {
				.bytes = bytes, .length = length, .checksum_partial = true};
			engine_from_host(node[i].engine, &in, now, &node[i].actions);
			exchange(4);
			now = usec_add(now, usec_ms(60));
			for (unsigned k = 0; k < 2; k++)
				engine_tick(node[k].engine, now, &node[k].actions);
			exchange(4);
		}
}

static void step(bool tcp, uint8_t entry, const uint8_t *data, uint32_t length)
{
	struct node *n = &node[0];
	uint8_t how = entry >> 4;
	switch (entry % 16 % ENTRIES) {
	case FROM_HOST:
		from_host(tcp, how, data, length);
		break;
	case FROM_WIRE:
		from_network(tcp, false, how, data, length);
		break;
	case FROM_HOOK:
		from_network(tcp, true, how, data, length);
		break;
	case ADDRESSES:
		set_addresses(data, length);
		break;
	case UNREACHABLE:
		engine_unreachable(n->engine,
			(struct endpoint){node[1].addresses.ip[how & 1], htons(5280)}, now);
		break;
	case EXCHANGE:
		if (!node[1].left)
			engine_tick(node[1].engine, now, &node[1].actions);
		exchange(how);
		break;
	case TOO_BIG:
		engine_too_big(n->engine, n->addresses.ip[0], node[1].addresses.ip[how & 1],
			length ? data[0] * 8u : 0, now);
		break;
	case LEAVE:
		engine_leave(node[how & 1].engine, now, &node[how & 1].actions);
		node[how & 1].left = true;
		exchange(2);
		break;
	case ICMP:
		icmp_error(tcp, how, data, length);
		break;
	default:
		break;
	}
	if (!n->left)
		engine_tick(n->engine, now, &n->actions);
	forget(n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	now = usec_ms(1000);
	bool tcp = data[0] & 1;
	for (unsigned i = 0; i < 2; i++)
		open_node(i, (enum encapsulation)((data[0] >> 1) % ENCAPS));
	establish(tcp);
	for (size_t at = 1; at + 5 <= size;) {
		uint32_t length = data[at + 3] | (uint32_t)data[at + 4] << 8;
		now = usec_add(now, (struct usec){(data[at + 1] | data[at + 2] << 8) * 64});
		uint8_t entry = data[at];
		at += 5;
		if (length > size - at)
			length = (uint32_t)(size - at);
		if (length > LONGEST)
			length = LONGEST;
		step(tcp, entry, data + at, length);
		at += length;
	}
	engine_free(node[0].engine);
	engine_free(node[1].engine);
	return 0;
}
