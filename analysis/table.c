// SPDX-License-Identifier: BSD-2-Clause
/*
 * The table.
 *
 * Theory of operation
 * -------------------
 * Each cell is text first; then the columns get the width of their widest cell. What does not exist
 * is a dash: a confidence interval of one run, a ratio without plain, a value that the paper lacks.
 */

#include "analysis/table.h"

#include "analysis/stats.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

enum {
	NAME,
	RUNS,
	GOODPUT,
	CI,
	RATIO,
	BENEFIT,
	SHARES,
	LOST,
	BUSY,
	WITNESS,
	OTHERS,
	DAEMON,
	PAPER,
	PAPER_RATIO,
	COLUMNS
};
/* Percent of the machine's processors that other work may take without a warning. */
#define DISTURBED 10

#define CELL 96
#define ROWS 64

struct table {
	char cells[ROWS][COLUMNS][CELL];
	size_t rows;
};

/* Sets a cell of the row under way. */
#define SET(t, column, ...) snprintf((t)->cells[(t)->rows][column], CELL, __VA_ARGS__)

/* A number, or a dash. */
static void set_number(struct table *t, int column, const char *format, double value)
{
	if (isnan(value))
		SET(t, column, "-");
	else
		SET(t, column, format, value);
}

static void head(struct table *t, bool udp)
{
	static const char *const names[2][COLUMNS] = {
		{"contestant", "runs", "goodput", "95 % CI", "ratio to", "aggregation", "bytes per",
			"retrans-", "machine", "witness", "others", "mpipd", "paper", "paper:"},
		{"", "", "Mbit/s", "+-", "plain", "benefit", "NIC, %", "mitted, %", "busy, %",
			"p99, ms", "busy, %", "CPU, %", "Mbit/s", "ratio"},
	};
	for (size_t row = 0; row < 2; row++, t->rows++)
		for (int c = 0; c < COLUMNS; c++)
			SET(t, c, "%s", names[row][c]);
	if (udp) {
		snprintf(t->cells[0][LOST], CELL, "datagrams");
		snprintf(t->cells[1][LOST], CELL, "lost, %%");
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
	char cell[CELL] = "";
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
		snprintf(cell + used, CELL - used, "%s%.0f", used ? "/" : "",
			100 * share / (double)c->count);
	}
	SET(t, SHARES, "%s", cell);
}

/* With `plain` as what each of the sender's links carries alone; only where links are shaped, and
 * so alike to all contestants. */
static double benefit(const struct contestant_results *c, const struct contestant_results *plain)
{
	if (!plain || plain->count == 0 || c->count == 0)
		return NAN;
	const json_t *links = json_pointer(c->runs[0], "/provenance/counters/after/links");
	const char *kind = json_string_value(json_pointer(json_array_get(links, 0), "/up/kind"));
	if (!kind || strcmp(kind, "none") == 0)
		return NAN;

	double alone[16];
	size_t i, nics = 0;
	json_t *nic;
	json_array_foreach (json_pointer(c->runs[0], "/links/nics"), i, nic)
		if (is_nic_of(nic, sender(c->runs[0])) && nics < 16)
			alone[nics++] = plain->mean;
	return stats_aggregation_benefit(c->mean, alone, nics);
}

static void row(struct table *t, const struct results *r, const struct contestant_results *c)
{
	const struct contestant_results *plain = results_find(r, "plain");
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
	set_number(t, GOODPUT, "%.1f", c->mean);
	set_number(t, CI, "%.1f", c->ci95);
	set_number(t, RATIO, "%.2f", plain ? c->mean / plain->mean : NAN);
	set_number(t, BENEFIT, "%.2f", benefit(c, plain));
	set_shares(t, c);
	set_number(t, LOST, "%.2f", mean_of(c, lost));
	set_number(t, BUSY, "%.0f", mean_of(c, machine_busy));
	set_number(t, WITNESS, "%.3f", mean_of(c, witness_p99));
	set_number(t, OTHERS, "%.0f", mean_of(c, others_busy));
	set_number(t, DAEMON, "%.0f", daemon ? mean_of(c, daemons_busy) : NAN);
	set_number(t, PAPER, "%.1f", c->paper);
	set_number(t, PAPER_RATIO, "%.2f", plain ? c->paper / plain->paper : NAN);
	t->rows++;
}

static void print(const struct table *t, FILE *out)
{
	int width[COLUMNS] = {0};
	for (size_t i = 0; i < t->rows; i++)
		for (int c = 0; c < COLUMNS; c++)
			if ((int)strlen(t->cells[i][c]) > width[c])
				width[c] = (int)strlen(t->cells[i][c]);
	for (size_t i = 0; i < t->rows; i++) {
		for (int c = 0; c < COLUMNS; c++)
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

static bool is_udp(const struct results *r)
{
	return json_is_object(json_object_get(json_array_get(r->all, 0), "udp"));
}

void table_print(const struct results *r, FILE *out)
{
	static struct table t;
	t = (struct table){0};
	head(&t, is_udp(r));
	for (size_t i = 0; i < r->count && t.rows < ROWS; i++)
		row(&t, r, &r->contestants[i]);

	fprintf(out, "%s: %s\n%d s after %d s of warm-up; ground: %s%s%s\n\n", r->experiment,
		r->title, r->duration_s, r->warm_up_s, r->ground,
		r->wire_form[0] ? "; wire form: " : "", r->wire_form);
	print(&t, out);
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
