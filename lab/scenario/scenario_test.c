// SPDX-License-Identifier: BSD-2-Clause
/*
 * Tests of reading scenarios.
 *
 * Theory of operation
 * -------------------
 * BASE is a good scenario. Each row of the table changes one piece of its text, and says the whole
 * error that must come of it behind "FILE: ". So every complaint is tested by a file that has
 * nothing else wrong.
 */

#include "lab/scenario/scenario.h"

#include "mpip/base/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define CLIENT                                                                                     \
	"{ \"name\": \"client\", \"nics\": ["                                                      \
	"{ \"name\": \"eth0\", \"address\": \"10.0.1.2/24\" },"                                    \
	"{ \"name\": \"eth1\", \"address\": \"10.0.2.2/24\" } ] }"
#define SERVER                                                                                     \
	"{ \"name\": \"server\", \"nics\": ["                                                      \
	"{ \"name\": \"eth0\", \"address\": \"10.0.3.2/24\" } ] }"
#define ROUTER                                                                                     \
	"{ \"name\": \"router\", \"ports\": ["                                                     \
	"{ \"name\": \"c0\", \"address\": \"10.0.1.1/24\" },"                                      \
	"{ \"name\": \"c1\", \"address\": \"10.0.2.1/24\" },"                                      \
	"{ \"name\": \"s0\", \"address\": \"10.0.3.1/24\" } ] }"
#define LINKS                                                                                      \
	"{ \"ends\": [\"client.eth0\", \"router.c0\"], \"rate_mbit\": 100, \"queue_packets\": 7 "  \
	"},"                                                                                       \
	"{ \"ends\": [\"router.c1\", \"client.eth1\"], \"up\": { \"rate_mbit\": 2.5 } },"          \
	"{ \"ends\": [\"server.eth0\", \"router.s0\"], \"delay_ms\": 5, \"jitter_ms\": 1,"         \
	" \"loss_percent\": 60, \"down\": { \"delay_ms\": 2 } }"
#define BASE                                                                                       \
	"{ \"hosts\": [" CLIENT ", " SERVER "], \"routers\": [" ROUTER "], \"links\": [" LINKS "]" \
	" "                                                                                        \
	"}"

/* BASE with the first `from` replaced; allocated. */
static char *changed(const char *from, const char *to)
{
	const char *at = strstr(BASE, from);
	if (!at)
		fail_msg("the base scenario has no %s", from);
	return text_format("%.*s%s%s", (int)(at - BASE), BASE, to, at + strlen(from));
}

/* Loads `text` from a file; the error's "FILE: " is taken off. */
static struct scenario *load(const char *text, char **error)
{
	char path[] = "/tmp/scenario_test.XXXXXX";
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);

	char *full = NULL;
	struct scenario *s = scenario_load(path, &full);
	unlink(path);
	*error = NULL;
	if (full) {
		assert_memory_equal(full, path, strlen(path));
		assert_memory_equal(full + strlen(path), ": ", 2);
		*error = strdup(full + strlen(path) + 2);
		free(full);
	}
	return s;
}

