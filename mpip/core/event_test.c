// SPDX-License-Identifier: BSD-2-Clause
/* What the engine tells of: each kind of event where it happens, as often as it happens, with why.
 */

#include "mpip/core/engine_testbed.h"

static void hear(void *context, const struct event *event, struct usec now)
{
	struct host *h = context;
	struct event_field field[EVENT_FIELDS];
	char *said = h->said[event->kind];
	size_t length = 0;
	(void)now;
	unsigned n = event_fields(event, field);
	assert_true(n > 0 && n <= EVENT_FIELDS);
	h->told[event->kind]++;
	for (unsigned i = 0; i < n; i++)
		length += (size_t)snprintf(said + length, sizeof(h->said[0]) - length, "%s%s=%s",
			i ? " " : "", field[i].key, field[i].text);
	assert_true(length < sizeof(h->said[0]));
}

static unsigned told(const struct host *h, enum event_kind kind)
{
	return h->told[kind];
}

static void assert_said(const struct host *h, enum event_kind kind, const char *part)
{
	if (!strstr(h->said[kind], part))
		fail_msg("%s: '%s', expected '%s'", event_names[kind], h->said[kind], part);
}

/* The events of this kind from now on. */
static void forget(struct world *w)
{
	for (unsigned i = 0; i < 2; i++)
		memset(w->host[i].told, 0, sizeof(w->host[i].told));
}

static bool drop_second_nic(const struct world *w, const struct flight *f)
{
	(void)w;
	return address_equal(f->src, ip("10.0.2.2")) || address_equal(f->dst, ip("10.0.2.2"));
}

static bool drop_wire_port(const struct world *w, const struct flight *f)
{
	(void)w;
	return !f->raw;
}

static void begins(void **state)
{
	(void)state;
	struct world *w = world_of(settings_default(), true);
	connect_tcp(w);
	transfer(w, 0, 1000, 2000, 1);
	expect_multipath(w);
	for (unsigned i = 0; i < 2; i++) {
		const struct host *h = &w->host[i];
		assert_int_equal(told(h, EVENT_ADDRESSES), 1);
		assert_int_equal(told(h, EVENT_PEER_MET), 1);
		assert_int_equal(told(h, EVENT_PEER_ADDRESSES), 1);
		assert_int_equal(told(h, EVENT_SESSION_BEGUN), 1);
		assert_int_equal(told(h, EVENT_PATH_VALIDATED), 4);
		assert_int_equal(told(h, EVENT_SESSION_MULTIPATH), 1);
		assert_int_equal(told(h, EVENT_PATH_MTU), 4);
		assert_true(told(h, EVENT_WEIGHTS) >= 15);
		static const enum event_kind none[] = {EVENT_PEER_LEFT, EVENT_SESSION_FALLBACK,
			EVENT_SESSION_RESUMED, EVENT_SESSION_REGULAR, EVENT_SESSION_ENDED,
			EVENT_PATH_ENCAPSULATION, EVENT_PATH_STANDBY, EVENT_PATH_ACTIVE,
			EVENT_PATH_DOWN, EVENT_PATH_UP, EVENT_PATH_REMOVED};
		for (unsigned k = 0; k < sizeof(none) / sizeof(none[0]); k++)
			assert_int_equal(told(h, none[k]), 0);
	}
	const struct host *client = &w->host[0];
	assert_string_equal(client->said[EVENT_ADDRESSES], "addresses=10.0.1.2,10.0.2.2");
	assert_string_equal(client->said[EVENT_PEER_ADDRESSES],
		"node_id=02:00:00:00:00:02 addresses=10.0.3.2,10.0.4.2");
	assert_said(client, EVENT_SESSION_MULTIPATH,
		"node_id=02:00:00:00:00:02 protocol=tcp src=10.0.1.2:40000 dst=10.0.3.2:5201");
	assert_said(client, EVENT_PATH_VALIDATED, " encapsulation=udp");
	assert_said(client, EVENT_PATH_MTU, "mtu=1500");
	world_free(w);
}

/* Two paths of four are lost, and come back; the session does not notice. */
static void down_and_up(void **state)
{
	(void)state;
	struct world *w = world_of(settings_default(), true);
	const struct host *client = &w->host[0];
	uint32_t seq = transfer(w, 0, 1000, 1000, 1);
	w->drop = drop_second_nic;
	seq = transfer(w, 0, seq, 450, 1);
	assert_int_equal(told(client, EVENT_PATH_DOWN), 2);
	assert_said(client, EVENT_PATH_DOWN, "src=10.0.2.2:5280");
	assert_said(client, EVENT_PATH_DOWN, "encapsulation=udp reason=no feedback");
	assert_int_equal(told(client, EVENT_PATH_UP), 0);
	w->drop = NULL;
	transfer(w, 0, seq, 2000, 1);
	expect_multipath(w);
	assert_int_equal(told(client, EVENT_PATH_UP), 2);
	assert_int_equal(told(client, EVENT_PATH_VALIDATED), 4);
	assert_int_equal(told(client, EVENT_SESSION_FALLBACK), 0);
	assert_int_equal(told(client, EVENT_SESSION_MULTIPATH), 1);
	world_free(w);
}

