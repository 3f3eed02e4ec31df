// SPDX-License-Identifier: BSD-2-Clause
/*
 * What only shows when all of a scenario is read.
 *
 * Theory of operation
 * -------------------
 * Names and addresses used twice, NICs without a link, a link whose two ends are on different
 * networks, a NAT or firewall without an outside. An address must be the only one of its kind
 * within its realm alone: behind two NATs there may be two networks 192.168.1.0/24, as in life.
 */

#include "lab/scenario/scenario_inside.h"
#include "mpip/base/error.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

static struct jat node_place(const struct scenario *s, struct jat root, size_t n)
{
	bool router = s->nodes[n].router;
	struct jat list = jat_key(root, router ? "routers" : "hosts");
	return jat_item(list, router ? n - s->n_hosts : n);
}

/* The NIC's place in the file, for an error about its `key`. */
static struct jat nic_place(
	const struct scenario *s, struct jat root, struct end end, const char *key)
{
	bool router = s->nodes[end.node].router;
	struct jat list = jat_key(node_place(s, root, end.node), router ? "ports" : "nics");
	struct jat nic = jat_item(list, end.nic);
	return *key ? jat_key(nic, key) : nic;
}

bool same_network(struct in_addr a, struct in_addr b, int prefix)
{
	uint32_t differ = ntohl(a.s_addr) ^ ntohl(b.s_addr);
	return (differ & ~(UINT32_MAX >> prefix)) == 0;
}

/* Whether the networks of two NICs have an address in common. */
static bool overlap(const struct nic *x, const struct nic *y)
{
	return same_network(x->address, y->address, x->prefix < y->prefix ? x->prefix : y->prefix);
}

/* `b` against `a`, which the file has earlier. */
static void check_pair(const struct scenario *s, struct jat root, struct end a, struct end b)
{
	const struct nic *x = scenario_nic(s, a), *y = scenario_nic(s, b);

	if (a.node == b.node && strcmp(x->name, y->name) == 0)
		jat_fail(nic_place(s, root, b, "name"),
			"expected a name of its own, \"%s\" is taken", y->name);
	if (x->address.s_addr == y->address.s_addr &&
		(a.node == b.node || s->links[x->link].realm == s->links[y->link].realm)) {
		char *other = scenario_end_name(s, a);
		jat_fail(nic_place(s, root, b, "address"),
			"expected an address of its own, %s has this one", other);
		free(other);
	}
	/* Within one node, two NICs on one network would make its routes a matter of luck. */
	if (a.node == b.node && overlap(x, y))
		jat_fail(nic_place(s, root, b, "address"),
			"expected another network than that of %s", x->name);
}

static void check_nic(const struct scenario *s, struct jat root, struct end end)
{
	for (size_t n = 0; n <= end.node; n++)
		for (size_t i = 0; i < (n == end.node ? end.nic : s->nodes[n].n_nics); i++)
			check_pair(s, root, (struct end){n, i}, end);
}

static void check_has_link(const struct scenario *s, struct jat root, struct end end)
{
	if (scenario_nic(s, end)->link != NO_LINK)
		return;
	char *name = scenario_end_name(s, end);
	jat_fail(nic_place(s, root, end, ""), "expected a link with the end \"%s\"", name);
	free(name);
}

void scenario_check_names(const struct scenario *s, struct jat root)
{
	for (size_t n = 1; n < s->n_nodes; n++)
		for (size_t m = 0; m < n; m++)
			if (strcmp(s->nodes[n].name, s->nodes[m].name) == 0)
				jat_fail(jat_key(node_place(s, root, n), "name"),
					"expected a name of its own, \"%s\" is taken",
					s->nodes[n].name);
}

static void check_link(const struct scenario *s, struct jat root, size_t index)
{
	const struct lab_link *l = &s->links[index];
	const struct nic *near = scenario_nic(s, l->near), *far = scenario_nic(s, l->far);
	if (near->prefix != far->prefix || !overlap(near, far)) {
		char text[INET_ADDRSTRLEN], *name = scenario_end_name(s, l->far);
		inet_ntop(AF_INET, &far->address, text, sizeof(text));
		jat_fail(nic_place(s, root, l->near, "address"),
			"expected an address in the network of %s across its link, %s/%d", name,
			text, far->prefix);
		free(name);
	}
	for (size_t i = 0; i < index; i++) {
		const struct lab_link *other = &s->links[i];
		if (other->realm == l->realm && overlap(scenario_nic(s, other->near), near))
			jat_fail(nic_place(s, root, l->near, "address"),
				"expected a network of its own, links[%zu] has this one", i);
	}
}

static void check_router(const struct scenario *s, struct jat root, size_t n)
{
	const struct node *node = &s->nodes[n];
	struct jat place = node_place(s, root, n);
	size_t outside = 0;
	for (size_t i = 0; i < node->n_nics; i++)
		outside += node->nics[i].outside;

	const char *key = node->nat ? "nat" : "firewall";
	bool needs = node->nat || node->firewall & FIREWALL_UNSOLICITED;
	if (needs && outside == 0)
		jat_fail(jat_key(place, key), "expected a port with \"outside\": true");
	if (needs && outside == node->n_nics)
		jat_fail(jat_key(place, key), "expected a port that is not outside");
	if (!needs && outside > 0)
		jat_fail(jat_key(place, "ports"),
			"expected no outside port: \"%s\" has no \"nat\", and no \"firewall\" that "
			"drops unsolicited packets",
			node->name);
}

void scenario_check(const struct scenario *s, struct jat root)
{
	for (size_t n = 0; n < s->n_nodes; n++)
		for (size_t i = 0; i < s->nodes[n].n_nics; i++)
			check_has_link(s, root, (struct end){n, i});
	for (size_t n = 0; n < s->n_nodes && !jdoc_error(root.doc); n++)
		for (size_t i = 0; i < s->nodes[n].n_nics; i++)
			check_nic(s, root, (struct end){n, i});
	for (size_t i = 0; i < s->n_links && !jdoc_error(root.doc); i++)
		check_link(s, root, i);
	for (size_t n = s->n_hosts; n < s->n_nodes && !jdoc_error(root.doc); n++)
		check_router(s, root, n);
}
