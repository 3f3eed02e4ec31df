// SPDX-License-Identifier: BSD-2-Clause
/*
 * Single changes to the kernel's state: a route, a rule, the TUN's set-up.
 *
 * Theory of operation
 * -------------------
 * Each change is one rtnetlink request whose acknowledgement is waited for, over the socket
 * h->requests. It is that socket's port number by which hostnet.c knows the event that a change
 * brings about as our own doing. Routes and rules carry our protocol number, by which
 * pictures show whose they are. What was to be added and is there, or was
 * to be deleted and is gone, is as it should be: somebody was faster, or the kernel removed it with
 * its device.
 */

#include "mpip/io/hostnet/hostnet_inside.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fib_rules.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <netlink/attr.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TUN_QUEUE 1000 /* as Ethernet's; TUN's own 500 are 6 ms of datagrams at 1 Gbit/s */

/* --- requests --- */

/* Sends the message, waits for the answer, frees it. A negative libnl error. */
static int request(struct hostnet *h, struct nl_msg *msg)
{
	int err = nl_send_auto(h->requests, msg);
	nlmsg_free(msg);
	return err < 0 ? err : nl_wait_for_ack(h->requests);
}

static struct nl_msg *new_message(int type, int flags, const void *head, size_t size)
{
	struct nl_msg *msg = nlmsg_alloc_simple(type, flags);
	if (!msg || nlmsg_append(msg, (void *)(uintptr_t)head, size, NLMSG_ALIGNTO) < 0)
		abort();
	return msg;
}

static void put(struct nl_msg *msg, int attribute, const void *value, size_t length)
{
	if (nla_put(msg, attribute, (int)length, value) < 0)
		abort(); /* messages have a page, and ours are a few hundred bytes */
}

static void put_u32(struct nl_msg *msg, int attribute, uint32_t value)
{
	put(msg, attribute, &value, sizeof(value));
}

static struct nlattr *begin(struct nl_msg *msg, int attribute)
{
	struct nlattr *nest = nla_nest_start(msg, attribute);
	if (!nest)
		abort();
	return nest;
}

/* --- routes and rules --- */

static int request_route(struct hostnet *h, int type, int flags, const struct route *r)
{
	struct rtmsg head = {.rtm_family = AF_INET,
		.rtm_dst_len = (uint8_t)r->prefix_length,
		.rtm_tos = (uint8_t)r->tos,
		.rtm_protocol = OUR_PROTOCOL,
		.rtm_scope = r->scope,
		.rtm_type = r->type,
		.rtm_flags = r->onlink ? RTNH_F_ONLINK : 0};
	struct nl_msg *msg = new_message(type, flags, &head, sizeof(head));

	put_u32(msg, RTA_TABLE, r->table);
	put(msg, RTA_DST, &r->dst, sizeof(r->dst));
	put_u32(msg, RTA_PRIORITY, r->priority);
	if (r->oif != 0)
		put_u32(msg, RTA_OIF, (uint32_t)r->oif);
	if (r->gateway.s_addr != 0)
		put(msg, RTA_GATEWAY, &r->gateway, sizeof(r->gateway));
	if (r->via_length > 0)
		put(msg, RTA_VIA, r->via, r->via_length);
	if (r->source.s_addr != 0)
		put(msg, RTA_PREFSRC, &r->source, sizeof(r->source));
	struct nlattr *metrics = begin(msg, RTA_METRICS);
	for (int i = 1; i <= RTAX_MAX; i++)
		if (r->metrics[i] != 0)
			put_u32(msg, i, r->metrics[i]);
	if (r->congestion[0])
		put(msg, RTAX_CC_ALGO, r->congestion, strlen(r->congestion) + 1);
	nla_nest_end(msg, metrics);
	return request(h, msg);
}

int hostnet_add_route(struct hostnet *h, const struct route *r)
{
	return request_route(h, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, r);
}

int hostnet_delete_route(struct hostnet *h, const struct route *r)
{
	int err = request_route(h, RTM_DELROUTE, 0, r);
	return err == -NLE_OBJ_NOTFOUND || err == -NLE_NODEV ? 0 : err;
}

