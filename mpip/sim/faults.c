// SPDX-License-Identifier: BSD-2-Clause
/*
 * Theory of operation: a fault is an event like any other. One that hits packets waits for the next
 * ones that pass; one that lasts undoes itself, at the latest when the time of faults is over. A
 * fault that is not possible now (no NAT, no second path) becomes the loss of a packet.
 */

#include "mpip/sim/faults.h"

#include "mpip/core/cm.h"
#include "mpip/core/packet.h"
#include "mpip/sim/host.h"
#include "mpip/sim/kernel.h"
#include "mpip/sim/network.h"

#include <arpa/inet.h>
#include <stdlib.h>

static struct usec at_latest(struct sim *w, int64_t low_ms, int64_t high_ms)
{
	return usec_min(
		w->faults_until, usec_add(w->now, usec_ms(sim_between(w, low_ms, high_ms))));
}

static unsigned any_nic(struct sim *w)
{
	return sim_below(w, w->nics);
}

/* Two NICs of different hosts. */
static void any_pair(struct sim *w, unsigned *a, unsigned *b)
{
	do {
		*a = any_nic(w);
		*b = any_nic(w);
	} while (w->nic[*a].host == w->nic[*b].host);
}

/* Hosts */

static void start_again(struct sim *w, void *arg)
{
	struct sim_host *h = arg;
	(void)w;
	host_kill(h);
	host_start(h);
}

static bool restart(struct sim *w, bool politely)
{
	struct sim_host *h = w->host[sim_below(w, w->hosts)];
	if (!h->engine || h->leaving)
		return false;
	if (politely)
		host_leave(h);
	else
		host_kill(h);
	sim_at(w, at_latest(w, 20, 2000), start_again, h);
	return true;
}

static bool stall(struct sim *w)
{
	struct sim_host *h = w->host[sim_below(w, w->hosts)];
	h->stalled_until = at_latest(w, 20, 400);
	return h->engine != NULL;
}

/* Addresses */

struct comeback {
	unsigned nic;
	struct address ip;
};

static void come_back(struct sim *w, void *arg)
{
	struct comeback *c = arg;
	w->nic[c->nic].ip = c->ip;
	SIM_TRACE(w, "address %s is back", address_text(c->ip).text);
	host_addresses(w->host[w->nic[c->nic].host]);
	free(c);
}

static bool address_goes(struct sim *w, bool changes)
{
	unsigned nic = any_nic(w);
	struct sim_nic *n = &w->nic[nic];
	struct sim_host *h = w->host[n->host];
	if (address_is_none(n->ip) || h->addresses.count < 2)
		return false;
	SIM_TRACE(w, "address %s goes", address_text(n->ip).text);
	if (changes) {
		n->ip.bytes[15]++;
	} else {
		struct comeback *c = sim_alloc(sizeof(*c));
		*c = (struct comeback){nic, n->ip};
		n->ip = (struct address){0};
		sim_at(w, at_latest(w, 200, 3000), come_back, c);
	}
	host_addresses(h);
	return true;
}

/* Paths */

static bool blackhole(struct sim *w)
{
	unsigned a, b;
	any_pair(w, &a, &b);
	struct usec until = at_latest(w, 50, 1500);
	w->link[a][b].blocked_until = until;
	if (sim_one_in(w, 2))
		w->link[b][a].blocked_until = until;
	return true;
}

/* Another pair of NICs of the same two hosts still works. */
static bool dead_path(struct sim *w)
{
	unsigned a, b, others = 0;
	any_pair(w, &a, &b);
	for (unsigned i = 0; i < w->nics; i++)
		for (unsigned k = 0; k < w->nics; k++)
			if (w->nic[i].host == w->nic[a].host && w->nic[k].host == w->nic[b].host &&
				(i != a || k != b) &&
				w->link[i][k].blocked_until.us != USEC_NEVER.us)
				others++;
	if (others == 0)
		return false;
	w->link[a][b].blocked_until = w->link[b][a].blocked_until = USEC_NEVER;
	return true;
}

static bool wire_block(struct sim *w)
{
	unsigned a, b;
	any_pair(w, &a, &b);
	w->link[a][b].wire_blocked_until = w->link[b][a].wire_blocked_until =
		at_latest(w, 100, 3000);
	return true;
}

static bool delay_step(struct sim *w)
{
	unsigned a, b;
	any_pair(w, &a, &b);
	w->link[a][b].step = sim_between(w, 0, 100000);
	return true;
}

