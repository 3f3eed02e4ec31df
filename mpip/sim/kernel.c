// SPDX-License-Identifier: BSD-2-Clause
/*
 * Theory of operation: user data is a window into one table of random bytes, which begins at
 * another place for each end of each connection and moves with the position in the stream. So
 * data of another session, of another place, or anything else is seen to be wrong, and a comparison
 * costs a memcmp.
 */

#include "mpip/sim/kernel.h"

#include "mpip/sim/host.h"
#include "mpip/sim/network.h"

#include <arpa/inet.h>
#include <stdlib.h>

#define PATTERN (1u << 16)

static const uint8_t *pattern(void)
{
	static uint8_t bytes[2 * PATTERN];
	static bool ready;
	struct rng rng = {.state = 1};
	for (unsigned i = 0; i < PATTERN && !ready; i++)
		bytes[i] = bytes[i + PATTERN] = (uint8_t)(rng_next(&rng) >> 24);
	ready = true;
	return bytes;
}

static const uint8_t *pattern_at(const struct sim_connection *c, unsigned end, uint32_t position)
{
	return pattern() + ((position + (c->tag * 2 + end) * 40503u) & (PATTERN - 1));
}

void kernel_free(struct sim *w)
{
	for (unsigned i = 0; i < w->connections; i++)
		tcp_free(&w->connection[i]);
	free(w->connection);
	free(w->packet);
}

/* Sending */

static struct sim_packet *new_packet(struct sim *w)
{
	if (w->packets + 1 >= w->packet_capacity) {
		w->packet_capacity = w->packet_capacity ? 2 * w->packet_capacity : 1024;
		w->packet = realloc(w->packet, w->packet_capacity * sizeof(*w->packet));
		if (!w->packet)
			abort();
	}
	return &w->packet[++w->packets];
}

/* Whether a packet that is sent now has to arrive. Not so soon after a pause: an idle session falls
 * back (3.7.2), and if its regular connection is dead it takes a round trip to see what lives. */
static bool is_late(const struct sim *w, const struct sim_connection *c)
{
	bool paused = !usec_before(w->now, c->pause_from) &&
		      usec_before(w->now, usec_add(c->pause_until, usec_ms(500)));
	return !usec_before(w->now, w->late_from) && usec_before(w->now, w->apps_until) && !paused;
}

void kernel_send(struct sim_connection *c, unsigned end, const void *header, unsigned header_length,
	uint32_t position, uint32_t length, uint16_t gso_size)
{
	static uint8_t bytes[65536];
	struct sim_socket *socket = &c->socket[end];
	struct sim *w = socket->host->w;
	if (w->packets >= SIM_PACKETS_MAX) {
		sim_break(w, "harness", "more packets than there are serial numbers");
		return;
	}
	struct sim_packet *p = new_packet(w);
	uint32_t serial = w->packets;
	*p = (struct sim_packet){.connection = c,
		.end = (uint8_t)end,
		.header_length = (uint8_t)header_length,
		.late = is_late(w, c),
		.gso_size = gso_size,
		.made = (uint16_t)(gso_size ? (length + gso_size - 1) / gso_size : 1),
		.length = length,
		.position = position};

	struct ip_header *ip = (void *)bytes;
	uint32_t total = (uint32_t)sizeof(*ip) + header_length + length;
	ip_header_make(ip, (uint8_t)socket->tuple.protocol, total, (uint16_t)serial,
		socket->tuple.local_ip, socket->tuple.remote_ip);
	ip_checksum(ip, sizeof(*ip));
	struct tcp_header *tcp = (void *)(ip + 1);
	struct udp_header *udp = (void *)tcp;
	uint8_t *data = bytes + sizeof(*ip) + header_length;
	memcpy(tcp, header, header_length);
	memcpy(tcp->src.b, &socket->tuple.local_port, 2);
	memcpy(tcp->dst.b, &socket->tuple.remote_port, 2);
	memcpy(data, pattern_at(c, end, position), length);
	struct be16 *checksum = c->tcp ? &tcp->checksum : &udp->checksum;
	*checksum = put16(0);
	if (c->tcp) {
		tcp->window = put16((uint16_t)serial);
	} else {
		struct be32 number = put32(serial);
		memcpy(data, &number, sizeof(number));
		udp->length = put16((uint16_t)(header_length + length));
	}
	memcpy(p->header, tcp, header_length);

	/* Some kernels leave the sum to the NIC; ours only where there is a daemon to see it. */
	bool partial = gso_size || (host_through_daemon(socket->host, socket->tuple.remote_ip) &&
					   sim_one_in(w, 2));
	if (c->no_checksum) {
		partial = false;
	} else if (!partial) {
		uint32_t segment = header_length + length;
		uint64_t sum = csum_pseudo(ip, segment);
		uint16_t folded = (uint16_t)~csum_fold(csum_add(sum, tcp, segment));
		folded = folded || c->tcp ? folded : 0xffff;
		memcpy(checksum->b, &folded, 2);
	}
	SIM_TRACE(w, "%c %s%u sends #%u, %u bytes from %u on%s", socket->host->name,
		c->tcp ? "tcp" : "udp", c->tag, serial, length, position,
		gso_size ? ", a super-packet" : "");
	host_send(socket->host, bytes, total, gso_size, partial, serial);
}

