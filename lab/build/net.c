// SPDX-License-Identifier: BSD-2-Clause
/*
 * Interfaces, addresses and routes.
 *
 * Theory of operation
 * -------------------
 * A netlink socket belongs for life to the namespace that it was opened in. ns_open() visits the
 * namespace once to open one; from then on requests are sent from wherever the caller is. That a
 * veth is requested from *inside* the namespace of its first end matters: the kernel looks for an
 * existing interface of that name where the request comes from, and refuses "eth0" when the
 * machine itself has one.
 *
 * libnl-route has no setter for gso_max_segs (IFLA_GSO_MAX_SEGS), so that attribute is added to
 * the message by hand; features of a device are not routing netlink's at all, but ethtool's; and
 * which CPU takes in a device's packets (RPS) can be said in /sys alone. That shows the namespace
 * which it was mounted in, so one is mounted for each, on no directory.
 */

#include "lab/build/net.h"

#include "lab/build/netns.h"
#include "mpip/base/error.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/ethtool.h>
#include <linux/if.h>
#include <linux/if_ether.h>
#include <linux/mount.h>
#include <linux/sockios.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/link/veth.h>
#include <netlink/route/neighbour.h>
#include <netlink/route/nexthop.h>
#include <netlink/route/route.h>
#include <netlink/route/rule.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CARRIER_WAIT_MS 3000
#define CPUS_MAX        1024 /* of cpu_set_t */

#define BLACKHOLE_PRIORITY 500 /* before a table is looked at, but for the host's own addresses */

int ns_open(struct ns *ns, const char *name, int fd, char **error)
{
	*ns = (struct ns){.fd = fd, .dgram = -1, .sysfs = -1};
	snprintf(ns->name, sizeof(ns->name), "%s", name);

	int home = netns_visit(fd, error);
	if (home < 0)
		return -1;
	ns->nl = nl_socket_alloc();
	if (!ns->nl)
		abort();
	int result = 0, err = nl_connect(ns->nl, NETLINK_ROUTE);
	if (err < 0)
		result = error_set(error, "%s: netlink: %s", name, nl_geterror(err));
	ns->dgram = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (ns->dgram < 0)
		result = error_set(error, "%s: socket: %s", name, strerror(errno));
	netns_leave(home);
	return result;
}

void ns_close(struct ns *ns)
{
	if (!ns->name[0])
		return;
	nl_socket_free(ns->nl);
	if (ns->dgram >= 0)
		close(ns->dgram);
	if (ns->sysfs >= 0)
		close(ns->sysfs);
	close(ns->fd);
	*ns = (struct ns){0};
}

static int fail_nl(struct ns *ns, const char *doing, int err, char **error)
{
	return error_set(error, "%s: %s: %s", ns->name, doing, nl_geterror(err));
}

int ns_send(struct ns *ns, int built, struct nl_msg *msg, const char *doing, char **error)
{
	int err = built < 0 ? built : nl_send_sync(ns->nl, msg);
	return err < 0 ? fail_nl(ns, doing, err, error) : 0;
}

/* libnl's objects hold references, so these can be handed over and dropped at once. */
static struct nl_addr *nl_ipv4(struct in_addr address, int prefix)
{
	struct nl_addr *a = nl_addr_build(AF_INET, &address, sizeof(address));
	if (!a)
		abort();
	nl_addr_set_prefixlen(a, prefix);
	return a;
}

static struct nl_addr *nl_mac(const unsigned char mac[6])
{
	struct nl_addr *a = nl_addr_build(AF_LLC, mac, ETH_ALEN);
	if (!a)
		abort();
	return a;
}

static void fill_veth_end(struct rtnl_link *link, const struct veth_end *end)
{
	struct nl_addr *mac = nl_mac(end->mac);
	rtnl_link_set_name(link, end->name);
	rtnl_link_set_addr(link, mac);
	rtnl_link_set_ns_fd(link, end->ns->fd);
	nl_addr_put(mac);
}

