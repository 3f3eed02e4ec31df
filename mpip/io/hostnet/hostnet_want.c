// SPDX-License-Identifier: BSD-2-Clause
/*
 * Which routes and rules we want, and settling the difference to those of ours that there are.
 *
 * Theory of operation
 * -------------------
 * Wanting: a list of routes and one of rules are worked out from a picture and from nothing that
 * was done before. What they hold is told in hostnet.c. What comes first among routes of equal key
 * wins, so what has precedence is wanted first: exclusions before main's routes, the user's own
 * table before main.
 *
 * Settling: both lists of routes, wanted and ours in the picture, are sorted by key (what the
 * kernel tells routes of a table apart by) and made unique. A wanted route that is missing or
 * differs is put in, replacing what has its key; then come the rules that are missing; only then
 * the rules and routes that are not wanted go. So no packet finds a gap, and no rule leads to a
 * table that is not filled yet. Direct routes come before those by a gateway, which must be
 * reachable. One change that fails does not keep the others from being made.
 */

#include "mpip/io/hostnet/hostnet_inside.h"

#include <arpa/inet.h>
#include <netlink/errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- what we want --- */

#define STANDBY_METRIC 5280 /* behind the kernel's own local routes, which have 0 */

static bool in_subnet(struct in_addr a, struct in_addr prefix, uint32_t length)
{
	return length == 0 || (ntohl(a.s_addr ^ prefix.s_addr) >> (32 - length)) == 0;
}

/* The source address that the kernel chooses for this route (fib_info_update_nhc_saddr()). */
static struct in_addr source_of(const struct picture *p, const struct route *r)
{
	const struct interface_address *first = NULL;

	if (r->source.s_addr != 0)
		return r->source;
	for (size_t i = 0; i < p->addresses.n; i++) {
		const struct interface_address *a = &p->addresses.at[i];
		if (a->ifindex != r->oif || a->secondary || a->scope > r->scope)
			continue;
		if (r->gateway.s_addr == 0 || in_subnet(r->gateway, a->prefix, a->prefix_length))
			return a->local;
		if (!first)
			first = a;
	}
	return first ? first->local : (struct in_addr){0};
}

static struct route *want(struct routes *wanted, uint32_t table, const struct route *key, int type)
{
	struct route *r = push(wanted);
	r->table = table;
	r->dst = key->dst;
	r->prefix_length = key->prefix_length;
	r->tos = key->tos;
	r->priority = key->priority;
	r->type = (uint8_t)type;
	r->protocol = OUR_PROTOCOL;
	return r;
}

void hostnet_want_throw(struct routes *wanted, uint32_t table, struct in_addr dst, uint32_t length)
{
	struct route key = {.dst = dst, .prefix_length = length};
	want(wanted, table, &key, RTN_THROW);
}

static const struct {
	uint32_t prefix, length;
} never_ours[] = {{0xe0000000, 4}, {0xffffffff, 32}, {0xa9fe0000, 16}};

static void want_mpip_table(const struct hostnet *h, const struct picture *p, struct routes *wanted)
{
	unsigned smallest = UINT32_MAX;
	for (size_t i = 0; i < h->nic_count; i++)
		smallest = h->nics[i].mtu < smallest ? h->nics[i].mtu : smallest;
	unsigned added = smallest > h->tun_mtu ? smallest - h->tun_mtu : 0;

	for (const struct excluded *e = h->excluded; e; e = e->hh.next)
		hostnet_want_throw(wanted, h->table_base, hostnet_ipv4(e->peer), 32);
	for (size_t i = 0; i < sizeof(never_ours) / sizeof(never_ours[0]); i++)
		hostnet_want_throw(wanted, h->table_base,
			(struct in_addr){htonl(never_ours[i].prefix)}, never_ours[i].length);

	for (size_t i = 0; i < p->routes.n; i++) {
		const struct route *main = &p->routes.at[i];
		if (main->table != RT_TABLE_MAIN)
			continue;
		if (main->type != RTN_UNICAST || !hostnet_is_nic(h, main->oif)) {
			want(wanted, h->table_base, main, RTN_THROW);
			continue;
		}
		struct route *r = want(wanted, h->table_base, main, RTN_UNICAST);
		r->oif = h->tun;
		r->scope = RT_SCOPE_LINK;
		r->source = source_of(p, main);
		memcpy(r->metrics, main->metrics, sizeof(r->metrics));
		memcpy(r->congestion, main->congestion, sizeof(r->congestion));
		/* What fits the route less what MPIP adds; the kernel has the MSS from this. */
		r->metrics[RTAX_ADVMSS] = 0;
		if (main->metrics[RTAX_MTU] > added)
			r->metrics[RTAX_MTU] = main->metrics[RTAX_MTU] - added;
	}
}

