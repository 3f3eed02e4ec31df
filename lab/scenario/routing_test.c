// SPDX-License-Identifier: BSD-2-Clause
/*
 * Tests of the routes between routers, on a scenario of the repository:
 *
 *     client === home --- provider --- core === server
 *
 * where home and provider are NATs, and of what may be used twice behind two NATs.
 */

#include "lab/scenario/routing.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct scenario *load(const char *name)
{
	char *error = NULL;
	struct scenario *s = scenario_load(name, &error);
	if (!s)
		fail_msg("%s", error);
	return s;
}

/* The routes of a router as "NETWORK/PREFIX PORT VIA" lines. */
static void expect_routes(const struct scenario *s, const char *router, const char *expected)
{
	size_t node = (size_t)(scenario_node(s, router) - s->nodes);
	struct lab_route *routes;
	size_t n = routing_table(s, node, &routes);
	char text[1024] = "";
	for (size_t i = 0; i < n; i++) {
		char network[INET_ADDRSTRLEN], via[INET_ADDRSTRLEN];
		inet_ntop(AF_INET, &routes[i].network, network, sizeof(network));
		inet_ntop(AF_INET, &routes[i].via->address, via, sizeof(via));
		size_t used = strlen(text);
		snprintf(text + used, sizeof(text) - used, "%s/%d %s %s\n", network,
			routes[i].prefix, s->nodes[node].nics[routes[i].port].name, via);
	}
	free(routes);
	assert_string_equal(text, expected);
}

/* The inside knows the outside, and not the other way round. */
static void test_nat_hides(void **state)
{
	(void)state;
	struct scenario *s = load("lab/scenarios/nat-double.json");
	expect_routes(s, "home",
		"10.0.1.0/24 out 100.64.0.1\n"
		"10.0.3.0/24 out 100.64.0.1\n"
		"10.0.4.0/24 out 100.64.0.1\n");
	expect_routes(s, "provider", "10.0.3.0/24 out 10.0.1.1\n10.0.4.0/24 out 10.0.1.1\n");
	expect_routes(s, "core", "");
	scenario_free(s);
}

/* A firewall hides no network. */
static void test_firewall_does_not(void **state)
{
	(void)state;
	struct scenario *s = load("lab/scenarios/firewall-strict.json");
	expect_routes(s, "core", "192.168.1.0/24 c0 10.0.1.2\n192.168.2.0/24 c0 10.0.1.2\n");
	scenario_free(s);
}

/* 192.168.2.2 is a client's and a server's address: neither's NAT lets the other's see it. */
static void test_realms(void **state)
{
	(void)state;
	struct scenario *s = load("lab/scenarios/nat-private-server.json");
	const struct nic *client = &s->nodes[0].nics[1], *server = &s->nodes[1].nics[1];
	assert_int_equal(client->address.s_addr, server->address.s_addr);
	assert_int_not_equal(s->links[client->link].realm, s->links[server->link].realm);
	expect_routes(s, "core", "");
	expect_routes(s, "office", "10.0.1.0/24 out 10.0.4.1\n10.0.3.0/24 out 10.0.4.1\n");

	char *text = rules_text(scenario_node(s, "office"));
	assert_string_equal(text, "NAT port-restricted; drops unsolicited, invalid");
	free(text);
	scenario_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nat_hides),
		cmocka_unit_test(test_firewall_does_not),
		cmocka_unit_test(test_realms),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
