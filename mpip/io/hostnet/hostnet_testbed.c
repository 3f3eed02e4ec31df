// SPDX-License-Identifier: BSD-2-Clause
/*
 * What the tests of hostnet share.
 *
 * Theory of operation
 * -------------------
 * A case leaves the namespace that it began in for a new one, which the kernel takes down with all
 * that is in it as soon as the next case leaves it or the program ends, however it ends. Links,
 * addresses, routes and rules are changed with libnl, over one socket; the kernel is asked for its
 * ways with bare rtnetlink messages over another, so that protocol, mark and ports can be given.
 */

#include "mpip/io/hostnet/hostnet_testbed.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/fib_rules.h>
#include <linux/if_tun.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/link/veth.h>
#include <netlink/route/route.h>
#include <netlink/route/rule.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

struct nl_sock *sock;
struct hostnet *net;
int tun_fd = -1;
const struct hostnet_config config = {
	.table_base = TABLE, .rule_priority = PRIORITY, .mark = MARK, .mask = MASK};

static struct nl_sock *asking;

/* --- the namespace --- */

int make_tap(const char *name, short kind)
{
	struct ifreq request = {.ifr_flags = (short)(kind | IFF_NO_PI)};
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	assert_true(fd >= 0);
	assert_int_equal(ioctl(fd, TUNSETIFF, &request), 0);
	return fd;
}

int make_tun(const char *name)
{
	return make_tap(name, IFF_TUN);
}

void set_link_up(const char *name, bool up)
{
	struct rtnl_link *old = NULL, *change = rtnl_link_alloc();
	assert_int_equal(rtnl_link_get_kernel(sock, 0, name, &old), 0);
	if (up)
		rtnl_link_set_flags(change, IFF_UP);
	else
		rtnl_link_unset_flags(change, IFF_UP);
	assert_int_equal(rtnl_link_change(sock, old, change, 0), 0);
	rtnl_link_put(old);
	rtnl_link_put(change);
}

void make_nic(const char *name, const char *far)
{
	assert_int_equal(rtnl_link_veth_add(sock, name, far, getpid()), 0);
	set_link_up(name, true);
	set_link_up(far, true);
}

void change_address_of(const char *name, const char *address, bool add, int scope, unsigned flags)
{
	struct rtnl_addr *a = rtnl_addr_alloc();
	struct nl_addr *local;
	rtnl_addr_set_scope(a, scope);
	rtnl_addr_set_flags(a, flags);
	assert_int_equal(nl_addr_parse(address, AF_INET, &local), 0);
	rtnl_addr_set_ifindex(a, (int)if_nametoindex(name));
	rtnl_addr_set_local(a, local);
	assert_int_equal(add ? rtnl_addr_add(sock, a, 0) : rtnl_addr_delete(sock, a, 0), 0);
	nl_addr_put(local);
	rtnl_addr_put(a);
}

void change_address(const char *name, const char *address, bool add)
{
	change_address_of(name, address, add, RT_SCOPE_UNIVERSE, 0);
}

bool make_virtual(const char *kind, const char *name, const char *address)
{
	struct rtnl_link *link = rtnl_link_alloc();
	rtnl_link_set_name(link, name);
	assert_int_equal(rtnl_link_set_type(link, kind), 0);
	int err = rtnl_link_add(sock, link, NLM_F_CREATE);
	rtnl_link_put(link);
	if (err == -NLE_OPNOTSUPP)
		return false;
	assert_int_equal(err, 0);
	set_link_up(name, true);
	change_address(name, address, true);
	return true;
}

static void add_next_hop(struct rtnl_route *r, const char *nic, const char *gateway, bool onlink)
{
	struct rtnl_nexthop *hop = rtnl_route_nh_alloc();
	struct nl_addr *a;
	rtnl_route_nh_set_ifindex(hop, (int)if_nametoindex(nic));
	if (onlink)
		rtnl_route_nh_set_flags(hop, RTNH_F_ONLINK);
	if (gateway) {
		nl_addr_parse(gateway, AF_INET, &a);
		rtnl_route_nh_set_gateway(hop, a);
		nl_addr_put(a);
	}
	rtnl_route_add_nexthop(r, hop);
}

