// SPDX-License-Identifier: BSD-2-Clause
/*
 * Reading a scenario.
 *
 * Theory of operation
 * -------------------
 * Two passes over the JSON document. The first turns values into the structs of scenario.h; types,
 * ranges and unknown keys fall out there, because the getters of jsonfile.h check them. The second
 * looks at what only shows when everything is read: names and addresses used twice, ends of links
 * that exist nowhere, NICs without a link, a link whose two ends are on different networks. Every
 * complaint goes through jat_fail(), which knows the file and the place; the first one stands.
 *
 * MAC addresses are made from the place of a NIC in the file, so that two builds of a scenario are
 * the same: 02:6d:70:00:<node>:<nic>, both counted from 1. 02 marks a locally administered address.
 */

#include "lab/scenario.h"

#include "lab/error.h"
#include "mpip/base/jsonfile.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define QUEUE_PACKETS_DEFAULT 100
#define NO_LINK               SIZE_MAX

/* Both are one byte of a MAC address. */
#define NODES_MAX 254
#define NICS_MAX  254

static void *must_calloc(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size);
	if (!p)
		abort();
	return p;
}

bool scenario_name_ok(const char *name, size_t max)
{
	size_t n = strlen(name);
	if (n == 0 || n > max || !isalnum((unsigned char)name[0]))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)name[i]) && name[i] != '-' && name[i] != '_')
			return false;
	return true;
}

static void read_name(struct jat at, char *out, size_t max)
{
	const char *name = jat_string(at);
	if (jdoc_error(at.doc))
		return;
	if (!scenario_name_ok(name, max)) {
		jat_fail(at,
			"expected a name of at most %zu letters, digits, '-' and '_', that starts "
			"with a letter or a digit",
			max);
		return;
	}
	strcpy(out, name);
}

/* "10.0.1.2/24". The network's own and its broadcast address belong to no NIC. */
static void read_address(struct jat at, struct nic *nic)
{
	const char *text = jat_string(at);
	if (jdoc_error(at.doc))
		return;

	char address[INET_ADDRSTRLEN + 1];
	const char *slash = strchr(text, '/');
	size_t length = slash ? (size_t)(slash - text) : 0;
	char *end = NULL;
	long prefix = slash && isdigit((unsigned char)slash[1]) ? strtol(slash + 1, &end, 10) : 0;
	if (length >= sizeof(address) || !end || *end || prefix < 8 || prefix > 30)
		length = 0;
	memcpy(address, text, length);
	address[length] = '\0';
	if (length == 0 || inet_pton(AF_INET, address, &nic->address) != 1) {
		jat_fail(at, "expected an IPv4 address with a prefix of 8 to 30 bits, like "
			     "\"10.0.1.2/24\"");
		return;
	}
	nic->prefix = (int)prefix;

	uint32_t a = ntohl(nic->address.s_addr), rest = UINT32_MAX >> prefix;
	if (a >> 24 == 0 || a >> 24 == 127 || a >> 24 >= 224)
		jat_fail(at, "expected a unicast address");
	else if ((a & rest) == 0 || (a & rest) == rest)
		jat_fail(at, "expected a host's address, this one is the network's or its "
			     "broadcast address");
}

static void read_nics(struct jat list, struct node *node, size_t node_index)
{
	static const char *const keys[] = {"name", "address", NULL};

	node->n_nics = jat_length(list);
	if (node->n_nics == 0 || node->n_nics > NICS_MAX)
		jat_fail(list, "expected a list of 1 to %d %s", NICS_MAX,
			node->router ? "ports" : "NICs");
	if (jdoc_error(list.doc))
		node->n_nics = 0;
	node->nics = must_calloc(node->n_nics, sizeof(*node->nics));

	for (size_t i = 0; i < node->n_nics; i++) {
		struct jat at = jat_item(list, i);
		struct nic *nic = &node->nics[i];
		jat_only(at, keys);
		read_name(
			jat_key(at, "name"), nic->name, node->router ? LAB_PORT_MAX : LAB_NIC_MAX);
		/* "lo" is there before us; "all" and "default" are other things in /proc/sys. */
		if (!strcmp(nic->name, "lo") || !strcmp(nic->name, "all") ||
			!strcmp(nic->name, "default"))
			jat_fail(jat_key(at, "name"),
				"expected another name, this one is taken in every namespace");
		read_address(jat_key(at, "address"), nic);
		nic->link = NO_LINK;
		memcpy(nic->mac,
			(unsigned char[6]){0x02, 0x6d, 0x70, 0, (unsigned char)(node_index + 1),
				(unsigned char)(i + 1)},
			sizeof(nic->mac));
	}
}

