// SPDX-License-Identifier: BSD-2-Clause
/*
 * The kernel's state that routing depends on, in one picture.
 *
 * Theory of operation
 * -------------------
 * A picture is four dumps over rtnetlink: links, IPv4 addresses, IPv4 routes of all tables and
 * IPv4 rules. When the kernel says that a table changed while it was dumped, the whole picture is
 * taken anew, so that what is worked out from it never rests on half a change. Between the dumps
 * something may change too: then there is an event, and with it soon another picture.
 *
 * Kept is what MPIP's routing needs. Of the local table only what is ours is kept: it is asked
 * before any other. A multipath route becomes one entry per next hop; a way that we could not copy
 * (a tunnel's encapsulation) has no device. Of the rules only those that lead to a table count. A
 * host with more than ROUTES_MAX routes is a router, which MPIP is not for.
 */

#include "mpip/io/hostnet/hostnet_inside.h"

#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <netlink/attr.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <stdlib.h>
#include <string.h>

#define ROUTES_MAX 20000 /* in all tables; this is for hosts */

void *hostnet_grow(void *array, size_t n, size_t size)
{
	if ((n & (n - 1)) == 0)
		array = reallocarray(array, n ? 2 * n : 1, size);
	if (!array)
		abort();
	memset((char *)array + n * size, 0, size);
	return array;
}

static struct in_addr get_address(const struct nlattr *attribute)
{
	struct in_addr a = {0};
	if (attribute && nla_len(attribute) == sizeof(a))
		memcpy(&a, nla_data(attribute), sizeof(a));
	return a;
}

static uint32_t get_u32_or(struct nlattr *attribute, uint32_t otherwise)
{
	return attribute ? nla_get_u32(attribute) : otherwise;
}

static void see_link(struct nlmsghdr *message, struct links *links)
{
	const struct ifinfomsg *info = nlmsg_data(message);
	struct nlattr *tb[IFLA_MAX + 1], *kind[IFLA_INFO_MAX + 1];

	if (nlmsg_parse(message, sizeof(*info), tb, IFLA_MAX, NULL) < 0 || !tb[IFLA_IFNAME])
		return;
	struct link *l = push(links);
	l->ifindex = info->ifi_index;
	l->flags = info->ifi_flags;
	l->type = info->ifi_type;
	l->mtu = get_u32_or(tb[IFLA_MTU], 0);
	nla_strlcpy(l->name, tb[IFLA_IFNAME], sizeof(l->name));
	if (tb[IFLA_ADDRESS] && nla_len(tb[IFLA_ADDRESS]) == sizeof(l->mac))
		memcpy(l->mac, nla_data(tb[IFLA_ADDRESS]), sizeof(l->mac));
	if (tb[IFLA_LINKINFO] &&
		nla_parse_nested(kind, IFLA_INFO_MAX, tb[IFLA_LINKINFO], NULL) == 0 &&
		kind[IFLA_INFO_KIND])
		nla_strlcpy(l->kind, kind[IFLA_INFO_KIND], sizeof(l->kind));
}

static void see_address(struct nlmsghdr *message, struct addresses *addresses)
{
	const struct ifaddrmsg *info = nlmsg_data(message);
	struct nlattr *tb[IFA_MAX + 1];

	if (nlmsg_parse(message, sizeof(*info), tb, IFA_MAX, NULL) < 0)
		return;
	struct interface_address *a = push(addresses);
	a->ifindex = (int)info->ifa_index;
	a->prefix = get_address(tb[IFA_ADDRESS]);
	a->local = tb[IFA_LOCAL] ? get_address(tb[IFA_LOCAL]) : a->prefix;
	a->prefix_length = info->ifa_prefixlen;
	a->scope = info->ifa_scope;
	a->secondary = info->ifa_flags & IFA_F_SECONDARY;
}

