// SPDX-License-Identifier: BSD-2-Clause
/*
 * Theory of operation: a packet leaves by the NIC of its source address, meets that NIC's NAT, the
 * faults that wait for a packet, and the link between the two NICs, and arrives after the delays
 * of both. A link keeps its packets in order unless a fault says otherwise; two links do not know
 * of each other. Every packet that was launched ends under a name.
 */

#include "mpip/sim/network.h"

#include "mpip/core/packet.h"
#include "mpip/sim/host.h"
#include "mpip/sim/kernel.h"

#include <arpa/inet.h>
#include <stdlib.h>

unsigned network_add_nic(struct sim *w, unsigned host, struct address ip)
{
	struct sim_nic *n = &w->nic[w->nics];
	*n = (struct sim_nic){.ip = ip, .host = host, .delay = 500};
	return w->nics++;
}

struct sim_nat *network_add_nat(struct sim *w, struct address ip)
{
	struct sim_nat *nat = sim_alloc(sizeof(*nat));
	*nat = (struct sim_nat){.ip = ip, .timeout = usec_ms(30000), .next_port = 20000};
	w->nat[w->nats++] = nat;
	return nat;
}

unsigned network_nic(const struct sim *w, struct address ip)
{
	unsigned i = 0;
	while (i < w->nics && (!address_equal(w->nic[i].ip, ip) || address_is_none(ip)))
		i++;
	return i < w->nics ? i : SIM_NICS;
}

/* Flights */

struct sim_flight *network_flight(struct sim *w)
{
	struct sim_flight *f = w->flights_free;
	if (f) {
		w->flights_free = f->next;
	} else {
		f = sim_alloc(sizeof(*f));
		f->next_all = w->flights_all;
		w->flights_all = f;
	}
	struct sim_flight *all = f->next_all;
	memset(f, 0, offsetof(struct sim_flight, bytes));
	f->next_all = all;
	return f;
}

static struct sim_flight *copy_of(struct sim *w, const struct sim_flight *f)
{
	struct sim_flight *copy = network_flight(w), *all = copy->next_all;
	memcpy(copy, f, offsetof(struct sim_flight, bytes) + f->length);
	copy->next_all = all;
	return copy;
}

void flight_read_headers(struct sim_flight *f)
{
	struct packet p;
	const struct ip_header *ip = (const void *)f->bytes;
	enum packet_kind kind = packet_view(&p, f->bytes, f->length, false);
	f->raw = true;
	f->protocol = ip->protocol;
	f->src.ip = address_from_ipv4(ip->src.b);
	f->dst.ip = address_from_ipv4(ip->dst.b);
	if (kind == PACKET_TCP || kind == PACKET_UDP) {
		f->src = p.src;
		f->dst = p.dst;
	}
}

void network_end(struct sim *w, struct sim_flight *f, enum sim_end why)
{
	if (why != SIM_END_ENGINE && why != SIM_END_KERNEL)
		SIM_TRACE(w, "  ends: %s", sim_end_names[why]);
	w->ended[why]++;
	w->in_flight--;
	f->next = w->flights_free;
	w->flights_free = f;
}

/* NATs */

/* A 16-bit word of what a checksum covers has changed (RFC 1624). */
static void checksum_mend(struct be16 *checksum, uint16_t before, uint16_t after)
{
	uint32_t sum = (uint16_t)~get16(*checksum) + (uint32_t)(uint16_t)~before + after;
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	*checksum = put16((uint16_t)~sum);
}

/* Sets an endpoint of a raw packet, and mends its checksums. */
static void rewrite(struct sim_flight *f, bool source, struct endpoint to)
{
	struct ip_header *ip = (void *)f->bytes;
	struct tcp_header *tcp = (void *)(f->bytes + 4u * (ip->version_ihl & 15));
	struct udp_header *udp = (void *)tcp;
	struct be16 *sum = f->protocol == IPPROTO_TCP ? &tcp->checksum : &udp->checksum;
	struct be16 *port = source ? &udp->src : &udp->dst;
	struct be32 *address = source ? &ip->src : &ip->dst;
	bool none = f->protocol == IPPROTO_UDP && get16(*sum) == 0;
	uint32_t before = get32(*address);
	address_to_ipv4(to.ip, address->b);
	uint32_t after = get32(*address);
	for (unsigned shift = 0; shift < 32; shift += 16) {
		uint16_t old = (uint16_t)(before >> shift), new = (uint16_t)(after >> shift);
		checksum_mend(&ip->checksum, old, new);
		if (!none)
			checksum_mend(sum, old, new);
	}
	if (!none)
		checksum_mend(sum, get16(*port), ntohs(to.port));
	memcpy(port->b, &to.port, 2);
}

