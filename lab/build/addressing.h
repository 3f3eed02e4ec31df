/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef LAB_BUILD_ADDRESSING_H
#define LAB_BUILD_ADDRESSING_H

#include "lab/build/net.h"
#include "lab/scenario/events.h"

/*
 * Addresses, neighbours, routes and source rules of hosts and routers, as they are built and as
 * events change them. Functions return 0, or -1 with `*error` set (error.h).
 */

/* Everything that the interfaces of a host or router have, which must all be there and up. */
int addressing_build(const struct scenario *s, size_t node, struct ns *ns, char **error);

/* Gives a NIC or port that is up again, or whose addresses have changed, what the kernel took from
 * it: its neighbours and routes. `own` and `across` are the addresses at both ends of its link; a
 * host has at least one. */
int addressing_restore(const struct scenario *s, struct end end, const struct nic_addresses *own,
	const struct nic_addresses *across, struct ns *ns, char **error);

/* Adds an address to a host's NIC, or takes it away, with its source rule and what the router
 * across the link, in `router`, knows of it. Takes no care of routes: see addressing_restore(). */
int addressing_add(const struct scenario *s, struct end end, struct in_addr address, struct ns *ns,
	struct ns *router, char **error);
int addressing_remove(const struct scenario *s, struct end end, struct in_addr address,
	struct ns *ns, char **error);

#endif
