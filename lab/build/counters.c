// SPDX-License-Identifier: BSD-2-Clause
/*
 * What the kernel has counted in a lab.
 *
 * Theory of operation
 * -------------------
 * Where a link's qdiscs are is not remembered but planned again from the scenario (wiring.h); the
 * numbers come by netlink from inside each namespace. A direction's bytes and packets are those of
 * its last qdisc, since only what has passed that has left the link.
 */

#include "lab/build/lab.h"

#include "lab/build/firewall.h"
#include "lab/build/net.h"
#include "lab/build/netns.h"
#include "lab/build/qdisc.h"
#include "lab/build/wiring.h"
#include "mpip/base/error.h"

#include <netlink/route/link.h>
#include <stdlib.h>
#include <string.h>

static json_t *interface_counters(struct ns *ns, const char *name, char **error)
{
	struct rtnl_link *link;
	int err = rtnl_link_get_kernel(ns->nl, 0, name, &link);
	if (err < 0) {
		error_set(error, "%s.%s: %s", ns->name, name, nl_geterror(err));
		return NULL;
	}
	json_t *out = json_pack("{s:s, s:s}", "host", ns->name, "name", name);
	const struct {
		const char *key;
		rtnl_link_stat_id_t id;
	} stats[] = {
		{"rx_bytes", RTNL_LINK_RX_BYTES},
		{"rx_packets", RTNL_LINK_RX_PACKETS},
		{"rx_dropped", RTNL_LINK_RX_DROPPED},
		{"tx_bytes", RTNL_LINK_TX_BYTES},
		{"tx_packets", RTNL_LINK_TX_PACKETS},
		{"tx_dropped", RTNL_LINK_TX_DROPPED},
	};
	for (size_t i = 0; i < sizeof(stats) / sizeof(stats[0]); i++)
		json_object_set_new(out, stats[i].key,
			json_integer((json_int_t)rtnl_link_get_stat(link, stats[i].id)));
	rtnl_link_put(link);
	return out;
}

static json_int_t sum(const json_t *qdiscs, const char *key)
{
	json_int_t total = 0;
	for (size_t i = 0; i < json_array_size(qdiscs); i++)
		total += json_integer_value(json_object_get(json_array_get(qdiscs, i), key));
	return total;
}

/* `port`: counters of the router's port, of which `prefix` ("rx" or "tx") is this direction. */
static json_t *direction_counters(struct ns *router, const struct stage *stages, int n,
	const json_t *port, const char *prefix, char **error)
{
	json_t *qdiscs = json_array();
	for (int i = 0; i < n; i++) {
		json_t *one = qdisc_counters(router, stages[i].interface, error);
		if (!one) {
			json_decref(qdiscs);
			return NULL;
		}
		json_array_append_new(qdiscs, one);
	}

	json_int_t bytes, packets;
	if (n > 0) {
		const json_t *last = json_array_get(qdiscs, (size_t)n - 1);
		bytes = json_integer_value(json_object_get(last, "bytes"));
		packets = json_integer_value(json_object_get(last, "packets"));
	} else {
		char *key = text_format("%s_bytes", prefix);
		bytes = json_integer_value(json_object_get(port, key));
		free(key);
		key = text_format("%s_packets", prefix);
		packets = json_integer_value(json_object_get(port, key));
		free(key);
	}
	const char *kind = n == 2            ? "tbf+netem"
			   : n == 0          ? "none"
			   : stages[0].netem ? "netem"
					     : "tbf";
	json_t *out = json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I}", "kind", kind, "bytes", bytes,
		"packets", packets, "drops", sum(qdiscs, "drops"), "overlimits",
		sum(qdiscs, "overlimits"), "backlog_bytes", sum(qdiscs, "backlog_bytes"),
		"backlog_packets", sum(qdiscs, "backlog_packets"));
	json_object_set_new(out, "qdiscs", qdiscs);
	return out;
}

static json_t *link_counters(
	const struct scenario *s, const struct lab_link *l, struct ns *router, char **error)
{
	const struct nic *port = scenario_nic(s, l->far);
	struct wiring w = wiring_plan(l, port->name);
	json_t *port_counters = interface_counters(router, port->name, error);
	if (!port_counters)
		return NULL;
	json_t *up = direction_counters(router, w.up, w.n_up, port_counters, "rx", error);
	json_t *down = up ? direction_counters(router, w.down, w.n_down, port_counters, "tx", error)
			  : NULL;
	json_decref(port_counters);
	if (!down) {
		json_decref(up);
		return NULL;
	}
	char *a = scenario_end_name(s, l->near), *b = scenario_end_name(s, l->far);
	json_t *out = json_pack("{s:[s, s], s:o, s:o}", "ends", a, b, "up", up, "down", down);
	free(a);
	free(b);
	return out;
}

static int collect_dropped(const struct scenario *s, struct ns *ns, json_t *routers, char **error)
{
	for (size_t n = s->n_hosts; n < s->n_nodes; n++) {
		if (!node_has_rules(&s->nodes[n]))
			continue;
		json_t *dropped = firewall_dropped(&ns[n], error);
		if (!dropped)
			return -1;
		json_array_append_new(routers,
			json_pack("{s:s, s:o}", "name", s->nodes[n].name, "dropped", dropped));
	}
	return 0;
}

static int collect(
	const struct scenario *s, struct ns *ns, json_t *links, json_t *interfaces, char **error)
{
	for (size_t i = 0; i < s->n_links; i++) {
		const struct lab_link *l = &s->links[i];
		json_t *one = link_counters(s, l, &ns[l->far.node], error);
		if (!one)
			return -1;
		json_array_append_new(links, one);
	}
	for (size_t n = 0; n < s->n_nodes; n++) {
		for (size_t i = 0; i < s->nodes[n].n_nics; i++) {
			json_t *one = interface_counters(&ns[n], s->nodes[n].nics[i].name, error);
			if (!one)
				return -1;
			json_array_append_new(interfaces, one);
		}
	}
	return 0;
}

json_t *lab_counters(const char *name, char **error)
{
	struct scenario *s = lab_scenario(name, error);
	if (!s)
		return NULL;
	struct ns *ns = calloc(s->n_nodes, sizeof(*ns));
	if (!ns)
		abort();

	int result = 0;
	for (size_t n = 0; n < s->n_nodes && result == 0; n++) {
		char *full = text_format("%s-%s", name, s->nodes[n].name);
		int fd = netns_open(full, error);
		result = fd < 0 ? -1 : ns_open(&ns[n], s->nodes[n].name, fd, error);
		free(full);
	}
	json_t *out = NULL;
	if (result == 0) {
		json_t *links = json_array(), *interfaces = json_array(), *routers = json_array();
		out = json_pack("{s:s, s:o, s:o, s:o}", "lab", name, "links", links, "interfaces",
			interfaces, "routers", routers);
		if (collect(s, ns, links, interfaces, error) < 0 ||
			collect_dropped(s, ns, routers, error) < 0) {
			json_decref(out);
			out = NULL;
		}
	}
	for (size_t n = 0; n < s->n_nodes; n++)
		ns_close(&ns[n]);
	free(ns);
	scenario_free(s);
	return out;
}