void nat_breaks(struct sim *w, const struct sim_nat *nat, const struct sim_mapping *m)
{
	for (unsigned i = 0; i < w->connections; i++) {
		struct sim_connection *c = &w->connection[i];
		const struct tuple *t = &c->socket[0].tuple;
		if (c->tcp && w->nic[c->nic].nat == nat &&
			(!m || (m->inside.port == t->local_port && m->protocol == IPPROTO_TCP)))
			c->broken = true;
	}
}

static struct sim_mapping *mapping_for(struct sim *w, struct sim_nat *nat, struct sim_flight *f)
{
	struct sim_mapping *oldest = &nat->mapping[0];
	for (unsigned i = 0; i < nat->mappings; i++) {
		struct sim_mapping *m = &nat->mapping[i];
		if (m->protocol == f->protocol && endpoint_equal(m->inside, f->src) &&
			(endpoint_equal(m->remote, f->dst)) &&
			usec_before(w->now, usec_add(m->used, nat->timeout)))
			return m;
		if (usec_before(m->used, oldest->used))
			oldest = m;
	}
	uint16_t port = 0;
	for (unsigned i = 0; i < nat->mappings && !nat->symmetric; i++) {
		struct sim_mapping *m = &nat->mapping[i];
		if (m->protocol == f->protocol && endpoint_equal(m->inside, f->src) &&
			usec_before(w->now, usec_add(m->used, nat->timeout)))
			port = m->port;
	}
	struct sim_mapping *m = oldest;
	if (nat->mappings < sizeof(nat->mapping) / sizeof(nat->mapping[0]))
		m = &nat->mapping[nat->mappings++];
	else if (usec_before(w->now, usec_add(m->used, nat->timeout)))
		nat_breaks(w, nat, m);
	*m = (struct sim_mapping){.protocol = f->protocol,
		.inside = f->src,
		.remote = f->dst,
		.port = port ? port : nat->next_port++};
	return m;
}

static void nat_out(struct sim *w, struct sim_nat *nat, struct sim_flight *f)
{
	struct sim_mapping *m = mapping_for(w, nat, f);
	m->used = w->now;
	struct endpoint to = {nat->ip, htons(m->port)};
	if (f->raw)
		rewrite(f, true, to);
	f->src = to;
}

/* False: nothing that went out has asked for it. */
static bool nat_in(struct sim *w, struct sim_nat *nat, struct sim_flight *f)
{
	for (unsigned i = 0; i < nat->mappings; i++) {
		struct sim_mapping *m = &nat->mapping[i];
		if (m->protocol != f->protocol || htons(m->port) != f->dst.port ||
			!endpoint_equal(m->remote, f->src) ||
			!usec_before(w->now, usec_add(m->used, nat->timeout)))
			continue;
		m->used = w->now;
		if (f->raw)
			rewrite(f, false, m->inside);
		f->dst = m->inside;
		return true;
	}
	return false;
}

void nat_rebind(struct sim_nat *nat)
{
	nat->mappings = 0;
	nat->next_port = (uint16_t)(nat->next_port + 1000);
}

/* Under way */

static void land(struct sim *w, void *arg)
{
	struct sim_flight *f = arg;
	struct sim_nic *n = &w->nic[f->to_nic];
	if (!address_equal(n->ip, f->dst.ip)) {
		network_end(w, f, SIM_END_NO_ADDRESS);
		return;
	}
	host_receive(w->host[n->host], f);
}

/* Damages one byte: no checksum overlooks that, unless it covers nothing. */
static bool corrupt(struct sim *w, struct sim_flight *f)
{
	struct packet p;
	if (f->raw && packet_view(&p, f->bytes, f->length, false) == PACKET_UDP &&
		get16(p.udp->checksum) == 0)
		return false;
	f->bytes[sim_below(w, f->length)] ^= (uint8_t)(1 + sim_below(w, 255));
	f->corrupt = true;
	return true;
}

static bool armed(struct sim *w, enum sim_fault fault)
{
	if (w->armed[fault] == 0 || !sim_one_in(w, 2))
		return false;
	w->armed[fault]--;
	w->faults[fault]++;
	SIM_TRACE(w, "  fault: %s", sim_fault_names[fault]);
	return true;
}

static void remember(struct sim *w, const struct sim_flight *f)
{
	if (!sim_one_in(w, 16))
		return;
	struct sim_flight **place = &w->remembered[sim_below(w, 16)];
	if (*place) {
		(*place)->next = w->flights_free;
		w->flights_free = *place;
	}
	*place = copy_of(w, f);
}

static void send_over(struct sim *w, struct sim_flight *f, int64_t late)
{
	struct sim_link *link = &w->link[f->from_nic][f->to_nic];
	const struct sim_nic *from = &w->nic[f->from_nic], *to = &w->nic[f->to_nic];
	int64_t delay = from->delay + to->delay + link->step + late;
	if (from->jitter)
		delay += sim_below(w, (uint32_t)from->jitter);
	struct usec at = usec_add(w->now, (struct usec){delay});
	if (late == 0) {
		if (usec_before(at, link->last_arrival))
			at = link->last_arrival;
		link->last_arrival = at;
	}
	sim_at(w, at, land, f);
}