static void fallback(void **state)
{
	(void)state;
	struct world *w = world_of(settings_default(), true);
	const struct host *client = &w->host[0];
	uint32_t seq = transfer(w, 0, 1000, 1000, 1);
	w->drop = drop_wire_port;
	seq = transfer(w, 0, seq, 900, 1);
	assert_int_equal(told(client, EVENT_SESSION_FALLBACK), 1);
	assert_said(client, EVENT_SESSION_FALLBACK, "dst=10.0.3.2:5201 reason=no feedback");
	assert_int_equal(told(client, EVENT_PATH_DOWN), 4);
	w->drop = NULL;
	transfer(w, 0, seq, 2000, 1);
	expect_multipath(w);
	assert_int_equal(told(client, EVENT_SESSION_MULTIPATH), 2);
	assert_int_equal(told(client, EVENT_PATH_UP), 4);
	world_free(w);
}

/* Where UDP does not pass, a path takes another encapsulation; one that nothing passes is given up.
 */
static void encapsulation_and_removal(void **state)
{
	(void)state;
	struct world *w = world_of(settings_default(), true);
	const struct host *client = &w->host[0];
	w->drop = drop_wire_port;
	connect_tcp(w);
	uint32_t seq = transfer(w, 0, 1000, 8000, 1);
	assert_true(told(client, EVENT_PATH_ENCAPSULATION) >= 4);
	assert_said(client, EVENT_PATH_ENCAPSULATION, "encapsulation=fake-tcp before=udp");
	assert_said(client, EVENT_PATH_VALIDATED, "encapsulation=fake-tcp");
	assert_int_equal(told(client, EVENT_PATH_REMOVED), 0);
	world_free(w);

	w = world_of(settings_default(), true);
	client = &w->host[0];
	w->drop = drop_second_nic;
	connect_tcp(w);
	transfer(w, 0, seq, 12000, 1);
	assert_int_equal(told(client, EVENT_PATH_REMOVED), 2);
	assert_said(client, EVENT_PATH_REMOVED, "reason=it was not answered in any encapsulation");
	assert_int_equal(told(client, EVENT_PATH_DOWN), 0); /* they have never been up */
	world_free(w);
}

/* 3.3: two of four paths are enough; one that is lost is replaced. */
static void standby(void **state)
{
	(void)state;
	struct settings set = settings_default();
	set.max_active_paths = 2;
	struct world *w = world_of(set, true);
	const struct host *client = &w->host[0];
	uint32_t seq = transfer(w, 0, 1000, 500, 1);
	assert_int_equal(told(client, EVENT_PATH_VALIDATED), 4);
	assert_true(told(client, EVENT_PATH_STANDBY) >= 2);
	seq = transfer(w, 0, seq, 3000, 1); /* the second NIC is the faster one */
	unsigned before = told(client, EVENT_PATH_ACTIVE);
	w->drop = drop_second_nic;
	transfer(w, 0, seq, 1000, 1);
	assert_int_equal(told(client, EVENT_PATH_ACTIVE), before + 2);
	assert_said(client, EVENT_PATH_ACTIVE, "src=10.0.1.2:5280");
	world_free(w);
}

static void regular(void **state)
{
	(void)state;
	struct world *w = world_of(settings_default(), false);
	const struct host *client = &w->host[0];
	transfer(w, 0, 1000, 2000, 1);
	assert_int_equal(told(client, EVENT_SESSION_REGULAR), 1);
	assert_said(client, EVENT_SESSION_REGULAR,
		"dst=10.0.3.2:5201 reason=the other end has no MPIP");
	assert_int_equal(told(client, EVENT_PEER_MET) + told(client, EVENT_SESSION_BEGUN), 0);
	world_free(w);
}

static void pause_and_end(void **state)
{
	(void)state;
	struct world *w = world_of(settings_default(), true);
	const struct host *client = &w->host[0];
	uint32_t seq = transfer(w, 0, 1000, 500, 1);
	run_for(w, 3000);
	transfer(w, 0, seq, 500, 1);
	expect_multipath(w);
	assert_int_equal(told(client, EVENT_SESSION_RESUMED), 1);
	assert_said(client, EVENT_SESSION_RESUMED, "reason=idle until just now");
	assert_int_equal(told(client, EVENT_SESSION_MULTIPATH), 2);
	assert_int_equal(told(client, EVENT_SESSION_FALLBACK) + told(client, EVENT_PATH_DOWN), 0);
	run_for(w, 121000);
	assert_int_equal(told(client, EVENT_SESSION_ENDED), 1);
	assert_said(client, EVENT_SESSION_ENDED, "reason=no data for too long");
	world_free(w);
}

