// SPDX-License-Identifier: BSD-2-Clause
/*
 * Theory of operation: this is mpip/io without Linux. What the daemon does in a turn is done here
 * in an event: something goes into the engine, its actions are carried out, its deadlines are
 * asked for. What the ingress hook decides is written down as mpip/io/ingress/ingress.bpf.c has it,
 * with the verdicts of a hook whose daemon is dead.
 *
 * A host's clock is another one than the simulator's: it has an offset and runs at its own speed.
 */

#include "mpip/sim/host.h"

#include "mpip/core/cm.h"
#include "mpip/core/packet.h"
#include "mpip/sim/kernel.h"
#include "mpip/sim/network.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

struct sim_host *host_new(struct sim *w)
{
	struct sim_host *h = sim_alloc(sizeof(*h));
	h->w = w;
	h->index = w->hosts;
	h->name = (char)('A' + h->index);
	h->node = (struct node_id){{2, 0, 0, 0, 0, (uint8_t)(1 + h->index)}};
	h->wire_port = htons(5280);
	h->settings = settings_default();
	h->deadline = USEC_NEVER;
	h->ever_plain = true;
	h->actions = (struct actions){.wire = h->wire,
		.host = h->host,
		.steer = h->steer,
		.wire_capacity = SIM_WIRES,
		.host_capacity = SIM_HOST_PACKETS,
		.steer_capacity = SIM_STEERS};
	w->host[w->hosts++] = h;
	return h;
}

void host_free(struct sim_host *h)
{
	engine_free(h->engine);
	free(h);
}

struct usec host_clock(const struct sim_host *h)
{
	int64_t t = h->w->now.us;
	return (struct usec){h->clock_offset + t + t / 1000 * h->clock_ppm / 1000};
}

/* When the host's clock will show `deadline`. */
static struct usec our_time(const struct sim_host *h, struct usec deadline)
{
	if (deadline.us == USEC_NEVER.us)
		return USEC_NEVER;
	int64_t left = usec_sub(deadline, host_clock(h)).us;
	if (left <= 0)
		return usec_add(h->w->now, (struct usec){1});
	int64_t ours = left * 1000000 / (1000000 + h->clock_ppm) + 1;
	return usec_add(h->w->now, (struct usec){ours});
}

/* Carrying out */

/* The CM in a packet, for the trace. */
static void trace_cm(const struct sim_host *h, const struct sim_flight *f)
{
	size_t ip = f->raw ? sizeof(struct ip_header) : 0;
	const uint8_t *segment = f->bytes + ip;
	size_t length = f->length - ip, size = cm_size_at_end(segment, length);
	struct cm_binding binding = {.segment_length = (uint32_t)(length - size)};
	struct cm cm;
	if (size == 0)
		return;
	if (!cm_decode(segment, length, binding, &cm)) {
		binding.tcp_seq = get32(((const struct tcp_header *)segment)->seq);
		if (!cm_decode(segment, length, binding, &cm))
			return;
	}
	sim_trace(h->w, "    CM: session %08x path %u feedback %u flags %02x%s%s", cm.session.n,
		cm.path.n, cm.feedback_path.n, cm.flags, cm.has_addresses ? " addresses" : "",
		cm.has_list_ack ? " list-ack" : "");
}

static void launch(struct sim_host *h, const struct wire_packet *p, uint32_t packet)
{
	struct sim *w = h->w;
	struct sim_flight *f = network_flight(w);
	uint32_t length = (uint32_t)p->head_length + p->data.length + p->tail_length;
	if (length > SIM_MTU) {
		sim_break(w, "size", "%c sends a packet of %u bytes", h->name, length);
		length = 0;
	}
	f->length = length;
	if (length) {
		memcpy(f->bytes, p->head, p->head_length);
		if (p->data.length)
			memcpy(f->bytes + p->head_length, p->data.bytes, p->data.length);
		memcpy(f->bytes + p->head_length + p->data.length, p->tail, p->tail_length);
	}
	f->packet = packet;
	if (p->kind == WIRE_PACKET_RAW) {
		flight_read_headers(f);
	} else {
		f->protocol = IPPROTO_UDP;
		if (p->local_index < h->addresses.count)
			f->src = (struct endpoint){h->addresses.ip[p->local_index], h->wire_port};
		f->dst = p->to;
	}
	SIM_TRACE(w, "  %c sends %s %u bytes %s -> %s", h->name, f->raw ? "raw" : "udp", length,
		address_port_text(f->src.ip, f->src.port).text,
		address_port_text(f->dst.ip, f->dst.port).text);
	if (w->trace)
		trace_cm(h, f);
	network_launch(w, f);
}

