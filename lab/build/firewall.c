// SPDX-License-Identifier: BSD-2-Clause
/*
 * NAT and firewall.
 *
 * Theory of operation
 * -------------------
 * One table per router, written as text and loaded whole by libnftables. What a NAT cannot
 * translate it must not let out with an address from the inside, so a NAT drops invalid packets in
 * any case; what is invalid is a matter of two sysctls. A router that drops "invalid" knows only
 * connections whose SYN it has seen, and checks TCP's windows (nf_conntrack_tcp_loose 0,
 * nf_conntrack_tcp_be_liberal 0); any other takes up TCP in the middle and looks at no window (1,
 * 1).
 *
 * A packet that a NAT cannot translate back is one to the router itself, whose TCP would answer it
 * with a reset: so these are dropped in front of the router, too.
 *
 * masquerade keeps a connection's port unless another one behind the NAT has it towards the same
 * endpoint; together with the drop of what is unsolicited that is a port-restricted cone. Random
 * ports make a symmetric one: a port per connection.
 *
 * A rebound NAT gets a range of ports that it has not used, and then its table of connections is
 * emptied, by one ctnetlink message: without the new range each connection would get its old port
 * back. Within a range the kernel starts from a random port, so that after this a port-restricted
 * NAT has a port per connection.
 */

#include "lab/build/firewall.h"

#include "lab/build/netns.h"
#include "mpip/base/error.h"

#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <nftables/libnftables.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REBIND_FIRST 20000
#define REBIND_PORTS 500

#define PREFIX "drop-" /* of the counters' names: "udp" alone is a word of nft's */

/* Runs one batch of nft commands in the namespace: all of it or nothing. Returns what it printed,
 * allocated, NULL with `*error` set. */
static char *nft(struct ns *ns, const char *commands, unsigned output, char **error)
{
	int home = netns_visit(ns->fd, error);
	if (home < 0)
		return NULL;
	/* Its netlink socket is opened here, and belongs to the namespace. */
	struct nft_ctx *nft = nft_ctx_new(NFT_CTX_DEFAULT);
	netns_leave(home);
	if (!nft)
		abort();
	nft_ctx_output_set_flags(nft, output);
	nft_ctx_buffer_output(nft);
	nft_ctx_buffer_error(nft);
	char *out = NULL;
	if (nft_run_cmd_from_buffer(nft, commands) == 0) {
		out = text_format("%s", nft_ctx_get_output_buffer(nft));
	} else {
		const char *why = nft_ctx_get_error_buffer(nft);
		error_set(error, "%s: nftables: %.*s", ns->name, (int)strcspn(why, "\n"), why);
	}
	nft_ctx_free(nft);
	return out;
}

/* { "w0", "w1" } */
static char *outside_set(const struct node *node)
{
	char *set = text_format("{");
	for (size_t i = 0; i < node->n_nics; i++) {
		if (!node->nics[i].outside)
			continue;
		char *more = text_format("%s \"%s\",", set, node->nics[i].name);
		free(set);
		set = more;
	}
	set[strlen(set) - 1] = '}';
	return set;
}

/* The rules that translate, with the ports of the `times`-th rebinding, 0 for none. */
static char *nat_rules(const struct node *node, unsigned times)
{
	char *outside = outside_set(node), ports[32] = "";
	const char *random = node->nat == NAT_SYMMETRIC ? " fully-random" : "";
	if (times > 0) {
		unsigned first = REBIND_FIRST + (times - 1) % 80 * REBIND_PORTS;
		snprintf(ports, sizeof(ports), " to :%u-%u", first, first + REBIND_PORTS - 1);
	}
	char *rules = text_format("add rule ip lab nat oifname %s meta l4proto { tcp, udp } "
				  "masquerade%s%s\n"
				  "add rule ip lab nat oifname %s masquerade\n",
		outside, ports, random, outside);
	free(outside);
	return rules;
}

