// SPDX-License-Identifier: BSD-2-Clause
/*
 * mpipd's answers as tables.
 *
 * Theory of operation: a table's columns are picked from the answer's rows by key. What a person
 * wants to see in another form than a program (a connection's ports, why a NIC is not used) is
 * added to the rows under keys of its own first. Rows are sorted by some of their keys, numbers
 * within text by their value, so that addresses and ports stand in the order that one looks for
 * them in.
 */

#include "mpip/mpipctl_show.h"

#include <stdlib.h>
#include <string.h>

struct column {
	const char *key, *title;
};

static const struct column peer_columns[] = {{"node_id", "NODE ID"}, {"addresses", "ADDRESSES"},
	{"wire_port", "WIRE PORT"}, {"sessions", "SESSIONS"}, {"heard_ms_ago", "HEARD MS AGO"},
	{0}};
static const struct column availability_columns[] = {
	{"address", "ADDRESS"}, {"port", "PORT"}, {"mpip", "MPIP"}, {"queries", "QUERIES"}, {0}};
static const struct column session_columns[] = {{"session_id", "SESSION"}, {"protocol", "PROTO"},
	{"src", "SOURCE"}, {"dst", "DESTINATION"}, {"state", "STATE"}, {"wire_form", "WIRE FORM"},
	{"paths_in_use", "IN USE"}, {"sent_bytes", "SENT BYTES"},
	{"received_bytes", "RECEIVED BYTES"}, {"idle_ms", "IDLE MS"}, {"reason", "REASON"}, {0}};
static const struct column path_columns[] = {{"session_id", "SESSION"}, {"protocol", "PROTO"},
	{"ports", "PORTS"}, {"path", "PATH"}, {"src", "SOURCE"}, {"dst", "DESTINATION"},
	{"wire_form", "WIRE FORM"}, {"state", "STATE"}, {"weight", "WEIGHT"},
	{"delay_us", "DELAY US"}, {"min_delay_us", "MIN US"}, {"queuing_us", "QUEUING US"},
	{"max_queuing_us", "MAX QUEUING US"}, {"sent_packets", "PACKETS"}, {"sent_bytes", "BYTES"},
	{0}};
static const struct column policy_columns[] = {{"row", "ROW"}, {"destination", "DESTINATION"},
	{"port", "PORT"}, {"protocol", "PROTO"}, {"start", "START"}, {"end", "END"},
	{"priority", "PRIORITY"}, {0}};
static const struct column nic_columns[] = {
	{"name", "NIC"}, {"address", "ADDRESS"}, {"mtu", "MTU"}, {"used", "USED"}, {0}};

#define COLUMNS_MAX 16

/* --- values --- */

static char *text_of(const json_t *value)
{
	char *text = NULL;
	int n = 0;
	if (json_is_string(value))
		n = asprintf(&text, "%s", json_string_value(value));
	else if (json_is_integer(value))
		n = asprintf(&text, "%lld", (long long)json_integer_value(value));
	else if (json_is_real(value))
		n = asprintf(&text, "%.1f", json_real_value(value));
	else if (json_is_boolean(value))
		n = asprintf(&text, "%s", json_is_true(value) ? "yes" : "no");
	else if (json_is_array(value)) {
		size_t i;
		json_t *item;
		text = strdup("");
		json_array_foreach (value, i, item) {
			char *longer = NULL;
			n = asprintf(
				&longer, "%s%s%s", text, i ? " " : "", json_string_value(item));
			free(text);
			text = longer;
		}
	} else
		n = asprintf(&text, "-");
	if (n < 0 || !text)
		abort();
	return text;
}

static const char *string(const json_t *row, const char *key)
{
	const char *text = json_string_value(json_object_get(row, key));
	return text ? text : "";
}

/* --- sorting --- */

static const char *const *sort_keys; /* of by_keys(); qsort() has no argument for it */

static int by_keys(const void *a, const void *b)
{
	const json_t *x = *(json_t *const *)a, *y = *(json_t *const *)b;
	int order = 0;
	for (const char *const *key = sort_keys; *key && order == 0; key++) {
		char *left = text_of(json_object_get(x, *key));
		char *right = text_of(json_object_get(y, *key));
		order = strverscmp(left, right);
		free(left);
		free(right);
	}
	return order;
}

static void sort_rows(json_t *rows, const char *const *keys)
{
	size_t n = json_array_size(rows);
	json_t **row = calloc(n + 1, sizeof(json_t *));
	if (!row)
		abort();
	for (size_t i = 0; i < n; i++)
		row[i] = json_incref(json_array_get(rows, i));
	sort_keys = keys;
	qsort(row, n, sizeof(json_t *), by_keys);
	json_array_clear(rows);
	for (size_t i = 0; i < n; i++)
		json_array_append_new(rows, row[i]);
	free(row);
}

void show_sort(json_t *answer)
{
	static const struct {
		const char *list, *keys[7];
	} lists[] = {{"sessions", {"protocol", "src", "dst", NULL}},
		{"paths", {"protocol", "connection_src", "connection_dst", "src", "dst", "path"}},
		{"nodes", {"addresses", "node_id"}}, {"availability", {"address", "port"}}};
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		json_t *rows = json_object_get(answer, lists[i].list);
		if (json_is_array(rows))
			sort_rows(rows, lists[i].keys);
	}
}

/* --- tables --- */

