// SPDX-License-Identifier: BSD-2-Clause
/*
 * The host's NICs, addresses and routes, and MPIP's own routing (design: "Out").
 *
 * Theory of operation
 * -------------------
 * There is one way to bring the kernel's state to what it should be: take a picture of it (links,
 * addresses, routes, rules), work out from the picture which routes and rules we want, and settle
 * the difference to those of ours that the picture shows. Ours are known by their routing protocol
 * number. So it makes no difference whether a route is missing because it is new, because a TUN
 * went, or because somebody removed it, nor whether a superfluous one is ours or was left by a
 * predecessor that was killed. What replaces comes before what is deleted: no packet finds a gap.
 *
 * Any link, address, route or rule event that is not our own doing asks for a new picture, a few
 * milliseconds later, since events come in bunches; and no more often than lets pictures take a
 * fifth of the time.
 *
 * What we want:
 *
 *   rule P      iif lo, TCP or UDP, without our mark   -> MPIP table
 *   rule P + 1  from a NIC's address                   -> that NIC's table
 *
 *   MPIP table: main's routes once more, but out of the TUN, with the source address that main's
 *   route would have given. What main sends elsewhere than out of a NIC of ours (a VPN, a bridge of
 *   containers, a blackhole) is a throw route here: it goes on to main. So are multicast,
 *   limited broadcast and link-local, and the peers that hostnet_exclude() names. Subnets'
 *   broadcast addresses are in the local table, which is asked before any other.
 *
 *   A NIC's table: the routes out of that NIC that main has, or a table that somebody's own rule by
 *   the NIC's address names; and where that gives no default route, one by a gateway of theirs. The
 *   rule has no "iif lo", so that strict rp_filter finds the way back through it too.
 *
 * A rule by "iif lo" does not make the kernel dissect flows (fib_rule_requires_fldissect()), so
 * rp_filter's own look-ups have no protocol and never find the TUN. The rule by protocol and mark
 * leaves alone what a user marks with our bits.
 */

#include "mpip/io/hostnet.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/fib_rules.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/rtnetlink.h>
#include <net/if_arp.h>
#include <netlink/attr.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>
#include <uthash.h>

/* Marks our routes and rules as ours. No other routing program is known to use this number. */
#define OUR_PROTOCOL 77

#define ROUTES_MAX     20000 /* in all tables; this is for hosts */
#define TUN_QUEUE      1000  /* as Ethernet's; TUN's own 500 are 6 ms of datagrams at 1 Gbit/s */
#define SETTLE_NS      10000000L
#define RETRY_NS       1000000000L /* doubled with every failure in a row */
#define RETRY_MAX_NS   64000000000L
#define PICTURES_SHARE 4 /* a pause is at least this many times as long as a picture takes */

struct link {
	int ifindex;
	char name[IFNAMSIZ], kind[16];
	unsigned flags, type, mtu;
	uint8_t mac[6];
};

struct address {
	int ifindex;
	struct in_addr local, prefix;
	uint8_t prefix_length, scope;
	bool secondary;
};

/* One next hop: a multipath route is several of these with the same key. Zeroed before it is
 * filled, so that equal routes have equal bytes. */
struct route {
	/* the key, in the order of comparison */
	uint32_t table;
	struct in_addr dst;
	uint32_t prefix_length, tos, priority;
	uint32_t order; /* of wanting; what comes first wins among equal keys */
	/* the rest: 4 bytes each, no padding */
	uint8_t type, scope, protocol, onlink;
	int oif; /* 0: none, or a way that we do not copy */
	struct in_addr gateway, source;
	uint32_t via_length; /* of a gateway of another family (RTA_VIA) */
	uint8_t via[24];
	uint32_t metrics[RTAX_MAX + 1];
	char congestion[16];
};

struct rule {
	uint32_t priority, table, mark, mask;
	struct in_addr src;
	uint8_t src_length, ip_protocol, protocol, iif_lo;
};

struct links {
	struct link *at;
	size_t n;
};

struct addresses {
	struct address *at;
	size_t n;
};

struct routes {
	struct route *at;
	size_t n;
};

struct rules {
	struct rule *at;
	size_t n;
};

struct picture {
	struct links links;
	struct addresses addresses;
	struct routes routes;
	struct rules rules;
	bool too_many;
};