/* Whether somebody's own rule sends what comes from this address to `table`. */
static bool is_source_table(const struct picture *p, struct in_addr address, uint32_t table)
{
	for (size_t i = 0; i < p->rules.n; i++) {
		const struct rule *r = &p->rules.at[i];
		if (r->table == table && r->protocol != OUR_PROTOCOL && r->src_length > 0 &&
			in_subnet(address, r->src, r->src_length))
			return true;
	}
	return false;
}

static void want_nic_table(const struct hostnet *h, const struct picture *p,
	const struct hostnet_nic *nic, struct routes *wanted)
{
	uint32_t table = hostnet_table_of(h, nic->ifindex);
	const struct route *widest = NULL;

	/* The user's own table for this address knows better than main. */
	for (int from_main = 0; from_main < 2; from_main++)
		for (size_t i = 0; i < p->routes.n; i++) {
			const struct route *r = &p->routes.at[i];
			if (r->type != RTN_UNICAST || r->oif != nic->ifindex ||
				r->protocol == OUR_PROTOCOL)
				continue;
			if (from_main ? r->table != RT_TABLE_MAIN
				      : r->table == RT_TABLE_MAIN ||
						!is_source_table(
							p, hostnet_ipv4(nic->address), r->table))
				continue;
			struct route *copy = push(wanted);
			*copy = *r;
			copy->table = table;
			copy->protocol = OUR_PROTOCOL;
			if (hostnet_is_gateway_route(r) &&
				(!widest || r->prefix_length < widest->prefix_length))
				widest = r;
		}
	if (widest && widest->prefix_length > 0) {
		struct route *r = push(wanted);
		*r = *widest;
		r->table = table;
		r->protocol = OUR_PROTOCOL;
		r->dst.s_addr = 0;
		r->prefix_length = 0;
	}
}

/* Every address of a NIC once more, as a local route to the TUN that only counts when the kernel
 * has removed its own: then sockets keep their source address, and what we inject is delivered. */
static void want_standby(const struct hostnet *h, struct routes *wanted)
{
	for (size_t i = 0; i < h->standbys; i++) {
		struct route key = {.dst = hostnet_ipv4(h->standby[i]),
			.prefix_length = 32,
			.priority = STANDBY_METRIC};
		struct route *r = want(wanted, RT_TABLE_LOCAL, &key, RTN_LOCAL);
		r->scope = RT_SCOPE_HOST;
		r->oif = h->tun;
	}
}

static void want_rules(const struct hostnet *h, struct rules *wanted)
{
	static const uint8_t protocols[] = {IPPROTO_TCP, IPPROTO_UDP};

	for (size_t i = 0; i < sizeof(protocols); i++)
		*push(wanted) = (struct rule){.priority = h->rule_priority,
			.table = h->table_base,
			.mask = h->mask,
			.iif_lo = true,
			.ip_protocol = protocols[i],
			.protocol = OUR_PROTOCOL};
	for (size_t i = 0; i < h->nic_count; i++)
		*push(wanted) = (struct rule){.priority = h->rule_priority + 1,
			.table = hostnet_table_of(h, h->nics[i].ifindex),
			.src = hostnet_ipv4(h->nics[i].address),
			.src_length = 32,
			.protocol = OUR_PROTOCOL};
}

/* --- settling the difference --- */

static int by_key(const void *a, const void *b)
{
	const struct route *x = a, *y = b;
	const uint32_t left[] = {x->table, x->dst.s_addr, x->prefix_length, x->tos, x->priority};
	const uint32_t right[] = {y->table, y->dst.s_addr, y->prefix_length, y->tos, y->priority};
	for (size_t i = 0; i < sizeof(left) / sizeof(left[0]); i++)
		if (left[i] != right[i])
			return left[i] < right[i] ? -1 : 1;
	return 0;
}

/* Sorts by key; of equal keys the first wanted stays. */
static int by_key_and_order(const void *a, const void *b)
{
	const struct route *x = a, *y = b;
	int order = by_key(a, b);
	return order != 0 ? order : (x->order > y->order) - (x->order < y->order);
}

static void sort_unique(struct routes *list)
{
	size_t kept = 0;

	for (size_t i = 0; i < list->n; i++)
		list->at[i].order = (uint32_t)i;
	if (list->n > 0)
		qsort(list->at, list->n, sizeof(*list->at), by_key_and_order);
	for (size_t i = 0; i < list->n; i++)
		if (kept == 0 || by_key(&list->at[kept - 1], &list->at[i]) != 0)
			list->at[kept++] = list->at[i];
	list->n = kept;
}

static bool same_route(const struct route *a, const struct route *b)
{
	return by_key(a, b) == 0 &&
	       memcmp(&a->type, &b->type, sizeof(*a) - offsetof(struct route, type)) == 0;
}

static const struct route *find_route(const struct routes *sorted, const struct route *key)
{
	return sorted->n ? bsearch(key, sorted->at, sorted->n, sizeof(*key), by_key) : NULL;
}

