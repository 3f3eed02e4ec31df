// SPDX-License-Identifier: BSD-2-Clause
/*
 * Theory of operation: a seed makes two or three hosts of one to three NICs, some of them plain,
 * some behind a NAT, each with settings, a clock and tables of its own, and a few connections
 * between them. Then come the faults, then a time in which nothing goes wrong any more, in which
 * everything that lives has to recover, and then all applications end, and the last laws are
 * checked.
 *
 *   0          1 s           5 s              10 s      12 s          14 s
 *   |- start --|--- faults --|--- recovery ---|- "late" -|- all end ---|
 */

#include "mpip/sim/scenario.h"

#include "mpip/sim/faults.h"
#include "mpip/sim/host.h"
#include "mpip/sim/kernel.h"
#include "mpip/sim/laws.h"
#include "mpip/sim/network.h"

#include <arpa/inet.h>

struct scenario scenario_default(void)
{
	struct scenario s = {.faults = true, .encap = -1};
	for (unsigned i = 0; i < SIM_FAULT_KINDS; i++)
		s.allowed[i] = true;
	return s;
}

static unsigned one_of(struct sim *w, const unsigned *list, size_t n)
{
	return list[sim_below(w, (uint32_t)n)];
}
#define ONE_OF(w, ...)                                                                             \
	one_of(w, (const unsigned[]){__VA_ARGS__},                                                 \
		sizeof((const unsigned[]){__VA_ARGS__}) / sizeof(unsigned))

static unsigned names(const char *const *list)
{
	unsigned n = 0;
	while (list[n])
		n++;
	return n;
}

static void draw_settings(struct sim *w, struct settings *set, const struct scenario *s)
{
	set->encap = (enum encapsulation)(
		s->encap >= 0 ? (unsigned)s->encap : sim_below(w, names(encap_names)));
	if (w->draw_nat && set->encap == ENCAP_LITERAL)
		set->encap = ENCAP_UDP; /* the paper's form is for networks without NATs */
	set->scheduler = (enum scheduler_kind)sim_below(w, names(scheduler_names));
	set->reorder_packets = ONE_OF(w, 0, 2, 10, 10, 64);
	set->reorder_hold = usec_ms(ONE_OF(w, 0, 5, 20, 20, 100));
	set->delay_gain_shift = ONE_OF(w, 0, 3);
	set->weight_step = (int)ONE_OF(w, 1, 10, 300);
	set->session_expiry = usec_ms(ONE_OF(w, 3000, 120000));
	set->no_expiry = usec_ms(s->faults ? ONE_OF(w, 2000, 600000) : 600000);
	set->reorder_pool = 256;
	set->max_paths = 128;
	set->max_sessions = 64;
	if (!s->faults)
		return;
	/* Tables so small that they overflow. */
	set->reorder_pool = ONE_OF(w, 4, 64, 256);
	set->max_paths = ONE_OF(w, 6, 32, 128);
	set->max_sessions = ONE_OF(w, 3, 8, 64);
	set->max_peers = ONE_OF(w, 2, 16);
	set->max_addresses = ONE_OF(w, 4, 64);
}

/* 10.<host>.<nic>.2; behind a NAT its public side is 192.0.2.<nat>. */
static void draw_host(struct sim *w, const struct scenario *s, unsigned nics)
{
	struct sim_host *h = host_new(w);
	draw_settings(w, &h->settings, s);
	h->clock_offset = sim_between(w, 0, 2000000000) * 1000;
	h->clock_ppm = sim_between(w, -500, 500);
	bool behind_nat = w->draw_nat && h->index == 0;
	struct sim_nat *nat = NULL;
	for (unsigned i = 0; i < nics; i++) {
		struct address ip =
			address_from_ipv4((uint8_t[]){10, (uint8_t)(h->index + 1), (uint8_t)i, 2});
		struct sim_nic *n = &w->nic[network_add_nic(w, h->index, ip)];
		n->delay = sim_between(w, 50, (int)ONE_OF(w, 100, 1000, 10000, 40000));
		n->jitter = sim_one_in(w, 2) ? n->delay / 4 : 0;
		if (behind_nat && (!nat || sim_one_in(w, 2))) {
			nat = network_add_nat(
				w, address_from_ipv4((uint8_t[]){192, 0, 2, (uint8_t)(1 + i)}));
			nat->symmetric = sim_one_in(w, 2);
		}
		n->nat = nat;
	}
}

static void open_connection(struct sim *w, void *arg)
{
	struct sim_connection *c = arg;
	if (c->tcp)
		tcp_open(w, c);
	else
		udp_open(w, c);
}

