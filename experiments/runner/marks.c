// SPDX-License-Identifier: BSD-2-Clause
/*
 * Marking runs that were not what they are called.
 *
 * Theory of operation
 * -------------------
 * Each check looks at one kind of evidence that the run left: the MPTCP counters of the listening
 * host, the sessions that mpipd had in the middle of the transfer, the sockets, the router's bytes.
 */

#include "experiments/runner/marks.h"

#include "experiments/load/call.h"
#include "experiments/load/quic.h"
#include "experiments/probe/mib.h"
#include "experiments/record/resultfile.h"
#include "experiments/runner/links.h"
#include "experiments/runner/transferrun.h"
#include "lab/scenario/routing.h"
#include "mpip/base/error.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A NIC that carries less than this of its host's bytes carried no data: probes and control only.
 */
#define DATA_SHARE 0.02

static void mark(json_t *marks, char *line)
{
	json_array_append_new(marks, json_string(line));
	free(line);
}

/* Whether what a NIC sends gets to another's network, by the router at the end of its cable. */
static bool reaches(const struct scenario *s, struct end from, const struct nic *to)
{
	size_t router = scenario_across(s, from).node;
	in_addr_t wanted = nic_network(to).s_addr;
	bool found = false;
	for (size_t i = 0; !found && i < s->nodes[router].n_nics; i++)
		found = nic_network(&s->nodes[router].nics[i]).s_addr == wanted;
	struct lab_route *routes;
	size_t count = routing_table(s, router, &routes);
	for (size_t i = 0; !found && i < count; i++)
		found = routes[i].network.s_addr == wanted;
	free(routes);
	return found;
}

int marks_full_mesh(const struct run *r)
{
	const struct scenario *s = r->plan->scenario;
	const struct node *from = r->hosts[FROM].node, *to = r->hosts[TO].node;
	int count = 0;
	for (size_t i = 0; i < from->n_nics; i++)
		for (size_t k = 0; k < to->n_nics; k++)
			count += reaches(s, s->links[from->nics[i].link].near, &to->nics[k]);
	return count;
}

static int connections_wanted(const struct run *r)
{
	const struct workload *w = &r->plan->definition->workload;
	return w->streams * (w->direction == DIRECTION_BOTH ? 2 : 1);
}

static void check_subflows(const struct run *r, json_t *marks)
{
	const struct run_host *h = &r->hosts[TO];
	int wanted = connections_wanted(r), mesh = marks_full_mesh(r);
	int capable =
		(int)mib_difference(h->mib_before, h->mib_after, "MPTcpExt", "MPCapableACKRX");
	int joined = (int)mib_difference(h->mib_before, h->mib_after, "MPTcpExt", "MPJoinAckRx");
	if (capable != wanted)
		mark(marks, text_format("mptcp: %d of %d connections are MPTCP", capable, wanted));
	else if (capable + joined != wanted * mesh && !r->plan->definition->uneven_paths)
		mark(marks,
			text_format("mptcp: %d of %d subflows", capable + joined, wanted * mesh));
}

/* Transfers are over before their subflows are many: that each was MPTCP is all there is to say.
 * Who connects says it: on a network that fails its last word may never come to the other end. */
static void check_mptcp_transfers(const struct run *r, json_t *marks)
{
	const struct run_host *h = &r->hosts[FROM];
	int wanted = transfers_connected(r);
	int capable =
		(int)mib_difference(h->mib_before, h->mib_after, "MPTcpExt", "MPCapableSYNACKRX");
	if (capable < wanted)
		mark(marks, text_format("mptcp: %d of %d transfers are MPTCP", capable, wanted));
}

static void check_congestion_control(const struct run *r, json_t *marks)
{
	const char *wanted = r->plan->definition->workload.congestion_control;
	size_t i;
	json_t *socket;
	json_array_foreach (r->connections, i, socket) {
		const char *got = json_string_value(json_object_get(socket, "congestion_control"));
		if (strcmp(got, wanted) == 0)
			continue;
		mark(marks, text_format("congestion control differs: %s, not %s", got, wanted));
		return;
	}
	/* Transfers may all be over whenever we look. */
	if (json_array_size(r->connections) == 0 &&
		r->plan->definition->workload.kind != WORKLOAD_TRANSFERS)
		mark(marks,
			text_format("congestion control not seen: no data connection was found"));
}

/* "10.0.1.2:5301", "udp 10.0.1.2:5301": whether the port at its end is this one. */
static bool has_port(const json_t *session, const char *key, int from, int count)
{
	const char *endpoint = json_string_value(json_object_get(session, key));
	const char *colon = endpoint ? strrchr(endpoint, ':') : NULL;
	int port = colon ? atoi(colon + 1) : 0;
	return port >= from && port < from + count;
}

/* How many of the data connections mpipd has as sessions over several paths. With MPTCP the ports
 * of further subflows are any; the control connection is then told by its being alone without them.
 */