static void steer(struct sim_host *h, const struct steer *s)
{
	unsigned i = 0;
	switch (s->kind) {
	case STEER_FLOW_ADD:
		while (i < h->flows && memcmp(&h->flow[i], &s->tuple, sizeof(s->tuple)) != 0)
			i++;
		if (i == h->flows && h->flows < SIM_FLOWS)
			h->flow[h->flows++] = s->tuple;
		break;
	case STEER_FLOW_REMOVE: /* it lingers for what is under way */
		break;
	case STEER_EXCLUDE:
		if (h->excludes < sizeof(h->excluded) / sizeof(h->excluded[0]))
			h->excluded[h->excludes++] = s->tuple.remote_ip;
		break;
	case STEER_INCLUDE:
		while (i < h->excludes && !address_equal(h->excluded[i], s->tuple.remote_ip))
			i++;
		if (i < h->excludes)
			h->excluded[i] = h->excluded[--h->excludes];
		break;
	}
}

static void carry_out(struct sim_host *h, uint32_t packet)
{
	h->touched = true;
	struct actions *a = &h->actions;
	h->ledger.wires += a->wires;
	h->ledger.hosts += a->hosts;
	for (unsigned i = 0; i < a->steers; i++)
		steer(h, &a->steer[i]);
	for (unsigned i = 0; i < a->wires; i++)
		launch(h, &a->wire[i], packet);
	for (unsigned i = 0; i < a->hosts; i++) {
		const struct host_packet *p = &a->host[i];
		uint8_t bytes[2 * SIM_MTU];
		if (p->head_length + p->data.length > sizeof(bytes)) {
			sim_break(h->w, "size", "%c delivers %u bytes", h->name, p->data.length);
			break;
		}
		memcpy(bytes, p->head, p->head_length);
		memcpy(bytes + p->head_length, p->data.bytes, p->data.length);
		if (p->complete) /* an ICMP error; TCP here has no use for it */
			continue;
		kernel_receive(h, bytes, p->head_length + p->data.length, p->verbatim);
	}
	a->wires = a->hosts = a->steers = 0;
	engine_carried_out(h->engine);
}

void host_tick(struct sim_host *h)
{
	if (usec_before(h->w->now, h->stalled_until)) {
		h->deadline = h->stalled_until;
		return;
	}
	if (!h->engine || h->leaving) {
		h->deadline = USEC_NEVER;
		return;
	}
	SIM_TRACE(h->w, "%c ticks", h->name);
	struct usec next = engine_tick(h->engine, host_clock(h), &h->actions);
	carry_out(h, 0);
	h->deadline = our_time(h, next);
}

/* What the engine has dropped since it was asked last, for the trace. */
static void trace_drops(struct sim_host *h)
{
	const struct stats *s = engine_stats(h->engine);
	for (unsigned i = 0; i < STAT_COUNT; i++)
		if (s->n[i] != h->traced.n[i] && strncmp(stat_names[i], "drop_", 5) == 0)
			sim_trace(h->w, "  %c: %s", h->name, stat_names[i]);
	h->traced = *s;
}

static void turn(struct sim_host *h, uint32_t packet)
{
	if (h->w->trace)
		trace_drops(h);
	carry_out(h, packet);
	host_tick(h);
}

