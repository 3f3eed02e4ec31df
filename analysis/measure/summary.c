// SPDX-License-Identifier: BSD-2-Clause
/*
 * An experiment in numbers.
 *
 * Theory of operation
 * -------------------
 * All that the table says is computed here, once, for people as for programs. A number that does
 * not exist is null: a confidence interval of one run, a ratio without plain, a value that the
 * paper lacks.
 */

#include "analysis/measure/summary.h"

#include "analysis/measure/measures.h"
#include "analysis/measure/settings.h"
#include "experiments/record/stats.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define LINKS_MOST 16 /* of a host */
#define NIC_MOST   96 /* characters of "client.eth0" */

/* Experiments that are about something else than goodput, and their measures (measures.h). */
static const struct {
	const char *experiment;
	struct summary_measure of[SUMMARY_MEASURES];
} own_measures[] = {
	{"clock-offset", {{{"delay's slope,", "ppm"}, "delay_slope_ppm"},
				 {{"its", "R^2"}, "delay_r2"}, {{"skew found,", "ppm"}, "skew_ppm"},
				 {{"skew set,", "ppm"}, "/clock/skew_ppm"}}},
	{"delay-trend", {{{"queuing delay,", "ms"}, "queuing_ms/1"},
				{{"its deviation,", "ms"}, "queuing_sd_ms/1"}}},
	{"footprint", {{{"memory of a", "connection, B"}, "/footprint/memory_bytes_per_connection"},
			      {{"processor,", "us/Mbyte"}, "/footprint/cpu_us_per_mbyte"}}},
	{"skype-routing", {{{"call's round", "trip, ms"}, "/call/audio/rtt_ms/mean"},
				  {{"deviation of", "goodput, Mbit/s"}, "goodput_sd_mbit"},
				  {{"small packets", "on path 1"}, "small_packet_share/1"},
				  {{"large packets", "on path 1"}, "large_packet_share/1"}}},
	{"weights", {{{"convergence,", "s"}, "convergence_s"},
			    {{"fluctuation", "of weights"}, "weight_fluctuation"}}},
};

/* Those of every experiment whose load are transfers. */
static const struct summary_measure of_transfers[SUMMARY_MEASURES] = {
	{{"completion", "p50, ms"}, "transfer_p50_ms"},
	{{"", "p95, ms"}, "transfer_p95_ms"},
	{{"", "p99, ms"}, "transfer_p99_ms"},
	{{"failed", ""}, "transfers_failed"},
};

/* Those of every experiment whose load is QUIC. */
static const struct summary_measure of_quic[SUMMARY_MEASURES] = {
	{{"requests", "p50, ms"}, "quic_request_p50_ms"},
	{{"", "p95, ms"}, "quic_request_p95_ms"},
	{{"handshake,", "ms"}, "quic_handshake_ms"},
	{{"taken for", "lost, part"}, "quic_lost_share"},
};

const struct summary_measure *summary_measures(const struct results *r)
{
	static const struct summary_measure none;
	const char *experiment = r->experiment;
	const json_t *first = json_array_get(r->all, 0);
	if (json_is_object(json_object_get(first, "transfers")))
		return of_transfers;
	if (json_is_object(json_object_get(first, "quic")))
		return of_quic;
	for (size_t i = 0; i < sizeof(own_measures) / sizeof(own_measures[0]); i++)
		if (strcmp(own_measures[i].experiment, experiment) == 0)
			return own_measures[i].of;
	return &none;
}

/* The mean over a contestant's runs of one number. */
static double mean_of(const struct contestant_results *c, double (*of)(const json_t *run))
{
	double sum = 0;
	for (size_t i = 0; i < c->count; i++)
		sum += of(c->runs[i]);
	return c->count ? sum / (double)c->count : NAN;
}

/* Segments sent again, or datagrams lost. */
static double lost(const json_t *run)
{
	const json_t *udp = json_object_get(run, "udp");
	if (json_is_object(udp)) {
		double all = json_number_value(json_object_get(udp, "datagrams"));
		double gone = json_number_value(json_object_get(udp, "lost_datagrams"));
		return all > 0 ? 100 * gone / all : 0;
	}
	double sent = json_number_value(json_pointer(run, "/tcp/sent_segments"));
	double again = json_number_value(json_pointer(run, "/tcp/retransmitted_segments"));
	return sent > 0 ? 100 * again / sent : 0;
}

/* NAN where the processor takes no time; so are the next ones. */
static double machine_busy(const json_t *run)
{
	return 100 * json_number_at(run, "/cpu/machine_busy_share");
}