void change_route(struct way w, bool add)
{
	struct rtnl_route *r = rtnl_route_alloc();
	struct nl_addr *a;
	assert_int_equal(nl_addr_parse(w.dst, AF_INET, &a), 0);
	rtnl_route_set_dst(r, a);
	nl_addr_put(a);
	rtnl_route_set_table(r, w.table ? w.table : RT_TABLE_MAIN);
	rtnl_route_set_type(r, (uint8_t)(w.type ? w.type : RTN_UNICAST));
	rtnl_route_set_scope(r, w.gateway || !w.nic ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK);
	rtnl_route_set_priority(r, w.metric);
	if (w.mtu)
		rtnl_route_set_metric(r, RTAX_MTU, w.mtu);
	if (w.source) {
		nl_addr_parse(w.source, AF_INET, &a);
		rtnl_route_set_pref_src(r, a);
		nl_addr_put(a);
	}
	if (w.nic)
		add_next_hop(r, w.nic, w.gateway, w.onlink);
	if (w.nic2)
		add_next_hop(r, w.nic2, w.gateway2, w.onlink);
	int err = add ? rtnl_route_add(sock, r, NLM_F_EXCL) : rtnl_route_delete(sock, r, 0);
	if (err < 0)
		fail_msg("%s: %s", w.dst, nl_geterror(err));
	rtnl_route_put(r);
}

void change_source_rule(const char *from, unsigned table, unsigned priority, bool add)
{
	struct rtnl_rule *r = rtnl_rule_alloc();
	struct nl_addr *a;
	nl_addr_parse(from, AF_INET, &a);
	rtnl_rule_set_family(r, AF_INET);
	rtnl_rule_set_src(r, a);
	nl_addr_put(a);
	rtnl_rule_set_table(r, table);
	rtnl_rule_set_prio(r, priority);
	rtnl_rule_set_action(r, FR_ACT_TO_TBL);
	assert_int_equal(add ? rtnl_rule_add(sock, r, 0) : rtnl_rule_delete(sock, r, 0), 0);
	rtnl_rule_put(r);
}

/* --- asking the kernel --- */

static int see_way(struct nl_msg *msg, void *context)
{
	struct found *f = context;
	struct nlattr *tb[RTA_MAX + 1], *metrics[RTAX_MAX + 1];

	nlmsg_parse(nlmsg_hdr(msg), sizeof(struct rtmsg), tb, RTA_MAX, NULL);
	if (tb[RTA_OIF])
		if_indextoname(nla_get_u32(tb[RTA_OIF]), f->nic);
	if (tb[RTA_GATEWAY])
		inet_ntop(AF_INET, nla_data(tb[RTA_GATEWAY]), f->gateway, sizeof(f->gateway));
	if (tb[RTA_PREFSRC])
		inet_ntop(AF_INET, nla_data(tb[RTA_PREFSRC]), f->source, sizeof(f->source));
	if (tb[RTA_METRICS] && nla_parse_nested(metrics, RTAX_MAX, tb[RTA_METRICS], NULL) == 0 &&
		metrics[RTAX_MTU])
		f->mtu = nla_get_u32(metrics[RTAX_MTU]);
	return NL_OK;
}

struct found ask(const char *dst, const char *src, uint8_t protocol, uint32_t mark)
{
	struct found f = {0};
	struct in_addr a;
	struct rtmsg head = {.rtm_family = AF_INET, .rtm_dst_len = 32};
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_GETROUTE, 0);

	nlmsg_append(msg, &head, sizeof(head), NLMSG_ALIGNTO);
	inet_aton(dst, &a);
	nla_put(msg, RTA_DST, sizeof(a), &a);
	if (src) {
		inet_aton(src, &a);
		nla_put(msg, RTA_SRC, sizeof(a), &a);
	}
	if (protocol)
		nla_put_u8(msg, RTA_IP_PROTO, protocol);
	if (mark)
		nla_put_u32(msg, RTA_MARK, mark);
	nl_socket_modify_cb(asking, NL_CB_VALID, NL_CB_CUSTOM, see_way, &f);
	nl_send_auto(asking, msg);
	nlmsg_free(msg);
	f.error = nl_recvmsgs_default(asking);
	return f;
}

struct found app(const char *dst)
{
	return ask(dst, NULL, IPPROTO_TCP, 0);
}

struct found wire(const char *dst, const char *from)
{
	return ask(dst, from, IPPROTO_UDP, MARK);
}

bool arrives(const char *nic, const char *src, const char *dst, uint8_t protocol)
{
	struct found f = {0};
	struct in_addr a;
	struct rtmsg head = {.rtm_family = AF_INET, .rtm_dst_len = 32, .rtm_src_len = 32};
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_GETROUTE, 0);
	uint16_t port = htons(80);

	nlmsg_append(msg, &head, sizeof(head), NLMSG_ALIGNTO);
	inet_aton(dst, &a);
	nla_put(msg, RTA_DST, sizeof(a), &a);
	inet_aton(src, &a);
	nla_put(msg, RTA_SRC, sizeof(a), &a);
	nla_put_u32(msg, RTA_IIF, if_nametoindex(nic));
	nla_put_u8(msg, RTA_IP_PROTO, protocol);
	nla_put(msg, RTA_SPORT, sizeof(port), &port);
	nla_put(msg, RTA_DPORT, sizeof(port), &port);
	nl_send_auto(asking, msg);
	nlmsg_free(msg);
	nl_socket_modify_cb(asking, NL_CB_VALID, NL_CB_CUSTOM, see_way, &f);
	return nl_recvmsgs_default(asking) >= 0;
}