static void read_node(struct jat at, struct node *node, size_t index, bool router)
{
	static const char *const host_keys[] = {"name", "nics", NULL};
	static const char *const router_keys[] = {"name", "ports", NULL};

	node->router = router;
	jat_only(at, router ? router_keys : host_keys);
	read_name(jat_key(at, "name"), node->name, LAB_NAME_MAX);
	read_nics(jat_key(at, router ? "ports" : "nics"), node, index);
}

static void read_nodes(struct scenario *s, struct jat root)
{
	struct jat hosts = jat_key(root, "hosts"), routers = jat_key(root, "routers");
	size_t n_hosts = jat_length(hosts), n_routers = jat_length(routers);
	if (n_hosts == 0)
		jat_fail(hosts, "expected a list of at least one host");
	if (n_routers == 0)
		jat_fail(routers, "expected a list of at least one router");
	if (n_hosts + n_routers > NODES_MAX)
		jat_fail(root, "expected at most %d hosts and routers", NODES_MAX);
	if (jdoc_error(root.doc))
		return;

	s->nodes = must_calloc(n_hosts + n_routers, sizeof(*s->nodes));
	s->n_nodes = n_hosts + n_routers;
	s->n_hosts = n_hosts;
	for (size_t i = 0; i < s->n_nodes; i++) {
		bool router = i >= n_hosts;
		read_node(router ? jat_item(routers, i - n_hosts) : jat_item(hosts, i),
			&s->nodes[i], i, router);
	}
}

/* A shape's keys in `at`; what is absent there is as in `base`. */
static struct shape read_shape(struct jat at, struct shape base)
{
	struct shape v;
	v.rate_mbit = jat_number_or(jat_key(at, "rate_mbit"), 0.01, 10000, base.rate_mbit);
	v.queue_packets =
		(int)jat_integer_or(jat_key(at, "queue_packets"), 1, 100000, base.queue_packets);
	v.delay_ms = jat_number_or(jat_key(at, "delay_ms"), 0, 60000, base.delay_ms);
	v.jitter_ms = jat_number_or(jat_key(at, "jitter_ms"), 0, 60000, base.jitter_ms);
	v.loss_percent = jat_number_or(jat_key(at, "loss_percent"), 0, 100, base.loss_percent);
	/* A packet cannot be early: netem would cut such delays off at 0, and change the mean. */
	if (v.jitter_ms > v.delay_ms)
		jat_fail(jat_key(at, "jitter_ms"), "expected at most the delay_ms of %g",
			v.delay_ms);
	return v;
}

static struct shape read_direction(struct jat at, struct shape base)
{
	static const char *const keys[] = {
		"rate_mbit", "queue_packets", "delay_ms", "jitter_ms", "loss_percent", NULL};

	if (!jat_present(at))
		return base;
	jat_only(at, keys);
	return read_shape(at, base);
}

/* "client.eth0" to its node and NIC. */
static bool read_end(const struct scenario *s, struct jat at, struct end *end)
{
	const char *text = jat_string(at);
	if (jdoc_error(at.doc))
		return false;

	for (size_t n = 0; n < s->n_nodes; n++) {
		const struct node *node = &s->nodes[n];
		size_t length = strlen(node->name);
		if (strncmp(text, node->name, length) != 0 || text[length] != '.')
			continue;
		for (size_t i = 0; i < node->n_nics; i++) {
			if (strcmp(text + length + 1, node->nics[i].name) == 0) {
				*end = (struct end){.node = n, .nic = i};
				return true;
			}
		}
		jat_fail(at, "expected HOST.NIC or ROUTER.PORT, \"%s\" has no such %s", node->name,
			node->router ? "port" : "NIC");
		return false;
	}
	jat_fail(at, "expected HOST.NIC or ROUTER.PORT, there is no such host or router");
	return false;
}