static char *forward_rules(const struct node *node)
{
	bool unsolicited = node->nat || node->firewall & FIREWALL_UNSOLICITED;
	bool invalid = node->nat || node->firewall & FIREWALL_INVALID;
	char *outside = unsolicited ? outside_set(node) : text_format("{ \"\" }");
	char *rules = text_format("%s%s%s%s%s%s%s%s",
		node->firewall & FIREWALL_UDP
			? "add rule ip lab forward meta l4proto udp counter name drop-udp drop\n"
			: "",
		invalid ? "add rule ip lab forward ct state invalid counter name drop-invalid "
			  "drop\n"
			: "",
		node->firewall & FIREWALL_UNKNOWN_TCP ? "add rule ip lab forward ct state new tcp "
							"flags & (fin|syn|rst|ack) != syn "
							"counter name drop-unknown-tcp drop\n"
						      : "",
		unsolicited ? "add rule ip lab forward ct state new iifname " : "",
		unsolicited ? outside : "",
		unsolicited ? " counter name drop-unsolicited drop\n"
			      "add rule ip lab input ct state { new, invalid } iifname "
			    : "",
		unsolicited ? outside : "",
		unsolicited ? " counter name drop-unsolicited drop\n" : "");
	free(outside);
	return rules;
}

static int set_strictness(struct ns *ns, const struct node *node, char **error)
{
	bool strict = node->firewall & FIREWALL_INVALID;
	if (net_sysctl(ns, "netfilter/nf_conntrack_tcp_loose", strict ? "0" : "1", false, error) <
		0)
		return -1;
	return net_sysctl(
		ns, "netfilter/nf_conntrack_tcp_be_liberal", strict ? "0" : "1", false, error);
}

int firewall_build(struct ns *ns, const struct node *node, char **error)
{
	if (!node_has_rules(node))
		return 0;
	char *translate = node->nat ? nat_rules(node, 0) : text_format("%s", "");
	char *drop = forward_rules(node);
	char *commands =
		text_format("add table ip lab\n"
			    "add counter ip lab drop-unsolicited\n"
			    "add counter ip lab drop-invalid\n"
			    "add counter ip lab drop-unknown-tcp\n"
			    "add counter ip lab drop-udp\n"
			    "add chain ip lab input { type filter hook input priority 0; }\n"
			    "add chain ip lab forward { type filter hook forward priority 0; }\n"
			    "add chain ip lab nat { type nat hook postrouting priority 100; }\n"
			    "%s%s",
			translate, drop);
	char *out = nft(ns, commands, 0, error);
	free(translate);
	free(drop);
	free(commands);
	if (!out)
		return -1;
	free(out);
	return set_strictness(ns, node, error);
}

/* Makes the namespace forget all connections, as `conntrack -F` does. */
static int forget_connections(struct ns *ns, char **error)
{
	int home = netns_visit(ns->fd, error);
	if (home < 0)
		return -1;
	struct nl_sock *nl = nl_socket_alloc();
	if (!nl)
		abort();
	int err = nl_connect(nl, NETLINK_NETFILTER);
	netns_leave(home);

	struct nfgenmsg all = {.nfgen_family = AF_UNSPEC, .version = NFNETLINK_V0};
	struct nl_msg *msg = nlmsg_alloc_simple(
		NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE, NLM_F_REQUEST);
	if (!msg || nlmsg_append(msg, &all, sizeof(all), NLMSG_ALIGNTO) < 0)
		abort();
	if (err >= 0)
		err = nl_send_sync(nl, msg); /* frees the message */
	else
		nlmsg_free(msg);
	nl_socket_free(nl);
	if (err < 0)
		return error_set(error, "%s: cannot make the NAT forget its connections: %s",
			ns->name, nl_geterror(err));
	return 0;
}

int firewall_rebind(struct ns *ns, const struct node *node, unsigned times, char **error)
{
	char *rules = nat_rules(node, times + 1);
	char *commands = text_format("flush chain ip lab nat\n%s", rules);
	char *out = nft(ns, commands, 0, error);
	free(rules);
	free(commands);
	if (!out)
		return -1;
	free(out);
	return forget_connections(ns, error);
}

json_t *firewall_dropped(struct ns *ns, char **error)
{
	char *text = nft(ns, "list counters table ip lab", NFT_CTX_OUTPUT_JSON, error);
	json_t *listing = text ? json_loads(text, 0, NULL) : NULL;
	free(text);
	if (!listing) {
		error_set(error, "%s: nftables: expected counters as JSON", ns->name);
		return NULL;
	}
	json_t *dropped = json_object(), *list = json_object_get(listing, "nftables");
	for (size_t i = 0; i < json_array_size(list); i++) {
		json_t *counter = json_object_get(json_array_get(list, i), "counter");
		const char *name = json_string_value(json_object_get(counter, "name"));
		if (name && strncmp(name, PREFIX, strlen(PREFIX)) == 0)
			json_object_set(dropped, name + strlen(PREFIX),
				json_object_get(counter, "packets"));
	}
	json_decref(listing);
	return dropped;
}
