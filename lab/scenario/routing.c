// SPDX-License-Identifier: BSD-2-Clause
/*
 * Static routes between routers.
 *
 * Theory of operation
 * -------------------
 * From the router outwards, breadth first: each link that is seen for the first time is a route, by
 * the port that the search left the router by. The search does not enter a NAT by its outside, for
 * what is behind it has no address out here; it may leave one, which is how the inside knows the
 * outside. So nobody needs a default route, and a packet to an address that is nowhere in the
 * scenario, or not to be reached from here, ends at the first router with "network unreachable".
 */

#include "lab/scenario/routing.h"

#include <stdint.h>
#include <stdlib.h>

struct in_addr nic_network(const struct nic *nic)
{
	uint32_t mask = ~(UINT32_MAX >> nic->prefix);
	return (struct in_addr){.s_addr = nic->address.s_addr & htonl(mask)};
}

/* A router that was reached, and the port by which the search left the first one. */
struct reached {
	size_t node, port;
};

struct search {
	const struct scenario *s;
	size_t from;
	bool *link_seen, *node_seen;
	struct reached *queue; /* every router at most once */
	size_t queued;
	struct lab_route *routes;
	size_t n_routes;
};

static void look_through(struct search *f, struct end port, size_t first_port)
{
	const struct nic *here = scenario_nic(f->s, port);
	struct end across = scenario_across(f->s, port);
	const struct node *there = &f->s->nodes[across.node];

	if (!f->link_seen[here->link]) {
		f->link_seen[here->link] = true;
		struct end first = {f->from, first_port};
		if (port.node != f->from)
			f->routes[f->n_routes++] = (struct lab_route){
				.network = nic_network(here),
				.prefix = here->prefix,
				.port = first_port,
				.via = scenario_nic(f->s, scenario_across(f->s, first)),
			};
	}
	bool hidden = there->nat != NAT_NONE && there->nics[across.nic].outside;
	if (there->router && !hidden && !f->node_seen[across.node]) {
		f->node_seen[across.node] = true;
		f->queue[f->queued++] = (struct reached){across.node, first_port};
	}
}

static void *room(size_t n, size_t size)
{
	void *p = calloc(n + 1, size);
	if (!p)
		abort();
	return p;
}

size_t routing_table(const struct scenario *s, size_t node, struct lab_route **routes)
{
	struct search f = {
		.s = s,
		.from = node,
		.link_seen = room(s->n_links, sizeof(bool)),
		.node_seen = room(s->n_nodes, sizeof(bool)),
		.queue = room(s->n_nodes, sizeof(*f.queue)),
		.routes = room(s->n_links, sizeof(*f.routes)),
	};

	f.node_seen[node] = true;
	/* Its own links first: they are no routes, whoever else is at them. */
	for (size_t i = 0; i < s->nodes[node].n_nics; i++)
		look_through(&f, (struct end){node, i}, i);
	for (size_t next = 0; next < f.queued; next++) {
		struct reached at = f.queue[next];
		for (size_t i = 0; i < s->nodes[at.node].n_nics; i++)
			look_through(&f, (struct end){at.node, i}, at.port);
	}
	free(f.link_seen);
	free(f.node_seen);
	free(f.queue);
	if (f.n_routes == 0) {
		free(f.routes);
		f.routes = NULL;
	}
	*routes = f.routes;
	return f.n_routes;
}