static bool nat_forgets(struct sim *w, bool all)
{
	if (w->nats == 0)
		return false;
	struct sim_nat *nat = w->nat[sim_below(w, w->nats)];
	if (nat->mappings == 0)
		return false;
	struct sim_mapping *m = &nat->mapping[sim_below(w, nat->mappings)];
	nat_breaks(w, nat, all ? NULL : m);
	if (all)
		nat_rebind(nat);
	else
		*m = nat->mapping[--nat->mappings];
	return true;
}

/* Attackers */

static struct endpoint somebody(struct sim *w)
{
	const uint8_t ip[4] = {198, 51, 100, (uint8_t)sim_below(w, 256)};
	return (struct endpoint){
		address_from_ipv4(ip), htons((uint16_t)sim_between(w, 1024, 65535))};
}

static struct cm forged_cm(struct sim *w, uint8_t flags)
{
	struct cm cm = {.flags = flags,
		.session = {sim_below(w, 10)},
		.path = {(uint16_t)sim_below(w, 10)},
		.stamp = rng_next(&w->rng)};
	uint32_t node = rng_next(&w->rng);
	memcpy(cm.node.b, &node, sizeof(node));
	if (sim_one_in(w, 2)) /* of a real node */
		cm.node = w->host[sim_below(w, w->hosts)]->node;
	return cm;
}

/* A datagram to a wire port: junk, or a CM. Its source may be one of the peer's. */
static void forge_datagram(struct sim *w, struct sim_flight *f)
{
	f->protocol = IPPROTO_UDP;
	f->dst.port = htons(5280);
	if (sim_one_in(w, 2))
		f->src.ip = w->nic[any_nic(w)].ip;
	f->length = (uint32_t)sim_between(w, 1, 200);
	for (uint32_t i = 0; i < f->length; i++)
		f->bytes[i] = (uint8_t)rng_next(&w->rng);
	if (sim_one_in(w, 2))
		return;
	struct cm cm = forged_cm(w, (uint8_t)rng_next(&w->rng));
	cm_encode(&cm, (struct cm_binding){.segment_length = f->length}, f->bytes + f->length);
	f->length += CM_FIXED;
}

/* A question or an answer from an address that nobody knows. */
static void forge_carrier(struct sim *w, struct sim_flight *f)
{
	struct ip_header *ip = (void *)f->bytes;
	struct tcp_header *tcp = (void *)(ip + 1);
	uint8_t *option = (uint8_t *)(tcp + 1);
	f->length = sizeof(*ip) + sizeof(*tcp) + CARRIER_LENGTH;
	ip_header_make(ip, IPPROTO_TCP, f->length, 1, f->src.ip, f->dst.ip);
	ip_checksum(ip, sizeof(*ip));
	*tcp = (struct tcp_header){
		.seq = put32(rng_next(&w->rng)), .offset = 15 << 4, .flags = TCP_ACK};
	memcpy(tcp->src.b, &f->src.port, 2);
	tcp->dst = put16((uint16_t)sim_between(w, 5000, 5010));
	option[0] = CARRIER_TCP_KIND;
	option[1] = CARRIER_LENGTH;
	option[2] = CARRIER_EXID >> 8;
	option[3] = CARRIER_EXID & 0xff;
	struct cm cm = forged_cm(w, sim_one_in(w, 4) ? CM_FLAG_ENABLED : CM_FLAG_ENABLE);
	uint32_t node = rng_next(&w->rng);
	memcpy(cm.node.b + 2, &node, sizeof(node));
	cm.has_hello = true;
	cm.hello = (struct cm_hello){0, htons(5280), (uint16_t)rng_next(&w->rng)};
	cm_encode(&cm, (struct cm_binding){.tcp_seq = get32(tcp->seq)}, option + 4);
	uint32_t segment = f->length - (uint32_t)sizeof(*ip);
	uint64_t sum = csum_pseudo(ip, segment);
	uint16_t folded = (uint16_t)~csum_fold(csum_add(sum, tcp, segment));
	memcpy(tcp->checksum.b, &folded, 2);
	flight_read_headers(f);
}

static bool forge(struct sim *w)
{
	unsigned nic = any_nic(w);
	if (address_is_none(w->nic[nic].ip) || w->nic[nic].nat)
		return false;
	for (unsigned n = 1 + sim_below(w, 8); n > 0; n--) {
		struct sim_flight *f = network_flight(w);
		f->src = somebody(w);
		f->dst.ip = w->nic[nic].ip;
		if (sim_one_in(w, 2))
			forge_datagram(w, f);
		else
			forge_carrier(w, f);
		network_inject(w, f);
	}
	return true;
}