int net_veth(const struct veth_end *a, const struct veth_end *b, char **error)
{
	struct rtnl_link *link = rtnl_link_veth_alloc();
	if (!link)
		abort();
	struct rtnl_link *peer = rtnl_link_veth_get_peer(link);
	fill_veth_end(link, a);
	fill_veth_end(peer, b);
	rtnl_link_set_group(link, LAB_LINK_GROUP);
	rtnl_link_put(peer);

	int err = rtnl_link_add(a->ns->nl, link, NLM_F_CREATE | NLM_F_EXCL);
	rtnl_link_put(link);
	if (err < 0)
		return error_set(error, "%s.%s - %s.%s: cannot make a veth pair: %s", a->ns->name,
			a->name, b->ns->name, b->name, nl_geterror(err));
	return 0;
}

/* A request about an interface, or a group of them, to which attributes can be added. */
static struct nl_msg *link_message(int type, const struct ifinfomsg *info)
{
	struct nl_msg *msg = nlmsg_alloc_simple(type, 0);
	if (!msg || nlmsg_append(msg, (void *)info, sizeof(*info), NLMSG_ALIGNTO) < 0)
		abort();
	return msg;
}

int net_remove_all(struct ns *ns, char **error)
{
	struct ifinfomsg info = {.ifi_family = AF_UNSPEC};
	struct nl_msg *msg = link_message(RTM_DELLINK, &info);
	int built = nla_put_u32(msg, IFLA_GROUP, LAB_LINK_GROUP);
	int err = built < 0 ? built : nl_send_sync(ns->nl, msg);
	/* None left: one end of a pair was removed with the other. */
	if (err < 0 && err != -NLE_NODEV && err != -NLE_OBJ_NOTFOUND)
		return fail_nl(ns, "removing the links", err, error);
	return 0;
}

int net_mark(struct ns *ns, const char *text, char **error)
{
	struct rtnl_link *lo, *change = rtnl_link_alloc();
	if (!change)
		abort();
	rtnl_link_set_ifalias(change, text);
	int err = rtnl_link_get_kernel(ns->nl, 0, "lo", &lo);
	if (err >= 0) {
		err = rtnl_link_change(ns->nl, lo, change, 0);
		rtnl_link_put(lo);
	}
	rtnl_link_put(change);
	return err < 0 ? fail_nl(ns, "marking it", err, error) : 0;
}

bool net_has_mark(struct ns *ns, const char *text)
{
	struct rtnl_link *lo;
	if (rtnl_link_get_kernel(ns->nl, 0, "lo", &lo) < 0)
		return false;
	const char *mark = rtnl_link_get_ifalias(lo);
	bool has = mark && strcmp(mark, text) == 0;
	rtnl_link_put(lo);
	return has;
}

int net_index(struct ns *ns, const char *name, char **error)
{
	struct ifreq request = {0};
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	if (ioctl(ns->dgram, SIOCGIFINDEX, &request) < 0) {
		error_set(error, "%s.%s: %s", ns->name, name, strerror(errno));
		return 0;
	}
	return request.ifr_ifindex;
}

/* Which of the features a driver can be asked for make or take super-packets, by their names, as
 * `ethtool -k` shows them. */
static bool is_super_packet_feature(const char *name)
{
	return strstr(name, "-segmentation") || strstr(name, "-gro") || strstr(name, "-gso");
}

static int ethtool(struct ns *ns, const char *name, void *command)
{
	struct ifreq request = {.ifr_data = command};
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	return ioctl(ns->dgram, SIOCETHTOOL, &request);
}

