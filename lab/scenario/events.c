// SPDX-License-Identifier: BSD-2-Clause
/*
 * Reading a scenario's events.
 *
 * Theory of operation
 * -------------------
 * An event has one of the keys "link", "nic", "nat" and "path", which says what its "action" can
 * be. One that happens several times ("every_s", "times") becomes as many. They are sorted by time,
 * those of one time stay in the file's order, and then gone through once, with the addresses that
 * each NIC has at that moment: so an event that cannot happen is an error of the file, and not of
 * the lab that plays it.
 */

#include "lab/scenario/events.h"

#include "lab/scenario/scenario_inside.h"
#include "mpip/base/error.h"

#include <arpa/inet.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define AT_S_MAX  1000000
#define TIMES_MAX 10000

static const char *const link_actions[] = {"down", "up", "rate", "loss", NULL};
static const char *const nic_actions[] = {"down", "up", "add", "remove", "change", NULL};
static const char *const nat_actions[] = {"rebind", NULL};
static const char *const path_actions[] = {"drop", "pass", NULL};

/* What every kind of event has; those of a kind stand in front. */
#define COMMON_KEYS "at_s", "every_s", "times", "action"

static int read_action(struct jat at, const char *const *names)
{
	struct jat action = jat_key(at, "action");
	jat_string(action); /* required */
	return jat_choice_or(action, names, 0);
}

static void read_direction(struct jat at, struct lab_event *e)
{
	static const char *const directions[] = {"both", "up", "down", NULL};
	int direction = jat_choice_or(jat_key(at, "direction"), directions, 0);
	e->up = direction != 2;
	e->down = direction != 1;
}

static void read_link_event(struct scenario *s, struct jat at, struct lab_event *e)
{
	static const char *const rate_keys[] = {
		"link", "rate_mbit", "direction", COMMON_KEYS, NULL};
	static const char *const loss_keys[] = {
		"link", "loss_percent", "direction", COMMON_KEYS, NULL};
	static const char *const plain_keys[] = {"link", COMMON_KEYS, NULL};

	struct end end;
	if (!scenario_read_end(s, jat_key(at, "link"), &end))
		return;
	e->link = scenario_nic(s, end)->link;
	e->action = EVENT_LINK_DOWN + (enum event_action)read_action(at, link_actions);
	jat_only(at, e->action == EVENT_LINK_RATE   ? rate_keys
		     : e->action == EVENT_LINK_LOSS ? loss_keys
						    : plain_keys);
	struct lab_link *l = &s->links[e->link];
	if (e->action == EVENT_LINK_RATE || e->action == EVENT_LINK_LOSS)
		read_direction(at, e);
	if (e->action == EVENT_LINK_LOSS) {
		e->loss_percent = jat_number(jat_key(at, "loss_percent"), 0, 100);
		l->up.losses_change |= e->up;
		l->down.losses_change |= e->down;
	}
	if (e->action != EVENT_LINK_RATE)
		return;
	e->rate_mbit = jat_number(jat_key(at, "rate_mbit"), 0.01, 10000);
	if ((e->up && l->up.rates) || (e->down && l->down.rates))
		jat_fail(jat_key(at, "link"), "expected a link without rates or a trace");
	if ((e->up && l->up.rate_mbit == 0) || (e->down && l->down.rate_mbit == 0))
		jat_fail(jat_key(at, "link"), "expected a link that has a rate_mbit to begin with");
}

