// SPDX-License-Identifier: BSD-2-Clause
/*
 * Where packets go with MPIP's routing in place: those of applications, and mpipd's own. The
 * namespace is drawn in hostnet_testbed.h.
 */

#include "mpip/io/hostnet/hostnet_testbed.h"

#include <linux/if_addr.h>
#include <stdio.h>
#include <string.h>

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

int main(void)
{
	struct CMUnitTest tests[] = {
		CASE(mirrors_main),
		CASE(routes_by_source),
		CASE(strict_rp_filter),
		CASE(learns_gateways),
		CASE(unusual_routes),
		CASE(warns_of_a_bypass),
		CASE(excludes_peers),
	};

	skip_without_root("hostnet_route_test", tests, sizeof(tests) / sizeof(tests[0]));
	return cmocka_run_group_tests_name("hostnet-route", tests, NULL, NULL);
}