/* The names of all features this kernel has, ETH_GSTRING_LEN bytes each; NULL on failure. */
static struct ethtool_gstrings *feature_names(struct ns *ns, const char *name)
{
	/* The answer, one number, comes behind the struct. */
	uint32_t buffer[sizeof(struct ethtool_sset_info) / sizeof(uint32_t) + 1] = {0};
	struct ethtool_sset_info *info = (struct ethtool_sset_info *)buffer;
	info->cmd = ETHTOOL_GSSET_INFO;
	info->sset_mask = 1ULL << ETH_SS_FEATURES;
	if (ethtool(ns, name, info) < 0)
		return NULL;
	uint32_t count = info->data[0];
	struct ethtool_gstrings *names =
		calloc(1, sizeof(*names) + (size_t)count * ETH_GSTRING_LEN);
	if (!names)
		abort();
	names->cmd = ETHTOOL_GSTRINGS;
	names->string_set = ETH_SS_FEATURES;
	names->len = count;
	if (ethtool(ns, name, names) < 0) {
		free(names);
		return NULL;
	}
	return names;
}

static int switch_off_features(struct ns *ns, const char *name)
{
	struct ethtool_gstrings *names = feature_names(ns, name);
	if (!names)
		return -1;
	size_t blocks = (names->len + 31) / 32;
	struct ethtool_sfeatures *set = calloc(1, sizeof(*set) + blocks * sizeof(set->features[0]));
	if (!set)
		abort();
	set->cmd = ETHTOOL_SFEATURES;
	set->size = (uint32_t)blocks;
	for (size_t i = 0; i < names->len; i++)
		if (is_super_packet_feature((char *)names->data + i * ETH_GSTRING_LEN))
			set->features[i / 32].valid |= 1U << (i % 32); /* and requested: 0 */
	int result = ethtool(ns, name, set);
	free(set);
	free(names);
	return result;
}

int net_no_super_packets(struct ns *ns, const char *name, char **error)
{
	if (switch_off_features(ns, name) < 0)
		return error_set(error, "%s.%s: cannot switch off GRO, TSO and GSO: %s", ns->name,
			name, strerror(errno));

	struct ifinfomsg info = {.ifi_family = AF_UNSPEC, .ifi_index = net_index(ns, name, error)};
	if (!info.ifi_index)
		return -1;
	struct nl_msg *msg = link_message(RTM_NEWLINK, &info);
	return ns_send(
		ns, nla_put_u32(msg, IFLA_GSO_MAX_SEGS, 1), msg, "setting gso_max_segs", error);
}

static int set_up(struct ns *ns, const char *name, bool up, char **error)
{
	struct ifinfomsg info = {.ifi_family = AF_UNSPEC,
		.ifi_index = net_index(ns, name, error),
		.ifi_flags = up ? IFF_UP : 0,
		.ifi_change = IFF_UP};
	if (!info.ifi_index)
		return -1;
	return ns_send(ns, 0, link_message(RTM_NEWLINK, &info), name, error);
}

int net_up(struct ns *ns, const char *name, char **error)
{
	return set_up(ns, name, true, error);
}

int net_down(struct ns *ns, const char *name, char **error)
{
	return set_up(ns, name, false, error);
}

int net_wait_carrier(struct ns *ns, const char *name, char **error)
{
	for (int ms = 0; ms < CARRIER_WAIT_MS; ms++) {
		struct rtnl_link *link;
		int err = rtnl_link_get_kernel(ns->nl, 0, name, &link);
		if (err < 0)
			return fail_nl(ns, name, err, error);
		bool up = rtnl_link_get_operstate(link) == IF_OPER_UP;
		rtnl_link_put(link);
		if (up)
			return 0;
		usleep(1000);
	}
	return error_set(
		error, "%s.%s: expected a carrier within %d ms", ns->name, name, CARRIER_WAIT_MS);
}

/* A detached mount of sysfs; the C library has these calls only since glibc 2.36. */
static int open_sysfs(void)
{
	int context = (int)syscall(SYS_fsopen, "sysfs", FSOPEN_CLOEXEC);
	if (context < 0)
		return -1;
	int fd = -1;
	if (syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0)
		fd = (int)syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, 0);
	int why = errno;
	close(context);
	errno = why;
	return fd;
}

