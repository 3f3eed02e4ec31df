// SPDX-License-Identifier: BSD-2-Clause
/*
 * Scenarios and labs for people to read.
 *
 * Theory of operation
 * -------------------
 * The drawing goes router by router: hosts of the first half of the file stand on the left, the
 * others on the right, and a row has one link of either side; so the usual case, two hosts and one
 * router, looks as one would draw it. A table is printed twice, the first time to measure.
 */

#include "lab/show.h"

#include "lab/build/call.h"
#include "lab/build/lab.h"
#include "lab/scenario/events.h"
#include "mpip/base/error.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- the drawing ---- */

/* "host.nic address", the end across the link from `port`. */
static char *across_text(const struct scenario *s, struct end port)
{
	struct end across = scenario_across(s, port);
	char *name = scenario_end_name(s, across), address[INET_ADDRSTRLEN];
	const struct nic *nic = scenario_nic(s, across);
	inet_ntop(AF_INET, &nic->address, address, sizeof(address));
	char *text = text_format("%s %s/%d", name, address, nic->prefix);
	free(name);
	return text;
}

static char *link_text(const struct lab_link *l)
{
	char *up = shape_text(&l->up), *down = shape_text(&l->down);
	char *text = strcmp(up, down) == 0 ? text_format("%s", up)
					   : text_format("up %s; down %s", up, down);
	free(up);
	free(down);
	return text;
}

static void line(FILE *out, char c, int n)
{
	while (n-- > 0)
		fputc(c, out);
}

struct side {
	struct end *ports; /* the router's */
	int n, across_width, link_width, port_width;
};

static int wider(int width, char *text)
{
	int n = (int)strlen(text);
	free(text);
	return n > width ? n : width;
}

/* What is to the left of a router: hosts of the first half of the file, and routers that its links
 * come from. */
static bool is_left(const struct scenario *s, struct end port)
{
	struct end across = scenario_across(s, port);
	if (!s->nodes[across.node].router)
		return across.node < (s->n_hosts + 1) / 2;
	return s->links[scenario_nic(s, port)->link].far.node == port.node;
}

static const struct lab_link *link_of(const struct scenario *s, struct end port)
{
	return &s->links[scenario_nic(s, port)->link];
}

/* The ports of router `node` to the left or to the right. */
static struct side side_of(const struct scenario *s, size_t node, bool left)
{
	const struct node *router = &s->nodes[node];
	struct side side = {.ports = calloc(router->n_nics, sizeof(*side.ports))};
	if (!side.ports)
		abort();
	for (size_t i = 0; i < router->n_nics; i++) {
		struct end port = {node, i};
		if (is_left(s, port) != left)
			continue;
		side.ports[side.n++] = port;
		side.across_width = wider(side.across_width, across_text(s, port));
		side.link_width = wider(side.link_width, link_text(link_of(s, port)));
		side.port_width =
			wider(side.port_width, text_format("%s", scenario_nic(s, port)->name));
	}
	return side;
}

static void draw_router(FILE *out, const struct scenario *s, size_t node)
{
	struct side left = side_of(s, node, true), right = side_of(s, node, false);
	int indent = left.n > 0 ? left.across_width + left.link_width + 10 : 1;
	int inside = left.port_width + right.port_width + 6;
	int name = (int)strlen(s->nodes[node].name);
	if (inside < name + 2)
		inside = name + 2;

	line(out, ' ', indent);
	fputc('+', out);
	line(out, '-', inside);
	fputs("+\n", out);
	line(out, ' ', indent);
	fprintf(out, "|%*s%s%*s|\n", (inside - name) / 2, "", s->nodes[node].name,
		inside - name - (inside - name) / 2, "");
	for (int i = 0; i < left.n || i < right.n; i++) {
		if (i < left.n) {
			char *host = across_text(s, left.ports[i]),
			     *text = link_text(link_of(s, left.ports[i]));
			fprintf(out, " %-*s --- %s ", left.across_width, host, text);
			line(out, '-', left.link_width - (int)strlen(text) + 3);
			free(host);
			free(text);
		} else {
			line(out, ' ', indent);
		}
		const char *a = i < left.n ? scenario_nic(s, left.ports[i])->name : "";
		const char *b = i < right.n ? scenario_nic(s, right.ports[i])->name : "";
		fprintf(out, "| %-*s%*s |", left.port_width, a, inside - 2 - left.port_width, b);
		if (i < right.n) {
			char *host = across_text(s, right.ports[i]),
			     *text = link_text(link_of(s, right.ports[i]));
			fputs("--- ", out);
			fputs(text, out);
			fputc(' ', out);
			line(out, '-', right.link_width - (int)strlen(text) + 3);
			fprintf(out, " %s", host);
			free(host);
			free(text);
		}
		fputc('\n', out);
	}
	line(out, ' ', indent);
	fputc('+', out);
	line(out, '-', inside);
	fputs("+\n", out);
	if (node_has_rules(&s->nodes[node])) {
		char *rules = rules_text(&s->nodes[node]);
		line(out, ' ', indent);
		fprintf(out, " %s", rules);
		const char *before = "; outside: ";
		for (size_t i = 0; i < s->nodes[node].n_nics; i++) {
			if (!s->nodes[node].nics[i].outside)
				continue;
			fprintf(out, "%s%s", before, s->nodes[node].nics[i].name);
			before = ", ";
		}
		fputc('\n', out);
		free(rules);
	}
	free(left.ports);
	free(right.ports);
}