static void read_nic_event(const struct scenario *s, struct jat at, struct lab_event *e)
{
	static const char *const keys[] = {"nic", "address", COMMON_KEYS, NULL};
	static const char *const plain_keys[] = {"nic", COMMON_KEYS, NULL};

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
	static const char *const keys[] = {"nat", COMMON_KEYS, NULL};

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

static void read_path_event(const struct scenario *s, struct jat at, struct lab_event *e)
{
	static const char *const keys[] = {"path", "direction", COMMON_KEYS, NULL};
	struct jat path = jat_key(at, "path");

	jat_only(at, keys);
	e->action = EVENT_PATH_DROP + (enum event_action)read_action(at, path_actions);
	read_direction(at, e);
	if (jat_length(path) != 2) {
		jat_fail(path, "expected a list of two hosts' NICs, like [\"client.eth0\", "
			       "\"server.eth0\"]");
		return;
	}
	for (size_t i = 0; i < 2; i++) {
		if (!scenario_read_end(s, jat_item(path, i), &e->path[i]))
			return;
		if (s->nodes[e->path[i].node].router)
			jat_fail(jat_item(path, i),
				"expected a host's NIC, this is a router's port");
	}
	if (e->path[0].node == e->path[1].node)
		jat_fail(path, "expected NICs of two hosts");
}

/* How often it happens, and every how many microseconds. */
static size_t read_times(struct jat at, int64_t *every_us)
{
	struct jat every = jat_key(at, "every_s"), times = jat_key(at, "times");
	*every_us = 0;
	if (!jat_present(every) && !jat_present(times))
		return 1;
	*every_us = llround(jat_number(every, 0.001, AT_S_MAX) * 1e6);
	return (size_t)jat_integer(times, 2, TIMES_MAX);
}

static void read_event(struct scenario *s, struct jat at, struct lab_event *e)
{
	bool link = jat_present(jat_key(at, "link")), nic = jat_present(jat_key(at, "nic")),
	     nat = jat_present(jat_key(at, "nat")), path = jat_present(jat_key(at, "path"));
	e->at_us = llround(jat_number(jat_key(at, "at_s"), 0, AT_S_MAX) * 1e6);
	if (link + nic + nat + path != 1)
		jat_fail(at, "expected one of the keys \"link\", \"nic\", \"nat\" and \"path\"");
	else if (link)
		read_link_event(s, at, e);
	else if (nic)
		read_nic_event(s, at, e);
	else if (nat)
		read_nat_event(s, at, e);
	else
		read_path_event(s, at, e);
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

/* Every event as often as it happens, `*n` in all. */
static struct placed *read_all(struct scenario *s, struct jat list, size_t *n)
{
	struct placed *all = calloc(1, sizeof(*all));
	for (size_t i = 0; i < jat_length(list) && !jdoc_error(list.doc); i++) {
		struct placed one = {.index = i};
		int64_t every_us;
		read_event(s, jat_item(list, i), &one.event);
		size_t times = read_times(jat_item(list, i), &every_us);
		all = reallocarray(all, *n + times + 1, sizeof(*all));
		if (!all)
			abort();
		for (; times > 0; times--, one.event.at_us += every_us)
			all[(*n)++] = one;
	}
	return all;
}

void scenario_read_events(struct scenario *s, struct jat list)
{
	size_t n = 0;
	struct placed *placed = read_all(s, list, &n);
	s->events = calloc(n + 1, sizeof(*s->events));
	if (!s->events)
		abort();
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

static const char *direction_text(const struct lab_event *e)
{
	return e->up && e->down ? "" : e->up ? " up" : " down";
}

static char *path_text(const struct scenario *s, const struct lab_event *e)
{
	char *from = scenario_end_name(s, e->path[0]), *to = scenario_end_name(s, e->path[1]);
	char *text = text_format("path %s %s %s%s", from, to,
		path_actions[e->action - EVENT_PATH_DROP], direction_text(e));
	free(from);
	free(to);
	return text;
}

char *event_text(const struct scenario *s, const struct lab_event *e)
{
	if (e->action == EVENT_NAT_REBIND)
		return text_format("nat %s rebind", s->nodes[e->router].name);
	if (e->action > EVENT_NAT_REBIND)
		return path_text(s, e);

	struct end end = e->action < EVENT_NIC_DOWN ? s->links[e->link].near : e->nic;
	char *name = scenario_end_name(s, end), *text;
	char address[INET_ADDRSTRLEN] = "";
	if (e->address.s_addr)
		inet_ntop(AF_INET, &e->address, address, sizeof(address));
	if (e->action == EVENT_LINK_RATE)
		text = text_format(
			"link %s rate %g Mbit/s%s", name, e->rate_mbit, direction_text(e));
	else if (e->action == EVENT_LINK_LOSS)
		text = text_format(
			"link %s loss %g %%%s", name, e->loss_percent, direction_text(e));
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
