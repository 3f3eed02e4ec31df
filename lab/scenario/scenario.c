// SPDX-License-Identifier: BSD-2-Clause
/*
 * Reading a scenario.
 *
 * Theory of operation
 * -------------------
 * Two passes over the JSON document. The first turns values into the structs of scenario.h; types,
 * ranges and unknown keys fall out there, because the getters of jsonfile.h check them. The second,
 * in scenario_check.c, looks at what only shows when everything is read. Every complaint goes
 * through jat_fail(), which knows the file and the place; the first one stands.
 *
 * MAC addresses are made from the place of a NIC in the file, so that two builds of a scenario are
 * the same: 02:6d:70:00:<node>:<nic>, both counted from 1. 02 marks a locally administered address.
 */

#include "lab/scenario/scenario_inside.h"
#include "lab/scenario/trace.h"
#include "mpip/base/error.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* Both are one byte of a MAC address. */
#define NODES_MAX 254
#define NICS_MAX  254

const char *const nat_names[] = {"none", "port-restricted", "symmetric", NULL};
const char *const firewall_names[] = {"unsolicited", "invalid", "unknown-tcp", "udp", NULL};

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
void scenario_read_address(struct jat at, struct in_addr *out, int *prefix_out)
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
	if (length == 0 || inet_pton(AF_INET, address, out) != 1) {
		jat_fail(at, "expected an IPv4 address with a prefix of 8 to 30 bits, like "
			     "\"10.0.1.2/24\"");
		return;
	}
	*prefix_out = (int)prefix;

	uint32_t a = ntohl(out->s_addr), rest = UINT32_MAX >> prefix;
	if (a >> 24 == 0 || a >> 24 == 127 || a >> 24 >= 224)
		jat_fail(at, "expected a unicast address");
	else if ((a & rest) == 0 || (a & rest) == rest)
		jat_fail(at, "expected a host's address, this one is the network's or its "
			     "broadcast address");
}

static void read_nics(struct jat list, struct node *node, size_t node_index)
{
	static const char *const nic_keys[] = {"name", "address", NULL};
	static const char *const port_keys[] = {"name", "address", "outside", NULL};

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
		jat_only(at, node->router ? port_keys : nic_keys);
		read_name(
			jat_key(at, "name"), nic->name, node->router ? LAB_PORT_MAX : LAB_NIC_MAX);
		/* "lo" is there before us; "all" and "default" are other things in /proc/sys. */
		if (!strcmp(nic->name, "lo") || !strcmp(nic->name, "all") ||
			!strcmp(nic->name, "default"))
			jat_fail(jat_key(at, "name"),
				"expected another name, this one is taken in every namespace");
		scenario_read_address(jat_key(at, "address"), &nic->address, &nic->prefix);
		nic->outside = node->router && jat_bool_or(jat_key(at, "outside"), false);
		nic->link = NO_LINK;
		memcpy(nic->mac,
			(unsigned char[6]){0x02, 0x6d, 0x70, 0, (unsigned char)(node_index + 1),
				(unsigned char)(i + 1)},
			sizeof(nic->mac));
	}
}

static void read_rules(struct jat at, struct node *node)
{
	node->nat = (enum nat_kind)jat_choice_or(jat_key(at, "nat"), nat_names, NAT_NONE);
	struct jat drops = jat_key(at, "firewall");
	for (size_t i = 0; i < jat_length(drops); i++)
		node->firewall |= 1U << jat_choice_or(jat_item(drops, i), firewall_names, 0);
}

