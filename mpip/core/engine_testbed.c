// SPDX-License-Identifier: BSD-2-Clause
/*
 * Theory of operation: packets under way are a list; the next thing to happen is the earliest
 * arrival or the earlier deadline of the two engines. A raw packet meets the ingress hook's
 * verdict, as mpip/io/ingress/ingress.bpf.c has it; a datagram to the wire port meets the engine.
 */

#include "mpip/core/engine_testbed.h"

event_observer *testbed_observer;

struct address ip(const char *text)
{
	struct address a;
	assert_true(address_parse(text, &a));
	return a;
}

static struct host *peer_of(struct world *w, unsigned i)
{
	return &w->host[!i];
}

static void launch(struct world *w, unsigned from, const struct wire_packet *p)
{
	assert_true(w->flying < FLYING);
	struct flight *f = &w->flight[w->flying];
	*f = (struct flight){.to = !from, .raw = p->kind == WIRE_PACKET_RAW};
	f->length = (uint32_t)p->head_length + p->data.length + p->tail_length;
	assert_true(f->length <= sizeof(f->bytes));
	memcpy(f->bytes, p->head, p->head_length);
	if (p->data.length)
		memcpy(f->bytes + p->head_length, p->data.bytes, p->data.length);
	memcpy(f->bytes + p->head_length + p->data.length, p->tail, p->tail_length);
	f->dst = p->to.ip;
	f->src_port = htons(WIRE_PORT);
	f->dst_port = p->to.port;
	f->src = p->local_index < w->host[from].addresses.count
			 ? w->host[from].addresses.ip[p->local_index]
			 : (struct address){0};
	if (f->raw) /* the wire packet may not say where it comes from */
		f->src = address_from_ipv4(((struct ip_header *)f->bytes)->src.b);
	/* The second NIC is faster: what it sends overtakes. */
	bool first = address_equal(f->src, w->host[from].addresses.ip[0]);
	int64_t delay = w->delay ? w->delay(w, f) : first ? 1000 : 700;
	f->at = usec_add(w->now, (struct usec){delay});
	if (w->tap)
		w->tap(w, f);
	if ((!w->drop || !w->drop(w, f)) && (!w->box || !w->box(w, f)))
		w->flying++;
}

/* What a kernel says to a segment for a port where nobody listens (RFC 9293, 3.10.7.1). */
static void refuse(struct world *w, unsigned i, const struct packet *p)
{
	struct {
		struct ip_header ip;
		struct tcp_header tcp;
	} reset = {.tcp = {.offset = 5 << 4, .flags = TCP_RST}};
	bool ack = p->tcp->flags & TCP_ACK;
	ip_header_make(&reset.ip, IPPROTO_TCP, sizeof(reset), 0, p->dst.ip, p->src.ip);
	reset.tcp.src = p->tcp->dst;
	reset.tcp.dst = p->tcp->src;
	reset.tcp.seq = ack ? p->tcp->ack : put32(0);
	if (!ack) {
		reset.tcp.flags |= TCP_ACK;
		reset.tcp.ack = put32(get32(p->tcp->seq) + p->data_length + 1);
	}
	uint64_t sum = csum_pseudo(&reset.ip, sizeof(reset.tcp));
	uint16_t checksum = (uint16_t)~csum_fold(csum_add(sum, &reset.tcp, sizeof(reset.tcp)));
	memcpy(reset.tcp.checksum.b, &checksum, 2);
	struct wire_packet out = {.kind = WIRE_PACKET_RAW,
		.local_index = LOCAL_ANY,
		.to = p->src,
		.data = {(const uint8_t *)&reset, sizeof(reset)}};
	w->host[i].resets_sent++;
	launch(w, i, &out);
}

/* What the kernel at host `i` gets: the application reads user data by its pattern. */
static void kernel_reads(struct world *w, unsigned i, uint8_t *bytes, uint32_t length)
{
	struct host *h = &w->host[i];
	struct packet p;
	enum packet_kind kind = packet_view(&p, bytes, length, false);
	uint16_t port = i ? SERVER_PORT : CLIENT_PORT;
	bool own = (kind == PACKET_TCP || kind == PACKET_UDP) &&
		   address_equal(p.dst.ip, h->socket_ip) &&
		   address_equal(p.src.ip, w->host[!i].seen_as.ip);
	if (kind == PACKET_TCP && p.dst.port != htons(port)) {
		h->raw_seen++;
		if (!(p.tcp->flags & TCP_RST))
			refuse(w, i, &p);
		return;
	}
	if (kind == PACKET_TCP) {
		h->raw_seen++;
		if (p.tcp->offset >> 4 == 15 && bytes[40] == CARRIER_TCP_KIND)
			h->queries_seen++;
		uint32_t seq = get32(p.tcp->seq);
		for (uint32_t k = 0; k < p.data_length; k++)
			h->tcp.wrong += bytes[p.header_length + k] != (uint8_t)((seq + k) * 7);
		h->tcp.wrong += !own;
		h->tcp.packets++;
		h->tcp.bytes += p.data_length;
	} else if (kind == PACKET_UDP) {
		h->raw_seen++;
		h->queries_seen += p.surplus > 0;
		for (uint32_t k = 0; k < p.data_length; k++)
			h->udp.wrong +=
				bytes[p.header_length + k] != (uint8_t)(p.data_length * 3 + k);
		h->udp.packets++;
		h->udp.bytes += p.data_length;
	}
}