static void see_metrics(struct nlattr *metrics, struct route *r)
{
	struct nlattr *m;
	int left;

	nla_for_each_nested(m, metrics, left)
	{
		if (nla_type(m) == RTAX_CC_ALGO)
			nla_strlcpy(r->congestion, m, sizeof(r->congestion));
		else if (nla_type(m) <= RTAX_MAX && nla_len(m) == 4)
			r->metrics[nla_type(m)] = nla_get_u32(m);
	}
}

static void see_via(struct nlattr *via, struct route *r)
{
	if (via && nla_len(via) <= (int)sizeof(r->via)) {
		r->via_length = (uint32_t)nla_len(via);
		memcpy(r->via, nla_data(via), r->via_length);
	}
}

static void see_next_hops(struct nlattr *multipath, const struct route *base, struct routes *routes)
{
	struct rtnexthop *hop = nla_data(multipath);
	int left = nla_len(multipath);

	while (left >= (int)sizeof(*hop) && RTNH_OK(hop, left)) {
		struct nlattr *tb[RTA_MAX + 1];
		struct route *r = push(routes);
		*r = *base;
		r->onlink = !!(hop->rtnh_flags & RTNH_F_ONLINK);
		if (nla_parse(tb, RTA_MAX, (void *)RTNH_DATA(hop),
			    hop->rtnh_len - (int)sizeof(*hop), NULL) == 0 &&
			!tb[RTA_ENCAP]) {
			r->oif = hop->rtnh_ifindex;
			r->gateway = get_address(tb[RTA_GATEWAY]);
			see_via(tb[RTA_VIA], r);
		}
		left -= (int)NLMSG_ALIGN(hop->rtnh_len);
		hop = RTNH_NEXT(hop);
	}
}

static void see_route(struct nlmsghdr *message, struct picture *p)
{
	const struct rtmsg *info = nlmsg_data(message);
	struct nlattr *tb[RTA_MAX + 1];
	struct route r;

	if (nlmsg_parse(message, sizeof(*info), tb, RTA_MAX, NULL) < 0)
		return;
	memset(&r, 0, sizeof(r));
	r.table = get_u32_or(tb[RTA_TABLE], info->rtm_table);
	if (r.table == RT_TABLE_LOCAL && info->rtm_protocol != OUR_PROTOCOL)
		return;
	if (p->routes.n >= ROUTES_MAX) {
		p->too_many = true;
		return;
	}
	r.dst = get_address(tb[RTA_DST]);
	r.prefix_length = info->rtm_dst_len;
	r.tos = info->rtm_tos;
	r.priority = get_u32_or(tb[RTA_PRIORITY], 0);
	r.type = info->rtm_type;
	r.scope = info->rtm_scope;
	r.protocol = info->rtm_protocol;
	r.source = get_address(tb[RTA_PREFSRC]);
	if (tb[RTA_METRICS])
		see_metrics(tb[RTA_METRICS], &r);
	if (tb[RTA_MULTIPATH]) {
		see_next_hops(tb[RTA_MULTIPATH], &r, &p->routes);
		return;
	}
	r.onlink = !!(info->rtm_flags & RTNH_F_ONLINK);
	if (!tb[RTA_ENCAP]) {
		r.oif = (int)get_u32_or(tb[RTA_OIF], 0);
		r.gateway = get_address(tb[RTA_GATEWAY]);
		see_via(tb[RTA_VIA], &r);
	}
	*push(&p->routes) = r;
}

