/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef LAB_SCENARIO_ROUTING_H
#define LAB_SCENARIO_ROUTING_H

#include "lab/scenario/scenario.h"

/*
 * Which networks a router knows that it is not itself in, and by whom it reaches them. Computed
 * once from the scenario: the fewest routers, and of equals the port that comes first in the file.
 * Nothing behind a NAT is known outside of it.
 */

struct lab_route {
	struct in_addr network;
	int prefix;
	size_t port;           /* of the router, index into its nics */
	const struct nic *via; /* the next router's port across that port's link */
};

/* The routes of router `node`, allocated, in `*routes` (NULL when there is none). Returns how many.
 */
size_t routing_table(const struct scenario *s, size_t node, struct lab_route **routes);

/* The network that a NIC or port is in. */
struct in_addr nic_network(const struct nic *nic);

#endif