/* What the idle link saw; old results and those without a witness have none. */
static double witness_p99(const json_t *run)
{
	return json_number_at(run, "/witness/p99_ms");
}

/* What other work on the machine took. */
static double others_busy(const json_t *run)
{
	return 100 * json_number_at(run, "/cpu/others_share");
}

/* Of one processor, both hosts' mpipd together. */
static double daemons_busy(const json_t *run)
{
	const json_t *processes = json_pointer(run, "/cpu/processes");
	double share = processes ? 0 : NAN;
	size_t i;
	json_t *process;
	json_array_foreach (processes, i, process)
		if (strcmp(json_string_value(json_object_get(process, "program")), "mpipd") == 0)
			share += json_number_value(json_object_get(process, "share"));
	return 100 * share;
}

/* The host that sends; with data both ways, the one that connects. */
static const char *sender(const json_t *run)
{
	const json_t *workload = json_object_get(run, "workload");
	const char *direction = json_string_value(json_object_get(workload, "direction"));
	return json_string_value(
		json_object_get(workload, strcmp(direction, "reverse") == 0 ? "to" : "from"));
}

static bool is_nic_of(const json_t *nic, const char *host)
{
	return strcmp(json_string_value(json_object_get(nic, "host")), host) == 0;
}

/* What each NIC of the host that sends carried of its bytes: a list; NULL without runs. */
static json_t *shares(const struct contestant_results *c)
{
	json_t *list = c->count ? json_array() : NULL, *nic;
	size_t i;
	json_array_foreach (c->count ? json_pointer(c->runs[0], "/links/nics") : NULL, i, nic) {
		if (!is_nic_of(nic, sender(c->runs[0])))
			continue;
		double share = 0;
		for (size_t k = 0; k < c->count; k++)
			share += json_number_value(json_object_get(
				json_array_get(json_pointer(c->runs[k], "/links/nics"), i),
				"share"));
		json_array_append_new(list, json_real(share / (double)c->count));
	}
	return list;
}

/* MPTCP's subflows of all data connections. */
static double subflows(const json_t *run)
{
	return json_number_at(run, "/mptcp/subflows");
}

/* The first end of a calibrated link: "client.eth0". */
static const char *near_end(const json_t *link)
{
	return json_string_value(json_array_get(json_object_get(link, "ends"), 0));
}

static bool is_link_of(const json_t *link, const char *host)
{
	size_t length = strlen(host);
	return strncmp(near_end(link), host, length) == 0 && near_end(link)[length] == '.';
}

/* Whether a link carries the same part of its rate as another: fixed delays do not matter. */
static bool is_like(const json_t *link, const json_t *other)
{
	static const char *const what[] = {
		"/up/deviation_ms/configured", "/up/loss_percent/configured"};
	for (size_t i = 0; i < sizeof(what) / sizeof(what[0]); i++)
		if (!(json_number_at(link, what[i]) == json_number_at(other, what[i])))
			return false;
	return true;
}

/* The NIC that most of a run's bytes left the sender by, "client.eth0". */
static void most_used_nic(const json_t *run, char name[NIC_MOST])
{
	double most = -1;
	size_t i;
	json_t *nic;
	json_array_foreach (json_pointer(run, "/links/nics"), i, nic) {
		double share = json_number_value(json_object_get(nic, "share"));
		if (!is_nic_of(nic, sender(run)) || share <= most)
			continue;
		most = share;
		snprintf(name, NIC_MOST, "%s.%s", sender(run),
			json_string_value(json_object_get(nic, "nic")));
	}
}

/* What each of the sender's links carries alone: what plain does on the link that it takes, and on
 * the others as much more or less as their rates, by calibration, are more or less. Returns how
 * many; 0 where that does not follow: a link is unshaped, has other losses or jitter than the
 * others, or those between routers have rates of their own. */
static size_t carried_alone(
	const struct results *r, const struct contestant_results *plain, double alone[LINKS_MOST])
{
	const json_t *run = plain->runs[0], *taken = NULL;
	const json_t *workload = json_object_get(run, "workload");
	const json_t *links = json_object_get(results_calibration(r, run), "links");
	char nic[NIC_MOST] = "";
	most_used_nic(run, nic);
	size_t i, count = 0;
	json_t *link;
	json_array_foreach (links, i, link) {
		if (strcmp(near_end(link), nic) == 0)
			taken = link;
		if (!is_link_of(link, json_string_value(json_object_get(workload, "from"))) &&
			!is_link_of(link, json_string_value(json_object_get(workload, "to"))) &&
			isfinite(json_number_at(link, "/up/rate_mbit/measured")))
			return 0;
	}
	json_array_foreach (links, i, link) {
		if (!taken || !is_link_of(link, sender(run)) || count == LINKS_MOST)
			continue;
		alone[count] = plain->mean * json_number_at(link, "/up/rate_mbit/measured") /
			       json_number_at(taken, "/up/rate_mbit/measured");
		if (!isfinite(alone[count++]) || !is_like(link, taken))
			return 0;
	}
	return count;
}

