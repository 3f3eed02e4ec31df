/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EXPERIMENTS_LOAD_MPTCP_H
#define EXPERIMENTS_LOAD_MPTCP_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

#define MPTCP_NICS_MAX 16 /* of a host */

/* The kernel's MPTCP path manager, set up for a full mesh in the namespace of the calling process.
 *
 * The side that opens connections (`opens`) gets every address as an endpoint that opens
 * subflows to every address of the peer (flags subflow and fullmesh). The other side announces its
 * addresses but the first, which the peer knows from the connection (flag signal). No endpoint
 * names a device: a subflow bound to a device would go past MPIP. Source: mptcp_pm generic netlink
 * family, linux/mptcp.h. A connection gets at most `subflows` besides its
 * first, and the kernel's maximum of 8. 0, or -1 and *error. */
int mptcp_full_mesh(
	const struct in_addr *addresses, size_t count, bool opens, unsigned subflows, char **error);

#endif
