// SPDX-License-Identifier: BSD-2-Clause
/*
 * Events as they happen.
 *
 * Theory of operation
 * -------------------
 * The player keeps what an event needs to know of those before it: the addresses that each NIC has,
 * which NICs are off, how often a NAT was rebound. Sockets into all namespaces are opened at the
 * start, so that an event costs some netlink messages and is not late.
 *
 * What an event takes from an interface besides what it says (routes, neighbours) comes back as on
 * a machine whose network is looked after: a NIC that is up and has an address has its routes.
 */

#include "lab/build/player.h"

#include "lab/build/addressing.h"
#include "lab/build/firewall.h"
#include "lab/build/lab.h"
#include "lab/build/net.h"
#include "lab/build/pacer.h"
#include "lab/build/wiring.h"
#include "mpip/base/error.h"

#include <stdlib.h>

struct player {
	struct scenario *s;
	struct ns *ns;             /* by node */
	struct nic_addresses *now; /* by nic_number() */
	bool *nic_off;             /* by nic_number() */
	bool *kept_off;            /* by nic_number(): for good */
	bool *unplugged;           /* by link */
	unsigned *rebinds;         /* by node */
	size_t next;               /* event */
	struct pacer *pacers;      /* of the links whose rate changes with time */
	struct ns **pacers_at;     /* their routers */
	size_t n_pacers;
};

static void *room(size_t n, size_t size)
{
	void *p = calloc(n + 1, size);
	if (!p)
		abort();
	return p;
}

/* Takes a direction's rates up, if it has any. */
static void add_pacer(struct player *p, const struct lab_link *l, bool up)
{
	const struct shape *shape = up ? &l->up : &l->down;
	if (!shape->rates)
		return;
	struct wiring w = wiring_plan(l, scenario_nic(p->s, l->far)->name);
	pacer_open(&p->pacers[p->n_pacers], shape, up ? w.up[0].interface : w.down[0].interface);
	p->pacers_at[p->n_pacers++] = &p->ns[l->far.node];
}

struct player *player_open(const char *lab, char **error)
{
	struct scenario *s = lab_scenario(lab, error);
	if (!s)
		return NULL;
	struct player *p = room(1, sizeof(*p));
	p->s = s;
	p->ns = room(s->n_nodes, sizeof(*p->ns));
	p->now = addresses_at_start(s);
	p->nic_off = room(nic_number(s, (struct end){s->n_nodes, 0}), sizeof(*p->nic_off));
	p->kept_off = room(nic_number(s, (struct end){s->n_nodes, 0}), sizeof(*p->kept_off));
	p->unplugged = room(s->n_links, sizeof(*p->unplugged));
	p->rebinds = room(s->n_nodes, sizeof(*p->rebinds));
	p->pacers = room(2 * s->n_links, sizeof(*p->pacers));
	p->pacers_at = room(2 * s->n_links, sizeof(struct ns *));
	for (size_t i = 0; i < 2 * s->n_links; i++)
		add_pacer(p, &s->links[i / 2], i % 2 == 0);
	for (size_t n = 0; n < s->n_nodes; n++) {
		int fd = lab_netns(lab, s->nodes[n].name, error);
		if (fd < 0 || ns_open(&p->ns[n], s->nodes[n].name, fd, error) < 0) {
			player_close(p);
			return NULL;
		}
	}
	return p;
}

void player_close(struct player *p)
{
	if (!p)
		return;
	for (size_t n = 0; n < p->s->n_nodes; n++)
		ns_close(&p->ns[n]);
	free(p->ns);
	for (size_t i = 0; i < p->n_pacers; i++)
		pacer_close(&p->pacers[i]);
	free(p->pacers);
	free(p->pacers_at);
	free(p->now);
	free(p->nic_off);
	free(p->kept_off);
	free(p->unplugged);
	free(p->rebinds);
	scenario_free(p->s);
	free(p);
}

const struct scenario *player_scenario(const struct player *p)
{
	return p->s;
}

static int restore_end(struct player *p, struct end end, char **error)
{
	size_t own = nic_number(p->s, end), across = nic_number(p->s, scenario_across(p->s, end));
	/* What is off, or unplugged, takes no routes, and gets them when that ends. */
	if (p->nic_off[own] || p->unplugged[scenario_nic(p->s, end)->link] ||
		p->now[own].count == 0)
		return 0;
	return addressing_restore(
		p->s, end, &p->now[own], &p->now[across], &p->ns[end.node], error);
}

/* Both ends of a NIC's link, after something has taken routes or neighbours from one. */
static int restore(struct player *p, struct end nic, char **error)
{
	if (restore_end(p, scenario_across(p->s, nic), error) < 0)
		return -1;
	return restore_end(p, nic, error);
}

/* A rate or a loss, of one or both directions. */
static int change_link(struct player *p, const struct lab_event *e, char **error)
{
	struct ns *router = &p->ns[p->s->links[e->link].far.node];
	int result = 0;
	for (int up = 0; result == 0 && up < 2; up++) {
		if (!(up ? e->up : e->down))
			continue;
		result = e->action == EVENT_LINK_RATE
				 ? wiring_set_rate(p->s, e->link, up, e->rate_mbit, router, error)
				 : wiring_set_loss(
					   p->s, e->link, up, e->loss_percent, router, error);
	}
	return result;
}