struct excluded {
	struct in_addr peer;
	UT_hash_handle hh;
};

struct hostnet {
	char **interfaces; /* NULL-terminated; NULL: all */
	unsigned table_base, rule_priority;
	uint32_t mask;
	struct nl_sock *requests, *events;
	int epoll, timer;
	bool armed;
	long pause_ns, retry_ns;
	int changed; /* HOSTNET_*_CHANGED that the caller has not been told yet */
	struct hostnet_nic nics[HOSTNET_NICS_MAX];
	size_t nic_count;
	int slots[HOSTNET_NICS_MAX]; /* ifindex whose table is table_base + 1 + i; 0: free */
	int tun;                     /* 0: not attached */
	unsigned tun_mtu;
	struct excluded *excluded;
	char warning[160];
};

static int fail(char **error, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int fail(char **error, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	if (vasprintf(error, format, args) < 0)
		abort();
	va_end(args);
	return -1;
}

/* `array` of `n` elements, with room for one more, which is zeroed. The capacity is the next power
 * of two, so it need not be kept. */
static void *grow(void *array, size_t n, size_t size)
{
	if ((n & (n - 1)) == 0)
		array = reallocarray(array, n ? 2 * n : 1, size);
	if (!array)
		abort();
	memset((char *)array + n * size, 0, size);
	return array;
}

#define push(list)                                                                                 \
	({                                                                                         \
		(list)->at = grow((list)->at, (list)->n, sizeof(*(list)->at));                     \
		&(list)->at[(list)->n++];                                                          \
	})

/* --- the picture --- */

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

static bool in_subnet(struct in_addr a, struct in_addr prefix, uint32_t length)
{
	return length == 0 || (ntohl(a.s_addr ^ prefix.s_addr) >> (32 - length)) == 0;
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
	struct address *a = push(addresses);
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
	if (r.table == RT_TABLE_LOCAL)
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

static void picture_free(struct picture *p)
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

/* Takes a picture. Free it whatever comes back. */
static int take_picture(struct nl_sock *sock, struct picture *p, char **error)
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
			return fail(error, "routes: more than %d, this is not a host", ROUTES_MAX);
		if (err >= 0)
			return 0;
		if (err != -NLE_DUMP_INTR || attempt == 5)
			return fail(error, "cannot list the %s: %s%s", dumps[i - 1].what,
				nl_geterror(err),
				err == -NLE_OPNOTSUPP ? " (CONFIG_IP_MULTIPLE_TABLES)" : "");
		picture_free(p);
	}
}

/* --- NICs --- */

static bool is_gateway_route(const struct route *r)
{
	return r->type == RTN_UNICAST && (r->gateway.s_addr != 0 || r->via_length > 0);
}

static const struct address *primary_address(const struct picture *p, int ifindex)
{
	for (size_t i = 0; i < p->addresses.n; i++) {
		const struct address *a = &p->addresses.at[i];
		if (a->ifindex == ifindex && !a->secondary && a->scope == RT_SCOPE_UNIVERSE)
			return a;
	}
	return NULL;
}

static bool has_gateway(const struct picture *p, int ifindex)
{
	for (size_t i = 0; i < p->routes.n; i++)
		if (p->routes.at[i].oif == ifindex && p->routes.at[i].protocol != OUR_PROTOCOL &&
			is_gateway_route(&p->routes.at[i]))
			return true;
	return false;
}

static bool is_one_of(const char *const *names, const char *name)
{
	for (; *names; names++)
		if (strcmp(*names, name) == 0)
			return true;
	return false;
}

static bool suitable(const struct hostnet *h, const struct picture *p, const struct link *l)
{
	static const char *const not_nics[] = {"tun", "dummy", "ifb", "vrf", "nlmon", NULL};

	if (l->type != ARPHRD_ETHER || !primary_address(p, l->ifindex))
		return false;
	if (h->interfaces)
		return is_one_of((const char *const *)h->interfaces, l->name);
	if (is_one_of(not_nics, l->kind))
		return false;
	return strcmp(l->kind, "bridge") != 0 || has_gateway(p, l->ifindex);
}

static int by_ifindex(const void *a, const void *b)
{
	return ((const struct link *)a)->ifindex - ((const struct link *)b)->ifindex;
}