static void addresses(void **state)
{
	(void)state;
	struct world *w = world_of(settings_default(), true);
	const struct host *client = &w->host[0], *server = &w->host[1];
	uint32_t seq = transfer(w, 0, 1000, 500, 1);
	forget(w);
	set_addresses(w, 0, (struct address_list){2, {ip("10.0.1.2"), ip("10.0.9.2")}});
	transfer(w, 0, seq, 1000, 1);
	assert_int_equal(told(client, EVENT_ADDRESSES), 1);
	assert_int_equal(told(client, EVENT_PEER_ADDRESSES), 0);
	assert_int_equal(told(server, EVENT_ADDRESSES), 0);
	assert_int_equal(told(server, EVENT_PEER_ADDRESSES), 1);
	assert_said(server, EVENT_PEER_ADDRESSES, "addresses=10.0.1.2,10.0.9.2");
	assert_int_equal(told(client, EVENT_PATH_REMOVED), 3);
	assert_said(client, EVENT_PATH_REMOVED, "reason=addresses of this host changed");
	assert_int_equal(told(server, EVENT_PATH_REMOVED), 3);
	assert_said(server, EVENT_PATH_REMOVED, "reason=addresses of the other end changed");
	expect_multipath(w);
	world_free(w);
}

static void peer_leaves_and_returns(void **state)
{
	(void)state;
	struct world *w = world_of(settings_default(), true);
	const struct host *client = &w->host[0];
	uint32_t seq = transfer(w, 0, 1000, 500, 1);
	engine_leave(w->host[1].engine, w->now, &w->host[1].actions);
	carry(w, 1);
	run_for(w, 10);
	assert_int_equal(told(client, EVENT_PEER_LEFT), 1);
	assert_said(client, EVENT_PEER_LEFT, "node_id=02:00:00:00:00:02 reason=it stops");
	assert_said(client, EVENT_SESSION_ENDED, "reason=the other end stops");

	struct settings set = settings_default();
	for (unsigned again = 1; again <= 2; again++) { /* the second time it says nothing */
		engine_free(w->host[1].engine);
		set.seed = again;
		open_host(w, 1, set);
		seq = transfer(w, 0, seq, 8000, 1);
		assert_int_equal(told(client, EVENT_PEER_MET), 1 + again);
		assert_int_equal(told(client, EVENT_PEER_LEFT), again);
	}
	assert_said(client, EVENT_PEER_LEFT, "reason=it was restarted");
	world_free(w);
}

/* A NAT gives the client's second NIC another address. */
static bool translate(struct world *w, struct flight *f)
{
	(void)w;
	if (!f->raw && address_equal(f->src, ip("10.0.2.2")))
		f->src = ip("192.0.2.7");
	return false;
}

static void reflexive(void **state)
{
	(void)state;
	struct world *w = world_of(settings_default(), true);
	w->box = translate;
	transfer(w, 0, 1000, 1000, 1);
	assert_int_equal(told(&w->host[1], EVENT_PATH_REFLEXIVE), 2);
	assert_said(&w->host[1], EVENT_PATH_REFLEXIVE, "dst=192.0.2.7:5280");
	world_free(w);
}

/* The path MTU is found, and found anew when a network carries less. */
static bool drop_large(const struct world *w, const struct flight *f)
{
	(void)w;
	return f->length > 1400;
}

static void path_mtu(void **state)
{
	(void)state;
	struct world *w = world_of(settings_default(), true);
	const struct host *client = &w->host[0];
	for (unsigned i = 0; i < 2000; i++) {
		send_packet(w, 0, IPPROTO_UDP, 0, 1300, 1);
		run_for(w, 1);
	}
	assert_int_equal(told(client, EVENT_PATH_MTU), 4);
	w->drop = drop_large;
	for (unsigned i = 0; i < 20000; i++) {
		send_packet(w, 0, IPPROTO_UDP, 0, 1300, 1);
		run_for(w, 1);
	}
	assert_int_equal(told(client, EVENT_PATH_MTU), 8);
	assert_said(client, EVENT_PATH_MTU, "mtu=1420");
	world_free(w);
}

int main(void)
{
	testbed_observer = hear;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(begins),
		cmocka_unit_test(down_and_up),
		cmocka_unit_test(fallback),
		cmocka_unit_test(encapsulation_and_removal),
		cmocka_unit_test(standby),
		cmocka_unit_test(regular),
		cmocka_unit_test(pause_and_end),
		cmocka_unit_test(addresses),
		cmocka_unit_test(peer_leaves_and_returns),
		cmocka_unit_test(reflexive),
		cmocka_unit_test(path_mtu),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