/* A load that is less than all links carry cannot show any. */
static double benefit(const struct results *r, const struct contestant_results *c,
	const struct contestant_results *plain)
{
	double alone[LINKS_MOST], sum = 0;
	size_t count = plain ? carried_alone(r, plain, alone) : 0;
	for (size_t i = 0; i < count; i++)
		sum += alone[i];
	double load = plain ? json_number_at(plain->runs[0], "/workload/rate_mbit") : NAN;
	double e = load < sum ? NAN : stats_aggregation_benefit(c->mean, alone, count);
	return fabs(e) < 0.005 ? 0 : e; /* plain's own, but for what rates are measured to */
}

static json_t *real_or_null(double value)
{
	return isfinite(value) ? json_real(value) : json_null();
}

static void set(json_t *row, const char *key, double value)
{
	json_object_set_new(row, key, real_or_null(value));
}

/* The experiment's own measures, and half the width of their intervals. */
static json_t *measures_of(const struct results *r, const struct contestant_results *c)
{
	const struct summary_measure *m = summary_measures(r);
	json_t *all = json_object();
	for (size_t i = 0; i < SUMMARY_MEASURES && m[i].measure; i++) {
		struct stats_estimate e = measure_estimate(c, measure, m[i].measure);
		json_object_set_new(all, m[i].measure,
			json_pack("{s:o, s:o}", "mean", real_or_null(e.count ? e.mean : NAN),
				"ci95", real_or_null(e.count > 1 ? e.high - e.mean : NAN)));
	}
	return all;
}

static json_t *row_of(
	const struct results *r, const struct contestant_results *c, const json_t *settings)
{
	const struct contestant_results *plain = results_plain(r, c);
	bool daemon = c->count && json_is_object(json_object_get(c->runs[0], "mpipd"));
	json_t *row = json_pack("{s:s, s:I, s:I, s:I}", "contestant", c->name, "runs",
		(json_int_t)c->count, "limited_runs", (json_int_t)c->limited_count, "marked_runs",
		(json_int_t)c->marked_count);
	set(row, "goodput_mbit", c->mean);
	set(row, "ci95_mbit", c->ci95);
	set(row, "sd_mbit", c->count > 1 ? stats_sd(c->goodput, c->count) : NAN);
	set(row, "ratio_to_plain", plain ? c->mean / plain->mean : NAN);
	set(row, "aggregation_benefit", benefit(r, c, plain));
	set(row, "subflows", mean_of(c, subflows));
	json_t *nics = shares(c);
	json_object_set_new(row, "nic_shares", nics ? nics : json_null());
	set(row, summary_is_udp(r) ? "lost_percent" : "retransmitted_percent", mean_of(c, lost));
	set(row, "machine_busy_percent", mean_of(c, machine_busy));
	set(row, "witness_p99_ms", mean_of(c, witness_p99));
	set(row, "others_busy_percent", mean_of(c, others_busy));
	set(row, "mpipd_cpu_percent", daemon ? mean_of(c, daemons_busy) : NAN);
	set(row, "paper_mbit", c->paper);
	set(row, "paper_ratio", plain ? c->paper / plain->paper : NAN);
	json_object_set_new(row, "measures", measures_of(r, c));
	json_object_set_new(
		row, "settings", settings ? json_incref((json_t *)settings) : json_object());
	return row;
}

bool summary_is_udp(const struct results *r)
{
	return json_is_object(json_object_get(json_array_get(r->all, 0), "udp"));
}

json_t *summary_build(const struct results *r)
{
	json_t *rows = json_array(), *settings = settings_differing(r);
	for (size_t i = 0; i < r->count; i++)
		json_array_append_new(
			rows, row_of(r, &r->contestants[i],
				      json_object_get(settings, r->contestants[i].name)));
	json_decref(settings);
	return json_pack("{s:s, s:s, s:s, s:s, s:i, s:i, s:I, s:s?, s:s, s:s, s:o}", "experiment",
		r->experiment, "title", r->title, "ground", r->ground, "wire_form", r->wire_form,
		"duration_s", r->duration_s, "warm_up_s", r->warm_up_s, "missing_runs",
		(json_int_t)r->missing, "uncalibrated", r->uncalibrated, "caveats", r->caveats,
		"late", r->late, "contestants", rows);
}
