// SPDX-License-Identifier: BSD-2-Clause
/*
 * mpipctl: shows what mpipd does.
 *
 * Theory of operation: one command goes to the control socket, one JSON object comes back. With
 * --json it is printed as it is; else as a table whose columns are picked from its rows by key.
 */

#include "mpip/io/config.h"
#include "mpip/io/control.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct column {
	const char *key, *title;
};

static const struct column peer_columns[] = {{"node_id", "NODE ID"}, {"addresses", "ADDRESSES"},
	{"wire_port", "WIRE PORT"}, {"sessions", "SESSIONS"}, {"heard_ms_ago", "HEARD MS AGO"},
	{0}};
static const struct column availability_columns[] = {
	{"address", "ADDRESS"}, {"port", "PORT"}, {"mpip", "MPIP"}, {"queries", "QUERIES"}, {0}};
static const struct column session_columns[] = {{"session_id", "SESSION"}, {"protocol", "PROTO"},
	{"src", "SOURCE"}, {"dst", "DESTINATION"}, {"state", "STATE"}, {"wire_form", "WIRE"},
	{"paths_in_use", "IN USE"}, {"sent_bytes", "SENT BYTES"},
	{"received_bytes", "RECEIVED BYTES"}, {"idle_ms", "IDLE MS"}, {"reason", "REASON"}, {0}};
static const struct column path_columns[] = {{"session_id", "SESSION"}, {"path", "PATH"},
	{"src", "SOURCE"}, {"dst", "DESTINATION"}, {"wire_form", "WIRE"}, {"state", "STATE"},
	{"weight", "WEIGHT"}, {"delay_us", "DELAY US"}, {"min_delay_us", "MIN US"},
	{"queuing_us", "QUEUING US"}, {"max_queuing_us", "MAX QUEUING US"},
	{"sent_packets", "PACKETS"}, {"sent_bytes", "BYTES"}, {0}};

static const struct column policy_columns[] = {{"row", "ROW"}, {"destination", "DESTINATION"},
	{"port", "PORT"}, {"protocol", "PROTO"}, {"start", "START"}, {"end", "END"},
	{"priority", "PRIORITY"}, {0}};

#define COLUMNS_MAX 16

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

static void print_table(const json_t *rows, const struct column *columns)
{
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
		printf("%-*s%s", columns[c + 1].key ? width[c] : 0, columns[c].title,
			columns[c + 1].key ? "  " : "\n");
	json_array_foreach (rows, i, row)
		for (int c = 0; columns[c].key; c++) {
			json_t *value = json_object_get(row, columns[c].key);
			char *text = text_of(value);
			bool last = !columns[c + 1].key;
			printf(json_is_number(value) ? "%*s%s" : "%-*s%s", last ? 0 : width[c],
				text, last ? "\n" : "  ");
			free(text);
		}
}

static void print_object(const json_t *object, const json_t *about)
{
	const char *key;
	json_t *value;
	json_object_foreach ((json_t *)object, key, value) {
		char *text = text_of(value);
		const char *note = json_string_value(json_object_get(about, key));
		printf(note ? "%-26s %14s  %s\n" : "%-26s %14s\n", key, text, note);
		free(text);
	}
}

static void print_for_people(const char *command, const json_t *answer)
{
	if (strcmp(command, "peers") == 0) {
		print_table(json_object_get(answer, "nodes"), peer_columns);
		putchar('\n');
		print_table(json_object_get(answer, "availability"), availability_columns);
	} else if (strcmp(command, "sessions") == 0) {
		print_table(json_object_get(answer, "sessions"), session_columns);
	} else if (strcmp(command, "paths") == 0) {
		print_table(json_object_get(answer, "paths"), path_columns);
	} else if (strncmp(command, "policy", 6) == 0) {
		print_table(json_object_get(answer, "policies"), policy_columns);
	} else if (strcmp(command, "stats") == 0) {
		print_object(json_object_get(answer, "protocol"), json_object_get(answer, "about"));
		putchar('\n');
		print_object(json_object_get(answer, "io"), NULL);
	} else {
		static const struct column nic_columns[] = {{"name", "NIC"}, {"address", "ADDRESS"},
			{"mtu", "MTU"}, {"usable", "USABLE"}, {0}};
		const char *key;
		json_t *value;
		json_object_foreach ((json_t *)answer, key, value) {
			if (strcmp(key, "nics") == 0)
				continue;
			char *text = text_of(value);
			printf("%-10s  %s\n", key, text);
			free(text);
		}
		putchar('\n');
		print_table(json_object_get(answer, "nics"), nic_columns);
	}
}