static bool same_nic(const struct hostnet_nic *a, const struct hostnet_nic *b)
{
	return a->ifindex == b->ifindex && strcmp(a->name, b->name) == 0 &&
	       a->address.s_addr == b->address.s_addr &&
	       memcmp(a->mac, b->mac, sizeof(a->mac)) == 0 && a->mtu == b->mtu &&
	       a->usable == b->usable;
}

/* Learns the NICs from the picture. True if they changed. */
static bool learn_nics(struct hostnet *h, struct picture *p)
{
	struct hostnet_nic nics[HOSTNET_NICS_MAX];
	size_t n = 0;

	memset(nics, 0, sizeof(nics));
	qsort(p->links.at, p->links.n, sizeof(*p->links.at), by_ifindex);
	for (size_t i = 0; i < p->links.n && n < HOSTNET_NICS_MAX; i++) {
		const struct link *l = &p->links.at[i];
		if (!suitable(h, p, l))
			continue;
		struct hostnet_nic *nic = &nics[n++];
		nic->ifindex = l->ifindex;
		memcpy(nic->name, l->name, sizeof(nic->name));
		memcpy(nic->mac, l->mac, sizeof(nic->mac));
		nic->address = primary_address(p, l->ifindex)->local;
		nic->mtu = l->mtu;
		nic->usable = (l->flags & (IFF_UP | IFF_RUNNING)) == (IFF_UP | IFF_RUNNING);
	}
	bool changed = n != h->nic_count;
	for (size_t i = 0; i < n && !changed; i++)
		changed = !same_nic(&nics[i], &h->nics[i]);
	memcpy(h->nics, nics, sizeof(nics));
	h->nic_count = n;
	return changed;
}

static bool is_nic(const struct hostnet *h, int ifindex)
{
	for (size_t i = 0; i < h->nic_count; i++)
		if (h->nics[i].ifindex == ifindex)
			return true;
	return false;
}

/* Every NIC keeps its table while it is there. */
static void assign_slots(struct hostnet *h)
{
	for (int s = 0; s < HOSTNET_NICS_MAX; s++)
		if (!is_nic(h, h->slots[s]))
			h->slots[s] = 0;
	for (size_t i = 0; i < h->nic_count; i++) {
		int s = 0;
		while (s < HOSTNET_NICS_MAX && h->slots[s] != h->nics[i].ifindex)
			s++;
		if (s < HOSTNET_NICS_MAX)
			continue;
		for (s = 0; h->slots[s] != 0; s++)
			;
		h->slots[s] = h->nics[i].ifindex;
	}
}

static unsigned table_of(const struct hostnet *h, int ifindex)
{
	int s = 0;
	while (h->slots[s] != ifindex)
		s++;
	return h->table_base + 1 + (unsigned)s;
}

/* --- what we want --- */

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

/* The source address that the kernel chooses for this route (fib_info_update_nhc_saddr()). */
static struct in_addr source_of(const struct picture *p, const struct route *r)
{
	const struct address *first = NULL;