void kernel_duplicated(struct sim *w, uint32_t packet)
{
	if (packet)
		w->packet[packet].made++;
}

/* Receiving */

static void wrong(struct sim_host *h, const char *law, uint32_t serial, const char *what)
{
	if (!h->w->damaged)
		sim_break(h->w, law, "%c reads packet #%u: %s", h->name, serial, what);
}

/* What differs between a header and what was sent, or NULL. */
static const char *header_differs(const struct packet *p, const struct sim_packet *sent)
{
	struct tcp_header want, is;
	if (p->ip->protocol == IPPROTO_UDP)
		return NULL; /* there is nothing in it besides ports, length and checksum */
	if (p->header_length - p->ip_length != sent->header_length)
		return "its TCP header has another length";
	memcpy(&want, sent->header, sizeof(want));
	memcpy(&is, p->tcp, sizeof(is));
	uint32_t offset = get32(is.seq) - get32(want.seq);
	if (sent->gso_size ? offset % sent->gso_size != 0 || offset >= sent->length : offset != 0)
		return "another sequence number";
	if (offset + p->data_length > sent->length)
		return "too much data";
	if (offset + p->data_length < sent->length) {
		if (p->data_length != sent->gso_size)
			return "too little data";
		want.flags &= (uint8_t) ~(TCP_FIN | TCP_PSH);
	}
	if (want.flags != is.flags || get32(want.ack) != get32(is.ack) ||
		get16(want.urgent) != get16(is.urgent))
		return "other flags, acknowledgement or urgent pointer";
	if (memcmp(p->tcp + 1, sent->header + sizeof(want), sent->header_length - sizeof(want)) !=
		0)
		return "other options";
	return NULL;
}

static const char *data_differs(const struct packet *p, const struct sim_packet *sent)
{
	const uint8_t *data = p->bytes + p->header_length;
	uint32_t position = sent->position, from = 0;
	if (p->ip->protocol == IPPROTO_UDP) {
		if (p->data_length != sent->length)
			return "another length";
		from = SIM_UDP_LEAST;
	} else {
		struct be32 first;
		memcpy(&first, sent->header + offsetof(struct tcp_header, seq), sizeof(first));
		position += get32(p->tcp->seq) - get32(first);
	}
	const uint8_t *want = pattern_at(sent->connection, sent->end, position);
	return memcmp(data + from, want + from, p->data_length - from) ? "other data" : NULL;
}

static bool checksums_hold(const struct packet *p)
{
	return csum_fold(csum_add(0, p->ip, p->ip_length)) == 0xffff && packet_checksum_good(p);
}

static uint32_t serial_of(const struct packet *p)
{
	struct be32 number;
	if (p->ip->protocol == IPPROTO_TCP)
		return get16(p->tcp->window);
	if (p->data_length < SIM_UDP_LEAST)
		return 0;
	memcpy(&number, p->bytes + p->header_length, sizeof(number));
	return get32(number);
}

/* Whether the packet belongs to this socket. A server behind nothing learns of its client. */
static bool is_for(struct sim_socket *s, const struct packet *p)
{
	struct tuple *t = &s->tuple;
	if (!address_equal(t->local_ip, p->dst.ip) || t->local_port != p->dst.port)
		return false;
	if (address_equal(t->remote_ip, p->src.ip) && t->remote_port == p->src.port)
		return true;
	bool first = address_is_none(t->remote_ip);
	if (s->end == 0 || !s->connection->through_nat || (s->connection->tcp && !first))
		return false;
	t->remote_ip = p->src.ip;
	t->remote_port = p->src.port;
	return true;
}

/* Whether a socket of the host has the port: what comes to another one, no application reads. */
static bool listens(const struct sim_host *h, const struct packet *p)
{
	for (unsigned i = 0; i < h->w->connections; i++)
		for (unsigned end = 0; end < 2; end++) {
			const struct sim_socket *s = &h->w->connection[i].socket[end];
			if (s->host == h && s->tuple.local_port == p->dst.port)
				return true;
		}
	return false;
}

static bool has_socket(const struct sim_host *h, const struct packet *p)
{
	for (unsigned i = 0; i < h->w->connections; i++)
		for (unsigned end = 0; end < 2; end++) {
			const struct sim_socket *s = &h->w->connection[i].socket[end];
			if (s->host == h && s->tuple.protocol == p->ip->protocol &&
				address_equal(s->tuple.local_ip, p->dst.ip) &&
				s->tuple.local_port == p->dst.port &&
				(end == 1 || (s->tuple.remote_port == p->src.port &&
						     address_equal(s->tuple.remote_ip, p->src.ip))))
				return true;
		}
	return false;
}