static bool same_rule(const struct rule *a, const struct rule *b)
{
	return a->priority == b->priority && a->table == b->table && a->mark == b->mark &&
	       a->mask == b->mask && a->src.s_addr == b->src.s_addr &&
	       a->src_length == b->src_length && a->ip_protocol == b->ip_protocol &&
	       a->iif_lo == b->iif_lo;
}

static bool has_rule(const struct rules *rules, const struct rule *rule)
{
	for (size_t i = 0; i < rules->n; i++)
		if (rules->at[i].protocol == OUR_PROTOCOL && same_rule(&rules->at[i], rule))
			return true;
	return false;
}

/* Keeps the first error there is. */
static void note(char **error, int err, uint32_t table, struct in_addr address, uint32_t length)
{
	char text[INET_ADDRSTRLEN];
	if (err < 0 && !*error)
		hostnet_fail(error, "cannot change the route or rule for %s/%u, table %u: %s",
			inet_ntop(AF_INET, &address, text, sizeof(text)), length, table,
			nl_geterror(err));
}

static void note_route(char **error, int err, const struct route *r)
{
	note(error, err, r->table, r->dst, r->prefix_length);
}

static void note_rule(char **error, int err, const struct rule *r)
{
	note(error, err, r->table, r->src, r->src_length);
}

/* Makes what the picture shows of ours equal to what is wanted. Goes on after an error, and
 * returns -1 and the first in the end. Sorts both lists of routes. */
static int settle(struct hostnet *h, const struct picture *p, struct routes *routes,
	const struct rules *rules, char **error)
{
	struct routes ours = {0};

	*error = NULL;

	for (size_t i = 0; i < p->routes.n; i++)
		if (p->routes.at[i].protocol == OUR_PROTOCOL)
			*push(&ours) = p->routes.at[i];
	sort_unique(&ours);
	sort_unique(routes);

	/* A gateway must be reachable when its route comes: direct routes first. */
	for (int direct = 1; direct >= 0; direct--)
		for (size_t i = 0; i < routes->n; i++) {
			const struct route *r = &routes->at[i], *there = find_route(&ours, r);
			if (hostnet_is_gateway_route(r) == direct ||
				(there && same_route(r, there)))
				continue;
			note_route(error, hostnet_add_route(h, r), r);
		}
	for (size_t i = 0; i < rules->n; i++)
		if (!has_rule(&p->rules, &rules->at[i]))
			note_rule(error, hostnet_add_rule(h, &rules->at[i]), &rules->at[i]);
	for (size_t i = 0; i < p->rules.n; i++) {
		const struct rule *r = &p->rules.at[i];
		if (r->protocol == OUR_PROTOCOL && !has_rule(rules, r))
			note_rule(error, hostnet_delete_rule(h, r), r);
	}
	for (size_t i = 0; i < ours.n; i++)
		if (!find_route(routes, &ours.at[i]))
			note_route(error, hostnet_delete_route(h, &ours.at[i]), &ours.at[i]);
	free(ours.at);
	return *error ? -1 : 0;
}

/* Somebody's rule that sends all traffic elsewhere, as a VPN's does, stands behind ours. */
static void look_for_bypass(struct hostnet *h, const struct picture *p)
{
	h->warning[0] = '\0';
	for (size_t i = 0; i < p->rules.n; i++) {
		const struct rule *r = &p->rules.at[i];
		if (r->protocol != OUR_PROTOCOL && r->src_length == 0 &&
			r->table != RT_TABLE_UNSPEC && r->table != RT_TABLE_LOCAL &&
			r->table != RT_TABLE_MAIN && r->table != RT_TABLE_DEFAULT)
			snprintf(h->warning, sizeof(h->warning),
				"routing rule %u (table %u) is not followed: with MPIP, TCP and "
				"UDP go by "
				"table main",
				r->priority, r->table);
	}
}

int hostnet_follow(struct hostnet *h, const struct picture *p, char **error)
{
	struct routes routes = {0};
	struct rules rules = {0};

	if (h->tun == 0)
		return 0;
	hostnet_assign_slots(h);
	want_mpip_table(h, p, &routes);
	want_standby(h, &routes);
	for (size_t i = 0; i < h->nic_count; i++)
		want_nic_table(h, p, &h->nics[i], &routes);
	want_rules(h, &rules);
	look_for_bypass(h, p);
	int err = settle(h, p, &routes, &rules, error);
	free(routes.at);
	free(rules.at);
	return err;
}
void hostnet_purge(struct hostnet *h)
{
	struct picture p;
	struct routes no_routes = {0};
	struct rules no_rules = {0};
	char *error = NULL;

	if (hostnet_take_picture(h->requests, &p, &error) == 0)
		settle(h, &p, &no_routes, &no_rules, &error);
	free(error);
	hostnet_free_picture(&p);
}