static struct address any_address(struct sim *w, unsigned host)
{
	const struct address_list *list = &w->host[host]->addresses;
	return list->ip[sim_below(w, list->count)];
}

static void draw_connection(struct sim *w)
{
	unsigned from = sim_below(w, w->hosts), to = sim_below(w, w->hosts - 1);
	to += to >= from;
	if (w->nats > 0 && w->nic[network_nic(w, any_address(w, to))].nat) {
		unsigned t = from; /* nobody reaches what is behind a NAT */
		from = to;
		to = t;
	}
	struct sim_connection *c = kernel_connect(w, sim_one_in(w, 2), w->host[from],
		any_address(w, from), w->host[to], any_address(w, to));
	c->timestamps = sim_one_in(w, 2);
	c->one_way = sim_one_in(w, 2);
	c->no_checksum = !c->tcp && sim_one_in(w, 6);
	c->size = ONE_OF(w, 60, 600, 1300, 1300);
	c->interval = (int64_t)ONE_OF(w, 15, 25, 40) * 1000;
	c->pause_from = c->pause_until = USEC_NEVER;
	if (sim_one_in(w, 4)) {
		c->pause_from = usec_ms(sim_between(w, 2000, 6000));
		c->pause_until = usec_add(c->pause_from, usec_ms(sim_between(w, 500, 4000)));
	}
	sim_at(w, usec_ms(sim_between(w, 1000, 1500)), open_connection, c);
}

static void draw_mixed(struct sim *w, const struct scenario *s)
{
	unsigned hosts = sim_one_in(w, 4) ? 3 : 2;
	w->draw_nat = s->faults && sim_one_in(w, 5);
	for (unsigned i = 0; i < hosts; i++)
		draw_host(w, s, 1 + sim_below(w, 3));
	for (unsigned i = 0; i < hosts; i++)
		if (i == 0 || !sim_one_in(w, 6))
			host_start(w->host[i]);
		else
			host_addresses(w->host[i]);
	unsigned connections = 1 + sim_below(w, 4);
	for (unsigned i = 0; i < connections; i++)
		draw_connection(w);
}

/* "Two hosts open 200 sessions to each other at the same moment, each with its own tagged
 * payload." */
static void draw_many(struct sim *w, const struct scenario *s)
{
	for (unsigned i = 0; i < 2; i++) {
		draw_host(w, s, 2);
		w->host[i]->settings.max_sessions = w->host[i]->settings.max_addresses = 4096;
		w->host[i]->settings.max_paths = 16384;
		w->host[i]->settings.max_peers = 16;
		w->host[i]->settings.reorder_pool = 4096;
	}
	host_start(w->host[0]);
	host_start(w->host[1]);
	for (unsigned i = 0; i < 2 * s->many; i++) {
		unsigned from = i % 2;
		struct sim_connection *c =
			kernel_connect(w, i % 4 < 2, w->host[from], w->host[from]->addresses.ip[0],
				w->host[!from], w->host[!from]->addresses.ip[0]);
		c->size = 600;
		c->interval = 400000;
		c->pause_from = c->pause_until = USEC_NEVER;
		sim_at(w, usec_ms(1000), open_connection, c);
	}
}

struct sim *scenario_run(const struct scenario *s, uint64_t seed)
{
	struct sim *w = sim_new(seed);
	w->trace = s->trace;
	w->reached_us = s->reached_us;
	w->after_event = laws_check;
	if (s->many)
		draw_many(w, s);
	else
		draw_mixed(w, s);
	struct usec calm = usec_ms(s->faults ? sim_between(w, 4000, 6000) : 2000);
	if (s->faults)
		faults_draw(w, usec_ms(sim_between(w, 1000, 3000)), calm, s->allowed);
	sim_run(w, calm);
	bool all_kinds = true;
	for (unsigned i = 0; i < SIM_FAULT_KINDS; i++)
		all_kinds &= s->allowed[i];
	if (s->faults)
		faults_complete(w, all_kinds);

	SIM_TRACE(w, "calm");
	w->late_from = usec_add(w->now, usec_ms(s->faults ? 5000 : 1000));
	w->apps_until = usec_add(w->late_from, usec_ms(2000));
	if (s->faults) /* until then a path that is dead is seen to be */
		sim_run(w, usec_add(w->now, usec_ms(1000)));
	laws_calm(w);
	sim_run(w, usec_sub(w->late_from, usec_ms(1000)));
	laws_late(w);
	sim_run(w, usec_add(w->apps_until, usec_ms(3000)));
	if (!w->broken.law)
		laws_final(w, s->faults);
	return w;
}