void host_trace(const struct sim_host *h)
{
	struct sim *w = h->w;
	for (const struct session *s = h->engine ? engine_next_session(h->engine, NULL) : NULL; s;
		s = engine_next_session(h->engine, s)) {
		sim_trace(w, "%c: session %08x %s -> %s, %s, %u of %u paths in use%s%s", h->name,
			session_id(s).n,
			address_port_text(s->tuple.local_ip, s->tuple.local_port).text,
			address_port_text(s->tuple.remote_ip, s->tuple.remote_port).text,
			encap_names[s->encap], s->in_use, s->paths, s->regular_reason ? ": " : "",
			s->regular_reason ? s->regular_reason : "");
		for (unsigned i = 0; i < s->paths; i++) {
			const struct path *p = s->mp->path[i];
			sim_trace(w, "%c:   path %u %s %s -> %s, state %d, %u probes", h->name,
				p->id.n, encap_names[p->encap],
				address_port_text(p->src.ip, p->src.port).text,
				address_port_text(p->dst.ip, p->dst.port).text, (int)p->state,
				p->probes);
		}
	}
}

static void trace_event(const struct sim_host *h, const struct event *event)
{
	struct event_field field[EVENT_FIELDS];
	char text[512] = "";
	size_t length = 0;
	unsigned n = event->kind == EVENT_WEIGHTS ? 0 : event_fields(event, field);
	for (unsigned i = 0; i < n && length < sizeof(text); i++)
		length += (size_t)snprintf(text + length, sizeof(text) - length, ", %s %s",
			field[i].key, field[i].text);
	if (n > 0)
		sim_trace(h->w, "  %c: %s%s", h->name, event_names[event->kind], text);
}

/* What its engine says of itself. */
static void observe(void *context, const struct event *event, struct usec now)
{
	struct sim_host *h = context;
	(void)now;
	if (h->w->trace)
		trace_event(h, event);
	switch (event->kind) {
	case EVENT_SESSION_MULTIPATH:
		h->told_multipath++;
		break;
	case EVENT_SESSION_FALLBACK:
	case EVENT_SESSION_RESUMED:
		h->told_multipath--;
		break;
	case EVENT_SESSION_ENDED:
		h->told_multipath -= event->session->in_use > 0;
		break;
	default:
		break;
	}
}

/* Life */

void host_start(struct sim_host *h)
{
	struct engine_setup setup = {.settings = h->settings,
		.node = h->node,
		.wire_port = h->wire_port,
		.observer = observe,
		.observer_context = h};
	setup.settings.seed = (uint64_t)rng_next(&h->w->rng) << 32 | rng_next(&h->w->rng);
	h->engine = engine_new(&setup);
	if (!h->engine)
		abort();
	h->hooked = true;
	h->ever_plain = h->leaving = false;
	h->lives++;
	h->excludes = 0;
	h->ledger = (struct sim_ledger){0};
	h->told_multipath = 0;
	SIM_TRACE(h->w, "%c starts", h->name);
	host_addresses(h);
}

void host_kill(struct sim_host *h)
{
	if (!h->engine)
		return;
	SIM_TRACE(h->w, "%c is killed", h->name);
	engine_free(h->engine);
	h->engine = NULL;
	h->excludes = 0;
	h->deadline = USEC_NEVER;
}

void host_leave(struct sim_host *h)
{
	if (!h->engine || h->leaving)
		return;
	SIM_TRACE(h->w, "%c leaves", h->name);
	h->leaving = true;
	engine_leave(h->engine, host_clock(h), &h->actions);
	carry_out(h, 0);
	h->deadline = USEC_NEVER;
}

void host_addresses(struct sim_host *h)
{
	h->addresses.count = 0;
	for (unsigned i = 0; i < h->w->nics; i++)
		if (h->w->nic[i].host == h->index && !address_is_none(h->w->nic[i].ip))
			h->addresses.ip[h->addresses.count++] = h->w->nic[i].ip;
	if (!h->engine)
		return;
	engine_set_addresses(h->engine, &h->addresses, host_clock(h), &h->actions);
	turn(h, 0);
}

/* Sending */

