// SPDX-License-Identifier: BSD-2-Clause
/*
 * Addresses and routes.
 *
 * Theory of operation
 * -------------------
 * A host with several NICs answers from the NIC that was asked: each NIC has a table of its own
 * (TABLE_BASE + its number), which a rule selects by source address; the main table has a default
 * route by each NIC, of which the first NIC's counts as long as it is there. Neighbours are entered
 * as permanent, so that no ARP stands in the way of the first packets, and so that none is lost
 * with them.
 *
 * The kernel forgets routes and neighbours, permanent ones too, when an interface goes down or
 * loses its last address, and routes when their source address goes. So everything here but
 * addresses replaces what is there, and is simply done again.
 */

#include "lab/build/addressing.h"

#include "lab/scenario/routing.h"
#include "mpip/base/error.h"

#include <linux/rtnetlink.h>
#include <stdlib.h>

#define TABLE_BASE    100
#define PRIORITY_BASE 1000 /* of the source rules: before main's 32766 */

static int host_routes(const struct scenario *s, struct end end, struct in_addr source,
	struct ns *ns, int ifindex, char **error)
{
	const struct nic *nic = scenario_nic(s, end);
	unsigned number = (unsigned)end.nic;
	struct net_route connected = {
		.table = TABLE_BASE + number,
		.network = nic_network(nic),
		.prefix = nic->prefix,
		.source = source,
		.ifindex = ifindex,
	};
	struct net_route by_router = {
		.table = TABLE_BASE + number,
		.gateway = scenario_nic(s, scenario_across(s, end))->address,
		.source = source,
		.ifindex = ifindex,
	};

	if (net_route(ns, &connected, error) < 0 || net_route(ns, &by_router, error) < 0)
		return -1;
	by_router.table = RT_TABLE_MAIN;
	by_router.metric = number;
	return net_route(ns, &by_router, error);
}

/* Those of a router that lead by its port number `port`, or by any port if that is SIZE_MAX. */
static int router_routes(
	const struct scenario *s, size_t n, size_t port, struct ns *ns, char **error)
{
	struct lab_route *routes;
	size_t n_routes = routing_table(s, n, &routes);
	int result = 0;
	for (size_t i = 0; i < n_routes && result == 0; i++) {
		const struct nic *out = &s->nodes[n].nics[routes[i].port];
		struct net_route route = {
			.table = RT_TABLE_MAIN,
			.network = routes[i].network,
			.prefix = routes[i].prefix,
			.gateway = routes[i].via->address,
			.source = out->address,
		};
		if (port != SIZE_MAX && port != routes[i].port)
			continue;
		route.ifindex = net_index(ns, out->name, error);
		result = route.ifindex ? net_route(ns, &route, error) : -1;
	}
	free(routes);
	return result;
}

static int add_rule(struct end end, struct in_addr address, struct ns *ns, char **error)
{
	unsigned number = (unsigned)end.nic;
	return net_rule_from(ns, PRIORITY_BASE + number, address, TABLE_BASE + number, error);
}

static int build_nic(const struct scenario *s, struct end end, struct ns *ns, char **error)
{
	const struct nic *nic = scenario_nic(s, end);
	const struct nic *across = scenario_nic(s, scenario_across(s, end));
	int ifindex = net_index(ns, nic->name, error);
	if (!ifindex || net_address(ns, ifindex, nic->address, nic->prefix, error) < 0 ||
		net_neighbour(ns, ifindex, across->address, across->mac, error) < 0)
		return -1;
	if (s->nodes[end.node].router)
		return 0;
	return add_rule(end, nic->address, ns, error) < 0
		       ? -1
		       : host_routes(s, end, nic->address, ns, ifindex, error);
}

int addressing_build(const struct scenario *s, size_t node, struct ns *ns, char **error)
{
	for (size_t i = 0; i < s->nodes[node].n_nics; i++)
		if (build_nic(s, (struct end){node, i}, ns, error) < 0)
			return -1;
	return s->nodes[node].router ? router_routes(s, node, SIZE_MAX, ns, error) : 0;
}

int addressing_restore(const struct scenario *s, struct end end, const struct nic_addresses *own,
	const struct nic_addresses *across, struct ns *ns, char **error)
{
	int ifindex = net_index(ns, scenario_nic(s, end)->name, error);
	if (!ifindex)
		return -1;
	const unsigned char *mac = scenario_nic(s, scenario_across(s, end))->mac;
	for (size_t i = 0; i < across->count; i++)
		if (net_neighbour(ns, ifindex, across->list[i], mac, error) < 0)
			return -1;
	if (s->nodes[end.node].router)
		return router_routes(s, end.node, end.nic, ns, error);
	return host_routes(s, end, own->list[0], ns, ifindex, error);
}

int addressing_add(const struct scenario *s, struct end end, struct in_addr address, struct ns *ns,
	struct ns *router, char **error)
{
	const struct nic *nic = scenario_nic(s, end);
	const struct nic *port = scenario_nic(s, scenario_across(s, end));
	int ifindex = net_index(ns, nic->name, error);
	int port_index = ifindex ? net_index(router, port->name, error) : 0;
	if (!port_index || net_address(ns, ifindex, address, nic->prefix, error) < 0 ||
		net_neighbour(router, port_index, address, nic->mac, error) < 0)
		return -1;
	return add_rule(end, address, ns, error);
}

int addressing_remove(const struct scenario *s, struct end end, struct in_addr address,
	struct ns *ns, char **error)
{
	const struct nic *nic = scenario_nic(s, end);
	unsigned number = (unsigned)end.nic;
	int ifindex = net_index(ns, nic->name, error);
	if (!ifindex || net_remove_address(ns, ifindex, address, nic->prefix, error) < 0)
		return -1;
	return net_remove_rule_from(
		ns, PRIORITY_BASE + number, address, TABLE_BASE + number, error);
}
