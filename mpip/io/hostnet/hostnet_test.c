// SPDX-License-Identifier: BSD-2-Clause
/*
 * The life of a struct hostnet: what it opens with, what it sets up, how it follows what happens to
 * the host, and what it leaves behind. The namespace is drawn in hostnet_testbed.h; where packets
 * go is tested in hostnet_route_test.c.
 */

#include "mpip/io/hostnet/hostnet_testbed.h"

#include <linux/fib_rules.h>
#include <linux/if_addr.h>
#include <linux/if_tun.h>
#include <netlink/msg.h>
#include <netlink/route/link.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* --- opening and attaching --- */

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
	assert_string_equal(address_text(nics[0].address).text, "10.1.0.1");
	assert_int_equal(nics[0].mtu, 1500);
	assert_int_equal(nics[0].ifindex, if_nametoindex("nic0"));
	assert_true(nics[0].usable);
	assert_int_not_equal(nics[0].mac[0] | nics[0].mac[5], 0);
	assert_string_equal(nics[1].name, "nic1");
	close(fd);
	close(tap);
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

/* --- following --- */

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
	assert_int_equal(follow(), HOSTNET_NICS_CHANGED); /* its own subnet only */
	assert_way(app("8.8.8.8"), "mpip0", "", "10.2.0.1");
	change_route(
		(struct way){.dst = "0.0.0.0/0", .nic = "nic0", .gateway = "10.1.0.253"}, true);
	assert_int_equal(follow(), HOSTNET_NICS_CHANGED);
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
	assert_string_equal(address_text(nics[1].address).text, "10.9.0.1");
	change_route(
		(struct way){
			.dst = "0.0.0.0/0", .nic = "nic1", .gateway = "10.9.0.254", .metric = 300},
		true);
	assert_int_equal(follow(), HOSTNET_NICS_CHANGED); /* more than its own subnet */
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

/* What the list says of nic1 after something was done to it. */
static void expect_nic1(bool usable, const char *why)
{
	const struct hostnet_nic *nics;
	assert_int_equal(follow(), HOSTNET_NICS_CHANGED);
	assert_int_equal(hostnet_nics(net, &nics), 2);
	assert_int_equal(nics[1].usable, usable);
	if (why)
		assert_non_null(strstr(nics[1].why, why));
	else
		assert_null(nics[1].why);
}

/* Why a NIC is not used. */
static void says_why(void **state)
{
	(void)state;
	const struct hostnet_nic *nics;
	struct way by_gateway = {
		.dst = "0.0.0.0/0", .nic = "nic1", .gateway = "10.2.0.254", .metric = 200};
	open_net();
	attach();
	follow();
	assert_int_equal(hostnet_left_out(net, &nics), 0);
	set_link_up("far1", false);
	expect_nic1(false, "no carrier");
	set_link_up("far1", true);
	expect_nic1(true, NULL);
	set_link_up("nic1", false);
	expect_nic1(false, "set down");
	/* The kernel gives its subnet's route back, and no other. */
	set_link_up("nic1", true);
	expect_nic1(true, "own subnet only");
	change_address("nic1", "10.2.0.1/24", false);
	change_address_of("nic1", "10.2.0.1/24", true, RT_SCOPE_UNIVERSE, IFA_F_NOPREFIXROUTE);
	expect_nic1(false, "no route");
	change_address("nic1", "10.2.0.1/24", false);
	change_address("nic1", "10.2.0.1/24", true);
	expect_nic1(true, "own subnet only");
	change_route(by_gateway, true);
	expect_nic1(true, NULL);

	change_address("nic1", "10.2.0.1/24", false);
	assert_int_equal(follow(), HOSTNET_NICS_CHANGED);
	assert_int_equal(hostnet_nics(net, &nics), 1);
	assert_int_equal(hostnet_left_out(net, &nics), 1);
	assert_string_equal(nics[0].name, "nic1");
	assert_non_null(strstr(nics[0].why, "address"));
	assert_false(nics[0].usable);
	change_address("nic1", "10.2.0.1/24", true);
	assert_int_equal(follow(), HOSTNET_NICS_CHANGED);
	assert_int_equal(hostnet_left_out(net, &nics), 0);

	struct rtnl_link *gone = NULL;
	rtnl_link_get_kernel(sock, 0, "nic1", &gone);
	assert_int_equal(rtnl_link_delete(sock, gone), 0);
	rtnl_link_put(gone);
	assert_int_equal(follow(), HOSTNET_NICS_CHANGED);
	assert_int_equal(hostnet_left_out(net, &nics), 0);
	for (int i = 0; i < HOSTNET_NICS_MAX; i++) {
		char name[IFNAMSIZ], far[IFNAMSIZ], address[32];
		snprintf(name, sizeof(name), "more%d", i);
		snprintf(far, sizeof(far), "farmore%d", i);
		snprintf(address, sizeof(address), "10.3.%d.1/24", i);
		make_nic(name, far);
		change_address(name, address, true);
	}
	follow();
	assert_int_equal(hostnet_nics(net, &nics), HOSTNET_NICS_MAX);
	assert_int_equal(hostnet_left_out(net, &nics), 1);
	assert_string_equal(nics[0].name, "more7");
	assert_non_null(strstr(nics[0].why, "too many"));
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
			assert_non_null(strstr(error, "table "));
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

/* 3.4: an address that goes stays the host's, on the TUN, for as long as sessions need it. */
static void stands_in_for_an_address(void **state)
{
	(void)state;
	struct address old = address_of("10.1.0.1");
	open_net();
	attach();
	follow();
	assert_way(ask("10.1.0.1", NULL, 0, 0), "lo", "", "10.1.0.1");
	change_address("nic0", "10.1.0.1/24", false);
	follow();
	change_address("nic0", "10.1.0.7/24", true);
	hostnet_keep(net, &old, 1);
	follow();
	assert_int_equal(ask("10.2.0.9", "10.1.0.1", IPPROTO_TCP, 0).error, 0);
	assert_true(arrives("mpip0", "10.9.9.9", "10.1.0.1", IPPROTO_TCP));
	hostnet_keep(net, NULL, 0);
	follow();
	assert_int_not_equal(ask("10.2.0.9", "10.1.0.1", IPPROTO_TCP, 0).error, 0);
}

/* --- the end --- */

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

int main(void)
{
	struct CMUnitTest tests[] = {
		CASE(lists_nics),
		CASE(bad_interfaces),
		CASE(sets_up_the_tun),
		CASE(quiet_when_nothing_changes),
		CASE(follows_events),
		CASE(says_why),
		CASE(tells_an_error_once),
		CASE(stands_in_for_an_address),
		CASE(close_leaves_nothing),
		CASE(survives_kill),
	};

	skip_without_root("hostnet_test", tests, sizeof(tests) / sizeof(tests[0]));
	return cmocka_run_group_tests_name("hostnet", tests, NULL, NULL);
}