/* All */

static bool happens(struct sim *w, enum sim_fault kind)
{
	switch (kind) {
	case SIM_FAULT_REPLAY:
		return network_replay(w);
	case SIM_FAULT_FORGE:
		return forge(w);
	case SIM_FAULT_DELAY_STEP:
		return delay_step(w);
	case SIM_FAULT_BLACKHOLE:
		return blackhole(w);
	case SIM_FAULT_DEAD_PATH:
		return dead_path(w);
	case SIM_FAULT_WIRE_BLOCK:
		return wire_block(w);
	case SIM_FAULT_ADDRESS_GONE:
		return address_goes(w, false);
	case SIM_FAULT_ADDRESS_CHANGE:
		return address_goes(w, true);
	case SIM_FAULT_NAT_REBIND:
		return nat_forgets(w, true);
	case SIM_FAULT_NAT_TIMEOUT:
		return nat_forgets(w, false);
	case SIM_FAULT_RESTART:
		return restart(w, false);
	case SIM_FAULT_LEAVE:
		return restart(w, true);
	case SIM_FAULT_STALL:
		return stall(w);
	default:
		return false;
	}
}

static void fault(struct sim *w, void *arg)
{
	enum sim_fault kind = (enum sim_fault)(uintptr_t)arg;
	if (kind <= SIM_FAULT_CORRUPT) {
		w->armed[kind] += 1 + sim_below(w, 4);
		return;
	}
	SIM_TRACE(w, "fault: %s", sim_fault_names[kind]);
	if (happens(w, kind))
		w->faults[kind]++;
	else
		w->armed[SIM_FAULT_LOSS]++;
}

void faults_draw(
	struct sim *w, struct usec from, struct usec until, const bool allowed[SIM_FAULT_KINDS])
{
	static const enum sim_fault always[] = {
		SIM_FAULT_LOSS, SIM_FAULT_DUPLICATE, SIM_FAULT_REORDER, SIM_FAULT_CORRUPT};
	enum sim_fault kind[SIM_FAULT_KINDS];
	unsigned kinds = 0, n = 24 + sim_below(w, 40);
	int64_t span = usec_sub(until, from).us;
	for (unsigned k = 0; k < SIM_FAULT_KINDS; k++)
		// cppcheck-suppress arrayIndexThenCheck
		if (allowed[k] && (k <= SIM_FAULT_CORRUPT || sim_one_in(w, 2)))
			kind[kinds++] = (enum sim_fault)k;
	w->faults_until = until;
	for (unsigned i = 0; i < n && kinds > 0; i++) {
		enum sim_fault k =
			i < 8 && allowed[always[i % 4]] ? always[i % 4] : kind[sim_below(w, kinds)];
		/* Some early, so that there are packets left for those that wait for them. */
		int64_t at = sim_between(w, 0, i < 8 ? span / 2 : span);
		sim_at(w, usec_add(from, (struct usec){at}), fault, (void *)(uintptr_t)k);
	}
}

static bool enough(const struct sim *w)
{
	uint64_t faults = 0;
	unsigned kinds = 0;
	for (unsigned i = 0; i < SIM_FAULT_KINDS; i++) {
		faults += w->faults[i];
		kinds += w->faults[i] > 0;
	}
	return faults >= SIM_FAULTS_LEAST && kinds >= SIM_KINDS_LEAST;
}

void faults_complete(struct sim *w, bool wanted)
{
	static const enum sim_fault more[] = {
		SIM_FAULT_LOSS, SIM_FAULT_DUPLICATE, SIM_FAULT_REORDER, SIM_FAULT_CORRUPT};
	for (unsigned i = 0; wanted && i < 100 && !enough(w) && !w->broken.law; i++) {
		w->armed[more[i % 4]]++;
		if (i % 4 == 3) /* where nobody sends, nothing is lost */
			w->faults[SIM_FAULT_DELAY_STEP] += delay_step(w);
		if (i % 4 == 1)
			w->faults[SIM_FAULT_FORGE] += forge(w);
		if (i % 8 == 2)
			w->faults[SIM_FAULT_REPLAY] += network_replay(w);
		if (i % 8 == 6)
			w->faults[SIM_FAULT_BLACKHOLE] += blackhole(w);
		sim_run(w, usec_add(w->now, usec_ms(50)));
	}
	memset(w->armed, 0, sizeof(w->armed));
	if (wanted && !enough(w))
		sim_break(w, "harness", "too few faults");
}