static void read_link(struct scenario *s, struct jat at, size_t index)
{
	static const char *const keys[] = {"ends", "rate_mbit", "queue_packets", "delay_ms",
		"jitter_ms", "loss_percent", "up", "down", NULL};
	struct lab_link *l = &s->links[index];

	jat_only(at, keys);
	struct jat ends = jat_key(at, "ends");
	if (jat_length(ends) != 2)
		jat_fail(ends, "expected a list of two ends, like [\"client.eth0\", "
			       "\"router.c0\"]");

	struct end end[2] = {{0}};
	for (size_t i = 0; i < 2; i++) {
		if (jdoc_error(at.doc) || !read_end(s, jat_item(ends, i), &end[i]))
			return;
		struct nic *nic = &s->nodes[end[i].node].nics[end[i].nic];
		if (nic->link != NO_LINK) {
			jat_fail(jat_item(ends, i),
				"expected an end that is free, links[%zu] has this one already",
				nic->link);
			return;
		}
		nic->link = index;
	}
	bool second_is_router = s->nodes[end[1].node].router;
	if (s->nodes[end[0].node].router == second_is_router) {
		jat_fail(ends, "expected a host's NIC and a router's port");
		return;
	}
	l->host = end[second_is_router ? 0 : 1];
	l->router = end[second_is_router ? 1 : 0];

	struct shape both = {.queue_packets = QUEUE_PACKETS_DEFAULT};
	both = read_shape(at, both);
	l->up = read_direction(jat_key(at, "up"), both);
	l->down = read_direction(jat_key(at, "down"), both);
}

/* The NIC's place in the file, for an error about its `key`. */
static struct jat nic_place(
	const struct scenario *s, struct jat root, struct end end, const char *key)
{
	bool router = s->nodes[end.node].router;
	struct jat list = jat_key(root, router ? "routers" : "hosts");
	struct jat node = jat_item(list, router ? end.node - s->n_hosts : end.node);
	struct jat nic = jat_item(jat_key(node, router ? "ports" : "nics"), end.nic);
	return *key ? jat_key(nic, key) : nic;
}

static struct jat node_name_place(const struct scenario *s, struct jat root, size_t n)
{
	bool router = s->nodes[n].router;
	struct jat list = jat_key(root, router ? "routers" : "hosts");
	return jat_key(jat_item(list, router ? n - s->n_hosts : n), "name");
}

static bool same_network(const struct nic *a, const struct nic *b, int prefix)
{
	uint32_t differ = ntohl(a->address.s_addr) ^ ntohl(b->address.s_addr);
	return (differ & ~(UINT32_MAX >> prefix)) == 0;
}

/* `b` against `a`, which the file has earlier. */
static void check_pair(const struct scenario *s, struct jat root, struct end a, struct end b)
{
	const struct nic *x = scenario_nic(s, a), *y = scenario_nic(s, b);

	if (a.node == b.node && strcmp(x->name, y->name) == 0)
		jat_fail(nic_place(s, root, b, "name"),
			"expected a name of its own, \"%s\" is taken", y->name);
	if (x->address.s_addr == y->address.s_addr) {
		char *other = scenario_end_name(s, a);
		jat_fail(nic_place(s, root, b, "address"),
			"expected an address of its own, %s has this one", other);
		free(other);
	}
	/* Within one node, two NICs on one network would make its routes a matter of luck. */
	int wider = x->prefix < y->prefix ? x->prefix : y->prefix;
	if (a.node == b.node && same_network(x, y, wider))
		jat_fail(nic_place(s, root, b, "address"),
			"expected another network than that of %s", x->name);
}

static void check_nic(const struct scenario *s, struct jat root, struct end end)
{
	const struct nic *nic = scenario_nic(s, end);
	if (nic->link == NO_LINK) {
		char *name = scenario_end_name(s, end);
		jat_fail(nic_place(s, root, end, ""), "expected a link with the end \"%s\"", name);
		free(name);
	}

	for (size_t n = 0; n <= end.node; n++)
		for (size_t i = 0; i < (n == end.node ? end.nic : s->nodes[n].n_nics); i++)
			check_pair(s, root, (struct end){n, i}, end);
}

static void check_names(const struct scenario *s, struct jat root)
{
	for (size_t n = 1; n < s->n_nodes; n++)
		for (size_t m = 0; m < n; m++)
			if (strcmp(s->nodes[n].name, s->nodes[m].name) == 0)
				jat_fail(node_name_place(s, root, n),
					"expected a name of its own, \"%s\" is taken",
					s->nodes[n].name);
}

static void check_link(const struct scenario *s, struct jat root, size_t index)
{
	const struct lab_link *l = &s->links[index];
	const struct nic *host = scenario_nic(s, l->host), *port = scenario_nic(s, l->router);
	if (host->prefix != port->prefix || !same_network(host, port, port->prefix)) {
		char text[INET_ADDRSTRLEN], *name = scenario_end_name(s, l->router);
		inet_ntop(AF_INET, &port->address, text, sizeof(text));
		jat_fail(nic_place(s, root, l->host, "address"),
			"expected an address in the network of %s across its link, %s/%d", name,
			text, port->prefix);
		free(name);
	}
}