static void see_rule(struct nlmsghdr *message, struct rules *rules)
{
	const struct fib_rule_hdr *info = nlmsg_data(message);
	struct nlattr *tb[FRA_MAX + 1];

	if (nlmsg_parse(message, sizeof(*info), tb, FRA_MAX, NULL) < 0 ||
		info->action != FR_ACT_TO_TBL)
		return;
	struct rule *r = push(rules);
	r->priority = get_u32_or(tb[FRA_PRIORITY], 0);
	r->table = get_u32_or(tb[FRA_TABLE], info->table);
	r->mark = get_u32_or(tb[FRA_FWMARK], 0);
	r->mask = get_u32_or(tb[FRA_FWMASK], 0);
	r->src = get_address(tb[FRA_SRC]);
	r->src_length = info->src_len;
	r->ip_protocol = tb[FRA_IP_PROTO] ? nla_get_u8(tb[FRA_IP_PROTO]) : 0;
	r->protocol = tb[FRA_PROTOCOL] ? nla_get_u8(tb[FRA_PROTOCOL]) : 0;
	r->iif_lo = tb[FRA_IIFNAME] && nla_strcmp(tb[FRA_IIFNAME], "lo") == 0;
}

static int see(struct nl_msg *msg, void *context)
{
	struct nlmsghdr *message = nlmsg_hdr(msg);
	struct picture *p = context;

	switch (message->nlmsg_type) {
	case RTM_NEWLINK:
		see_link(message, &p->links);
		break;
	case RTM_NEWADDR:
		see_address(message, &p->addresses);
		break;
	case RTM_NEWROUTE:
		see_route(message, p);
		break;
	case RTM_NEWRULE:
		see_rule(message, &p->rules);
		break;
	}
	return NL_OK;
}

void hostnet_free_picture(struct picture *p)
{
	free(p->links.at);
	free(p->addresses.at);
	free(p->routes.at);
	free(p->rules.at);
	memset(p, 0, sizeof(*p));
}

/* One dump; a table that changed meanwhile is an error of its own (NLE_DUMP_INTR). */
static int dump(struct nl_sock *sock, int type, int family, struct picture *p)
{
	union {
		struct ifinfomsg link;
		struct ifaddrmsg address;
		struct rtmsg route;
		struct fib_rule_hdr rule;
	} ask = {0};
	size_t size = type == RTM_GETLINK   ? sizeof(ask.link)
		      : type == RTM_GETADDR ? sizeof(ask.address)
		      : type == RTM_GETRULE ? sizeof(ask.rule)
					    : sizeof(ask.route);

	*(uint8_t *)&ask = (uint8_t)family;
	nl_socket_modify_cb(sock, NL_CB_VALID, NL_CB_CUSTOM, see, p);
	int err = nl_send_simple(sock, type, NLM_F_DUMP, &ask, size);
	return err < 0 ? err : nl_recvmsgs_default(sock);
}

int hostnet_take_picture(struct nl_sock *sock, struct picture *p, char **error)
{
	static const struct {
		int type, family;
		const char *what;
	} dumps[] = {{RTM_GETLINK, AF_UNSPEC, "links"}, {RTM_GETADDR, AF_INET, "addresses"},
		{RTM_GETROUTE, AF_INET, "routes"}, {RTM_GETRULE, AF_INET, "policy routing rules"}};

	for (int attempt = 0;; attempt++) {
		int err = 0;
		size_t i = 0;
		memset(p, 0, sizeof(*p));
		for (; i < sizeof(dumps) / sizeof(dumps[0]) && err >= 0; i++)
			err = dump(sock, dumps[i].type, dumps[i].family, p);
		if (err >= 0 && p->too_many)
			return hostnet_fail(
				error, "routes: more than %d, this is not a host", ROUTES_MAX);
		if (err >= 0)
			return 0;
		if (err != -NLE_DUMP_INTR || attempt == 5)
			return hostnet_fail(error, "cannot list the %s: %s%s", dumps[i - 1].what,
				nl_geterror(err),
				err == -NLE_OPNOTSUPP ? " (CONFIG_IP_MULTIPLE_TABLES)" : "");
		hostnet_free_picture(p);
	}
}

bool hostnet_is_gateway_route(const struct route *r)
{
	return r->type == RTN_UNICAST && (r->gateway.s_addr != 0 || r->via_length > 0);
}