/* The far end of a packet that is out on the net: false if there is none. */
static bool find_way(struct sim *w, struct sim_flight *f)
{
	f->to_nic = network_nic(w, f->dst.ip);
	for (unsigned i = 0; i < w->nats; i++)
		if (address_equal(w->nat[i]->ip, f->dst.ip)) {
			if (!nat_in(w, w->nat[i], f))
				return false;
			f->to_nic = network_nic(w, f->dst.ip);
			return f->to_nic < SIM_NICS;
		}
	/* Nobody outside reaches a private address. */
	return f->to_nic < SIM_NICS && !w->nic[f->to_nic].nat;
}

/* Whether its way ends at a NAT, of its far end's or the one in front of it. */
static bool has_nat(const struct sim *w, const struct sim_flight *f)
{
	bool nat = f->to_nic < SIM_NICS;
	for (unsigned i = 0; i < w->nats; i++)
		nat |= address_equal(w->nat[i]->ip, f->dst.ip);
	return nat;
}

static void digest_endpoint(struct sim *w, struct endpoint end)
{
	struct be32 ip;
	address_to_ipv4(end.ip, ip.b);
	sim_digest(w, &ip, sizeof(ip));
	sim_digest(w, &end.port, sizeof(end.port));
}

void network_launch(struct sim *w, struct sim_flight *f)
{
	w->launched++;
	w->in_flight++;
	digest_endpoint(w, f->src);
	digest_endpoint(w, f->dst);
	sim_digest(w, f->bytes, f->length);
	f->asked = f->dst;
	f->from_nic = network_nic(w, f->src.ip);
	if (f->from_nic == SIM_NICS) {
		network_end(w, f, SIM_END_NO_ADDRESS);
		return;
	}
	if (w->nic[f->from_nic].nat)
		nat_out(w, w->nic[f->from_nic].nat, f);
	if (!find_way(w, f)) {
		network_end(w, f, has_nat(w, f) ? SIM_END_NAT : SIM_END_NO_ADDRESS);
		return;
	}
	const struct sim_link *link = &w->link[f->from_nic][f->to_nic];
	if (usec_before(w->now, link->blocked_until) ||
		(!f->raw && usec_before(w->now, link->wire_blocked_until))) {
		network_end(w, f, SIM_END_BLOCKED);
		return;
	}
	remember(w, f);
	if (armed(w, SIM_FAULT_LOSS)) {
		network_end(w, f, SIM_END_LOST);
		return;
	}
	if (w->armed[SIM_FAULT_CORRUPT] && sim_one_in(w, 2) && corrupt(w, f)) {
		w->armed[SIM_FAULT_CORRUPT]--;
		w->faults[SIM_FAULT_CORRUPT]++;
		SIM_TRACE(w, "  fault: corrupt");
	}
	if (armed(w, SIM_FAULT_DUPLICATE)) {
		struct sim_flight *copy = copy_of(w, f);
		kernel_duplicated(w, copy->packet);
		w->launched++;
		w->in_flight++;
		send_over(w, copy, sim_between(w, 1, 30000));
	}
	send_over(w, f, armed(w, SIM_FAULT_REORDER) ? sim_between(w, 1000, 60000) : 0);
}

void network_inject(struct sim *w, struct sim_flight *f)
{
	f->forged = true;
	w->launched++;
	w->in_flight++;
	f->to_nic = network_nic(w, f->dst.ip);
	if (f->to_nic == SIM_NICS)
		network_end(w, f, SIM_END_NO_ADDRESS);
	else
		sim_at(w, usec_add(w->now, usec_ms(1)), land, f);
}

bool network_replay(struct sim *w)
{
	struct sim_flight *old = w->remembered[sim_below(w, 16)];
	if (!old)
		return false;
	struct sim_flight *f = copy_of(w, old);
	f->forged = true;
	kernel_duplicated(w, f->packet);
	w->launched++;
	w->in_flight++;
	SIM_TRACE(w, "replay of %u bytes", f->length);
	send_over(w, f, 1);
	return true;
}

bool network_path_lives(const struct sim *w, unsigned a, unsigned b)
{
	return !address_is_none(w->nic[a].ip) && !address_is_none(w->nic[b].ip) &&
	       !usec_before(w->now, w->link[a][b].blocked_until) &&
	       !usec_before(w->now, w->link[b][a].blocked_until);
}

void network_free(struct sim *w)
{
	while (w->flights_all) {
		struct sim_flight *f = w->flights_all;
		w->flights_all = f->next_all;
		free(f);
	}
	for (unsigned i = 0; i < w->nats; i++)
		free(w->nat[i]);
}