static int request_rule(struct hostnet *h, int type, int flags, const struct rule *r)
{
	struct fib_rule_hdr head = {
		.family = AF_INET, .src_len = r->src_length, .action = FR_ACT_TO_TBL};
	struct nl_msg *msg = new_message(type, flags, &head, sizeof(head));
	uint8_t protocol = OUR_PROTOCOL;

	put_u32(msg, FRA_PRIORITY, r->priority);
	put_u32(msg, FRA_TABLE, r->table);
	put(msg, FRA_PROTOCOL, &protocol, sizeof(protocol));
	if (r->mask != 0) {
		put_u32(msg, FRA_FWMARK, r->mark);
		put_u32(msg, FRA_FWMASK, r->mask);
	}
	if (r->src_length > 0)
		put(msg, FRA_SRC, &r->src, sizeof(r->src));
	if (r->ip_protocol != 0)
		put(msg, FRA_IP_PROTO, &r->ip_protocol, sizeof(r->ip_protocol));
	if (r->iif_lo)
		put(msg, FRA_IIFNAME, "lo", 3);
	return request(h, msg);
}

int hostnet_add_rule(struct hostnet *h, const struct rule *r)
{
	int err = request_rule(h, RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, r);
	return err == -NLE_EXIST ? 0 : err;
}

int hostnet_delete_rule(struct hostnet *h, const struct rule *r)
{
	int err = request_rule(h, RTM_DELRULE, 0, r);
	return err == -NLE_OBJ_NOTFOUND ? 0 : err;
}

/* --- the TUN --- */

/* No IPv6 on the TUN: what the kernel says of its own accord would only be dropped. */
static int disable_ipv6(const char *name, char **error)
{
	char path[64 + IFNAMSIZ];

	snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/disable_ipv6", name);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return 0; /* a kernel without IPv6 */
	ssize_t n = fd < 0 ? -1 : write(fd, "1", 1);
	int err = errno;
	if (fd >= 0)
		close(fd);
	return n == 1 ? 0 : hostnet_fail(error, "%s: %s", path, strerror(err));
}

static int set_link(struct hostnet *h, int ifindex, unsigned mtu)
{
	struct ifinfomsg head = {.ifi_index = ifindex, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};
	struct nl_msg *msg = new_message(RTM_NEWLINK, 0, &head, sizeof(head));

	put_u32(msg, IFLA_MTU, mtu);
	put_u32(msg, IFLA_TXQLEN, TUN_QUEUE);
	struct nlattr *families = begin(msg, IFLA_AF_SPEC);
	struct nlattr *inet = begin(msg, AF_INET);
	struct nlattr *conf = begin(msg, IFLA_INET_CONF);
	/* What is injected has a source that main leads elsewhere: even 0 on "all" must not forbid
	 * it. */
	put_u32(msg, IPV4_DEVCONF_RP_FILTER, 2);
	nla_nest_end(msg, conf);
	nla_nest_end(msg, inet);
	nla_nest_end(msg, families);
	return request(h, msg);
}

static int set_address(struct hostnet *h, int ifindex, struct in_addr address)
{
	struct ifaddrmsg head = {.ifa_family = AF_INET,
		.ifa_prefixlen = 32,
		.ifa_scope = RT_SCOPE_LINK,
		.ifa_index = (unsigned)ifindex};
	struct nl_msg *msg =
		new_message(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, &head, sizeof(head));

	put(msg, IFA_LOCAL, &address, sizeof(address));
	put(msg, IFA_ADDRESS, &address, sizeof(address));
	return request(h, msg);
}

int hostnet_set_up_tun(
	struct hostnet *h, int ifindex, unsigned mtu, struct address address, char **error)
{
	char name[IF_NAMESIZE];

	if (!if_indextoname((unsigned)ifindex, name))
		return hostnet_fail(error, "TUN: there is no device %d", ifindex);
	if (disable_ipv6(name, error) != 0)
		return -1;
	int err = set_address(h, ifindex, hostnet_ipv4(address));
	if (err == 0)
		err = set_link(h, ifindex, mtu);
	return err < 0 ? hostnet_fail(error, "%s: cannot set it up: %s", name, nl_geterror(err))
		       : 0;
}