static bool has_flow(const struct host *h, const struct tuple *tuple)
{
	for (unsigned i = 0; i < h->flows; i++)
		if (memcmp(&h->flow[i], tuple, sizeof(*tuple)) == 0)
			return true;
	return false;
}

void carry(struct world *w, unsigned i)
{
	struct host *h = &w->host[i];
	for (unsigned k = 0; k < h->actions.wires; k++)
		launch(w, i, &h->actions.wire[k]);
	for (unsigned k = 0; k < h->actions.hosts; k++) {
		struct host_packet *p = &h->actions.host[k];
		uint8_t bytes[65536];
		memcpy(bytes, p->head, p->head_length);
		memcpy(bytes + p->head_length, p->data.bytes, p->data.length);
		kernel_reads(w, i, bytes, p->head_length + p->data.length);
	}
	for (unsigned k = 0; k < h->actions.steers; k++) {
		h->excluded += h->actions.steer[k].kind == STEER_EXCLUDE;
		h->included += h->actions.steer[k].kind == STEER_INCLUDE;
		if (h->actions.steer[k].kind == STEER_FLOW_ADD &&
			!has_flow(h, &h->actions.steer[k].tuple)) {
			assert_true(h->flows < FLOWS);
			h->flow[h->flows++] = h->actions.steer[k].tuple;
		}
	}
	h->actions.wires = h->actions.hosts = h->actions.steers = 0;
	if (h->engine)
		engine_carried_out(h->engine);
}

/* Whether the ingress hook would take it: the encapsulation of a query, or a CM's flow. */
static bool hook_takes(const struct host *h, struct flight *f)
{
	struct packet p;
	enum packet_kind kind = packet_view(&p, f->bytes, f->length, false);
	if (kind == PACKET_TCP && p.tcp->offset >> 4 == 15 && f->bytes[40] == CARRIER_TCP_KIND)
		return true;
	struct tuple tuple = {p.dst.ip, p.src.ip, p.dst.port, p.src.port, p.ip->protocol};
	return has_flow(h, &tuple) || p.surplus > 0;
}

static void land(struct world *w, struct flight *f)
{
	struct host *h = &w->host[f->to];
	if (!address_list_has(&h->addresses, f->dst))
		return; /* no longer */
	if (!f->raw && f->dst_port != htons(WIRE_PORT))
		return;
	if (!h->engine && !f->raw) {
		struct engine *other = peer_of(w, f->to)->engine;
		if (other)
			engine_unreachable(
				other, (struct endpoint){f->dst, htons(WIRE_PORT)}, w->now);
		return;
	}
	if (f->raw && (!h->engine || !hook_takes(h, f))) {
		kernel_reads(w, f->to, f->bytes, f->length);
		return;
	}
	if (f->raw) {
		struct host_input in = {.bytes = f->bytes, .length = f->length};
		engine_from_hook(h->engine, &in, w->now, &h->actions);
	} else {
		struct wire_input in = {.bytes = f->bytes,
			.length = f->length,
			.from = {f->src, f->src_port},
			.arrived = w->now};
		while (!address_equal(h->addresses.ip[in.local_index], f->dst))
			in.local_index++;
		h->wrapped_seen++;
		engine_from_wire(h->engine, &in, w->now, &h->actions);
	}
	carry(w, f->to);
}

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

void run_for(struct world *w, int64_t ms)
{
	run(w, usec_add(w->now, usec_ms(ms)));
}

static void plain_host(struct world *w, unsigned i)
{
	static const char *const addresses[2][2] = {
		{"10.0.1.2", "10.0.2.2"}, {"10.0.3.2", "10.0.4.2"}};
	struct host *h = &w->host[i];
	h->addresses = (struct address_list){2, {ip(addresses[i][0]), ip(addresses[i][1])}};
	h->socket_ip = h->addresses.ip[0];
	h->seen_as = (struct endpoint){h->socket_ip, htons(i ? SERVER_PORT : CLIENT_PORT)};
}

