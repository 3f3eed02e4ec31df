// SPDX-License-Identifier: BSD-2-Clause
/*
 * Writing down a run.
 *
 * Theory of operation
 * -------------------
 * Everything a run has gathered becomes one JSON object; experiments/result.schema.json is its
 * definition. All times in it are seconds since the end of the warm-up, so that everything lies on
 * one axis: the receiver's series, the router's counters, mpipd's path log.
 */

#include "experiments/probe/mib.h"
#include "experiments/runner/arrived.h"
#include "experiments/runner/links.h"
#include "experiments/runner/marks.h"
#include "experiments/runner/run.h"
#include "mpip/base/files.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A session with less than this part of the bytes is iperf3's control connection. */
#define DATA_SESSION 0.01

/* From here on a processor is full. */
#define BUSY_LIMIT 0.9

static json_t *number_or_null(bool have, double value)
{
	return have ? json_real(value) : json_null();
}

static json_t *text_or_null(const char *value)
{
	return value ? json_string(value) : json_null();
}

/* What both ends received, second by second; with data both ways, the sums. */
static json_t *series_of(const struct run *r)
{
	const json_t *a = r->reports[FROM].series, *b = r->reports[TO].series;
	size_t count =
		json_array_size(a) > json_array_size(b) ? json_array_size(a) : json_array_size(b);
	json_t *series = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(series, json_real(json_number_value(json_array_get(a, i)) +
							json_number_value(json_array_get(b, i))));
	return series;
}

static double goodput_of(const struct iperf_report *report)
{
	return report->seconds > 0 ? report->bytes * 8e-6 / report->seconds : 0;
}

/* Lost is what was sent and not received; a datagram that is late by the end of the measured part
 * may make that one less than none. */
static json_t *udp_of(const struct run *r)
{
	const struct workload *w = &r->plan->definition->workload;
	if (w->kind != WORKLOAD_UDP)
		return json_null();
	json_int_t datagrams = 0, received = 0, overflowed = 0;
	double jitter_ms = 0;
	for (int i = 0; i < HOSTS; i++) {
		const struct run_host *h = &r->hosts[i];
		datagrams += r->reports[i].datagrams;
		received += (json_int_t)(r->reports[i].bytes / w->datagram_bytes);
		jitter_ms = fmax(jitter_ms, r->reports[i].jitter_ms);
		overflowed += mib_difference(h->mib_before, h->mib_after, "Udp", "RcvbufErrors");
	}
	return json_pack("{s:f, s:I, s:I, s:I, s:f}", "offered_mbit", w->rate_mbit, "datagrams",
		datagrams, "lost_datagrams", datagrams > received ? datagrams - received : 0,
		"dropped_at_receiving_socket", overflowed, "jitter_ms", jitter_ms);
}

/* A path of a session in a log: its first and its last row. */
struct logged_path {
	const struct path_row *first, *last;
};

/* Every path in the log, in the order of its first row. Free with free(). */
static struct logged_path *paths_in(const struct path_log *log, size_t *count)
{
	struct logged_path *all = NULL;
	*count = 0;
	for (size_t i = 0; i < log->count; i++) {
		const struct path_row *row = &log->rows[i];
		size_t k = 0;
		while (k < *count &&
			(all[k].first->session != row->session || all[k].first->path != row->path))
			k++;
		if (k == *count) {
			all = reallocarray(all, ++*count, sizeof(*all));
			if (!all)
				abort();
			all[k].first = row;
		}
		all[k].last = row;
	}
	return all;
}

/* One path of one session over time. */
static json_t *path_of(const struct run *r, const struct run_host *h, const struct path_row *which)
{
	json_t *time = json_array(), *weight = json_array(), *delay = json_array();
	json_t *queuing = json_array(), *usable = json_array(), *sent = json_array();
	const struct path_row *first = which, *last = which;
	for (size_t i = 0; i < h->log.count; i++) {
		const struct path_row *row = &h->log.rows[i];
		if (row->session != which->session || row->path != which->path)
			continue;
		if (row->time_us <= run_zero_us(r))
			first = row;
		if (row->time_us <=
			run_zero_us(r) + (int64_t)r->plan->definition->duration_s * 1000000)
			last = row;
		json_array_append_new(
			time, json_real((double)(row->time_us - run_zero_us(r)) / 1e6));
		json_array_append_new(weight, json_integer(row->weight));
		json_array_append_new(delay, json_real((double)row->delay_us / 1e3));
		json_array_append_new(queuing, json_real((double)row->queuing_us / 1e3));
		json_array_append_new(usable, json_boolean(row->usable));
		json_array_append_new(sent, json_integer(row->sent_bytes));
	}
	return json_pack("{s:s, s:I, s:I, s:s, s:s, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o}",
		"host", h->name, "session", (json_int_t)which->session, "path",
		(json_int_t)which->path, "src", which->src, "dst", which->dst, "bytes",
		(json_int_t)(last->sent_bytes - first->sent_bytes), "packets",
		(json_int_t)(last->sent_packets - first->sent_packets), "time_s", time, "weight",
		weight, "one_way_delay_ms", delay, "queuing_delay_ms", queuing, "usable", usable,
		"sent_bytes", sent);
}