void show_drawing(FILE *out, const struct scenario *s)
{
	if (*s->about)
		fprintf(out, "%s\n", s->about);
	if (s->super_packets)
		fputs("Interfaces carry super-packets (GSO and TSO are on).\n", out);
	for (size_t n = s->n_hosts; n < s->n_nodes; n++) {
		fputc('\n', out);
		draw_router(out, s, n);
	}
	if (s->n_events > 0)
		fputs("\nEvents:\n", out);
	for (size_t i = 0; i < s->n_events; i++) {
		char *text = event_text(s, &s->events[i]);
		fprintf(out, "%9.3f s  %s\n", (double)s->events[i].at_us / 1e6, text);
		free(text);
	}
}

/* ---- the status ---- */

json_t *show_status_json(const char *name, char **error)
{
	const char *state = lab_state(name);
	if (strcmp(state, "none") == 0) {
		scenario_free(lab_scenario(name, error)); /* says which there are */
		error_set(error, "there is no lab %s", name);
		return NULL;
	}
	char *who = NULL;
	enum lab_whose whose = lab_whose(name, &who);
	json_t *out = json_pack("{s:s, s:s, s:s}", "name", name, "state",
		whose == LAB_LEFT ? "left" : state, "owner", who);
	free(who);
	if (whose == LAB_LEFT || strcmp(state, "up") != 0)
		return out;

	struct scenario *s = lab_scenario(name, error);
	json_t *counters = s ? lab_counters(name, error) : NULL;
	json_t *processes = counters ? lab_processes(name, error) : NULL;
	json_t *origin = lab_origin(name);
	if (!processes) {
		json_decref(out);
		out = NULL;
	} else {
		if (origin)
			json_object_update(out, origin);
		json_object_set(out, "scenario", s->source);
		json_object_set(out, "counters", counters);
		json_object_set(out, "processes", processes);
	}
	json_decref(origin);
	json_decref(processes);
	json_decref(counters);
	scenario_free(s);
	return out;
}

#define COLUMNS_MAX 10

/* Cells of a table, row by row; freed by table_print(). */
struct table {
	const char *align; /* one 'l' or 'r' per column */
	char **cells;
	size_t n_cells;
};

