// SPDX-License-Identifier: BSD-2-Clause
/*
 * The table.
 *
 * Theory of operation
 * -------------------
 * Each cell is text first, for the report's page as for a terminal, where the columns get the width
 * of their widest cell. What does not exist is a dash: a confidence interval of one run, a ratio
 * without plain, a value that the paper lacks.
 */

#include "analysis/table.h"

#include "analysis/measures.h"
#include "analysis/stats.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
	NAME,
	RUNS,
	GOODPUT,
	CI,
	SD,
	RATIO,
	BENEFIT,
	SUBFLOWS,
	SHARES,
	LOST,
	BUSY,
	WITNESS,
	OTHERS,
	DAEMON,
	PAPER,
	PAPER_RATIO,
	MEASURES /* from here on: the experiment's own */
};
/* Percent of the machine's processors that other work may take without a warning. */
#define DISTURBED 10

#define OWN_MOST   4
#define LINKS_MOST 16 /* of a host */

/* Experiments that are about something else than goodput, and their measures (measures.h). */
static const struct own_measures {
	const char *experiment;
	struct {
		const char *head[TABLE_HEAD], *measure;
	} of[OWN_MOST];
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

static_assert(MEASURES + OWN_MOST == TABLE_COLUMNS, "a column for each");

static const struct own_measures *own_measures_of(const struct results *r)
{
	for (size_t i = 0; i < sizeof(own_measures) / sizeof(own_measures[0]); i++)
		if (strcmp(own_measures[i].experiment, r->experiment) == 0)
			return &own_measures[i];
	return NULL;
}

/* Sets a cell of the row under way. */
#define SET(t, column, ...) snprintf((t)->cells[(t)->rows][column], TABLE_CELL, __VA_ARGS__)

/* A number, or a dash. */
static void set_number(struct table *t, int column, const char *format, double value)
{
	if (isnan(value))
		SET(t, column, "-");
	else
		SET(t, column, format, value);
}

/* With four digits, or one behind the point where that is more; or a dash. */
static void set_measured(struct table *t, int column, double value)
{
	set_number(t, column,
		fabs(value) < 10    ? "%.3f"
		: fabs(value) < 100 ? "%.2f"
				    : "%.1f",
		value);
}

static void head(struct table *t, bool udp, const struct own_measures *own)
{
	static const char *const names[TABLE_HEAD][MEASURES] = {
		{"contestant", "runs", "goodput,", "95 % CI,", "sd,", "ratio to", "aggregation",
			"subflows", "bytes per", "retrans-", "machine", "witness", "others",
			"mpipd", "paper,", "paper:"},
		{"", "", "Mbit/s", "+-", "Mbit/s", "plain", "benefit", "", "NIC, %", "mitted, %",
			"busy, %", "p99, ms", "busy, %", "CPU, %", "Mbit/s", "ratio"},
	};
	for (size_t row = 0; row < TABLE_HEAD; row++, t->rows++) {
		for (int c = 0; c < MEASURES; c++)
			SET(t, c, "%s", names[row][c]);
		for (size_t i = 0; own && i < OWN_MOST && own->of[i].measure; i++)
			SET(t, MEASURES + (int)i, "%s", own->of[i].head[row]);
	}
	if (udp) {
		snprintf(t->cells[0][LOST], TABLE_CELL, "datagrams");
		snprintf(t->cells[1][LOST], TABLE_CELL, "lost, %%");
	}
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

/* "50/50", of the host that sends. */
static void set_shares(struct table *t, const struct contestant_results *c)
{
	if (c->count == 0) {
		SET(t, SHARES, "-");
		return;
	}
	char cell[TABLE_CELL] = "";
	size_t i;
	json_t *nic;
	json_array_foreach (json_pointer(c->runs[0], "/links/nics"), i, nic) {
		if (!is_nic_of(nic, sender(c->runs[0])))
			continue;
		double share = 0;
		for (size_t k = 0; k < c->count; k++)
			share += json_number_value(json_object_get(
				json_array_get(json_pointer(c->runs[k], "/links/nics"), i),
				"share"));
		size_t used = strlen(cell);
		snprintf(cell + used, TABLE_CELL - used, "%s%.0f", used ? "/" : "",
			100 * share / (double)c->count);
	}
	SET(t, SHARES, "%s", cell);
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
static void most_used_nic(const json_t *run, char name[TABLE_CELL])
{
	double most = -1;
	size_t i;
	json_t *nic;
	json_array_foreach (json_pointer(run, "/links/nics"), i, nic) {
		double share = json_number_value(json_object_get(nic, "share"));
		if (!is_nic_of(nic, sender(run)) || share <= most)
			continue;
		most = share;
		snprintf(name, TABLE_CELL, "%s.%s", sender(run),
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
	char nic[TABLE_CELL] = "";
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

/* The mean of what a measure finds in a contestant's runs, and half its confidence interval. */
static void set_own(
	struct table *t, int column, const struct contestant_results *c, const char *what)
{
	struct stats_estimate e = measure_estimate(c, measure, what);
	if (e.count > 1)
		SET(t, column, "%.4g +- %.2g", e.mean, e.high - e.mean);
	else
		set_number(t, column, "%.4g", e.mean);
}

static void row(struct table *t, const struct results *r, const struct contestant_results *c,
	const struct own_measures *own)
{
	const struct contestant_results *plain = results_plain(r, c);
	bool daemon = c->count && json_is_object(json_object_get(c->runs[0], "mpipd"));
	SET(t, NAME, "%s", c->name);
	if (c->marked_count && c->limited_count)
		SET(t, RUNS, "%zu (%zu limited, %zu marked)", c->count, c->limited_count,
			c->marked_count);
	else if (c->marked_count)
		SET(t, RUNS, "%zu (%zu marked)", c->count, c->marked_count);
	else if (c->limited_count)
		SET(t, RUNS, "%zu (%zu limited)", c->count, c->limited_count);
	else
		SET(t, RUNS, "%zu", c->count);
	set_measured(t, GOODPUT, c->mean);
	set_measured(t, CI, c->ci95);
	set_measured(t, SD, c->count > 1 ? stats_sd(c->goodput, c->count) : NAN);
	set_number(t, RATIO, "%.2f", plain ? c->mean / plain->mean : NAN);
	set_number(t, BENEFIT, "%.2f", benefit(r, c, plain));
	set_number(t, SUBFLOWS, "%.0f", mean_of(c, subflows));
	set_shares(t, c);
	set_number(t, LOST, "%.2f", mean_of(c, lost));
	set_number(t, BUSY, "%.0f", mean_of(c, machine_busy));
	set_number(t, WITNESS, "%.3f", mean_of(c, witness_p99));
	set_number(t, OTHERS, "%.0f", mean_of(c, others_busy));
	set_number(t, DAEMON, "%.0f", daemon ? mean_of(c, daemons_busy) : NAN);
	set_number(t, PAPER, "%.1f", c->paper);
	set_number(t, PAPER_RATIO, "%.2f", plain ? c->paper / plain->paper : NAN);
	for (size_t i = 0; own && i < OWN_MOST && own->of[i].measure; i++)
		set_own(t, MEASURES + (int)i, c, own->of[i].measure);
	t->rows++;
}

/* A column that is a dash for every contestant is left out. */
static void leave_out_dashes(struct table *t)
{
	size_t kept = 0;
	for (size_t c = 0; c < t->columns; c++) {
		bool any = c == NAME;
		for (size_t i = TABLE_HEAD; i < t->rows; i++)
			any = any || strcmp(t->cells[i][c], "-") != 0;
		if (!any)
			continue;
		for (size_t i = 0; kept < c && i < t->rows; i++)
			memcpy(t->cells[i][kept], t->cells[i][c], TABLE_CELL);
		kept++;
	}
	t->columns = kept;
}

struct table *table_build(const struct results *r)
{
	const struct own_measures *own = own_measures_of(r);
	struct table *t = calloc(1, sizeof(*t));
	if (!t)
		abort();
	t->columns = MEASURES;
	while (own && t->columns < TABLE_COLUMNS && own->of[t->columns - MEASURES].measure)
		t->columns++;
	head(t, json_is_object(json_object_get(json_array_get(r->all, 0), "udp")), own);
	for (size_t i = 0; i < r->count && t->rows < TABLE_ROWS; i++)
		row(t, r, &r->contestants[i], own);
	leave_out_dashes(t);
	return t;
}

static void print(const struct table *t, FILE *out)
{
	int width[TABLE_COLUMNS] = {0};
	for (size_t i = 0; i < t->rows; i++)
		for (size_t c = 0; c < t->columns; c++)
			if ((int)strlen(t->cells[i][c]) > width[c])
				width[c] = (int)strlen(t->cells[i][c]);
	for (size_t i = 0; i < t->rows; i++) {
		for (size_t c = 0; c < t->columns; c++)
			fprintf(out, c == NAME ? "%-*s" : "  %*s", width[c], t->cells[i][c]);
		fputc('\n', out);
	}
}

static void print_marked(const struct results *r, FILE *out)
{
	for (size_t i = 0; i < r->count; i++) {
		const struct contestant_results *c = &r->contestants[i];
		for (size_t k = 0; k < c->marked_count; k++) {
			size_t m;
			json_t *mark;
			json_array_foreach (json_object_get(c->marked[k], "marks"), m, mark) {
				fprintf(out, "marked, not averaged: %s (%.1f Mbit/s): %s\n",
					json_string_value(json_object_get(c->marked[k], "run")),
					json_number_value(
						json_object_get(c->marked[k], "goodput_mbit")),
					json_string_value(mark));
			}
		}
	}
}

/* The reasons to doubt a run that is averaged all the same. */
static void print_limits(const json_t *run, FILE *out)
{
	const char *name = json_string_value(json_object_get(run, "run"));
	size_t i;
	json_t *reason, *loss;
	if (results_is_limited(run))
		fprintf(out, "CPU-limited: %s (%.1f Mbit/s)", name,
			json_number_value(json_object_get(run, "goodput_mbit")));
	json_array_foreach (json_object_get(run, "cpu_limited"), i, reason)
		fprintf(out, "%s%s", i ? "; " : ": ", json_string_value(reason));
	if (results_is_limited(run))
		fputc('\n', out);
	json_array_foreach (json_object_get(run, "losses"), i, loss) {
		if (json_is_true(json_object_get(loss, "good")))
			continue;
		fprintf(out,
			"losses: %s: link %s %s: lost %lld of %lld packets, expected %lld to "
			"%lld\n",
			name, json_string_value(json_object_get(loss, "link")),
			json_string_value(json_object_get(loss, "direction")),
			json_integer_value(json_object_get(loss, "lost")),
			json_integer_value(json_object_get(loss, "packets")),
			json_integer_value(json_object_get(loss, "low")),
			json_integer_value(json_object_get(loss, "high")));
	}
}

static void print_caveats(const struct results *r, FILE *out)
{
	if (r->uncalibrated)
		fprintf(out, "uncalibrated: %s\n", r->uncalibrated);
	for (size_t i = 0; i < r->count; i++)
		for (size_t k = 0; k < r->contestants[i].count; k++)
			print_limits(r->contestants[i].runs[k], out);
}

void table_print(const struct results *r, FILE *out)
{
	struct table *t = table_build(r);
	fprintf(out, "%s: %s\n%d s after %d s of warm-up; ground: %s%s%s\n\n", r->experiment,
		r->title, r->duration_s, r->warm_up_s, r->ground,
		r->wire_form[0] ? "; wire form: " : "", r->wire_form);
	print(t, out);
	free(t);
	print_marked(r, out);
	print_caveats(r, out);
	bool disturbed = false;
	for (size_t i = 0; i < r->count; i++)
		disturbed = disturbed || mean_of(&r->contestants[i], others_busy) > DISTURBED;
	if (disturbed)
		fprintf(out,
			"other work kept the machine busy during these runs: believe them only "
			"where the processor was not the limit\n");
	if (r->missing)
		fprintf(out, "%zu runs of this experiment are not done yet\n", r->missing);
}