bool host_through_daemon(const struct sim_host *h, struct address remote)
{
	/* A daemon that leaves has taken its routes away first. */
	if (!h->engine || h->leaving)
		return false;
	for (unsigned i = 0; i < h->excludes; i++)
		if (address_equal(h->excluded[i], remote))
			return false;
	return true;
}

void host_send(struct sim_host *h, uint8_t *bytes, uint32_t length, uint16_t gso_size,
	bool checksum_partial, uint32_t packet)
{
	const struct ip_header *ip = (const void *)bytes;
	struct address remote = address_from_ipv4(ip->dst.b);
	if (!host_through_daemon(h, remote)) {
		struct sim_flight *f = network_flight(h->w);
		memcpy(f->bytes, bytes, length);
		f->length = length;
		f->packet = packet;
		flight_read_headers(f);
		network_launch(h->w, f);
		return;
	}
	struct host_input in = {.bytes = bytes,
		.length = length,
		.gso_size = gso_size,
		.checksum_partial = checksum_partial};
	const struct stats *stats = engine_stats(h->engine);
	uint64_t asked = stats->n[STAT_QUERIES_SENT], too_big = stats->n[STAT_DROP_TOO_BIG];
	h->ledger.segments += packet ? h->w->packet[packet].made : 1;
	engine_from_host(h->engine, &in, host_clock(h), &h->actions);
	if (ip->protocol == IPPROTO_UDP)
		h->ledger.asking_along += stats->n[STAT_QUERIES_SENT] - asked;
	if (stats->n[STAT_DROP_TOO_BIG] > too_big)
		h->ledger.too_big += packet ? h->w->packet[packet].made : 1;
	turn(h, packet);
}

/* Receiving */

static bool is_carrier(const struct packet *p, enum packet_kind kind)
{
	struct be16 exid = put16(CARRIER_EXID);
	const uint8_t *option;
	if (kind == PACKET_TCP) {
		option = p->bytes + p->ip_length + sizeof(struct tcp_header);
		if (p->header_length - p->ip_length != 60 || p->data_length ||
			option[0] != CARRIER_TCP_KIND)
			return false;
	} else {
		uint32_t pad = p->data_length & 1;
		if (p->surplus != pad + CARRIER_UDP_SURPLUS)
			return false;
		option = p->bytes + p->header_length + p->data_length + pad + CARRIER_UDP_OCS;
		if (option[0] != CARRIER_UDP_KIND)
			return false;
	}
	return (option[1] == CARRIER_LENGTH ||
		       (kind == PACKET_TCP && option[1] == CARRIER_HS_LENGTH)) &&
	       memcmp(option + 2, &exid, 2) == 0;
}

static bool carries_cm(const struct packet *p, enum packet_kind kind)
{
	const uint8_t *segment = p->bytes + p->ip_length;
	uint32_t header = (uint32_t)p->header_length - p->ip_length;
	size_t size = cm_size_at_end(segment, header + p->data_length);
	struct cm_binding binding = {.segment_length = header + p->data_length - (uint32_t)size};
	if (kind == PACKET_TCP)
		binding.tcp_seq = get32(p->tcp->seq);
	struct cm cm;
	return size > 0 && size <= p->data_length &&
	       cm_decode(segment, header + p->data_length, binding, &cm);
}

static bool is_flow(const struct sim_host *h, const struct packet *p)
{
	struct tuple tuple = {p->dst.ip, p->src.ip, p->dst.port, p->src.port, p->ip->protocol};
	for (unsigned i = 0; i < h->flows; i++)
		if (memcmp(&h->flow[i], &tuple, sizeof(tuple)) == 0)
			return true;
	return false;
}

static void to_kernel(struct sim_host *h, struct sim_flight *f)
{
	kernel_receive(h, f->bytes, f->length, true);
	network_end(h->w, f, SIM_END_KERNEL);
}