static void read_scenario(struct scenario *s, struct jat root)
{
	static const char *const keys[] = {
		"about", "super_packets", "hosts", "routers", "links", NULL};

	jat_only(root, keys);
	s->about = lab_text("%s", jat_string_or(jat_key(root, "about"), ""));
	s->super_packets = jat_bool_or(jat_key(root, "super_packets"), false);
	read_nodes(s, root);
	if (jdoc_error(root.doc))
		return;
	check_names(s, root);

	struct jat links = jat_key(root, "links");
	size_t n = jat_length(links);
	s->links = must_calloc(n, sizeof(*s->links));
	s->n_links = n;
	for (size_t i = 0; i < n; i++)
		read_link(s, jat_item(links, i), i);

	for (size_t node = 0; node < s->n_nodes && !jdoc_error(root.doc); node++)
		for (size_t i = 0; i < s->nodes[node].n_nics; i++)
			check_nic(s, root, (struct end){node, i});
	for (size_t i = 0; i < n && !jdoc_error(root.doc); i++)
		check_link(s, root, i);
}

struct scenario *scenario_load(const char *file, char **error)
{
	struct jdoc *doc = jdoc_load(file);
	struct jat root = jdoc_root(doc);
	struct scenario *s = must_calloc(1, sizeof(*s));

	s->file = lab_text("%s", file);
	s->source = json_incref(root.value);
	if (!jdoc_error(doc))
		read_scenario(s, root);
	if (jdoc_error(doc)) {
		lab_fail(error, "%s", jdoc_error(doc));
		scenario_free(s);
		s = NULL;
	}
	jdoc_free(doc);
	return s;
}

void scenario_free(struct scenario *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n_nodes; i++)
		free(s->nodes[i].nics);
	free(s->nodes);
	free(s->links);
	free(s->about);
	free(s->file);
	json_decref(s->source);
	free(s);
}

bool shape_needs_netem(const struct shape *shape)
{
	return shape->delay_ms > 0 || shape->jitter_ms > 0 || shape->loss_percent > 0;
}

static const char *netem_key(const struct shape *shape)
{
	return shape->delay_ms > 0 ? "delay_ms" : "loss_percent";
}

bool scenario_needs_netem(const struct scenario *s, char **place)
{
	for (size_t i = 0; i < s->n_links; i++) {
		const struct lab_link *l = &s->links[i];
		bool up = shape_needs_netem(&l->up);
		if (!up && !shape_needs_netem(&l->down))
			continue;
		if (place) {
			const char *key = netem_key(up ? &l->up : &l->down);
			const char *direction = up ? "up" : "down";
			json_t *in_file = json_array_get(json_object_get(s->source, "links"), i);
			bool own = json_object_get(json_object_get(in_file, direction), key);
			*place = lab_text(
				"links[%zu].%s%s%s", i, own ? direction : "", own ? "." : "", key);
		}
		return true;
	}
	return false;
}

const struct node *scenario_node(const struct scenario *s, const char *name)
{
	for (size_t i = 0; i < s->n_nodes; i++)
		if (strcmp(s->nodes[i].name, name) == 0)
			return &s->nodes[i];
	return NULL;
}

const struct nic *scenario_nic(const struct scenario *s, struct end end)
{
	return &s->nodes[end.node].nics[end.nic];
}

char *scenario_end_name(const struct scenario *s, struct end end)
{
	return lab_text("%s.%s", s->nodes[end.node].name, scenario_nic(s, end)->name);
}

const struct nic *scenario_gateway(const struct scenario *s, const struct nic *nic)
{
	return scenario_nic(s, s->links[nic->link].router);
}

char *shape_text(const struct shape *v)
{
	char *parts[4] = {
		v->rate_mbit > 0 ? lab_text("%g Mbit/s, queue %d", v->rate_mbit, v->queue_packets)
				 : lab_text("unshaped"),
		v->delay_ms > 0 ? lab_text(", %g ms", v->delay_ms) : lab_text("%s", ""),
		v->jitter_ms > 0 ? lab_text(" +- %g", v->jitter_ms) : lab_text("%s", ""),
		v->loss_percent > 0 ? lab_text(", loss %g %%", v->loss_percent)
				    : lab_text("%s", ""),
	};
	char *text = lab_text("%s%s%s%s", parts[0], parts[1], parts[2], parts[3]);
	for (size_t i = 0; i < 4; i++)
		free(parts[i]);
	return text;
}
