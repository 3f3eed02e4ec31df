// SPDX-License-Identifier: BSD-2-Clause
/*
 * Reading a scenario's events.
 *
 * Theory of operation
 * -------------------
 * An event has one of the keys "link", "nic" and "nat", which says what its "action" can be. They
 * are sorted by time, those of one time stay in the file's order, and then gone through once, with
 * the addresses that each NIC has at that moment: so an event that cannot happen is an error of the
 * file, and not of the lab that plays it.
 */

#include "lab/scenario/events.h"

#include "lab/scenario/scenario_inside.h"
#include "mpip/base/error.h"

#include <arpa/inet.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define AT_S_MAX 1000000

static const char *const link_actions[] = {"down", "up", "rate", NULL};
static const char *const nic_actions[] = {"down", "up", "add", "remove", "change", NULL};
static const char *const nat_actions[] = {"rebind", NULL};

static int read_action(struct jat at, const char *const *names)
{
	struct jat action = jat_key(at, "action");
	jat_string(action); /* required */
	return jat_choice_or(action, names, 0);
}

static void read_link_event(const struct scenario *s, struct jat at, struct lab_event *e)
{
	static const char *const keys[] = {
		"at_s", "link", "action", "rate_mbit", "direction", NULL};
	static const char *const plain_keys[] = {"at_s", "link", "action", NULL};
	static const char *const directions[] = {"both", "up", "down", NULL};

	struct end end;
	if (!scenario_read_end(s, jat_key(at, "link"), &end))
		return;
	e->link = scenario_nic(s, end)->link;
	e->action = EVENT_LINK_DOWN + (enum event_action)read_action(at, link_actions);
	jat_only(at, e->action == EVENT_LINK_RATE ? keys : plain_keys);
	if (e->action != EVENT_LINK_RATE)
		return;
	e->rate_mbit = jat_number(jat_key(at, "rate_mbit"), 0.01, 10000);
	int direction = jat_choice_or(jat_key(at, "direction"), directions, 0);
	e->up = direction != 2;
	e->down = direction != 1;
	const struct lab_link *l = &s->links[e->link];
	if ((e->up && l->up.rates) || (e->down && l->down.rates))
		jat_fail(jat_key(at, "link"), "expected a link without rates or a trace");
	if ((e->up && l->up.rate_mbit == 0) || (e->down && l->down.rate_mbit == 0))
		jat_fail(jat_key(at, "link"), "expected a link that has a rate_mbit to begin with");
}

static void read_nic_event(const struct scenario *s, struct jat at, struct lab_event *e)
{
	static const char *const keys[] = {"at_s", "nic", "action", "address", NULL};
	static const char *const plain_keys[] = {"at_s", "nic", "action", NULL};

	if (!scenario_read_end(s, jat_key(at, "nic"), &e->nic))
		return;
	if (s->nodes[e->nic.node].router)
		jat_fail(jat_key(at, "nic"), "expected a host's NIC, this is a router's port");
	e->action = EVENT_NIC_DOWN + (enum event_action)read_action(at, nic_actions);
	jat_only(at, e->action >= EVENT_NIC_ADD ? keys : plain_keys);

	struct jat address = jat_key(at, "address");
	if (e->action < EVENT_NIC_ADD || (e->action == EVENT_NIC_REMOVE && !jat_present(address)))
		return;
	int prefix;
	scenario_read_address(address, &e->address, &prefix);
	const struct nic *nic = scenario_nic(s, e->nic);
	if (!jdoc_error(at.doc) &&
		(prefix != nic->prefix || !same_network(e->address, nic->address, prefix)))
		jat_fail(address, "expected an address in the network of \"%s\"", nic->name);
}

static void read_nat_event(const struct scenario *s, struct jat at, struct lab_event *e)
{
	static const char *const keys[] = {"at_s", "nat", "action", NULL};

	jat_only(at, keys);
	const char *name = jat_string(jat_key(at, "nat"));
	if (jdoc_error(at.doc))
		return;
	const struct node *node = scenario_node(s, name);
	if (!node || node->nat == NAT_NONE) {
		jat_fail(jat_key(at, "nat"), "expected a router with a NAT");
		return;
	}
	e->router = (size_t)(node - s->nodes);
	e->action = EVENT_NAT_REBIND + (enum event_action)read_action(at, nat_actions);
}

static void read_event(const struct scenario *s, struct jat at, struct lab_event *e)
{
	bool link = jat_present(jat_key(at, "link")), nic = jat_present(jat_key(at, "nic")),
	     nat = jat_present(jat_key(at, "nat"));
	e->at_us = llround(jat_number(jat_key(at, "at_s"), 0, AT_S_MAX) * 1e6);
	if (link + nic + nat != 1)
		jat_fail(at, "expected one of the keys \"link\", \"nic\" and \"nat\"");
	else if (link)
		read_link_event(s, at, e);
	else if (nic)
		read_nic_event(s, at, e);
	else
		read_nat_event(s, at, e);
}