/* The paths of a host's data sessions. */
static void add_paths(const struct run *r, const struct run_host *h, json_t *paths)
{
	size_t count;
	struct logged_path *all = paths_in(&h->log, &count);
	int64_t bytes = 0;
	for (size_t i = 0; i < count; i++)
		bytes += all[i].last->sent_bytes;
	for (size_t i = 0; i < count; i++) {
		int64_t session_bytes = 0;
		for (size_t k = 0; k < count; k++)
			if (all[k].first->session == all[i].first->session)
				session_bytes += all[k].last->sent_bytes;
		if ((double)session_bytes >= DATA_SESSION * (double)bytes)
			json_array_append_new(paths, path_of(r, h, all[i].first));
	}
	free(all);
}

static json_t *paths_of(const struct run *r)
{
	enum direction direction = r->plan->definition->workload.direction;
	json_t *paths = json_array();
	if (direction != DIRECTION_REVERSE)
		add_paths(r, &r->hosts[FROM], paths);
	if (direction != DIRECTION_FORWARD)
		add_paths(r, &r->hosts[TO], paths);
	return paths;
}

/* The counters that tell what TCP, UDP and MPTCP did, under the kernel's names. */
static const struct {
	const char *group, *name;
} tcp_counters[] = {
	{"Tcp", "ActiveOpens"},
	{"Tcp", "InSegs"},
	{"Tcp", "OutSegs"},
	{"Tcp", "RetransSegs"},
	{"TcpExt", "TCPLostRetransmit"},
	{"TcpExt", "TCPFastRetrans"},
	{"TcpExt", "TCPSlowStartRetrans"},
	{"TcpExt", "TCPTimeouts"},
	{"TcpExt", "TCPLossProbes"},
	{"TcpExt", "TCPSACKReorder"},
	{"TcpExt", "TCPTSReorder"},
	{"TcpExt", "TCPDSACKRecv"},
	{"TcpExt", "TCPDSACKUndo"},
	{"TcpExt", "TCPFullUndo"},
	{"TcpExt", "TCPOFOQueue"},
	{"TcpExt", "TCPRcvCollapsed"},
	{"TcpExt", "TCPBacklogDrop"},
	{"Udp", "InErrors"},
	{"Udp", "RcvbufErrors"},
	{"Udp", "SndbufErrors"},
};

static json_t *tcp_counters_of(const struct run_host *h)
{
	json_t *counters = json_object();
	for (size_t i = 0; i < sizeof(tcp_counters) / sizeof(tcp_counters[0]); i++) {
		char *name = text_format("%s%s", tcp_counters[i].group, tcp_counters[i].name);
		if (strncmp(tcp_counters[i].name, "TCP", 3) == 0) {
			free(name);
			name = text_format("%s", tcp_counters[i].name);
		}
		json_object_set_new(counters, name,
			json_integer(mib_difference(h->mib_before, h->mib_after,
				tcp_counters[i].group, tcp_counters[i].name)));
		free(name);
	}
	return counters;
}

/* Retransmissions of all senders, from the namespaces' counters: the only ones that know about
 * every subflow. The warm-up is in them. */
static json_t *tcp_of(const struct run *r)
{
	json_int_t again = 0, sent = 0;
	json_t *counters = json_object();
	for (int i = 0; i < HOSTS; i++) {
		const struct run_host *h = &r->hosts[i];
		again += mib_difference(h->mib_before, h->mib_after, "Tcp", "RetransSegs");
		sent += mib_difference(h->mib_before, h->mib_after, "Tcp", "OutSegs");
		json_object_set_new(counters, h->name, tcp_counters_of(h));
	}
	return json_pack("{s:I, s:I, s:o, s:o}", "retransmitted_segments", again, "sent_segments",
		sent, "counters", counters, "connections",
		r->connections ? json_incref(r->connections) : json_array());
}