static int ask(const char *socket_name, const char *command, FILE **reply)
{
	struct sockaddr_un address;
	socklen_t length = control_address(socket_name, &address);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (length == 0 || fd < 0 || connect(fd, (struct sockaddr *)&address, length) < 0 ||
		dprintf(fd, "%s\n", command) < 0) {
		bool nobody = errno == ECONNREFUSED || errno == ENOENT;
		fprintf(stderr, "mpipctl: %s: %s\n", socket_name,
			length == 0 ? "the name is too long"
			: nobody ? "no mpipd answers here (another network namespace? see --socket)"
				 : strerror(errno));
		if (fd >= 0)
			close(fd);
		return -1;
	}
	*reply = fdopen(fd, "r");
	return *reply ? 0 : -1;
}

static const char usage[] =
	"usage: mpipctl [--json] [--socket NAME] COMMAND [WORDS]\n"
	"\n"
	"  status    the daemon: node ID, wire form, scheduler, NICs\n"
	"  peers     nodes with MPIP and their addresses; which addresses and ports have it\n"
	"  sessions  connections, multipath or regular, and why\n"
	"  paths     each session's paths: weight, one-way delay, minimum, queuing delay\n"
	"  stats     counters; every drop under its name\n"
	"  policy    which packets want responsiveness, the first matching row decides:\n"
	"     list | flush | delete ROW |\n"
	"     add DESTINATION PORT tcp|udp START END throughput|responsiveness [ROW]\n"
	"     matches START <= IP length < END; any of the first five may be '*'\n"
	"\n"
	"  --json         the answer as JSON\n"
	"  --socket NAME  mpipd's control socket: a path, or @NAME (default " CONFIG_SOCKET
	", one per\n                 network namespace)\n";

int main(int argc, char **argv)
{
	static const struct option options[] = {{"json", no_argument, NULL, 'j'},
		{"socket", required_argument, NULL, 's'}, {"help", no_argument, NULL, 'h'}, {0}};
	const char *socket_name = CONFIG_SOCKET;
	bool json = false;
	signal(SIGPIPE, SIG_IGN); /* a daemon that goes away is an error of write() */
	for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		if (option == 'j')
			json = true;
		else if (option == 's')
			socket_name = optarg;
		else if (option == 'h') {
			fputs(usage, stdout);
			return 0;
		} else {
			fputs("Try mpipctl --help.\n", stderr);
			return 2;
		}
	}
	char command[256] = "";
	size_t length = 0;
	for (int i = optind; i < argc && length < sizeof(command); i++)
		length += (size_t)snprintf(command + length, sizeof(command) - length, "%s%s",
			i > optind ? " " : "", argv[i]);
	if (length == 0 || length >= sizeof(command)) {
		fputs("mpipctl: expected a command: status, peers, sessions, paths, stats or "
		      "policy\n",
			stderr);
		return 2;
	}

	FILE *reply;
	if (ask(socket_name, command, &reply) < 0)
		return 1;
	json_error_t error;
	json_t *answer = json_loadf(reply, 0, &error);
	fclose(reply);
	if (!answer) {
		fprintf(stderr, "mpipctl: mpipd's answer was cut short\n");
		return 1;
	}
	const char *refusal = json_string_value(json_object_get(answer, "error"));
	if (refusal)
		fprintf(stderr, "mpipctl: %s\n", refusal);
	else if (json)
		json_dumpf(answer, stdout, JSON_INDENT(2)), putchar('\n');
	else
		print_for_people(command, answer);
	json_decref(answer);
	return refusal ? 2 : 0;
}
