// SPDX-License-Identifier: BSD-2-Clause
/*
 * MPTCP endpoints and limits.
 *
 * Theory of operation
 * -------------------
 * The in-kernel path manager of a namespace is told three things through its generic netlink
 * family: how many further subflows a connection may have, how many announced addresses it may
 * accept, and the endpoints. With M addresses here and N there, a full mesh has M * N subflows, and
 * that is the limit: Linux 6.1 would make a second and a third subflow of a pair of addresses that
 * has one already, once it has all others.
 */

#include "experiments/load/mptcp.h"

#include "mpip/base/files.h"

#include <linux/mptcp.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>
#include <stdint.h>
#include <stdlib.h>

/* MPTCP_PM_ADDR_MAX of the kernel, which no header exports. */
#define MOST_SUBFLOWS 8

/* Sends `msg` and waits for its acknowledgement; frees it. 0 or a negative libnl error. */
static int send_and_free(struct nl_sock *sock, struct nl_msg *msg)
{
	int rc = nl_send_auto(sock, msg);
	nlmsg_free(msg);
	return rc < 0 ? rc : nl_wait_for_ack(sock);
}

static struct nl_msg *command(int family, uint8_t number)
{
	struct nl_msg *msg = nlmsg_alloc();
	if (!msg ||
		!genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, family, 0, 0, number, MPTCP_PM_VER))
		abort();
	return msg;
}

static int set_limits(struct nl_sock *sock, int family, unsigned subflows)
{
	struct nl_msg *msg = command(family, MPTCP_PM_CMD_SET_LIMITS);
	if (nla_put_u32(msg, MPTCP_PM_ATTR_RCV_ADD_ADDRS, MOST_SUBFLOWS) < 0 ||
		nla_put_u32(msg, MPTCP_PM_ATTR_SUBFLOWS,
			subflows < MOST_SUBFLOWS ? subflows : MOST_SUBFLOWS) < 0)
		abort();
	return send_and_free(sock, msg);
}

static int add_endpoint(struct nl_sock *sock, int family, struct in_addr address, uint32_t flags)
{
	struct nl_msg *msg = command(family, MPTCP_PM_CMD_ADD_ADDR);
	struct nlattr *nest = nla_nest_start(msg, MPTCP_PM_ATTR_ADDR);
	if (!nest || nla_put_u16(msg, MPTCP_PM_ADDR_ATTR_FAMILY, AF_INET) < 0 ||
		nla_put(msg, MPTCP_PM_ADDR_ATTR_ADDR4, sizeof(address), &address) < 0 ||
		nla_put_u32(msg, MPTCP_PM_ADDR_ATTR_FLAGS, flags) < 0)
		abort();
	nla_nest_end(msg, nest);
	return send_and_free(sock, msg);
}

int mptcp_full_mesh(
	const struct in_addr *addresses, size_t count, bool opens, unsigned subflows, char **error)
{
	struct nl_sock *sock = nl_socket_alloc();
	if (!sock)
		abort();

	int rc = genl_connect(sock);
	int family = rc < 0 ? rc : genl_ctrl_resolve(sock, MPTCP_PM_NAME);
	if (family < 0) {
		nl_socket_free(sock);
		return error_set(error,
			"MPTCP: the kernel has no path manager (%s): a kernel with CONFIG_MPTCP is "
			"needed",
			nl_geterror(family));
	}

	rc = set_limits(sock, family, subflows);
	uint32_t flags = opens ? MPTCP_PM_ADDR_FLAG_SUBFLOW | MPTCP_PM_ADDR_FLAG_FULLMESH
			       : MPTCP_PM_ADDR_FLAG_SIGNAL;
	for (size_t i = opens ? 0 : 1; rc >= 0 && i < count; i++)
		rc = add_endpoint(sock, family, addresses[i], flags);
	nl_socket_free(sock);
	if (rc < 0)
		return error_set(error, "MPTCP: endpoints cannot be set: %s", nl_geterror(rc));
	return 0;
}