static void read_node(struct jat at, struct node *node, size_t index, bool router)
{
	static const char *const host_keys[] = {"name", "nics", NULL};
	static const char *const router_keys[] = {"name", "ports", "nat", "firewall", NULL};

	node->router = router;
	jat_only(at, router ? router_keys : host_keys);
	read_name(jat_key(at, "name"), node->name, LAB_NAME_MAX);
	read_nics(jat_key(at, router ? "ports" : "nics"), node, index);
	if (router)
		read_rules(at, node);
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

static struct shape read_direction(struct jat at, struct shape base)
{
	if (!jat_present(at))
		return base;
	jat_only(at, shape_keys);
	return shape_read(at, base);
}

/* "client.eth0" to its node and NIC. */
int scenario_find_end(const struct scenario *s, const char *text, struct end *end, char **error)
{
	for (size_t n = 0; n < s->n_nodes; n++) {
		const struct node *node = &s->nodes[n];
		size_t length = strlen(node->name);
		if (strncmp(text, node->name, length) != 0 || text[length] != '.')
			continue;
		for (size_t i = 0; i < node->n_nics; i++) {
			if (strcmp(text + length + 1, node->nics[i].name) == 0) {
				*end = (struct end){.node = n, .nic = i};
				return 0;
			}
		}
		return error_set(error, "expected HOST.NIC or ROUTER.PORT, \"%s\" has no such %s",
			node->name, node->router ? "port" : "NIC");
	}
	return error_set(
		error, "expected HOST.NIC or ROUTER.PORT, there is no such host or router");
}

bool scenario_read_end(const struct scenario *s, struct jat at, struct end *end)
{
	const char *text = jat_string(at);
	if (jdoc_error(at.doc))
		return false;
	char *why = NULL;
	bool found = scenario_find_end(s, text, end, &why) == 0;
	if (!found)
		jat_fail(at, "%s", why);
	free(why);
	return found;
}

static void read_link(struct scenario *s, struct jat at, size_t index)
{
	static const char *const keys[] = {"ends", "rate_mbit", "queue_packets", "queue_ms",
		"delay_ms", "jitter_ms", "distribution", "reorder", "loss_percent", "rates",
		"rates_period_s", "trace", "up", "down", NULL};
	struct lab_link *l = &s->links[index];

	jat_only(at, keys);
	struct jat ends = jat_key(at, "ends");
	if (jat_length(ends) != 2)
		jat_fail(ends, "expected a list of two ends, like [\"client.eth0\", "
			       "\"router.c0\"]");

	struct end end[2] = {{0}};
	for (size_t i = 0; i < 2; i++) {
		if (jdoc_error(at.doc) || !scenario_read_end(s, jat_item(ends, i), &end[i]))
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
	if (!second_is_router && !s->nodes[end[0].node].router) {
		jat_fail(ends, "expected a router's port at one end");
		return;
	}
	if (end[0].node == end[1].node) {
		jat_fail(ends, "expected ends at two hosts or routers");
		return;
	}
	l->near = end[second_is_router ? 0 : 1];
	l->far = end[second_is_router ? 1 : 0];

	struct shape both = shape_read(at, shape_default());
	l->up = read_direction(jat_key(at, "up"), both);
	l->down = read_direction(jat_key(at, "down"), both);
	shape_check(at, &l->up);
	shape_check(at, &l->down);
}

static bool join_realms(struct scenario *s, const struct node *node)
{
	bool changed = false;
	for (size_t i = 0; i < node->n_nics; i++) {
		for (size_t j = 0; j < node->n_nics; j++) {
			const struct nic *a = &node->nics[i], *b = &node->nics[j];
			if (a->link == NO_LINK || b->link == NO_LINK ||
				(node->nat && a->outside != b->outside) ||
				s->links[a->link].realm <= s->links[b->link].realm)
				continue;
			s->links[a->link].realm = s->links[b->link].realm;
			changed = true;
		}
	}
	return changed;
}

/* A NAT's inside and its outside are apart; all other links that meet in a router know each other.
 */
static void find_realms(struct scenario *s)
{
	for (size_t i = 0; i < s->n_links; i++)
		s->links[i].realm = i;
	bool changed = true;
	while (changed) {
		changed = false;
		for (size_t n = s->n_hosts; n < s->n_nodes; n++)
			changed |= join_realms(s, &s->nodes[n]);
	}
}

static void read_scenario(struct scenario *s, struct jat root)
{
	static const char *const keys[] = {
		"about", "super_packets", "hosts", "routers", "links", "events", NULL};

	jat_only(root, keys);
	s->about = text_format("%s", jat_string_or(jat_key(root, "about"), ""));
	s->super_packets = jat_bool_or(jat_key(root, "super_packets"), false);
	read_nodes(s, root);
	if (jdoc_error(root.doc))
		return;
	scenario_check_names(s, root);

	struct jat links = jat_key(root, "links");
	size_t n = jat_length(links);
	s->links = must_calloc(n, sizeof(*s->links));
	s->n_links = n;
	for (size_t i = 0; i < n; i++)
		read_link(s, jat_item(links, i), i);

	if (!jdoc_error(root.doc)) {
		find_realms(s);
		scenario_check(s, root);
	}
	if (!jdoc_error(root.doc))
		scenario_read_events(s, jat_key(root, "events"));
}

/* Ends the document's life. */
static struct scenario *of_document(const char *file, struct jdoc *doc, char **error)
{
	struct jat root = jdoc_root(doc);
	struct scenario *s = must_calloc(1, sizeof(*s));

	s->file = text_format("%s", file);
	s->source = json_incref(root.value);
	if (!jdoc_error(doc))
		read_scenario(s, root);
	if (jdoc_error(doc)) {
		error_set(error, "%s", jdoc_error(doc));
		scenario_free(s);
		s = NULL;
	}
	jdoc_free(doc);
	return s;
}

struct scenario *scenario_load(const char *file, char **error)
{
	return of_document(file, jdoc_load(file), error);
}

struct scenario *scenario_of(const char *file, json_t *content, char **error)
{
	return of_document(file, jdoc_of(file, content), error);
}

json_t *scenario_content(const char *file, char **error)
{
	struct scenario *s = scenario_load(file, error);
	json_t *original = s ? json_read(file, JSON_REJECT_DUPLICATES, error) : NULL;
	json_t *content = original ? json_incref(s->source) : NULL;
	if (content)
		trace_put_back(content, original);
	json_decref(original);
	scenario_free(s);
	return content;
}

void scenario_free(struct scenario *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n_nodes; i++)
		free(s->nodes[i].nics);
	free(s->nodes);
	free(s->links);
	free(s->events);
	free(s->about);
	free(s->file);
	json_decref(s->source);
	free(s);
}

/* NULL: no key of the link, an event asks. */
static const char *netem_key(const struct shape *shape)
{
	return shape->delay_ms > 0 ? "delay_ms" : shape->loss_percent > 0 ? "loss_percent" : NULL;
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
			bool own = key && json_object_get(json_object_get(in_file, direction), key);
			*place = !key ? text_format("events")
				      : text_format("links[%zu].%s%s%s", i, own ? direction : "",
						own ? "." : "", key);
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
	return text_format("%s.%s", s->nodes[end.node].name, scenario_nic(s, end)->name);
}

struct end scenario_across(const struct scenario *s, struct end end)
{
	const struct lab_link *l = &s->links[scenario_nic(s, end)->link];
	return l->near.node == end.node ? l->far : l->near;
}

bool node_has_rules(const struct node *node)
{
	return node->nat != NAT_NONE || node->firewall != 0;
}

char *rules_text(const struct node *node)
{
	char *text =
		node->nat ? text_format("NAT %s", nat_names[node->nat]) : text_format("%s", "");
	const char *between = node->nat ? "; drops " : "drops ";
	for (size_t i = 0; i < FIREWALL_KINDS; i++) {
		if (!(node->firewall & 1U << i))
			continue;
		char *more = text_format("%s%s%s", text, between, firewall_names[i]);
		free(text);
		text = more;
		between = ", ";
	}
	return text;
}