static int write_at(int directory, const char *path, const char *value)
{
	int fd = openat(directory, path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	ssize_t n = write(fd, value, strlen(value));
	int why = errno;
	close(fd);
	errno = why;
	return n < 0 ? -1 : 0;
}

int net_pin(struct ns *ns, const char *name, int cpu, char **error)
{
	if (ns->sysfs < 0) {
		int home = netns_visit(ns->fd, error);
		if (home < 0)
			return -1;
		ns->sysfs = open_sysfs();
		int why = errno;
		netns_leave(home);
		if (ns->sysfs < 0)
			return error_set(error, "%s: sysfs: %s", ns->name, strerror(why));
	}

	/* A mask is words of 32 CPUs in hexadecimal, the highest first. */
	char mask[16 + 9 * (CPUS_MAX / 32)], path[64 + IFNAMSIZ];
	int used = snprintf(mask, sizeof(mask), "%x", 1U << (cpu % 32));
	for (int word = 0; word < cpu / 32; word++)
		used += snprintf(mask + used, sizeof(mask) - (size_t)used, ",00000000");

	for (int queue = 0;; queue++) {
		snprintf(path, sizeof(path), "class/net/%s/queues/rx-%d/rps_cpus", name, queue);
		if (write_at(ns->sysfs, path, mask) == 0)
			continue;
		if (errno == ENOENT && queue > 0)
			return 0;
		return error_set(error, "%s: /sys/%s: %s", ns->name, path, strerror(errno));
	}
}

static struct rtnl_addr *ipv4_on(int ifindex, struct in_addr address, int prefix)
{
	struct rtnl_addr *a = rtnl_addr_alloc();
	if (!a)
		abort();
	struct nl_addr *local = nl_ipv4(address, prefix);
	rtnl_addr_set_ifindex(a, ifindex);
	rtnl_addr_set_local(a, local);
	nl_addr_put(local);
	return a;
}

int net_address(struct ns *ns, int ifindex, struct in_addr address, int prefix, char **error)
{
	struct rtnl_addr *a = ipv4_on(ifindex, address, prefix);
	int err = rtnl_addr_add(ns->nl, a, NLM_F_EXCL);
	rtnl_addr_put(a);
	return err < 0 ? fail_nl(ns, inet_ntoa(address), err, error) : 0;
}

int net_remove_address(struct ns *ns, int ifindex, struct in_addr address, int prefix, char **error)
{
	struct rtnl_addr *a = ipv4_on(ifindex, address, prefix);
	int err = rtnl_addr_delete(ns->nl, a, 0);
	rtnl_addr_put(a);
	return err < 0 ? fail_nl(ns, inet_ntoa(address), err, error) : 0;
}

int net_route(struct ns *ns, const struct net_route *route, char **error)
{
	struct rtnl_route *r = rtnl_route_alloc();
	struct rtnl_nexthop *hop = rtnl_route_nh_alloc();
	if (!r || !hop)
		abort();
	struct nl_addr *network = nl_ipv4(route->network, route->prefix);
	struct nl_addr *source = nl_ipv4(route->source, 32);
	bool direct = route->gateway.s_addr == INADDR_ANY;

	rtnl_route_set_family(r, AF_INET);
	rtnl_route_set_table(r, route->table);
	rtnl_route_set_scope(r, direct ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE);
	rtnl_route_set_dst(r, network);
	rtnl_route_set_pref_src(r, source);
	rtnl_route_set_priority(r, route->metric);
	rtnl_route_nh_set_ifindex(hop, route->ifindex);
	if (!direct) {
		struct nl_addr *gateway = nl_ipv4(route->gateway, 32);
		rtnl_route_nh_set_gateway(hop, gateway);
		nl_addr_put(gateway);
	}
	rtnl_route_add_nexthop(r, hop); /* now owned by the route */

	int err = rtnl_route_add(ns->nl, r, NLM_F_REPLACE);
	nl_addr_put(network);
	nl_addr_put(source);
	rtnl_route_put(r);
	if (err >= 0)
		return 0;
	char doing[64], text[INET_ADDRSTRLEN];
	inet_ntop(AF_INET, &route->network, text, sizeof(text));
	snprintf(doing, sizeof(doing), "route to %s/%d", text, route->prefix);
	return fail_nl(ns, doing, err, error);
}

static struct rtnl_rule *rule_from(uint32_t priority, struct in_addr source, uint32_t table)
{
	struct rtnl_rule *rule = rtnl_rule_alloc();
	if (!rule)
		abort();
	struct nl_addr *from = nl_ipv4(source, 32);
	rtnl_rule_set_family(rule, AF_INET);
	rtnl_rule_set_prio(rule, priority);
	rtnl_rule_set_src(rule, from);
	rtnl_rule_set_table(rule, table);
	rtnl_rule_set_action(rule, FR_ACT_TO_TBL);
	nl_addr_put(from);
	return rule;
}

int net_rule_from(
	struct ns *ns, uint32_t priority, struct in_addr source, uint32_t table, char **error)
{
	struct rtnl_rule *rule = rule_from(priority, source, table);
	int err = rtnl_rule_add(ns->nl, rule, NLM_F_EXCL);
	rtnl_rule_put(rule);
	return err < 0 && err != -NLE_EXIST ? fail_nl(ns, "source rule", err, error) : 0;
}

int net_remove_rule_from(
	struct ns *ns, uint32_t priority, struct in_addr source, uint32_t table, char **error)
{
	struct rtnl_rule *rule = rule_from(priority, source, table);
	int err = rtnl_rule_delete(ns->nl, rule, 0);
	rtnl_rule_put(rule);
	return err < 0 ? fail_nl(ns, "source rule", err, error) : 0;
}

int net_set_blackhole(
	struct ns *ns, struct in_addr source, struct in_addr destination, bool lost, char **error)
{
	struct rtnl_rule *rule = rule_from(BLACKHOLE_PRIORITY, source, RT_TABLE_UNSPEC);
	struct nl_addr *to = nl_ipv4(destination, 32);
	rtnl_rule_set_dst(rule, to);
	rtnl_rule_set_action(rule, FR_ACT_BLACKHOLE);
	int err =
		lost ? rtnl_rule_add(ns->nl, rule, NLM_F_EXCL) : rtnl_rule_delete(ns->nl, rule, 0);
	nl_addr_put(to);
	rtnl_rule_put(rule);
	/* It was so already. */
	bool was = lost ? err == -NLE_EXIST : err == -NLE_OBJ_NOTFOUND;
	return err < 0 && !was ? fail_nl(ns, "blackhole rule", err, error) : 0;
}

int net_neighbour(struct ns *ns, int ifindex, struct in_addr address, const unsigned char mac[6],
	char **error)
{
	struct rtnl_neigh *neigh = rtnl_neigh_alloc();
	if (!neigh)
		abort();
	struct nl_addr *ip = nl_ipv4(address, 32), *lladdr = nl_mac(mac);
	rtnl_neigh_set_ifindex(neigh, ifindex);
	rtnl_neigh_set_dst(neigh, ip);
	rtnl_neigh_set_lladdr(neigh, lladdr);
	rtnl_neigh_set_state(neigh, NUD_PERMANENT);
	int err = rtnl_neigh_add(ns->nl, neigh, NLM_F_CREATE);
	nl_addr_put(ip);
	nl_addr_put(lladdr);
	rtnl_neigh_put(neigh);
	return err < 0 ? fail_nl(ns, "neighbour entry", err, error) : 0;
}

int net_sysctl(struct ns *ns, const char *key, const char *value, bool optional, char **error)
{
	char path[PATH_MAX];
	snprintf(path, sizeof(path), "/proc/sys/net/%s", key);

	/* /proc/sys/net shows the namespace of whoever looks. */
	int home = netns_visit(ns->fd, error);
	if (home < 0)
		return -1;
	int result = 0;
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0) {
		if (!optional || errno != ENOENT)
			result = error_set(error, "%s: %s: %s", ns->name, path, strerror(errno));
	} else {
		if (write(fd, value, strlen(value)) < 0)
			result = error_set(error, "%s: %s: %s", ns->name, path, strerror(errno));
		close(fd);
	}
	netns_leave(home);
	return result;
}