static int multipath_sessions(const struct run *r)
{
	const char *protocol = r->plan->definition->workload.tcp ? "tcp" : "udp";
	int count = 0;
	size_t i;
	json_t *session;
	json_array_foreach (json_object_get(r->hosts[FROM].sessions, "sessions"), i, session) {
		const char *got = json_string_value(json_object_get(session, "protocol"));
		const char *state = json_string_value(json_object_get(session, "state"));
		if (!got || !state || strcmp(got, protocol) != 0 || strcmp(state, "multipath") != 0)
			continue;
		if (!has_port(session, "dst", WORKLOAD_SERVER_PORT, 1))
			continue;
		size_t k;
		json_t *socket;
		bool data = has_port(session, "src", WORKLOAD_DATA_PORT, connections_wanted(r));
		json_array_foreach (r->connections, k, socket) {
			int port = (int)json_integer_value(json_object_get(socket, "src_port"));
			data = data || has_port(session, "src", port, 1);
		}
		count += data;
	}
	return count;
}

static void check_sessions(const struct run *r, json_t *marks)
{
	int mesh = r->plan->contestant->mptcp ? marks_full_mesh(r) : 1;
	int wanted = connections_wanted(r) * mesh, got = multipath_sessions(r);
	if (got == wanted)
		return;
	if (wanted == 1)
		mark(marks, text_format("mpip: session not multipath"));
	else
		mark(marks, text_format("mpip: %d of %d sessions multipath", got, wanted));
}

/* The one UDP flow of a call or a QUIC connection, as a session over several paths. */
static void check_flow(const struct run *r, int port, const char *whose, json_t *marks)
{
	size_t i;
	json_t *session;
	json_array_foreach (json_object_get(r->hosts[FROM].sessions, "sessions"), i, session) {
		const char *state = json_string_value(json_object_get(session, "state"));
		if (has_port(session, "dst", port, 1) && state && strcmp(state, "multipath") == 0)
			return;
	}
	mark(marks, text_format("mpip: the %s's session not multipath", whose));
}

/* Of ngtcp2's congestion controls BBR alone sets a pacing rate. */
static void check_quic(const struct run *r, json_t *marks)
{
	const struct workload *w = &r->plan->definition->workload;
	bool wants_bbr = strcmp(w->congestion_control, "bbr") == 0;
	const char *name;
	json_t *end;
	json_object_foreach (json_object_get(r->quic, "ends"), name, end)
		if ((json_number_at(end, "/pacing_mbit") > 0) != wants_bbr)
			mark(marks,
				text_format(
					"congestion control differs: %s's does %space by a rate "
					"of its own",
					name, wants_bbr ? "not " : ""));
	double lost_s = json_number_at(r->quic, "/lost_s");
	if (!isnan(lost_s))
		mark(marks, text_format("the connection was lost after %.1f s: %s", lost_s,
				    json_string_value(json_object_get(r->quic, "why_lost"))));
	if (w->quic.requests && !(json_number_at(r->quic, "/requests/count") > 0))
		mark(marks, text_format("no request was made in the measured part"));
	for (int i = 0; w->quic.bulk_bytes && i < DIRECTION_BOTH; i++) {
		const json_t *way = json_object_get(r->quic, direction_names[i]);
		if (json_is_object(way) && isnan(json_number_at(way, "/completion_ms")))
			mark(marks, text_format("bulk transfer, %s: not done in its time",
					    direction_names[i]));
	}
}

static void check_nics(const json_t *result, json_t *marks)
{
	double share = links_smallest_share(json_object_get(result, "links"));
	if (share < DATA_SHARE)
		mark(marks,
			text_format("a NIC carried only %.1f %% of its host's bytes", 100 * share));
}

json_t *marks_of(const struct run *r, const json_t *result)
{
	const struct definition *d = r->plan->definition;
	const struct contestant *c = r->plan->contestant;
	json_t *marks = json_array();
	bool transfers = d->workload.kind == WORKLOAD_TRANSFERS;
	if (c->mptcp)
		(transfers ? check_mptcp_transfers : check_subflows)(r, marks);
	if (d->workload.tcp)
		check_congestion_control(r, marks);
	bool many = d->workload.kind == WORKLOAD_CONNECTIONS;
	if (c->mpipd && (d->workload.iperf || many))
		check_sessions(r, marks);
	if (c->mpipd && d->workload.kind == WORKLOAD_CALL)
		check_flow(r, CALL_PORT, "call", marks);
	if (c->mpipd && d->workload.kind == WORKLOAD_QUIC)
		check_flow(r, QUIC_PORT, "QUIC connection", marks);
	if (d->workload.kind == WORKLOAD_QUIC)
		check_quic(r, marks);
	/* With so little to carry one NIC may well do. */
	bool little =
		many || transfers || (d->workload.kind == WORKLOAD_QUIC && !d->workload.quic.bulk);
	if ((c->mptcp || c->mpipd) && !little && !d->uneven_paths)
		check_nics(result, marks);
	int seconds = (int)json_array_size(json_object_get(result, "series"));
	if (seconds != d->duration_s)
		mark(marks, text_format("the receiver reported %d of %d seconds", seconds,
				    d->duration_s));
	return marks;
}