static const struct {
	const char *from, *to, *error;
} bad[] = {
	{"{ \"hosts\"", "[ \"hosts\"", "line 1: expected JSON: ']' expected near ':'"},
	{"\"links\"", "\"cables\"",
		"cables: unknown key, expected about, super_packets, hosts, routers, links or "
		"events"},
	{"\"links\": [" LINKS "]", "\"about\": \"\"",
		"hosts[0].nics[0]: expected a link with the end \"client.eth0\""},
	{"\"hosts\": [" CLIENT ", " SERVER "]", "\"hosts\": []",
		"hosts: expected a list of at least one host"},
	{"\"hosts\": [" CLIENT ", " SERVER "],", "", "hosts: expected a list of at least one host"},
	{"\"hosts\": [" CLIENT ", " SERVER "]", "\"hosts\": 2", "hosts: expected a list"},
	{"\"routers\": [" ROUTER "]", "\"routers\": []",
		"routers: expected a list of at least one router"},
	{"{ \"hosts\"", "{ \"super_packets\": 1, \"hosts\"",
		"super_packets: expected true or false"},
	{"{ \"hosts\"", "{ \"about\": 1, \"hosts\"", "about: expected a string"},
	{CLIENT, "7", "hosts[0]: expected an object"},
	/* names */
	{"\"name\": \"client\", ", "", "hosts[0].name: missing, expected a string"},
	{"\"client\"", "\"a b\"",
		"hosts[0].name: expected a name of at most 32 letters, digits, '-' and '_', that "
		"starts "
		"with a letter or a digit"},
	{"\"client\"", "\"../client\"",
		"hosts[0].name: expected a name of at most 32 letters, digits, '-' and '_', that "
		"starts "
		"with a letter or a digit"},
	{"\"client\"", "\"client0123456789012345678901234567\"",
		"hosts[0].name: expected a name of at most 32 letters, digits, '-' and '_', that "
		"starts "
		"with a letter or a digit"},
	{"\"eth0\"", "\"eth0123456789abc\"",
		"hosts[0].nics[0].name: expected a name of at most 15 letters, digits, '-' and "
		"'_', "
		"that starts with a letter or a digit"},
	{"\"c0\"", "\"port01234567\"",
		"routers[0].ports[0].name: expected a name of at most 11 letters, digits, '-' and "
		"'_', "
		"that starts with a letter or a digit"},
	{"\"eth0\"", "\"lo\"",
		"hosts[0].nics[0].name: expected another name, this one is taken in every "
		"namespace"},
	{"\"server\"", "\"client\"",
		"hosts[1].name: expected a name of its own, \"client\" is taken"},
	{"\"router\"", "\"client\"",
		"routers[0].name: expected a name of its own, \"client\" is taken"},
	{"\"name\": \"eth1\"", "\"name\": \"eth0\"",
		"links[1].ends[1]: expected HOST.NIC or ROUTER.PORT, \"client\" has no such NIC"},
	/* addresses */
	{"\"10.0.1.2/24\"", "\"10.0.1.2\"",
		"hosts[0].nics[0].address: expected an IPv4 address with a prefix of 8 to 30 bits, "
		"like "
		"\"10.0.1.2/24\""},
	{"\"10.0.1.2/24\"", "\"10.0.1.2/24x\"",
		"hosts[0].nics[0].address: expected an IPv4 address with a prefix of 8 to 30 bits, "
		"like "
		"\"10.0.1.2/24\""},
	{"\"10.0.1.2/24\"", "\"10.0.1.2/31\"",
		"hosts[0].nics[0].address: expected an IPv4 address with a prefix of 8 to 30 bits, "
		"like "
		"\"10.0.1.2/24\""},
	{"\"10.0.1.2/24\"", "\"10.0.1.256/24\"",
		"hosts[0].nics[0].address: expected an IPv4 address with a prefix of 8 to 30 bits, "
		"like "
		"\"10.0.1.2/24\""},
	{"\"10.0.1.2/24\"", "\"fd00::2/64\"",
		"hosts[0].nics[0].address: expected an IPv4 address with a prefix of 8 to 30 bits, "
		"like "
		"\"10.0.1.2/24\""},
	{"\"10.0.1.2/24\"", "4", "hosts[0].nics[0].address: expected a string"},
	{"\"10.0.1.2/24\"", "\"10.0.1.0/24\"",
		"hosts[0].nics[0].address: expected a host's address, this one is the network's or "
		"its "
		"broadcast address"},
	{"\"10.0.1.2/24\"", "\"10.0.1.255/24\"",
		"hosts[0].nics[0].address: expected a host's address, this one is the network's or "
		"its "
		"broadcast address"},
	{"\"10.0.1.2/24\"", "\"127.0.0.2/24\"",
		"hosts[0].nics[0].address: expected a unicast address"},
	{"\"10.0.1.2/24\"", "\"10.0.1.1/24\"",
		"routers[0].ports[0].address: expected an address of its own, client.eth0 has this "
		"one"},
	{"\"10.0.2.2/24\"", "\"10.0.1.3/24\"",
		"hosts[0].nics[1].address: expected another network than that of eth0"},
	{"\"10.0.2.2/24\"", "\"10.0.200.3/16\"",
		"hosts[0].nics[1].address: expected another network than that of eth0"},
	{"\"10.0.1.2/24\"", "\"10.0.9.2/24\"",
		"hosts[0].nics[0].address: expected an address in the network of router.c0 across "
		"its "
		"link, 10.0.1.1/24"},
	{"\"10.0.1.2/24\"", "\"10.0.1.2/25\"",
		"hosts[0].nics[0].address: expected an address in the network of router.c0 across "
		"its "
		"link, 10.0.1.1/24"},
	/* links */
	{"[\"client.eth0\", \"router.c0\"]", "[\"client.eth0\"]",
		"links[0].ends: expected a list of two ends, like [\"client.eth0\", "
		"\"router.c0\"]"},
	{"\"client.eth0\", \"router", "\"client.wlan0\", \"router",
		"links[0].ends[0]: expected HOST.NIC or ROUTER.PORT, \"client\" has no such NIC"},
	{"\"router.c0\"", "\"router.c9\"",
		"links[0].ends[1]: expected HOST.NIC or ROUTER.PORT, \"router\" has no such port"},
	{"\"router.c0\"", "\"nowhere.c0\"",
		"links[0].ends[1]: expected HOST.NIC or ROUTER.PORT, there is no such host or "
		"router"},
	{"\"router.c0\"", "\"router\"",
		"links[0].ends[1]: expected HOST.NIC or ROUTER.PORT, there is no such host or "
		"router"},
	{"\"router.c1\", ", "\"router.c0\", ",
		"links[1].ends[0]: expected an end that is free, links[0] has this one already"},
	/* NATs and firewalls */
	{"\"name\": \"router\",", "\"name\": \"router\", \"nat\": \"cone\",",
		"routers[0].nat: expected none, port-restricted or symmetric"},
	{"\"name\": \"router\",", "\"name\": \"router\", \"firewall\": [\"tcp\"],",
		"routers[0].firewall[0]: expected unsolicited, invalid, unknown-tcp or udp"},
	{"\"name\": \"router\",", "\"name\": \"router\", \"firewall\": \"udp\",",
		"routers[0].firewall: expected a list"},
	{"\"name\": \"router\",", "\"name\": \"router\", \"nat\": \"symmetric\",",
		"routers[0].nat: expected a port with \"outside\": true"},
	{"\"name\": \"router\",", "\"name\": \"router\", \"firewall\": [\"udp\", \"unsolicited\"],",
		"routers[0].firewall: expected a port with \"outside\": true"},
	{"\"10.0.3.1/24\"", "\"10.0.3.1/24\", \"outside\": true",
		"routers[0].ports: expected no outside port: \"router\" has no \"nat\", and no "
		"\"firewall\" that drops unsolicited packets"},
	{"\"10.0.3.2/24\"", "\"10.0.3.2/24\", \"outside\": true",
		"hosts[1].nics[0].outside: unknown key, expected name or address"},
	{"\"client.eth0\", \"router.c0\"", "\"router.s0\", \"router.c0\"",
		"links[0].ends: expected ends at two hosts or routers"},
	{"\"router.c0\"]", "\"server.eth0\"]",
		"links[0].ends: expected a router's port at one end"},
	{"{ \"ends\": [\"client.eth0\", \"router.c0\"], \"rate_mbit\": 100, \"queue_packets\": 7 "
	 "},",
		"", "hosts[0].nics[0]: expected a link with the end \"client.eth0\""},
	{"\"rate_mbit\": 100", "\"rate_mbit\": -1",
		"links[0].rate_mbit: expected a number from 0.01 to 10000"},
	{"\"rate_mbit\": 100", "\"rate_mbit\": \"fast\"",
		"links[0].rate_mbit: expected a number from 0.01 to 10000"},
	{"\"rate_mbit\": 100", "\"rate_mb\": 100",
		"links[0].rate_mb: unknown key, expected ends, rate_mbit, queue_packets, queue_ms, "
		"delay_ms, "
		"jitter_ms, distribution, reorder, loss_percent, rates, rates_period_s, trace, up "
		"or down"},
	{"\"rate_mbit\": 2.5", "\"speed\": 2.5",
		"links[1].up.speed: unknown key, expected rate_mbit, queue_packets, queue_ms, "
		"delay_ms, "
		"jitter_ms, distribution, reorder, loss_percent, rates, rates_period_s or trace"},
	{"{ \"rate_mbit\": 2.5 }", "2.5", "links[1].up: expected an object"},
	{"\"queue_packets\": 7", "\"queue_packets\": 0",
		"links[0].queue_packets: expected a whole number from 1 to 100000"},
	{"\"queue_packets\": 7", "\"queue_packets\": 7, \"queue_ms\": 5",
		"links[0].queue_ms: expected either queue_packets or queue_ms"},
	{"\"rate_mbit\": 100, \"queue_packets\": 7", "\"queue_ms\": 5",
		"links[0]: expected a rate with its queue_ms: the time is the rate's"},
	{"\"queue_packets\": 7", "\"queue_packets\": 1.5",
		"links[0].queue_packets: expected a whole number from 1 to 100000"},
	{"\"loss_percent\": 60", "\"loss_percent\": 101",
		"links[2].loss_percent: expected a number from 0 to 100"},
	{"\"delay_ms\": 5", "\"delay_ms\": -5",
		"links[2].delay_ms: expected a number from 0 to 60000"},
	{"\"jitter_ms\": 1", "\"jitter_ms\": 6",
		"links[2].jitter_ms: expected at most the delay_ms of 5"},
	{"\"jitter_ms\": 1", "\"jitter_ms\": 1, \"distribution\": \"even\"",
		"links[2].distribution: expected uniform, normal, pareto or paretonormal"},
	{"\"jitter_ms\": 1", "\"jitter_ms\": 2, \"distribution\": \"normal\"",
		"links[2].jitter_ms: expected at most 1.363, with which the shortest delay is 0"},
	{"\"jitter_ms\": 1", "\"jitter_ms\": 1, \"reorder\": 1",
		"links[2].reorder: expected true or false"},
	{"\"delay_ms\": 2", "\"delay_ms\": 0",
		"links[2].down.jitter_ms: expected at most the delay_ms of 0"},
};