/* An address that somebody has from the beginning on, on a link that could see it twice. */
static void check_free(const struct scenario *s, struct jat at, const struct lab_event *e)
{
	size_t realm = s->links[scenario_nic(s, e->nic)->link].realm;
	for (size_t n = 0; n < s->n_nodes; n++) {
		for (size_t i = 0; i < s->nodes[n].n_nics; i++) {
			struct end other = {n, i};
			const struct nic *nic = scenario_nic(s, other);
			bool own = n == e->nic.node && i == e->nic.nic;
			if (own || nic->address.s_addr != e->address.s_addr ||
				s->links[nic->link].realm != realm)
				continue;
			char *name = scenario_end_name(s, other);
			jat_fail(jat_key(at, "address"),
				"expected an address of its own, %s has this one", name);
			free(name);
		}
	}
}

static bool changes_address(const struct lab_event *e)
{
	return e->action >= EVENT_NIC_ADD && e->action <= EVENT_NIC_CHANGE;
}

/* An event and where it stands in the file. */
struct placed {
	struct lab_event event;
	size_t index;
};

static int by_time(const void *a, const void *b)
{
	const struct placed *x = a, *y = b;
	if (x->event.at_us != y->event.at_us)
		return x->event.at_us < y->event.at_us ? -1 : 1;
	return x->index < y->index ? -1 : 1;
}

void scenario_read_events(struct scenario *s, struct jat list)
{
	size_t n = jat_length(list);
	struct placed *placed = calloc(n + 1, sizeof(*placed));
	s->events = calloc(n + 1, sizeof(*s->events));
	if (!placed || !s->events)
		abort();
	for (size_t i = 0; i < n; i++) {
		placed[i].index = i;
		read_event(s, jat_item(list, i), &placed[i].event);
	}
	qsort(placed, n, sizeof(*placed), by_time);

	struct nic_addresses *now = addresses_at_start(s);
	for (size_t i = 0; i < n && !jdoc_error(list.doc); i++) {
		struct lab_event *e = &placed[i].event;
		struct jat at = jat_item(list, placed[i].index);
		s->events[s->n_events++] = *e;
		if (!changes_address(e))
			continue;
		check_free(s, at, e);
		const char *why = addresses_after(&now[nic_number(s, e->nic)], e);
		if (why)
			jat_fail(at, "expected %s", why);
	}
	free(now);
	free(placed);
}

char *event_text(const struct scenario *s, const struct lab_event *e)
{
	if (e->action == EVENT_NAT_REBIND)
		return text_format("nat %s rebind", s->nodes[e->router].name);

	struct end end = e->action < EVENT_NIC_DOWN ? s->links[e->link].near : e->nic;
	char *name = scenario_end_name(s, end), *text;
	char address[INET_ADDRSTRLEN] = "";
	if (e->address.s_addr)
		inet_ntop(AF_INET, &e->address, address, sizeof(address));
	if (e->action == EVENT_LINK_RATE)
		text = text_format("link %s rate %g Mbit/s%s", name, e->rate_mbit,
			e->up && e->down ? ""
			: e->up          ? " up"
					 : " down");
	else if (e->action < EVENT_NIC_DOWN)
		text = text_format("link %s %s", name, link_actions[e->action]);
	else
		text = text_format("nic %s %s%s%s", name, nic_actions[e->action - EVENT_NIC_DOWN],
			*address ? " " : "", address);
	free(name);
	return text;
}

size_t nic_number(const struct scenario *s, struct end end)
{
	size_t number = end.nic;
	for (size_t n = 0; n < end.node; n++)
		number += s->nodes[n].n_nics;
	return number;
}

struct nic_addresses *addresses_at_start(const struct scenario *s)
{
	struct nic_addresses *all =
		calloc(nic_number(s, (struct end){s->n_nodes, 0}) + 1, sizeof(*all));
	if (!all)
		abort();
	struct nic_addresses *next = all;
	for (size_t n = 0; n < s->n_nodes; n++)
		for (size_t i = 0; i < s->nodes[n].n_nics; i++)
			*next++ = (struct nic_addresses){
				.list = {s->nodes[n].nics[i].address}, .count = 1};
	return all;
}

const char *addresses_after(struct nic_addresses *now, const struct lab_event *e)
{
	size_t at = 0;
	while (at < now->count && now->list[at].s_addr != e->address.s_addr)
		at++;
	bool has = at < now->count;
	if (e->action == EVENT_NIC_REMOVE) {
		if (!e->address.s_addr)
			at = 0;
		if (now->count == 0 || (e->address.s_addr && !has))
			return "an address that the NIC has at that time";
		now->count--;
		memmove(&now->list[at], &now->list[at + 1],
			(now->count - at) * sizeof(now->list[0]));
		return NULL;
	}
	if (has)
		return "an address that the NIC does not have at that time";
	if (e->action == EVENT_NIC_CHANGE) {
		if (now->count == 0)
			return "a NIC that has an address at that time";
		now->list[0] = e->address;
		return NULL;
	}
	if (now->count == LAB_ADDRESSES_MAX)
		return "a NIC with fewer addresses at that time";
	now->list[now->count++] = e->address;
	return NULL;
}