static int play_link(struct player *p, const struct lab_event *e, char **error)
{
	const struct lab_link *l = &p->s->links[e->link];
	struct ns *router = &p->ns[l->far.node];
	if (e->action == EVENT_LINK_RATE || e->action == EVENT_LINK_LOSS)
		return change_link(p, e, error);
	p->unplugged[e->link] = e->action == EVENT_LINK_DOWN;
	if (e->action == EVENT_LINK_DOWN)
		return wiring_unplug(p->s, e->link, router, error);
	return wiring_plug(p->s, e->link, router, error) < 0 ? -1 : restore(p, l->near, error);
}

int player_link(struct player *p, size_t link, bool up, char **error)
{
	struct lab_event e = {.action = up ? EVENT_LINK_UP : EVENT_LINK_DOWN, .link = link};
	return play_link(p, &e, error);
}

static int play_nic(struct player *p, const struct lab_event *e, char **error)
{
	size_t number = nic_number(p->s, e->nic);
	struct nic_addresses *now = &p->now[number];
	struct ns *ns = &p->ns[e->nic.node], *router = &p->ns[scenario_across(p->s, e->nic).node];
	const char *name = scenario_nic(p->s, e->nic)->name;

	if (e->action == EVENT_NIC_UP && p->kept_off[number])
		return 0;
	if (e->action == EVENT_NIC_DOWN || e->action == EVENT_NIC_UP) {
		p->nic_off[number] = e->action == EVENT_NIC_DOWN;
		if (e->action == EVENT_NIC_DOWN)
			return net_down(ns, name, error);
		return net_up(ns, name, error) < 0 ? -1 : restore(p, e->nic, error);
	}

	struct in_addr old =
		e->action == EVENT_NIC_REMOVE && e->address.s_addr ? e->address : now->list[0];
	const char *why = addresses_after(now, e);
	if (why) /* the scenario was checked */
		return error_set(error, "%s: expected %s", name, why);
	if (e->action != EVENT_NIC_ADD && addressing_remove(p->s, e->nic, old, ns, error) < 0)
		return -1;
	if (e->action != EVENT_NIC_REMOVE &&
		addressing_add(p->s, e->nic, e->address, ns, router, error) < 0)
		return -1;
	return restore(p, e->nic, error);
}

int player_keep_off(struct player *p, struct end nic, char **error)
{
	struct lab_event e = {.action = EVENT_NIC_DOWN, .nic = nic};
	p->kept_off[nic_number(p->s, nic)] = true;
	return play_nic(p, &e, error);
}

/* In the first router, so that the addresses are those before a NAT, both ways. */
static int play_path(struct player *p, const struct lab_event *e, char **error)
{
	struct ns *router = &p->ns[scenario_across(p->s, e->path[0]).node];
	struct in_addr a = scenario_nic(p->s, e->path[0])->address,
		       b = scenario_nic(p->s, e->path[1])->address;
	bool lost = e->action == EVENT_PATH_DROP;
	if (e->up && net_set_blackhole(router, a, b, lost, error) < 0)
		return -1;
	return e->down ? net_set_blackhole(router, b, a, lost, error) : 0;
}

static int play(struct player *p, const struct lab_event *e, char **error)
{
	if (e->action < EVENT_NIC_DOWN)
		return play_link(p, e, error);
	if (e->action < EVENT_NAT_REBIND)
		return play_nic(p, e, error);
	if (e->action > EVENT_NAT_REBIND)
		return play_path(p, e, error);
	return firewall_rebind(
		&p->ns[e->router], &p->s->nodes[e->router], p->rebinds[e->router]++, error);
}

static int play_events(struct player *p, int64_t elapsed_us, int64_t *next_us,
	void (*played)(void *context, const struct lab_event *event), void *context, char **error)
{
	for (; p->next < p->s->n_events; p->next++) {
		const struct lab_event *e = &p->s->events[p->next];
		*next_us = e->at_us;
		if (e->at_us > elapsed_us)
			return 0;
		if (play(p, e, error) < 0) {
			char *why = error && *error ? *error : NULL, *text = event_text(p->s, e);
			if (error)
				*error = text_format("%g s: %s: %s", (double)e->at_us / 1e6, text,
					why ? why : "failed");
			free(why);
			free(text);
			return -1;
		}
		if (played)
			played(context, e);
	}
	*next_us = PLAYER_DONE;
	return 0;
}

int player_step(struct player *p, int64_t elapsed_us, int64_t *next_us,
	void (*played)(void *context, const struct lab_event *event), void *context, char **error)
{
	if (play_events(p, elapsed_us, next_us, played, context, error) < 0)
		return -1;
	for (size_t i = 0; i < p->n_pacers; i++) {
		if (pacer_step(&p->pacers[i], p->pacers_at[i], elapsed_us, error) < 0)
			return -1;
		int64_t next = pacer_next(&p->pacers[i]);
		*next_us = next < *next_us ? next : *next_us;
	}
	return 0;
}

bool player_needed(const struct scenario *s)
{
	for (size_t i = 0; i < s->n_links; i++)
		if (s->links[i].up.rates || s->links[i].down.rates)
			return true;
	return s->n_events > 0;
}