static void test_bad(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char *text = changed(bad[i].from, bad[i].to), *error;
		struct scenario *s = load(text, &error);
		if (s)
			fail_msg("row %zu was accepted, expected: %s", i, bad[i].error);
		assert_string_equal(error, bad[i].error);
		free(error);
		free(text);
	}
}

static void test_no_file(void **state)
{
	(void)state;
	char *error = NULL;
	assert_null(scenario_load("/nonexistent/x.json", &error));
	assert_string_equal(error, "/nonexistent/x.json: No such file or directory");
	free(error);
	error = NULL;
	assert_null(scenario_load("/proc", &error));
	assert_string_equal(error, "/proc: expected a JSON file, this is a directory");
	free(error);
}

static void test_good(void **state)
{
	(void)state;
	char *error;
	struct scenario *s = load(BASE, &error);
	if (!s) {
		fail_msg("%s", error);
		return;
	}

	assert_int_equal(s->n_hosts, 2);
	assert_int_equal(s->n_nodes, 3);
	assert_int_equal(s->n_links, 3);
	assert_string_equal(s->about, "");
	assert_false(s->super_packets);
	assert_true(s->nodes[2].router);
	assert_ptr_equal(scenario_node(s, "router"), &s->nodes[2]);
	assert_null(scenario_node(s, "nobody"));

	/* A link may name its ends in either order. */
	assert_int_equal(s->links[1].near.node, 0);
	assert_int_equal(s->links[1].near.nic, 1);
	assert_int_equal(s->links[1].far.node, 2);
	assert_int_equal(s->links[1].far.nic, 1);
	char *name = scenario_end_name(s, s->links[1].near);
	assert_string_equal(name, "client.eth1");
	free(name);

	const struct nic *nic = scenario_nic(s, s->links[1].near);
	assert_int_equal(ntohl(nic->address.s_addr), 0x0a000202);
	assert_int_equal(nic->prefix, 24);
	assert_ptr_equal(
		scenario_nic(s, scenario_across(s, (struct end){0, 1})), &s->nodes[2].nics[1]);
	scenario_free(s);
}