/* Every MPTCP counter that moved, and the subflows that they add up to. */
static json_t *mptcp_of(const struct run *r)
{
	if (!r->plan->contestant->mptcp)
		return json_null();
	json_t *counters = json_object();
	for (int i = 0; i < HOSTS; i++) {
		const struct run_host *h = &r->hosts[i];
		json_t *moved = json_object();
		const char *name;
		json_t *value;
		json_object_foreach (json_object_get(h->mib_after, "MPTcpExt"), name, value) {
			json_int_t by =
				mib_difference(h->mib_before, h->mib_after, "MPTcpExt", name);
			if (by != 0)
				json_object_set_new(moved, name, json_integer(by));
		}
		json_object_set_new(counters, h->name, moved);
	}
	const struct run_host *to = &r->hosts[TO];
	json_int_t subflows =
		mib_difference(to->mib_before, to->mib_after, "MPTcpExt", "MPCapableACKRX") +
		mib_difference(to->mib_before, to->mib_after, "MPTcpExt", "MPJoinAckRx");
	return json_pack("{s:I, s:i, s:o}", "subflows", subflows, "subflows_of_a_full_mesh",
		marks_full_mesh(r), "counters", counters);
}

static void add_process(json_t *list, const struct child *c, const char *host, double wall_s)
{
	if (c->name)
		json_array_append_new(list,
			json_pack("{s:s, s:s, s:f, s:f}", "program", c->name, "host", host, "cpu_s",
				c->cpu_s, "share", wall_s > 0 ? c->cpu_s / wall_s : 0));
}

/* What the processes used, and how busy the machine was while it was measured, by whatever; null
 * where the processor takes no time. */
static json_t *cpu_of(const struct run *r)
{
	const struct definition *d = r->plan->definition;
	if (d->ground == GROUND_VM && d->gips == 0)
		return json_null();
	double wall_s = (double)(r->ended_us - r->started_us) / 1e6;
	double total_s = r->busy_last.total_s - r->busy_first.total_s;
	double busy_s = r->busy_last.busy_s - r->busy_first.busy_s;
	double interrupts_s = r->busy_last.interrupts_s - r->busy_first.interrupts_s;
	double others_s = busy_s - interrupts_s - (r->ours_last_s - r->ours_first_s);
	json_t *processes = json_array();
	add_process(processes, &r->client, r->hosts[FROM].name, wall_s);
	add_process(processes, &r->server, r->hosts[TO].name, wall_s);
	add_process(processes, &r->caller, r->hosts[FROM].name, wall_s);
	add_process(processes, &r->callee, r->hosts[TO].name, wall_s);
	for (int i = 0; i < HOSTS; i++)
		add_process(processes, &r->hosts[i].mpipd, r->hosts[i].name, wall_s);
	return json_pack("{s:f, s:f, s:o}", "machine_busy_share",
		total_s > 0 ? busy_s / total_s : 0, "others_share",
		total_s > 0 && others_s > 0 ? others_s / total_s : 0, "processes", processes);
}

static json_t *by_host(const struct run *r, json_t *from, json_t *to)
{
	return json_pack("{s:o, s:o}", r->hosts[FROM].name, from ? from : json_null(),
		r->hosts[TO].name, to ? to : json_null());
}

static json_t *provenance_of(const struct run *r)
{
	const struct run_plan *p = r->plan;
	char digest[SHA256_TEXT];
	definition_digest(p->definition, p->contestant, p->rep, digest);
	json_t *all = json_copy(p->provenance);
	json_object_set_new(all, "started", json_string(r->started_utc));
	json_object_set_new(all, "digests",
		json_pack("{s:s, s:s}", "definition", digest, "scenario",
			p->definition->scenario_digest));
	json_object_set_new(
		all, "definition", definition_of_run(p->definition, p->contestant, p->rep));
	json_object_set_new(all, "mpipd_seeds",
		p->contestant->mpipd ? by_host(r, json_integer(r->hosts[FROM].mpipd_seed),
					       json_integer(r->hosts[TO].mpipd_seed))
				     : json_null());
	json_object_set_new(all, "sysctls",
		by_host(r, json_incref(r->hosts[FROM].sysctls), json_incref(r->hosts[TO].sysctls)));
	json_object_set_new(all, "counters",
		json_pack("{s:O, s:O}", "before", r->before.counters, "after", r->after.counters));
	return all;
}