static int list_one(struct nl_msg *msg, void *context)
{
	FILE *out = context;
	struct nlmsghdr *h = nlmsg_hdr(msg);
	const uint8_t *bytes = nlmsg_data(h);
	for (int i = 0; i < nlmsg_datalen(h); i++)
		fprintf(out, "%02x", bytes[i]);
	fputc('\n', out);
	return NL_OK;
}

char *everything(void)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	struct rtmsg route = {.rtm_family = AF_INET};
	struct fib_rule_hdr rule = {.family = AF_INET};

	nl_socket_modify_cb(sock, NL_CB_VALID, NL_CB_CUSTOM, list_one, out);
	nl_send_simple(sock, RTM_GETROUTE, NLM_F_DUMP, &route, sizeof(route));
	nl_recvmsgs_default(sock);
	nl_send_simple(sock, RTM_GETRULE, NLM_F_DUMP, &rule, sizeof(rule));
	nl_recvmsgs_default(sock);
	fclose(out);
	return text;
}

/* --- driving --- */

struct address address_of(const char *text)
{
	struct address a;
	assert_true(address_parse(text, &a));
	return a;
}

void open_net(void)
{
	char *error = NULL;
	if (hostnet_open(&net, &config, &error) != 0)
		fail_msg("%s", error);
}

void attach(void)
{
	char *error = NULL;

	tun_fd = make_tun("mpip0");
	if (hostnet_attach(
		    net, (int)if_nametoindex("mpip0"), TUN_MTU, address_of(TUN_IP), &error) != 0)
		fail_msg("%s", error);
}

int follow(void)
{
	struct pollfd p = {.fd = hostnet_fd(net), .events = POLLIN};
	int flags = 0, rounds = 0, patience = 200; /* a busy machine lets it wait */

	while (poll(&p, 1, patience) > 0) {
		char *error = NULL;
		struct timespec before, after;
		clock_gettime(CLOCK_MONOTONIC, &before);
		int changed = hostnet_process(net, &error);
		clock_gettime(CLOCK_MONOTONIC, &after);
		/* On a slow machine it pauses longer between pictures. */
		int took = (int)((after.tv_sec - before.tv_sec) * 1000 +
				 (after.tv_nsec - before.tv_nsec) / 1000000);
		patience = 60 + 8 * took > patience ? 60 + 8 * took : patience;
		if (changed < 0)
			fail_msg("%s", error);
		flags |= changed;
		assert_true(++rounds < 100); /* it must come to rest */
	}
	return flags;
}

int set_up(void **state)
{
	(void)state;
	if (unshare(CLONE_NEWNET) != 0)
		return -1;
	sock = nl_socket_alloc();
	asking = nl_socket_alloc();
	nl_connect(sock, NETLINK_ROUTE);
	nl_connect(asking, NETLINK_ROUTE);
	nl_socket_disable_auto_ack(asking); /* one answer to a question */
	nl_socket_disable_seq_check(asking);
	set_link_up("lo", true);
	make_nic("nic0", "far0");
	make_nic("nic1", "far1");
	change_address("nic0", "10.1.0.1/24", true);
	change_address("nic1", "10.2.0.1/24", true);
	change_route(
		(struct way){.dst = "0.0.0.0/0", .nic = "nic0", .gateway = "10.1.0.254"}, true);
	change_route(
		(struct way){
			.dst = "0.0.0.0/0", .nic = "nic1", .gateway = "10.2.0.254", .metric = 200},
		true);
	net = NULL;
	tun_fd = -1;
	return 0;
}

int tear_down(void **state)
{
	(void)state;
	hostnet_close(net);
	if (tun_fd >= 0)
		close(tun_fd);
	nl_socket_free(sock);
	nl_socket_free(asking);
	return 0;
}

static void skipped(void **state)
{
	(void)state;
	skip();
}

void skip_without_root(const char *program, struct CMUnitTest *tests, size_t n)
{
	if (geteuid() == 0)
		return;
	printf("%s: skipped, needs root for network namespaces\n", program);
	for (size_t i = 0; i < n; i++)
		tests[i] = (struct CMUnitTest){.name = tests[i].name, .test_func = skipped};
}