	if (r->source.s_addr != 0)
		return r->source;
	for (size_t i = 0; i < p->addresses.n; i++) {
		const struct address *a = &p->addresses.at[i];
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

static void want_throw(struct routes *wanted, uint32_t table, struct in_addr dst, uint32_t length)
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
		want_throw(wanted, h->table_base, e->peer, 32);
	for (size_t i = 0; i < sizeof(never_ours) / sizeof(never_ours[0]); i++)
		want_throw(wanted, h->table_base, (struct in_addr){htonl(never_ours[i].prefix)},
			never_ours[i].length);

	for (size_t i = 0; i < p->routes.n; i++) {
		const struct route *main = &p->routes.at[i];
		if (main->table != RT_TABLE_MAIN)
			continue;
		if (main->type != RTN_UNICAST || !is_nic(h, main->oif)) {
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
	uint32_t table = table_of(h, nic->ifindex);
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
						!is_source_table(p, nic->address, r->table))
				continue;
			struct route *copy = push(wanted);
			*copy = *r;
			copy->table = table;
			copy->protocol = OUR_PROTOCOL;
			if (is_gateway_route(r) &&
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
			.table = table_of(h, h->nics[i].ifindex),
			.src = h->nics[i].address,
			.src_length = 32,
			.protocol = OUR_PROTOCOL};
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

/* --- settling the difference --- */

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

static int add_route(struct hostnet *h, const struct route *r)
{
	return request_route(h, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, r);
}

/* One that is gone already, or whose device is, is no error. */
static int delete_route(struct hostnet *h, const struct route *r)
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

static int add_rule(struct hostnet *h, const struct rule *r)
{
	int err = request_rule(h, RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, r);
	return err == -NLE_EXIST ? 0 : err;
}

static int delete_rule(struct hostnet *h, const struct rule *r)
{
	int err = request_rule(h, RTM_DELRULE, 0, r);
	return err == -NLE_OBJ_NOTFOUND ? 0 : err;
}

/* Keeps the first error there is. */
static void note(char **error, int err, uint32_t table, struct in_addr address, uint32_t length)
{
	char text[INET_ADDRSTRLEN];
	if (err < 0 && !*error)
		fail(error, "cannot change the route or rule for %s/%u, table %u: %s",
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
static int settle(struct hostnet *h, struct picture *p, struct routes *routes,
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
			if (is_gateway_route(r) == direct || (there && same_route(r, there)))
				continue;
			note_route(error, add_route(h, r), r);
		}
	for (size_t i = 0; i < rules->n; i++)
		if (!has_rule(&p->rules, &rules->at[i]))
			note_rule(error, add_rule(h, &rules->at[i]), &rules->at[i]);
	for (size_t i = 0; i < p->rules.n; i++) {
		const struct rule *r = &p->rules.at[i];
		if (r->protocol == OUR_PROTOCOL && !has_rule(rules, r))
			note_rule(error, delete_rule(h, r), r);
	}
	for (size_t i = 0; i < ours.n; i++)
		if (!find_route(routes, &ours.at[i]))
			note_route(error, delete_route(h, &ours.at[i]), &ours.at[i]);
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

/* Settles what the picture calls for; nothing, when there is no TUN. */
static int follow(struct hostnet *h, struct picture *p, char **error)
{
	struct routes routes = {0};
	struct rules rules = {0};

	if (h->tun == 0)
		return 0;
	assign_slots(h);
	want_mpip_table(h, p, &routes);
	for (size_t i = 0; i < h->nic_count; i++)
		want_nic_table(h, p, &h->nics[i], &routes);
	want_rules(h, &rules);
	look_for_bypass(h, p);
	int err = settle(h, p, &routes, &rules, error);
	free(routes.at);
	free(rules.at);
	return err;
}

/* --- events --- */

static long nanoseconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000L + t.tv_nsec;
}

static void arm(struct hostnet *h, long ns)
{
	struct itimerspec in = {
		.it_value = {.tv_sec = ns / 1000000000L, .tv_nsec = ns % 1000000000L}};
	timerfd_settime(h->timer, 0, &in, NULL);
	h->armed = true;
}

/* Takes a picture, learns the NICs from it and follows. */
static int look(struct hostnet *h, char **error)
{
	struct picture p;
	long before = nanoseconds();

	int err = take_picture(h->requests, &p, error);
	if (err == 0) {
		h->changed |= learn_nics(h, &p) ? HOSTNET_NICS_CHANGED : 0;
		err = follow(h, &p, error);
	}
	picture_free(&p);
	long pause = (nanoseconds() - before) * PICTURES_SHARE;
	h->pause_ns = pause > SETTLE_NS ? pause : SETTLE_NS;
	return err;
}

/* Reads all events there are. True if one was not our own doing, or some were lost. */
static bool drain(struct hostnet *h)
{
	static _Alignas(struct nlmsghdr) char buffer[65536];
	uint32_t us = nl_socket_get_local_port(h->requests);
	bool others = false;

	for (;;) {
		ssize_t n = recv(nl_socket_get_fd(h->events), buffer, sizeof(buffer), MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return others || (n < 0 && errno == ENOBUFS);
		struct nlmsghdr *message = (void *)buffer;
		for (int left = (int)n; nlmsg_ok(message, left);
			message = nlmsg_next(message, &left))
			others = others || message->nlmsg_pid != us;
	}
}

int hostnet_fd(const struct hostnet *h)
{
	return h->epoll;
}

int hostnet_process(struct hostnet *h, char **error)
{
	uint64_t expirations;

	if (drain(h) && !h->armed)
		arm(h, h->pause_ns);
	if (read(h->timer, &expirations, sizeof(expirations)) != sizeof(expirations))
		return 0;
	h->armed = false;
	char *reason = NULL;
	bool failed = look(h, &reason) != 0, first = failed && h->retry_ns == 0;
	if (failed) {
		h->retry_ns = first ? RETRY_NS : 2 * h->retry_ns;
		if (h->retry_ns > RETRY_MAX_NS)
			h->retry_ns = RETRY_MAX_NS;
		arm(h, h->retry_ns);
	} else {
		h->retry_ns = 0;
	}
	if (first) {
		*error = reason;
		return -1;
	}
	free(reason);
	int changed = h->changed;
	h->changed = 0;
	return changed;
}

size_t hostnet_nics(const struct hostnet *h, const struct hostnet_nic **nics)
{
	*nics = h->nics;
	return h->nic_count;
}

/* --- opening and closing --- */

int hostnet_privileged(char **error)
{
	static const struct {
		int bit;
		const char *name;
	} needed[] = {{CAP_NET_ADMIN, "CAP_NET_ADMIN"}, {CAP_NET_RAW, "CAP_NET_RAW"},
		{CAP_SYS_ADMIN, "CAP_SYS_ADMIN (for eBPF)"}};
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {0};

	if (syscall(SYS_capget, &head, data) != 0)
		return fail(
			error, "cannot ask for this process's capabilities: %s", strerror(errno));
	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		if (!(data[0].effective & (1u << needed[i].bit)))
			return fail(error, "needs to run as root: %s is missing", needed[i].name);
	return 0;
}

/* Whether every interface asked for by name can be used. */
static int check_interfaces(const struct hostnet *h, const struct picture *p, char **error)
{
	size_t n = 0;

	for (char **name = h->interfaces; name && *name; name++, n++) {
		const struct link *l = NULL;
		for (size_t i = 0; i < p->links.n && !l; i++)
			if (strcmp(p->links.at[i].name, *name) == 0)
				l = &p->links.at[i];
		if (!l)
			return fail(error, "interface \"%s\": there is none of this name", *name);
		if (l->type != ARPHRD_ETHER)
			return fail(error, "interface \"%s\": expected an Ethernet device", *name);
		if (!primary_address(p, l->ifindex))
			return fail(error,
				"interface \"%s\": expected one with a global IPv4 address", *name);
	}
	if (n > HOSTNET_NICS_MAX)
		return fail(error, "interfaces: expected at most %d, there are %zu",
			HOSTNET_NICS_MAX, n);
	return 0;
}

static char **copy_names(const char *const *names)
{
	size_t n = 0;

	if (!names)
		return NULL;
	while (names[n])
		n++;
	char **copy = calloc(n + 1, sizeof(*copy));
	for (size_t i = 0; copy && i < n; i++)
		if (!(copy[i] = strdup(names[i])))
			abort();
	if (!copy)
		abort();
	return copy;
}

static int open_sockets(struct hostnet *h, char **error)
{
	h->requests = nl_socket_alloc();
	h->events = nl_socket_alloc();
	if (!h->requests || !h->events)
		abort();
	int err = nl_connect(h->requests, NETLINK_ROUTE);
	if (err == 0)
		err = nl_connect(h->events, NETLINK_ROUTE);
	if (err == 0)
		err = nl_socket_set_buffer_size(h->events, 1 << 20, 0);
	if (err == 0)
		err = nl_socket_add_memberships(h->events, RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR,
			RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV4_RULE, 0);
	if (err < 0)
		return fail(error, "cannot open netlink: %s", nl_geterror(err));

	h->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	h->epoll = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event in = {.events = EPOLLIN};
	if (h->timer < 0 || h->epoll < 0 ||
		epoll_ctl(h->epoll, EPOLL_CTL_ADD, nl_socket_get_fd(h->events), &in) != 0 ||
		epoll_ctl(h->epoll, EPOLL_CTL_ADD, h->timer, &in) != 0)
		return fail(error, "cannot wait for netlink events: %s", strerror(errno));
	return 0;
}

static void free_all(struct hostnet *h)
{
	struct excluded *e, *next;

	HASH_ITER (hh, h->excluded, e, next) {
		HASH_DEL(h->excluded, e);
		free(e);
	}
	for (char **name = h->interfaces; name && *name; name++)
		free(*name);
	free(h->interfaces);
	nl_socket_free(h->requests);
	nl_socket_free(h->events);
	if (h->timer >= 0)
		close(h->timer);
	if (h->epoll >= 0)
		close(h->epoll);
	free(h);
}

int hostnet_open(struct hostnet **out, const struct hostnet_config *config, char **error)
{
	struct hostnet *h = calloc(1, sizeof(*h));
	struct picture p = {0};

	if (!h)
		abort();
	h->timer = h->epoll = -1;
	h->pause_ns = SETTLE_NS;
	h->interfaces = copy_names(config->interfaces);
	h->table_base = config->table_base;
	h->rule_priority = config->rule_priority;
	h->mask = config->mask;
	int err = open_sockets(h, error);
	if (err == 0)
		err = take_picture(h->requests, &p, error);
	if (err == 0)
		err = check_interfaces(h, &p, error);
	if (err == 0)
		learn_nics(h, &p);
	picture_free(&p);
	if (err == 0 && h->nic_count == 0)
		err = fail(error,
			"interfaces: there is no Ethernet device with a global IPv4 address");
	if (err != 0) {
		free_all(h);
		return err;
	}
	*out = h;
	return 0;
}

/* Removes all that is ours, whoever put it there. */
static void purge(struct hostnet *h)
{
	struct picture p;
	struct routes no_routes = {0};
	struct rules no_rules = {0};
	char *error = NULL;

	if (take_picture(h->requests, &p, &error) == 0)
		settle(h, &p, &no_routes, &no_rules, &error);
	free(error);
	picture_free(&p);
}

void hostnet_close(struct hostnet *h)
{
	if (!h)
		return;
	if (h->tun != 0)
		purge(h);
	free_all(h);
}

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
	return n == 1 ? 0 : fail(error, "%s: %s", path, strerror(err));
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

int hostnet_attach(
	struct hostnet *h, int tun_ifindex, unsigned tun_mtu, struct in_addr address, char **error)
{
	char name[IF_NAMESIZE], *reason = NULL;

	if (!if_indextoname((unsigned)tun_ifindex, name))
		return fail(error, "TUN: there is no device %d", tun_ifindex);
	if (disable_ipv6(name, error) != 0)
		return -1;
	int err = set_address(h, tun_ifindex, address);
	if (err == 0)
		err = set_link(h, tun_ifindex, tun_mtu);
	if (err < 0)
		return fail(error, "%s: cannot set it up: %s", name, nl_geterror(err));

	h->tun = tun_ifindex;
	h->tun_mtu = tun_mtu;
	/* The host may change under our hands: look again before giving up. */
	for (int attempt = 0; look(h, &reason) < 0; attempt++) {
		if (attempt < 3) {
			free(reason);
			continue;
		}
		purge(h);
		h->tun = 0;
		*error = reason;
		return -1;
	}
	if (h->changed)
		arm(h, h->pause_ns); /* it is hostnet_process() that tells */
	return 0;
}

const char *hostnet_warning(const struct hostnet *h)
{
	return h->warning[0] ? h->warning : NULL;
}

/* --- peers without MPIP --- */

int hostnet_exclude(struct hostnet *h, struct in_addr peer)
{
	struct excluded *e;

	HASH_FIND(hh, h->excluded, &peer, sizeof(peer), e);
	if (e)
		return 0;
	e = calloc(1, sizeof(*e));
	if (!e)
		return -ENOMEM;
	e->peer = peer;
	HASH_ADD(hh, h->excluded, peer, sizeof(peer), e);
	if (h->tun == 0)
		return 0;
	struct routes one = {0};
	want_throw(&one, h->table_base, peer, 32);
	int err = add_route(h, one.at);
	free(one.at);
	if (err == 0)
		return 0;
	HASH_DEL(h->excluded, e);
	free(e);
	return -EIO;
}

int hostnet_include(struct hostnet *h, struct in_addr peer)
{
	struct excluded *e;

	HASH_FIND(hh, h->excluded, &peer, sizeof(peer), e);
	if (!e)
		return 0;
	HASH_DEL(h->excluded, e);
	free(e);
	if (h->tun == 0)
		return 0;
	struct routes one = {0};
	want_throw(&one, h->table_base, peer, 32);
	int err = delete_route(h, one.at);
	free(one.at);
	/* Main may have a host route of its own, which the exclusion had replaced. */
	if (!h->armed)
		arm(h, h->pause_ns);
	return err < 0 ? -EIO : 0;
}