/* mpipd's own tables, as its users see them with mpipctl --json. */
static json_t *mpipd_of(const struct run *r)
{
	const json_t *settings = r->plan->contestant->mpipd;
	if (!settings)
		return json_null();
	json_t *hosts = json_object();
	for (int i = 0; i < HOSTS; i++) {
		/* What each counter means is in the file mpipctl-HOST-stats.json beside this one.
		 */
		json_object_del(r->hosts[i].stats, "about");
		json_object_set_new(hosts, r->hosts[i].name,
			json_pack("{s:O, s:O}", "sessions", r->hosts[i].sessions, "stats",
				r->hosts[i].stats));
	}
	return json_pack("{s:o, s:o, s:o}", "wire_form",
		text_or_null(json_string_value(json_object_get(settings, "wire_form"))),
		"scheduler",
		text_or_null(json_string_value(json_object_get(settings, "scheduler"))), "hosts",
		hosts);
}

/* Why the numbers tell as much about the processor as about the networks; empty when they do not.
 */
static json_t *cpu_limits_of(const struct run *r, const json_t *cpu)
{
	const struct definition *d = r->plan->definition;
	double busy = json_number_value(json_object_get(cpu, "machine_busy_share"));
	json_t *limits = json_array();
	char *line = NULL;
	if (busy >= BUSY_LIMIT) {
		line = text_format("the processor was %.0f %% busy", 100 * busy);
		json_array_append_new(limits, json_string(line));
		free(line);
	}
	if (r->witnessed.p99_ms > d->delays_ms / 10) {
		line = text_format("the witness's p99 is %.3f ms, a tenth of the delays is %.3f ms",
			r->witnessed.p99_ms, d->delays_ms / 10);
		json_array_append_new(limits, json_string(line));
		free(line);
	}
	return limits;
}

json_t *result_of(const struct run *r)
{
	const struct run_plan *p = r->plan;
	const struct definition *d = p->definition;
	double to = goodput_of(&r->reports[TO]), from = goodput_of(&r->reports[FROM]);
	bool both = d->workload.direction == DIRECTION_BOTH;
	json_t *run = definition_of_run(d, p->contestant, p->rep);
	json_t *result = json_pack(
		"{s:i, s:s, s:s, s:s, s:s, s:o, s:s, s:s, s:i, s:I, s:i, s:i, s:O, s:f, s:o, s:o, "
		"s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
		"schema_version", RESULT_VERSION, "experiment", d->name, "title", d->title,
		"contestant", p->contestant->name, "run", r->name, "paper",
		text_or_null(p->contestant->paper), "ground", ground_names[d->ground], "ground_why",
		p->ground_why, "rep", p->rep, "seed", (json_int_t)d->seed, "duration_s",
		d->duration_s, "warm_up_s", d->warm_up_s, "workload",
		json_object_get(run, "workload"), "goodput_mbit", to + from, "goodput_forward_mbit",
		number_or_null(both, to), "goodput_reverse_mbit", number_or_null(both, from),
		"series", series_of(r), "udp", udp_of(r), "paths", paths_of(r), "links",
		links_of(r), "address_pairs", pairs_of(r), "tcp", tcp_of(r), "mptcp", mptcp_of(r),
		"mpipd", mpipd_of(r), "cpu", cpu_of(r));
	json_object_set_new(result, "call", r->call ? json_incref(r->call) : json_null());
	json_object_set_new(result, "quic", r->quic ? json_incref(r->quic) : json_null());
	json_object_set_new(result, "footprint",
		d->workload.kind == WORKLOAD_CONNECTIONS
			? footprint_of(&r->footprint, d->workload.streams, r->reports[TO].bytes)
			: json_null());
	json_object_set_new(
		result, "transfers", r->transfers ? json_incref(r->transfers) : json_null());
	arrived_describe(r, result);
	json_t *clock = json_object_get(json_object_get(run, "contestant"), "clock");
	json_object_set_new(result, "clock", clock ? json_incref(clock) : json_null());
	json_decref(run);
	json_object_set_new(
		result, "cpu_limited", cpu_limits_of(r, json_object_get(result, "cpu")));
	json_object_set_new(result, "witness",
		json_pack("{s:I, s:f, s:f, s:f, s:f}", "datagrams", (json_int_t)r->witnessed.count,
			"p50_ms", r->witnessed.p50_ms, "p90_ms", r->witnessed.p90_ms, "p99_ms",
			r->witnessed.p99_ms, "delays_ms", d->delays_ms));
	json_object_set(result, "losses", r->losses);
	json_object_set_new(result, "digest", json_string(r->digest));
	json_object_set_new(result, "vm", json_null()); /* of a guest's result: guests.c */
	json_object_set_new(result, "marks", marks_of(r, result));
	json_object_set_new(result, "provenance", provenance_of(r));
	return result;
}