/* A table, or the line `none` where it would be empty. */
static void print_table(
	FILE *out, const json_t *rows, const struct column *columns, const char *none)
{
	if (json_array_size(rows) == 0) {
		fprintf(out, "%s\n", none);
		return;
	}
	int width[COLUMNS_MAX] = {0};
	size_t i;
	json_t *row;
	for (int c = 0; columns[c].key; c++) {
		width[c] = (int)strlen(columns[c].title);
		json_array_foreach (rows, i, row) {
			char *text = text_of(json_object_get(row, columns[c].key));
			if ((int)strlen(text) > width[c])
				width[c] = (int)strlen(text);
			free(text);
		}
	}
	for (int c = 0; columns[c].key; c++)
		fprintf(out, "%-*s%s", columns[c + 1].key ? width[c] : 0, columns[c].title,
			columns[c + 1].key ? "  " : "\n");
	json_array_foreach (rows, i, row)
		for (int c = 0; columns[c].key; c++) {
			json_t *value = json_object_get(row, columns[c].key);
			char *text = text_of(value);
			bool last = !columns[c + 1].key;
			bool number = json_is_number(value);
			fprintf(out, number ? "%*s%s" : "%-*s%s", last && !number ? 0 : width[c],
				text, last ? "\n" : "  ");
			free(text);
		}
}

static void print_object(FILE *out, const json_t *object, const json_t *about)
{
	const char *key;
	json_t *value;
	json_object_foreach ((json_t *)object, key, value) {
		char *text = text_of(value);
		const char *note = json_string_value(json_object_get(about, key));
		fprintf(out, "%-28s %14s  %s\n", key, text, note ? note : "");
		free(text);
	}
}

/* Takes the rows of ended connections out, or says in them that it has ended. Returns how many
 * connections went: rows that follow each other and have the same `keys`. */
static size_t settle_ended(json_t *rows, bool all, const char *src, const char *dst)
{
	size_t connections = 0;
	char *last = strdup("");
	for (size_t i = 0; i < json_array_size(rows);) {
		json_t *row = json_array_get(rows, i);
		if (!json_is_true(json_object_get(row, "ended"))) {
			i++;
			continue;
		}
		if (all) {
			json_object_set_new(row, "state", json_string("ended"));
			i++;
			continue;
		}
		char *connection = NULL;
		if (!last || asprintf(&connection, "%s %s", string(row, src), string(row, dst)) < 0)
			abort();
		connections += strcmp(connection, last) != 0;
		free(last);
		last = connection;
		json_array_remove(rows, i);
	}
	free(last);
	return connections;
}

static void print_connections(FILE *out, json_t *rows, const struct column *columns, bool all,
	const char *src, const char *dst, const char *none)
{
	size_t i;
	json_t *row;
	size_t left_out = settle_ended(rows, all, src, dst);
	json_array_foreach (rows, i, row) {
		const char *own = strrchr(string(row, src), ':'),
			   *far = strrchr(string(row, dst), ':');
		if (own && far)
			json_object_set_new(row, "ports", json_sprintf("%s-%s", own + 1, far + 1));
		if (json_integer_value(json_object_get(row, "session_id")) == 0)
			json_object_set_new(row, "session_id", json_null()); /* none yet */
	}
	print_table(out, rows, columns, none);
	if (left_out)
		fprintf(out, "%zu %s not shown; --all shows %s\n", left_out,
			left_out > 1 ? "connections that have ended are"
				     : "connection that has ended is",
			left_out > 1 ? "them" : "it");
}

static void print_status(FILE *out, const json_t *answer)
{
	const char *key;
	json_t *value, *nics = json_object_get(answer, "nics"), *nic;
	json_object_foreach ((json_t *)answer, key, value) {
		if (value == nics)
			continue;
		char *text = text_of(value);
		fprintf(out, "%-10s  %s\n", key, text);
		free(text);
	}
	size_t i;
	json_array_foreach (nics, i, nic) {
		bool used = json_is_true(json_object_get(nic, "usable"));
		const char *reason = string(nic, "reason");
		json_object_set_new(nic, "used",
			json_sprintf("%s%s%s", used ? "yes" : "no",
				!reason[0] ? ""
				: used     ? ", "
					   : ": ",
				reason));
	}
	fputc('\n', out);
	print_table(out, nics, nic_columns, "no NICs");
}

void show_answer(FILE *out, const char *command, json_t *answer, bool all)
{
	if (strcmp(command, "peers") == 0) {
		print_table(out, json_object_get(answer, "nodes"), peer_columns,
			"no node with MPIP is known");
		fputc('\n', out);
		print_table(out, json_object_get(answer, "availability"), availability_columns,
			"no address has been asked yet");
	} else if (strcmp(command, "sessions") == 0) {
		print_connections(out, json_object_get(answer, "sessions"), session_columns, all,
			"src", "dst", "no connections");
	} else if (strcmp(command, "paths") == 0) {
		print_connections(out, json_object_get(answer, "paths"), path_columns, all,
			"connection_src", "connection_dst", "no paths");
	} else if (strcmp(command, "policy") == 0) {
		print_table(
			out, json_object_get(answer, "policies"), policy_columns, "no policies");
	} else if (strcmp(command, "stats") == 0) {
		print_object(
			out, json_object_get(answer, "protocol"), json_object_get(answer, "about"));
		fputc('\n', out);
		print_object(out, json_object_get(answer, "io"), json_object_get(answer, "about"));
	} else {
		print_status(out, answer);
	}
}
