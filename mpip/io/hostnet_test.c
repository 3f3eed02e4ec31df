// SPDX-License-Identifier: BSD-2-Clause
/*
 * The host's network as mpipd sees and shapes it, in network namespaces of this test's own:
 *
 *      nic0 10.1.0.1/24 --- default via 10.1.0.254            mpip0: the TUN
 *      nic1 10.2.0.1/24 --- default via 10.2.0.254 metric 200
 *
 * The NICs' other ends only give them carrier. What was set up is judged by asking the kernel for
 * its way to a destination (RTM_GETROUTE), as a socket of the application, or of mpipd, would.
 */

#include "mpip/io/hostnet.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fib_rules.h>
#include <linux/if_addr.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/link/veth.h>
#include <netlink/route/route.h>
#include <netlink/route/rule.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define TABLE    5280
#define PRIORITY 5280
#define MARK     0x4d500000
#define MASK     0xffff0000
#define TUN_MTU  1400
#define TUN_IP   "192.0.0.8"

static struct nl_sock *sock, *asking;
static struct hostnet *net;
static int tun_fd = -1;

/* --- the namespace --- */

static int make_tap(const char *name, short kind)
{
	struct ifreq request = {.ifr_flags = (short)(kind | IFF_NO_PI)};
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	assert_true(fd >= 0);
	assert_int_equal(ioctl(fd, TUNSETIFF, &request), 0);
	return fd;
}

static int make_tun(const char *name)
{
	return make_tap(name, IFF_TUN);
}

static void set_link_up(const char *name, bool up)
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

static void make_nic(const char *name, const char *far)
{
	assert_int_equal(rtnl_link_veth_add(sock, name, far, getpid()), 0);
	set_link_up(name, true);
	set_link_up(far, true);
}

static void change_address_of(
	const char *name, const char *address, bool add, int scope, unsigned flags)
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

static void change_address(const char *name, const char *address, bool add)
{
	change_address_of(name, address, add, RT_SCOPE_UNIVERSE, 0);
}

/* False: the kernel has none of this kind. */
static bool make_virtual(const char *kind, const char *name, const char *address)
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

struct way {
	const char *dst, *nic, *gateway, *source; /* NULL: none */
	unsigned table, metric;                   /* table 0: main */
	int type;                                 /* 0: unicast */
	unsigned mtu;
	bool onlink;
	const char *nic2, *gateway2; /* a second next hop */
};

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

static void change_route(struct way w, bool add)
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

static void change_source_rule(const char *from, unsigned table, unsigned priority, bool add)
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

struct found {
	int error;
	char nic[IFNAMSIZ], gateway[INET_ADDRSTRLEN], source[INET_ADDRSTRLEN];
	unsigned mtu;
};

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

static struct found ask(const char *dst, const char *src, uint8_t protocol, uint32_t mark)
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

#define assert_way(f, nic_, gateway_, source_)                                                     \
	do {                                                                                       \
		struct found f_ = (f);                                                             \
		assert_string_equal(f_.nic, nic_);                                                 \
		assert_string_equal(f_.gateway, gateway_);                                         \
		if ((source_)[0])                                                                  \
			assert_string_equal(f_.source, source_);                                   \
	} while (0)

/* What the application's packets do; what those of mpipd do from an address. */
static struct found app(const char *dst)
{
	return ask(dst, NULL, IPPROTO_TCP, 0);
}

static struct found wire(const char *dst, const char *from)
{
	return ask(dst, from, IPPROTO_UDP, MARK);
}

/* Routes and rules of all tables as one string, to compare before and after. */
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

static char *everything(void)
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

static struct in_addr address_of(const char *text)
{
	struct in_addr a;
	inet_aton(text, &a);
	return a;
}

/* --- driving --- */

static const struct hostnet_config config = {
	.table_base = TABLE, .rule_priority = PRIORITY, .mark = MARK, .mask = MASK};