void kernel_receive(struct sim_host *h, uint8_t *bytes, uint32_t length, bool check)
{
	struct sim *w = h->w;
	struct packet p;
	sim_digest(w, bytes, length);
	enum packet_kind kind = packet_view(&p, bytes, length, false);
	bool known = kind == PACKET_TCP || kind == PACKET_UDP;
	if (kind == PACKET_OTHER && p.ip->protocol == IPPROTO_ICMP)
		return; /* its segments are smaller than any path MTU that it could be told */
	if (!known || (check && !checksums_hold(&p))) {
		wrong(h, known ? "checksum" : "content", 0, "no valid packet");
		return;
	}
	/* An encapsulation with ports of its own meets no socket where the daemon is gone. */
	if (check && !has_socket(h, &p))
		return;
	/* A question's copy: to a plain TCP an acknowledgement with an unknown option. */
	if (kind == PACKET_TCP && p.header_length - p.ip_length == 60 &&
		bytes[p.ip_length + 20] == CARRIER_TCP_KIND)
		return;
	if (kind == PACKET_TCP && !listens(h, &p))
		return;
	uint32_t serial = serial_of(&p);
	if (serial == 0 || serial > w->packets) {
		wrong(h, "content", serial, "no application has sent it");
		return;
	}
	struct sim_packet *sent = &w->packet[serial];
	struct sim_connection *c = sent->connection;
	unsigned end = !sent->end;
	struct sim_socket *socket = &c->socket[end];
	const char *what = header_differs(&p, sent);
	what = what ? what : data_differs(&p, sent);
	if (what) {
		wrong(h, "content", serial, what);
		return;
	}
	if (socket->host != h || !is_for(socket, &p)) {
		if (!c->through_nat)
			wrong(h, "session", serial, "it belongs to another session");
		SIM_TRACE(w, "  %c: no socket for #%u", h->name, serial);
		return;
	}
	SIM_TRACE(w, "  %c %s%u reads #%u", h->name, c->tcp ? "tcp" : "udp", c->tag, serial);
	if (++sent->read > sent->made && !w->damaged) {
		wrong(h, "once", serial, "more often than it was sent");
		return;
	}
	if (c->tcp)
		tcp_receive(w, c, end, &p, sent);
	else
		udp_receive(w, c, end, sent);
}

/* Connections */

struct sim_connection *kernel_connect(struct sim *w, bool tcp, struct sim_host *from,
	struct address from_ip, struct sim_host *to, struct address to_ip)
{
	if (!w->connection)
		w->connection = sim_alloc(SIM_CONNECTIONS * sizeof(*w->connection));
	struct sim_connection *c = &w->connection[w->connections];
	unsigned nic = network_nic(w, from_ip);
	in_port_t client = htons((uint16_t)(SIM_CLIENT_PORT + w->connections));
	in_port_t server = htons((uint16_t)(5000 + w->connections % 7));
	uint32_t protocol = tcp ? IPPROTO_TCP : IPPROTO_UDP;
	*c = (struct sim_connection){.tag = w->connections++,
		.tcp = tcp,
		.nic = nic,
		.through_nat = w->nic[nic].nat != NULL,
		.multipath_at = {USEC_NEVER, USEC_NEVER}};
	for (unsigned end = 0; end < 2; end++)
		c->socket[end] =
			(struct sim_socket){.connection = c, .end = end, .scheduled = USEC_NEVER};
	c->socket[0].host = from;
	c->socket[0].tuple = (struct tuple){from_ip, to_ip, client, server, protocol};
	c->socket[1].host = to;
	c->socket[1].tuple = (struct tuple){to_ip, from_ip, server, client, protocol};
	if (c->through_nat) {
		c->socket[1].tuple.remote_ip = (struct address){0};
		c->socket[1].tuple.remote_port = 0;
	}
	return c;
}

struct sim_connection *kernel_find(
	const struct sim *w, const struct sim_host *h, const struct tuple *t, unsigned *end)
{
	for (unsigned i = 0; i < w->connections; i++)
		for (*end = 0; *end < 2; ++*end) {
			const struct sim_socket *s = &w->connection[i].socket[*end];
			if (s->host == h && memcmp(&s->tuple, t, sizeof(*t)) == 0)
				return &w->connection[i];
		}
	return NULL;
}

void kernel_wake(struct sim_socket *s, sim_action *action, struct usec at)
{
	if (!usec_before(at, s->scheduled))
		return;
	s->scheduled = at;
	sim_at(s->host->w, at, action, s);
}