static void receive_raw(struct sim_host *h, struct sim_flight *f)
{
	struct packet p;
	enum packet_kind kind = packet_view(&p, f->bytes, f->length, false);
	bool whole = kind == PACKET_TCP || kind == PACKET_UDP;
	bool carrier = whole && is_carrier(&p, kind);
	bool known = whole && h->hooked && is_flow(h, &p);
	if (carrier && !h->engine)
		h->carriers_seen++;
	if (!h->hooked || (!known && !carrier)) {
		to_kernel(h, f);
		return;
	}
	if (!h->engine) {
		bool empty = carrier && kind == PACKET_UDP && p.data_length == 0;
		bool handshake = carrier && kind == PACKET_TCP &&
				 f->bytes[p.ip_length + 21] == CARRIER_HS_LENGTH;
		if (empty || handshake || (known && carries_cm(&p, kind)))
			network_end(h->w, f, SIM_END_HOOK_STALE);
		else
			to_kernel(h, f);
		return;
	}
	uint64_t asked = engine_stats(h->engine)->n[STAT_QUERIES_RECEIVED];
	struct host_input in = {.bytes = f->bytes, .length = f->length};
	h->ledger.from_networks++;
	engine_from_hook(h->engine, &in, host_clock(h), &h->actions);
	if (kind == PACKET_UDP)
		h->ledger.asked_along += engine_stats(h->engine)->n[STAT_QUERIES_RECEIVED] - asked;
	turn(h, 0);
	network_end(h->w, f, SIM_END_ENGINE);
}

struct refusal {
	struct sim_host *to;
	struct endpoint remote;
};

static void refused(struct sim *w, void *arg)
{
	struct refusal *r = arg;
	(void)w;
	if (r->to->engine) {
		engine_unreachable(r->to->engine, r->remote, host_clock(r->to));
		turn(r->to, 0);
	}
	free(r);
}

static void receive_wrapped(struct sim_host *h, struct sim_flight *f)
{
	struct sim *w = h->w;
	h->wrapped_seen++;
	if (f->corrupt) {
		network_end(w, f, SIM_END_CHECKSUM);
		return;
	}
	if (!h->engine || f->dst.port != h->wire_port) {
		if (h->ever_plain && !f->forged)
			sim_break(w, "plain-peer",
				"%c, without MPIP, gets a datagram of the wire port", h->name);
		if (!f->forged && network_path_lives(w, f->to_nic, f->from_nic)) {
			struct refusal *r = sim_alloc(sizeof(*r));
			*r = (struct refusal){w->host[w->nic[f->from_nic].host], f->asked};
			sim_at(w, usec_add(w->now, usec_ms(1)), refused, r);
		}
		network_end(w, f, SIM_END_PORT_CLOSED);
		return;
	}
	struct wire_input in = {
		.bytes = f->bytes, .length = f->length, .from = f->src, .arrived = host_clock(h)};
	while (!address_equal(h->addresses.ip[in.local_index], f->dst.ip))
		in.local_index++;
	h->ledger.from_networks++;
	engine_from_wire(h->engine, &in, host_clock(h), &h->actions);
	turn(h, 0);
	network_end(w, f, SIM_END_ENGINE);
}

static void receive_later(struct sim *w, void *arg)
{
	struct sim_flight *f = arg;
	if (address_equal(w->nic[f->to_nic].ip, f->dst.ip))
		host_receive(w->host[w->nic[f->to_nic].host], f);
	else
		network_end(w, f, SIM_END_NO_ADDRESS);
}

void host_receive(struct sim_host *h, struct sim_flight *f)
{
	if (h->engine && usec_before(h->w->now, h->stalled_until)) {
		sim_at(h->w, h->stalled_until, receive_later, f);
		return;
	}
	SIM_TRACE(h->w, "%c receives %s %u bytes %s -> %s", h->name, f->raw ? "raw" : "udp",
		f->length, address_port_text(f->src.ip, f->src.port).text,
		address_port_text(f->dst.ip, f->dst.port).text);
	h->w->damaged = f->corrupt || f->forged;
	if (f->raw)
		receive_raw(h, f);
	else
		receive_wrapped(h, f);
	h->w->damaged = false;
}