void open_host(struct world *w, unsigned i, struct settings settings)
{
	struct host *h = &w->host[i];
	plain_host(w, i);
	struct engine_setup setup = {.settings = settings,
		.node = {{2, 0, 0, 0, 0, (uint8_t)(1 + i)}},
		.wire_port = htons(WIRE_PORT),
		.observer = testbed_observer,
		.observer_context = h};
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

struct world *world_of(struct settings settings, bool server_has_mpip)
{
	struct world *w = calloc(1, sizeof(*w));
	assert_non_null(w);
	w->now = usec_ms(1000000);
	open_host(w, 0, settings);
	if (server_has_mpip)
		open_host(w, 1, settings);
	else
		plain_host(w, 1);
	return w;
}

void world_free(struct world *w)
{
	engine_free(w->host[0].engine);
	engine_free(w->host[1].engine);
	free(w);
}

/* A segment and its CM, as they lie behind another header. */
static bool wrapped_cm(const uint8_t *bytes, uint32_t length, struct cm *cm)
{
	size_t size = cm_size_at_end(bytes, length);
	struct cm_binding udp = {.segment_length = length - (uint32_t)size}, tcp = udp;
	if (size && udp.segment_length >= sizeof(struct tcp_header))
		tcp.tcp_seq = get32(((const struct tcp_header *)bytes)->seq);
	return size && (cm_decode(bytes, length, udp, cm) || cm_decode(bytes, length, tcp, cm));
}

static void send_segments(struct world *w, unsigned from, uint8_t protocol, uint8_t flags,
	uint32_t seq, uint32_t length, unsigned segments)
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
	address_to_ipv4(h->socket_ip, iph->src.b);
	address_to_ipv4(other->seen_as.ip, iph->dst.b);
	uint16_t ports[2] = {from ? SERVER_PORT : CLIENT_PORT, ntohs(other->seen_as.port)};
	if (tcp) {
		struct tcp_header *t = (void *)(bytes + 20);
		*t = (struct tcp_header){put16(ports[0]), put16(ports[1]), put32(seq), put32(1),
			5 << 4, flags, put16(1000), {{0}}, {{0}}};
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
		struct wire_packet p = {
			.kind = WIRE_PACKET_RAW, .to = other->seen_as, .data = {bytes, total}};
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

void send_packet(struct world *w, unsigned from, uint8_t protocol, uint32_t seq, uint32_t length,
	unsigned segments)
{
	send_segments(w, from, protocol, TCP_ACK | TCP_PSH, seq, length, segments);
}

void connect_tcp(struct world *w)
{
	send_segments(w, 0, IPPROTO_TCP, TCP_SYN, 0, 0, 1);
	run_for(w, 2);
	send_segments(w, 1, IPPROTO_TCP, TCP_SYN | TCP_ACK, 0, 0, 1);
	run_for(w, 2);
}

uint32_t transfer(struct world *w, unsigned from, uint32_t seq, unsigned count, unsigned segments)
{
	for (unsigned i = 0; i < count; i++) {
		send_packet(w, from, IPPROTO_TCP, seq, 1000, segments);
		seq += 1000 * segments;
		run_for(w, 1);
		send_packet(w, !from, IPPROTO_TCP, 1, 0, 1);
	}
	return seq;
}

const struct session *only_session(const struct host *h)
{
	const struct session *s = engine_next_session(h->engine, NULL);
	assert_non_null(s);
	assert_null(engine_next_session(h->engine, s));
	return s;
}

void expect_multipath(struct world *w)
{
	for (unsigned i = 0; i < 2; i++) {
		const struct session *s = only_session(&w->host[i]);
		assert_int_not_equal(s->mp->key.id.n, 0);
		assert_int_equal(s->paths, 4);
		assert_int_equal(s->in_use, 4);
	}
	assert_int_equal(
		only_session(&w->host[0])->mp->key.id.n, only_session(&w->host[1])->mp->key.id.n);
}

void set_addresses(struct world *w, unsigned i, struct address_list list)
{
	struct host *h = &w->host[i];
	h->addresses = list;
	engine_set_addresses(h->engine, &list, w->now, &h->actions);
	carry(w, i);
}

void datagrams(struct world *w, unsigned from, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		send_packet(w, from, IPPROTO_UDP, 0, 500, 1);
		run_for(w, 1);
	}
}

bool cm_of(const struct flight *f, struct cm *cm)
{
	static uint8_t bytes[sizeof(f->bytes)];
	struct packet p;
	memcpy(bytes, f->bytes, f->length);
	if (!f->raw)
		return wrapped_cm(bytes, f->length, cm);
	enum packet_kind kind = packet_view(&p, bytes, f->length, false);
	if (kind != PACKET_TCP && kind != PACKET_UDP)
		return false;
	uint32_t seq = kind == PACKET_TCP ? get32(p.tcp->seq) : 0;
	struct cm_binding carrier = {.tcp_seq = seq};
	if (kind == PACKET_TCP && p.tcp->offset >> 4 == 15 && bytes[41] == CARRIER_HS_LENGTH)
		return cm_decode(bytes + 44, CM_FIXED, (struct cm_binding){0, 0}, cm);
	if ((kind == PACKET_TCP && p.tcp->offset >> 4 == 15) || p.surplus)
		return cm_decode(p.bytes + p.length - CARRIER_CM, CARRIER_CM, carrier, cm);
	uint32_t segment = p.length - p.ip_length;
	size_t size = cm_size_at_end(p.bytes + p.ip_length, segment);
	return (size && cm_decode(p.bytes + p.ip_length, segment,
				(struct cm_binding){segment - (uint32_t)size, seq}, cm)) ||
	       wrapped_cm(p.bytes + p.header_length, p.data_length, cm);
}