/* Both directions have what the link says, unless "up" or "down" says something else. */
static void test_shapes(void **state)
{
	(void)state;
	char *error;
	struct scenario *s = load(BASE, &error);
	assert_non_null(s);

	assert_true(s->links[0].up.rate_mbit == 100 && s->links[0].down.rate_mbit == 100);
	assert_int_equal(s->links[0].up.queue_packets, 7);
	assert_true(s->links[1].up.rate_mbit == 2.5 && s->links[1].down.rate_mbit == 0);
	assert_int_equal(s->links[1].up.queue_packets, 100);
	assert_false(shape_needs_netem(&s->links[1].up));
	assert_true(s->links[2].up.delay_ms == 5 && s->links[2].down.delay_ms == 2);
	assert_true(s->links[2].down.jitter_ms == 1 && s->links[2].down.loss_percent == 60);

	const struct shape *shapes[] = {&s->links[0].up, &s->links[1].down, &s->links[2].down};
	const char *const texts[] = {
		"100 Mbit/s, queue 7", "unshaped", "unshaped, 2 ms +- 1, loss 60 %"};
	for (size_t i = 0; i < 3; i++) {
		char *text = shape_text(shapes[i]);
		assert_string_equal(text, texts[i]);
		free(text);
	}
	scenario_free(s);
}