static void cell(struct table *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void cell(struct table *t, const char *format, ...)
{
	t->cells = realloc(t->cells, (t->n_cells + 1) * sizeof(*t->cells));
	va_list ap;
	va_start(ap, format);
	if (!t->cells || vasprintf(&t->cells[t->n_cells++], format, ap) < 0)
		abort();
	va_end(ap);
}

static void table_print(FILE *out, struct table *t)
{
	size_t columns = strlen(t->align);
	int width[COLUMNS_MAX] = {0};
	for (size_t i = 0; i < t->n_cells; i++) {
		int n = (int)strlen(t->cells[i]);
		if (n > width[i % columns])
			width[i % columns] = n;
	}
	for (size_t i = 0; i < t->n_cells; i++) {
		size_t column = i % columns;
		bool last = column + 1 == columns;
		if (t->align[column] == 'r')
			fprintf(out, "  %*s", width[column], t->cells[i]);
		else
			fprintf(out, "  %-*s", last ? 0 : width[column], t->cells[i]);
		if (last)
			fputc('\n', out);
		free(t->cells[i]);
	}
	free(t->cells);
}

static void header(struct table *t, const char *const *names)
{
	for (size_t i = 0; names[i]; i++)
		cell(t, "%s", names[i]);
}

static json_int_t integer(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static void show_nics(FILE *out, const struct scenario *s)
{
	static const char *const names[] = {
		"HOST", "NIC", "ADDRESS", "MAC", "ACROSS THE LINK", NULL};
	struct table t = {.align = "lllll"};
	header(&t, names);
	for (size_t n = 0; n < s->n_nodes; n++) {
		for (size_t i = 0; i < s->nodes[n].n_nics; i++) {
			const struct nic *nic = &s->nodes[n].nics[i];
			char address[INET_ADDRSTRLEN];
			inet_ntop(AF_INET, &nic->address, address, sizeof(address));
			char *across = scenario_end_name(s, scenario_across(s, (struct end){n, i}));
			cell(&t, "%s", s->nodes[n].name);
			cell(&t, "%s", nic->name);
			cell(&t, "%s/%d", address, nic->prefix);
			cell(&t, "%02x:%02x:%02x:%02x:%02x:%02x", nic->mac[0], nic->mac[1],
				nic->mac[2], nic->mac[3], nic->mac[4], nic->mac[5]);
			cell(&t, "%s", across);
			free(across);
		}
	}
	table_print(out, &t);
}

static void show_direction(struct table *t, const struct scenario *s, struct end from,
	struct end to, const struct shape *shape, const json_t *counters)
{
	char *a = scenario_end_name(s, from), *b = scenario_end_name(s, to);
	char *text = shape_text(shape);
	cell(t, "%s", a);
	cell(t, "%s", b);
	cell(t, "%s", text);
	cell(t, "%" JSON_INTEGER_FORMAT, integer(counters, "packets"));
	cell(t, "%" JSON_INTEGER_FORMAT, integer(counters, "bytes"));
	cell(t, "%" JSON_INTEGER_FORMAT, integer(counters, "drops"));
	cell(t, "%" JSON_INTEGER_FORMAT, integer(counters, "backlog_packets"));
	free(a);
	free(b);
	free(text);
}

static void show_links(FILE *out, const struct scenario *s, const json_t *counters)
{
	static const char *const names[] = {
		"FROM", "TO", "LINK", "PACKETS", "BYTES", "DROPS", "QUEUED", NULL};
	struct table t = {.align = "lllrrrr"};
	header(&t, names);
	for (size_t i = 0; i < s->n_links; i++) {
		const struct lab_link *l = &s->links[i];
		const json_t *one = json_array_get(json_object_get(counters, "links"), i);
		show_direction(&t, s, l->near, l->far, &l->up, json_object_get(one, "up"));
		show_direction(&t, s, l->far, l->near, &l->down, json_object_get(one, "down"));
	}
	table_print(out, &t);
}

static void show_rules(FILE *out, const struct scenario *s, const json_t *counters)
{
	static const char *const names[] = {
		"ROUTER", "UNSOLICITED", "INVALID", "UNKNOWN TCP", "UDP", "RULES", NULL};
	const json_t *routers = json_object_get(counters, "routers");
	if (json_array_size(routers) == 0)
		return;
	struct table t = {.align = "lrrrrl"};
	header(&t, names);
	for (size_t i = 0; i < json_array_size(routers); i++) {
		const json_t *one = json_array_get(routers, i);
		const char *name = json_string_value(json_object_get(one, "name"));
		const json_t *dropped = json_object_get(one, "dropped");
		char *rules = rules_text(scenario_node(s, name));
		cell(&t, "%s", name);
		for (size_t k = 0; k < FIREWALL_KINDS; k++)
			cell(&t, "%" JSON_INTEGER_FORMAT, integer(dropped, firewall_names[k]));
		cell(&t, "%s", rules);
		free(rules);
	}
	fputs("\nPackets that NATs and firewalls have dropped:\n", out);
	table_print(out, &t);
}

static void show_processes(FILE *out, const json_t *processes)
{
	static const char *const names[] = {"HOST", "PID", "COMMAND", NULL};
	if (json_array_size(processes) == 0)
		return;
	struct table t = {.align = "lrl"};
	header(&t, names);
	for (size_t i = 0; i < json_array_size(processes); i++) {
		const json_t *one = json_array_get(processes, i);
		cell(&t, "%s", json_string_value(json_object_get(one, "host")));
		cell(&t, "%" JSON_INTEGER_FORMAT, integer(one, "pid"));
		cell(&t, "%s", json_string_value(json_object_get(one, "command")));
	}
	fputc('\n', out);
	table_print(out, &t);
}

static void show_not_up(FILE *out, const char *name, const char *state, const char *owner)
{
	char *down = call_of("down", name);
	if (strcmp(state, "busy") == 0)
		fprintf(out, "lab %s: is being built or taken down right now\n", name);
	else if (strcmp(state, "left") == 0)
		fprintf(out, "lab %s: left behind by %s, which has ended; to take it down: %s\n",
			name, owner, down);
	else
		fprintf(out, "lab %s: half built, its builder was killed; to take it down: %s\n",
			name, down);
	free(down);
}

int show_status(FILE *out, const char *name, char **error)
{
	json_t *status = show_status_json(name, error);
	if (!status)
		return -1;
	const char *state = json_string_value(json_object_get(status, "state"));
	const char *owner = json_string_value(json_object_get(status, "owner"));
	if (strcmp(state, "up") != 0) {
		show_not_up(out, name, state, owner);
		json_decref(status);
		return 0;
	}

	struct scenario *s = lab_scenario(name, error);
	if (!s) {
		json_decref(status);
		return -1;
	}
	time_t since = (time_t)integer(status, "since");
	char when[32];
	strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S", localtime(&since));
	fprintf(out, "lab %s: up since %s, from %s%s%s%s\n\n", name, when,
		json_string_value(json_object_get(status, "scenario_file")),
		s->super_packets ? ", with super-packets" : "", *owner ? ", by " : "", owner);
	show_nics(out, s);
	fputc('\n', out);
	show_links(out, s, json_object_get(status, "counters"));
	show_rules(out, s, json_object_get(status, "counters"));
	show_processes(out, json_object_get(status, "processes"));
	scenario_free(s);
	json_decref(status);
	return 0;
}