static void open_net(void)
{
	char *error = NULL;
	if (hostnet_open(&net, &config, &error) != 0)
		fail_msg("%s", error);
}

static void attach(void)
{
	char *error = NULL;
	struct in_addr address;

	inet_aton(TUN_IP, &address);
	tun_fd = make_tun("mpip0");
	if (hostnet_attach(net, (int)if_nametoindex("mpip0"), TUN_MTU, address, &error) != 0)
		fail_msg("%s", error);
}

/* Processes events until there have been none for a while. The flags seen. */
static int follow(void)
{
	struct pollfd p = {.fd = hostnet_fd(net), .events = POLLIN};
	int flags = 0, rounds = 0, patience = 60;

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

static int set_up(void **state)
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

static int tear_down(void **state)
{
	(void)state;
	hostnet_close(net);
	if (tun_fd >= 0)
		close(tun_fd);
	nl_socket_free(sock);
	nl_socket_free(asking);
	return 0;
}

/* --- cases --- */

static void lists_nics(void **state)
{
	(void)state;
	const struct hostnet_nic *nics;
	int fd = make_tun("tun7");
	set_link_up("tun7", true);
	change_address("tun7", "10.7.0.1/24", true);
	int tap = make_tap("tap7", IFF_TAP);
	set_link_up("tap7", true);
	change_address("tap7", "10.8.0.1/24", true);
	make_nic("bare", "farbare");
	make_nic("linklocal", "farlinklocal");
	change_address_of("linklocal", "169.254.7.7/16", true, RT_SCOPE_LINK, 0);
	make_virtual("dummy", "dummy7", "10.9.0.1/24");
	make_virtual("bridge", "containers", "10.10.0.1/24");
	bool bridges = make_virtual("bridge", "uplink", "10.11.0.1/24");
	if (bridges)
		change_route(
			(struct way){
				.dst = "10.12.0.0/16", .nic = "uplink", .gateway = "10.11.0.254"},
			true);

	open_net();
	assert_int_equal(hostnet_nics(net, &nics), bridges ? 3 : 2);
	if (bridges)
		assert_string_equal(nics[2].name, "uplink");
	assert_string_equal(nics[0].name, "nic0");
	assert_string_equal(inet_ntoa(nics[0].address), "10.1.0.1");
	assert_int_equal(nics[0].mtu, 1500);
	assert_int_equal(nics[0].ifindex, if_nametoindex("nic0"));
	assert_true(nics[0].usable);
	assert_int_not_equal(nics[0].mac[0] | nics[0].mac[5], 0);
	assert_string_equal(nics[1].name, "nic1");
	close(fd);
	close(tap);
}

static void mirrors_main(void **state)
{
	(void)state;
	change_address("nic0", "10.1.9.1/24", true);
	change_route(
		(struct way){.dst = "10.50.0.0/16", .nic = "nic0", .gateway = "10.1.9.254"}, true);
	change_route((struct way){.dst = "10.51.0.0/16",
			     .nic = "nic1",
			     .gateway = "10.2.0.253",
			     .source = "10.1.0.1"},
		true);
	change_route((struct way){.dst = "10.52.0.0/16", .type = RTN_BLACKHOLE}, true);
	change_route(
		(struct way){
			.dst = "10.53.0.0/16", .nic = "nic1", .gateway = "10.2.0.254", .mtu = 1450},
		true);
	make_nic("vpn0", "farvpn");
	change_route((struct way){.dst = "10.54.0.0/16", .nic = "vpn0"}, true);

	change_route(
		(struct way){.dst = "10.55.0.255/32", .nic = "nic0", .type = RTN_BROADCAST}, true);

	static const char *const peers[] = {"8.8.8.8", "10.1.0.77", "10.1.9.77", "10.2.0.77",
		"10.50.1.1", "10.51.1.1", "10.53.1.1"};
	struct found before[7];
	for (int i = 0; i < 7; i++)
		before[i] = app(peers[i]);
	open_net();
	attach();
	for (int i = 0; i < 7; i++) {
		assert_way(app(peers[i]), "mpip0", "", before[i].source);
		assert_way(ask(peers[i], NULL, IPPROTO_UDP, 0), "mpip0", "", before[i].source);
		assert_way(ask(peers[i], before[i].source, IPPROTO_TCP, 0), "mpip0", "", "");
		/* what is neither, and what is ours, without a source: as before */
		assert_way(ask(peers[i], NULL, IPPROTO_ICMP, 0), before[i].nic, before[i].gateway,
			before[i].source);
		assert_way(ask(peers[i], NULL, IPPROTO_TCP, MARK), before[i].nic, before[i].gateway,
			before[i].source);
	}
	assert_way(app("8.8.8.8"), "mpip0", "", "10.1.0.1");
	assert_way(app("10.50.1.1"), "mpip0", "", "10.1.9.1");
	assert_way(app("10.51.1.1"), "mpip0", "", "10.1.0.1");
	assert_int_not_equal(app("10.52.1.1").error, 0);
	assert_int_equal(app("10.53.1.1").mtu, 1450 - (1500 - TUN_MTU));
	assert_int_equal(wire("10.53.1.1", "10.2.0.1").mtu, 1450);
	assert_way(app("10.54.1.1"), "vpn0", "", "");
	assert_way(app("10.55.0.255"), "nic0", "", "");
	/* never ours */
	assert_way(app("224.0.0.251"), "nic0", "", "");
	assert_way(app("169.254.1.1"), "nic0", "10.1.0.254", "");
	assert_string_not_equal(app("255.255.255.255").nic, "mpip0");
	assert_string_equal(app("10.2.0.255").nic, "nic1");
	assert_string_equal(app("10.1.0.1").nic, "lo");
	assert_string_equal(app("127.0.0.1").nic, "lo");
}

static void routes_by_source(void **state)
{
	(void)state;
	open_net();
	attach();
	assert_way(wire("8.8.8.8", "10.1.0.1"), "nic0", "10.1.0.254", "");
	assert_way(wire("8.8.8.8", "10.2.0.1"), "nic1", "10.2.0.254", "");
	assert_way(wire("10.2.0.9", "10.2.0.1"), "nic1", "", "");
	assert_way(wire("10.2.0.9", "10.1.0.1"), "nic0", "10.1.0.254", "");
}

/* Whether the kernel would take a packet from `src` to `dst` that comes in over the NIC. */
static bool arrives(const char *nic, const char *src, const char *dst, uint8_t protocol)
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

static void write_sysctl(const char *path, const char *value)
{
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(value, f);
	assert_int_equal(fclose(f), 0);
}

/* What comes to a NIC's address over that NIC is let in whatever rp_filter says, and so is what
 * mpipd injects; what comes over the wrong NIC is still refused. */
static void strict_rp_filter(void **state)
{
	(void)state;
	static const uint8_t protocols[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP};
	open_net();
	write_sysctl("/proc/sys/net/ipv4/conf/all/rp_filter", "1");
	assert_true(arrives("nic0", "8.8.8.8", "10.1.0.1", IPPROTO_TCP));
	assert_false(arrives("nic1", "8.8.8.8", "10.2.0.1", IPPROTO_TCP));
	attach();
	for (int all = 0; all <= 2; all++) {
		char value[2] = {(char)('0' + all), 0};
		write_sysctl("/proc/sys/net/ipv4/conf/all/rp_filter", value);
		for (int i = 0; i < 3; i++) {
			assert_true(arrives("nic0", "8.8.8.8", "10.1.0.1", protocols[i]));
			assert_true(arrives("nic1", "8.8.8.8", "10.2.0.1", protocols[i]));
			assert_true(arrives("nic1", "10.2.0.9", "10.2.0.1", protocols[i]));
			assert_true(arrives("mpip0", "8.8.8.8", "10.1.0.1", protocols[i]));
			assert_true(arrives("mpip0", "10.2.0.9", "10.1.0.1", protocols[i]));
		}
		assert_int_equal(arrives("nic1", "8.8.8.8", "10.1.0.1", IPPROTO_TCP), all != 1);
	}
}

/* As labs and DHCP clients have it: main knows the first NIC's gateway only. */
static void learns_gateways(void **state)
{
	(void)state;
	change_route(
		(struct way){
			.dst = "0.0.0.0/0", .nic = "nic1", .gateway = "10.2.0.254", .metric = 200},
		false);
	change_route((struct way){.dst = "0.0.0.0/0",
			     .nic = "nic1",
			     .gateway = "10.2.0.253",
			     .table = 102,
			     .metric = 200},
		true);
	change_source_rule("10.2.0.1", 102, 6000, true);
	make_nic("nic2", "far2");
	change_address("nic2", "10.3.0.1/24", true);
	change_route(
		(struct way){.dst = "10.60.0.0/16", .nic = "nic2", .gateway = "10.3.0.253"}, true);
	change_route(
		(struct way){.dst = "10.0.0.0/8", .nic = "nic2", .gateway = "10.3.0.254"}, true);
	change_route(
		(struct way){.dst = "10.61.0.0/16", .nic = "nic2", .gateway = "10.3.0.252"}, true);
	make_nic("nic3", "far3");
	change_address("nic3", "10.4.0.1/24", true);

	open_net();
	attach();
	assert_way(wire("8.8.8.8", "10.1.0.1"), "nic0", "10.1.0.254", "");
	assert_way(wire("8.8.8.8", "10.2.0.1"), "nic1", "10.2.0.253", "");
	assert_way(wire("8.8.8.8", "10.3.0.1"), "nic2", "10.3.0.254", "");
	assert_way(wire("10.4.0.9", "10.4.0.1"), "nic3", "", "");
	assert_way(wire("8.8.8.8", "10.4.0.1"), "nic0", "10.1.0.254", ""); /* no gateway: main */
	assert_way(wire("10.60.0.1", "10.3.0.1"), "nic2", "10.3.0.253", "");

	/* The user's table against main, with equal keys. */
	change_route(
		(struct way){
			.dst = "0.0.0.0/0", .nic = "nic1", .gateway = "10.2.0.252", .metric = 200},
		true);
	follow();
	assert_way(wire("8.8.8.8", "10.2.0.1"), "nic1", "10.2.0.253", "");
}

/* An address whose routes are in the user's own table only, a gateway outside of every subnet, a
 * route over both NICs. */
static void unusual_routes(void **state)
{
	(void)state;
	make_nic("nic2", "far2");
	change_address_of("nic2", "10.3.0.1/24", true, RT_SCOPE_UNIVERSE, IFA_F_NOPREFIXROUTE);
	change_route((struct way){.dst = "10.3.0.0/24", .nic = "nic2", .table = 103}, true);
	change_route(
		(struct way){
			.dst = "0.0.0.0/0", .nic = "nic2", .gateway = "10.3.0.254", .table = 103},
		true);
	change_source_rule("10.3.0.1", 103, 6000, true);
	make_nic("nic3", "far3");
	change_address("nic3", "10.4.0.1/32", true);
	change_route((struct way){.dst = "10.64.0.0/16",
			     .nic = "nic3",
			     .gateway = "192.168.9.9",
			     .onlink = true},
		true);
	change_route((struct way){.dst = "10.65.0.0/16",
			     .nic = "nic0",
			     .gateway = "10.1.0.254",
			     .nic2 = "nic1",
			     .gateway2 = "10.2.0.253"},
		true);

	open_net();
	attach();
	assert_way(wire("8.8.8.8", "10.3.0.1"), "nic2", "10.3.0.254", "");
	assert_way(wire("10.3.0.9", "10.3.0.1"), "nic2", "", "");
	assert_way(wire("10.64.0.1", "10.4.0.1"), "nic3", "192.168.9.9", "");
	assert_way(app("10.64.0.1"), "mpip0", "", "10.4.0.1");
	assert_way(app("10.65.0.1"), "mpip0", "", "10.1.0.1");
	assert_way(wire("10.65.0.1", "10.1.0.1"), "nic0", "10.1.0.254", "");
	assert_way(wire("10.65.0.1", "10.2.0.1"), "nic1", "10.2.0.253", "");
}

static int count_ours(struct nl_msg *msg, void *context)
{
	struct nlmsghdr *h = nlmsg_hdr(msg);
	const struct rtmsg *route = nlmsg_data(h);
	struct nlattr *tb[FRA_MAX + 1];

	if (h->nlmsg_type == RTM_NEWROUTE || h->nlmsg_type == RTM_DELROUTE)
		*(int *)context += route->rtm_protocol == 77;
	else if (nlmsg_parse(h, sizeof(struct fib_rule_hdr), tb, FRA_MAX, NULL) == 0 &&
		 tb[FRA_PROTOCOL])
		*(int *)context += nla_get_u8(tb[FRA_PROTOCOL]) == 77;
	return NL_OK;
}

/* What need not change is not touched. */
static void quiet_when_nothing_changes(void **state)
{
	(void)state;
	struct nl_sock *watch = nl_socket_alloc();
	int touched = 0;

	open_net();
	attach();
	follow();
	nl_connect(watch, NETLINK_ROUTE);
	nl_socket_add_memberships(watch, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV4_RULE, 0);
	nl_socket_disable_seq_check(watch);
	nl_socket_set_nonblocking(watch);
	nl_socket_modify_cb(watch, NL_CB_VALID, NL_CB_CUSTOM, count_ours, &touched);
	change_address("lo", "10.77.0.1/32", true);
	assert_int_equal(follow(), 0);
	while (nl_recvmsgs_default(watch) >= 0)
		;
	assert_int_equal(touched, 0);
	change_route(
		(struct way){.dst = "10.66.0.0/16", .nic = "nic0", .gateway = "10.1.0.254"}, true);
	assert_int_equal(follow(), 0);
	while (nl_recvmsgs_default(watch) >= 0)
		;
	assert_int_equal(touched, 2); /* in the MPIP table and in nic0's */
	nl_socket_free(watch);
}

static void follows_events(void **state)
{
	(void)state;
	const struct hostnet_nic *nics;
	open_net();
	attach();
	follow();

	/* somebody removes what is ours */
	change_source_rule("10.2.0.1", TABLE + 2, PRIORITY + 1, false);
	assert_way(wire("8.8.8.8", "10.2.0.1"), "nic0", "10.1.0.254", "");
	assert_int_equal(follow(), 0);
	assert_way(wire("8.8.8.8", "10.2.0.1"), "nic1", "10.2.0.254", "");

	change_route(
		(struct way){.dst = "0.0.0.0/0", .nic = "nic0", .gateway = "10.1.0.254"}, false);
	assert_int_equal(follow(), 0);
	assert_way(app("8.8.8.8"), "mpip0", "", "10.2.0.1");
	change_route(
		(struct way){.dst = "0.0.0.0/0", .nic = "nic0", .gateway = "10.1.0.253"}, true);
	assert_int_equal(follow(), 0);
	assert_way(app("8.8.8.8"), "mpip0", "", "10.1.0.1");
	assert_way(wire("8.8.8.8", "10.1.0.1"), "nic0", "10.1.0.253", "");

	/* carrier, and back */
	set_link_up("far1", false);
	assert_int_equal(follow(), HOSTNET_NICS_CHANGED);
	assert_int_equal(hostnet_nics(net, &nics), 2);
	assert_false(nics[1].usable);
	set_link_up("far1", true);
	assert_int_equal(follow(), HOSTNET_NICS_CHANGED);
	hostnet_nics(net, &nics);
	assert_true(nics[1].usable);

	/* another address */
	change_address("nic1", "10.2.0.1/24", false);
	change_address("nic1", "10.9.0.1/24", true);
	assert_int_equal(follow(), HOSTNET_NICS_CHANGED);
	hostnet_nics(net, &nics);
	assert_string_equal(inet_ntoa(nics[1].address), "10.9.0.1");
	change_route(
		(struct way){
			.dst = "0.0.0.0/0", .nic = "nic1", .gateway = "10.9.0.254", .metric = 300},
		true);
	assert_int_equal(follow(), 0);
	assert_way(wire("8.8.8.8", "10.9.0.1"), "nic1", "10.9.0.254", "");
	assert_way(app("10.9.0.5"), "mpip0", "", "10.9.0.1");

	/* a new NIC, and one gone */
	make_nic("nic2", "far2");
	change_address("nic2", "10.3.0.1/24", true);
	assert_int_equal(follow(), HOSTNET_NICS_CHANGED);
	assert_int_equal(hostnet_nics(net, &nics), 3);
	assert_way(app("10.3.0.9"), "mpip0", "", "10.3.0.1");
	struct rtnl_link *gone = NULL;
	rtnl_link_get_kernel(sock, 0, "nic0", &gone);
	assert_int_equal(rtnl_link_delete(sock, gone), 0);
	rtnl_link_put(gone);
	assert_int_equal(follow(), HOSTNET_NICS_CHANGED);
	assert_int_equal(hostnet_nics(net, &nics), 2);
	assert_string_equal(nics[0].name, "nic1");
	assert_way(app("8.8.8.8"), "mpip0", "", "10.9.0.1");
}

/* Without its TUN it cannot do its work: it says so once, goes on trying, and forgets no change. */
static void tells_an_error_once(void **state)
{
	(void)state;
	struct pollfd p = {.events = POLLIN};
	char *error = NULL;
	int errors = 0, flags = 0;

	open_net();
	attach();
	follow();
	close(tun_fd);
	tun_fd = -1;
	change_address("nic1", "10.2.0.1/24", false);
	p.fd = hostnet_fd(net);
	while (poll(&p, 1, 1500) > 0 && errors < 2) {
		int changed = hostnet_process(net, &error);
		flags |= changed > 0 ? changed : 0;
		if (changed < 0) {
			assert_non_null(strstr(error, "table 5280"));
			assert_null(strchr(error, '\n'));
			free(error);
			errors++;
		}
	}
	assert_int_equal(errors, 1);
	assert_int_equal(flags, HOSTNET_NICS_CHANGED);
	tun_fd = make_tun("mpip0");
	assert_int_equal(hostnet_attach(net, (int)if_nametoindex("mpip0"), TUN_MTU,
				 address_of(TUN_IP), &error),
		0);
	follow();
	assert_way(app("8.8.8.8"), "mpip0", "", "10.1.0.1");
}

static void warns_of_a_bypass(void **state)
{
	(void)state;
	open_net();
	change_source_rule("10.2.0.1", 102, 6000, true);
	attach();
	follow();
	assert_null(hostnet_warning(net));
	change_source_rule("0.0.0.0/0", 51820, 7000, true);
	follow();
	assert_non_null(strstr(hostnet_warning(net), "51820"));
	change_source_rule("0.0.0.0/0", 51820, 7000, false);
	follow();
	assert_null(hostnet_warning(net));
}

static void excludes_peers(void **state)
{
	(void)state;
	open_net();
	assert_int_equal(
		hostnet_exclude(net, address_of("10.99.0.1")), 0); /* before there is a TUN */
	attach();
	assert_int_equal(hostnet_exclude(net, address_of("10.99.0.2")), 0);
	assert_int_equal(hostnet_exclude(net, address_of("10.99.0.2")), 0);
	assert_way(app("10.99.0.1"), "nic0", "10.1.0.254", "10.1.0.1");
	assert_way(app("10.99.0.2"), "nic0", "10.1.0.254", "10.1.0.1");
	assert_way(app("10.99.0.3"), "mpip0", "", "10.1.0.1");

	/* A change of routes keeps them. */
	change_route(
		(struct way){.dst = "10.99.0.0/16", .nic = "nic1", .gateway = "10.2.0.254"}, true);
	change_route(
		(struct way){.dst = "10.99.0.2/32", .nic = "nic1", .gateway = "10.2.0.254"}, true);
	follow();
	assert_way(app("10.99.0.1"), "nic1", "10.2.0.254", "10.2.0.1");
	assert_way(app("10.99.0.2"), "nic1", "10.2.0.254", "10.2.0.1");
	assert_way(app("10.99.0.3"), "mpip0", "", "10.2.0.1");

	assert_int_equal(hostnet_include(net, address_of("10.99.0.1")), 0);
	assert_way(app("10.99.0.1"), "mpip0", "", "10.2.0.1");
	assert_int_equal(hostnet_include(net, address_of("10.99.0.2")), 0);
	assert_int_equal(hostnet_include(net, address_of("10.99.0.2")), 0);
	follow();
	assert_way(app("10.99.0.2"), "mpip0", "", "10.2.0.1");
}

static void close_leaves_nothing(void **state)
{
	(void)state;
	change_source_rule("10.2.0.1", 102, 6000, true);
	char *before = everything();
	open_net();
	attach();
	hostnet_exclude(net, address_of("10.99.0.1"));
	char *during = everything();
	assert_string_not_equal(during, before);
	hostnet_close(net);
	net = NULL;
	close(tun_fd);
	tun_fd = -1;
	char *after = everything();
	assert_string_equal(after, before);
	free(before);
	free(during);
	free(after);
}

static void survives_kill(void **state)
{
	(void)state;
	char *before = everything();
	int ready[2];
	assert_int_equal(pipe(ready), 0);
	pid_t daemon = fork();
	assert_true(daemon >= 0);
	if (daemon == 0) {
		char *error;
		struct hostnet *theirs;
		prctl(PR_SET_PDEATHSIG, SIGKILL); /* not left behind when a check fails */
		tun_fd = make_tun("mpip0");
		if (hostnet_open(&theirs, &config, &error) != 0 ||
			hostnet_attach(theirs, (int)if_nametoindex("mpip0"), TUN_MTU,
				address_of(TUN_IP), &error) != 0 ||
			hostnet_exclude(theirs, address_of("10.99.0.1")) != 0 ||
			write(ready[1], "", 1) != 1)
			_exit(1);
		pause();
	}
	close(ready[1]);
	char byte;
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	assert_way(app("8.8.8.8"), "mpip0", "", "10.1.0.1");
	kill(daemon, SIGKILL);
	waitpid(daemon, NULL, 0);

	/* As if nothing had been. */
	assert_way(app("8.8.8.8"), "nic0", "10.1.0.254", "10.1.0.1");
	assert_way(ask("8.8.8.8", "10.2.0.1", IPPROTO_TCP, 0), "nic1", "10.2.0.254", "");

	/* What was left behind is stale by now. */
	change_route(
		(struct way){
			.dst = "0.0.0.0/0", .nic = "nic1", .gateway = "10.2.0.254", .metric = 200},
		false);
	change_route(
		(struct way){
			.dst = "0.0.0.0/0", .nic = "nic1", .gateway = "10.2.0.253", .metric = 200},
		true);
	open_net();
	attach();
	assert_way(app("10.99.0.1"), "mpip0", "", "10.1.0.1");
	assert_way(wire("8.8.8.8", "10.2.0.1"), "nic1", "10.2.0.253", "");
	assert_int_equal(follow(), 0);
	change_route(
		(struct way){
			.dst = "0.0.0.0/0", .nic = "nic1", .gateway = "10.2.0.253", .metric = 200},
		false);
	change_route(
		(struct way){
			.dst = "0.0.0.0/0", .nic = "nic1", .gateway = "10.2.0.254", .metric = 200},
		true);
	hostnet_close(net);
	net = NULL;
	close(tun_fd);
	tun_fd = -1;
	char *after = everything();
	assert_string_equal(after, before);
	free(before);
	free(after);
}

static void sets_up_the_tun(void **state)
{
	(void)state;
	open_net();
	attach();
	struct rtnl_link *link = NULL;
	rtnl_link_get_kernel(sock, 0, "mpip0", &link);
	assert_int_equal(rtnl_link_get_mtu(link), TUN_MTU);
	assert_true(rtnl_link_get_flags(link) & IFF_UP);
	rtnl_link_put(link);
	int value = 0;
	FILE *f = fopen("/proc/sys/net/ipv4/conf/mpip0/rp_filter", "r");
	assert_int_equal(fscanf(f, "%d", &value), 1);
	assert_int_equal(value, 2);
	fclose(f);
	f = fopen("/proc/sys/net/ipv6/conf/mpip0/disable_ipv6", "r");
	if (f) {
		assert_int_equal(fscanf(f, "%d", &value), 1);
		assert_int_equal(value, 1);
		fclose(f);
	}
	struct pollfd quiet = {.fd = tun_fd, .events = POLLIN};
	assert_int_equal(poll(&quiet, 1, 300), 0); /* the kernel says nothing of its own accord */

	/* again, with another MTU */
	char *error = NULL;
	assert_int_equal(
		hostnet_attach(net, (int)if_nametoindex("mpip0"), 1300, address_of(TUN_IP), &error),
		0);
	rtnl_link_get_kernel(sock, 0, "mpip0", &link);
	assert_int_equal(rtnl_link_get_mtu(link), 1300);
	rtnl_link_put(link);
}

static void bad_interfaces(void **state)
{
	(void)state;
	static const char *const names[][3] = {{"nic0", "nope"}, {"lo"}, {"far0"}, {"tun7"}};
	int fd = make_tun("tun7");
	set_link_up("tun7", true);
	change_address("tun7", "10.7.0.1/24", true);
	for (int i = 0; i < 4; i++) {
		struct hostnet_config bad = config;
		char *error = NULL;
		bad.interfaces = names[i];
		assert_int_equal(hostnet_open(&net, &bad, &error), -1);
		assert_non_null(strstr(error, i == 0 ? "nope" : names[i][0]));
		assert_null(strchr(error, '\n'));
		free(error);
	}
	net = NULL;
	close(fd);

	/* Only those asked for; what leaves by others is not ours. */
	const struct hostnet_nic *nics;
	char *error = NULL;
	struct hostnet_config one = config;
	const char *const only[] = {"nic1", NULL};
	one.interfaces = only;
	assert_int_equal(hostnet_open(&net, &one, &error), 0);
	assert_int_equal(hostnet_nics(net, &nics), 1);
	assert_string_equal(nics[0].name, "nic1");
	attach();
	assert_way(app("8.8.8.8"), "nic0", "10.1.0.254", "");
	assert_way(app("10.2.0.7"), "mpip0", "", "10.2.0.1");

	assert_int_equal(hostnet_privileged(&error), 0);
}

static void skipped(void **state)
{
	(void)state;
	skip();
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	struct CMUnitTest tests[] = {
		CASE(lists_nics),
		CASE(mirrors_main),
		CASE(routes_by_source),
		CASE(strict_rp_filter),
		CASE(learns_gateways),
		CASE(unusual_routes),
		CASE(quiet_when_nothing_changes),
		CASE(follows_events),
		CASE(tells_an_error_once),
		CASE(warns_of_a_bypass),
		CASE(excludes_peers),
		CASE(close_leaves_nothing),
		CASE(survives_kill),
		CASE(sets_up_the_tun),
		CASE(bad_interfaces),
	};
	if (geteuid() != 0) {
		puts("hostnet_test: skipped, needs root for network namespaces");
		for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
			tests[i] = (struct CMUnitTest){.name = tests[i].name, .test_func = skipped};
	}
	return cmocka_run_group_tests_name("hostnet", tests, NULL, NULL);
}