/* What a direction does not say itself, the link says: each key by itself. */
static void test_inherits(void **state)
{
	(void)state;
	static const struct {
		const char *down;
		struct shape expected;
	} rows[] = {
		{"\"rate_mbit\": 1", {1, 8, 5, 4, 3, JITTER_UNIFORM, false, NULL, 0, 0, false}},
		{"\"queue_packets\": 1", {9, 1, 5, 4, 3, JITTER_UNIFORM, false, NULL, 0, 0, false}},
		{"\"delay_ms\": 7", {9, 8, 7, 4, 3, JITTER_UNIFORM, false, NULL, 0, 0, false}},
		{"\"jitter_ms\": 1", {9, 8, 5, 1, 3, JITTER_UNIFORM, false, NULL, 0, 0, false}},
		{"\"loss_percent\": 1", {9, 8, 5, 4, 1, JITTER_UNIFORM, false, NULL, 0, 0, false}},
		{"\"jitter_ms\": 1, \"distribution\": \"normal\"",
			{9, 8, 5, 1, 3, JITTER_NORMAL, false, NULL, 0, 0, false}},
		{"\"reorder\": true", {9, 8, 5, 4, 3, JITTER_UNIFORM, true, NULL, 0, 0, false}},
		{"\"queue_ms\": 50", {9, 37, 5, 4, 3, JITTER_UNIFORM, false, NULL, 0, 50, false}},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *link = text_format("\"rate_mbit\": 9, \"queue_packets\": 8, \"delay_ms\": 5, "
					 "\"jitter_ms\": 4, \"loss_percent\": 3, \"down\": { %s }",
			rows[i].down);
		char *text = changed("\"rate_mbit\": 100, \"queue_packets\": 7", link), *error;
		struct scenario *s = load(text, &error);
		if (!s) {
			fail_msg("row %zu: %s", i, error);
			return;
		}
		const struct shape *a = &s->links[0].down, *b = &rows[i].expected;
		if (a->rate_mbit != b->rate_mbit || a->queue_packets != b->queue_packets ||
			a->delay_ms != b->delay_ms || a->jitter_ms != b->jitter_ms ||
			a->loss_percent != b->loss_percent || a->distribution != b->distribution ||
			a->reorder != b->reorder)
			fail_msg("row %zu: not as expected", i);
		assert_true(s->links[0].up.rate_mbit == 9);
		scenario_free(s);
		free(text);
		free(link);
	}
}

/* The place that asks for netem is one that is in the file. */
static void test_netem_place(void **state)
{
	(void)state;
	static const struct {
		const char *from, *to, *place;
	} rows[] = {
		{"", "", "links[2].delay_ms"},
		{"\"delay_ms\": 5, \"jitter_ms\": 1,", "", "links[2].loss_percent"},
		{"{ \"rate_mbit\": 2.5 }", "{ \"delay_ms\": 1 }", "links[1].up.delay_ms"},
		{", \"up\": { \"rate_mbit\": 2.5 }", ", \"down\": { \"loss_percent\": 1 }",
			"links[1].down.loss_percent"},
		{"\"delay_ms\": 5, \"jitter_ms\": 1, \"loss_percent\": 60, \"down\": { "
		 "\"delay_ms\": 2 }",
			"\"rate_mbit\": 1", NULL},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *text = changed(rows[i].from, rows[i].to), *error, *place = NULL;
		struct scenario *s = load(text, &error);
		if (!s) {
			fail_msg("row %zu: %s", i, error);
			return;
		}
		assert_int_equal(scenario_needs_netem(s, &place), rows[i].place != NULL);
		if (rows[i].place)
			assert_string_equal(place, rows[i].place);
		free(place);
		free(text);
		scenario_free(s);
	}
}

/* mpipd takes its node ID from one. */
static void test_macs(void **state)
{
	(void)state;
	char *error;
	struct scenario *s = load(BASE, &error), *again = load(BASE, &error);
	assert_non_null(s);
	assert_non_null(again);
	for (size_t n = 0; n < s->n_nodes; n++) {
		for (size_t i = 0; i < s->nodes[n].n_nics; i++) {
			const unsigned char *mac = s->nodes[n].nics[i].mac;
			assert_int_equal(mac[0] & 3, 2); /* locally administered, one station's */
			assert_memory_equal(mac, again->nodes[n].nics[i].mac, 6);
			for (size_t m = 0; m < s->n_nodes; m++)
				for (size_t k = 0; k < s->nodes[m].n_nics; k++)
					if (m != n || k != i)
						assert_memory_not_equal(
							mac, s->nodes[m].nics[k].mac, 6);
		}
	}
	scenario_free(s);
	scenario_free(again);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_no_file),
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_shapes),
		cmocka_unit_test(test_inherits),
		cmocka_unit_test(test_netem_place),
		cmocka_unit_test(test_macs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
