// SPDX-License-Identifier: BSD-2-Clause
/*
 * The processes of a run.
 *
 * Theory of operation
 * -------------------
 * Each lives in one host's namespace and writes to files in the run's directory. Those that others
 * wait for say when they are ready: agent and mpipd by a newline on a pipe, iperf3's server by
 * listening. One that ends before is reported with the last line of its log.
 */

#include "experiments/runner/processes.h"

#include "experiments/runner/agent.h"
#include "experiments/runner/arrived.h"
#include "experiments/runner/marks.h"
#include "lab/build/lab.h"
#include "mpip/base/files.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

char *run_file(const struct run *r, const char *format, const char *word)
{
	char *name = text_format(format, word);
	char *file = text_format("%s/%s", r->aside, name);
	free(name);
	return file;
}

/* The last line of a log, for a message; "" when there is none. Allocated. */
static char *last_line(const char *file)
{
	char *ignored = NULL, *content = file_read(file, &ignored);
	free(ignored);
	if (!content)
		return text_format("%s", "");
	size_t length = strlen(content);
	while (length > 0 && content[length - 1] == '\n')
		content[--length] = '\0';
	char *newline = strrchr(content, '\n');
	char *line = text_format("%s", newline ? newline + 1 : content);
	free(content);
	return line;
}

/* "server: iperf3 ended with status 1: ..." */
int run_fail_child(const struct run *r, const struct child *c, const char *where,
	const char *log_word, char **error)
{
	char *file = run_file(r, "%s.log", log_word);
	char *line = last_line(file);
	error_set(error, "%s: %s %s%s%s", where, c->name, child_fate(c), line[0] ? ": " : "", line);
	free(line);
	free(file);
	return FAILED;
}

int run_wait(const struct run *r, struct child *c, const struct readiness *ready, char **error)
{
	int64_t deadline = now_us() + 10 * SECOND;
	while (!ready->is_there(ready->argument)) {
		switch (child_wait(c, now_us() + 5000)) {
		case WAIT_ENDED:
			return run_fail_child(r, c, ready->where, ready->log_word, error);
		case WAIT_STOPPED:
			return STOP;
		case WAIT_TIME:
			break;
		}
		if (now_us() > deadline)
			return error_set(error, "%s: %s after 10 s", ready->where, ready->not_yet);
	}
	return GO_ON;
}

bool run_flag_is_set(const void *flag)
{
	return *(const volatile int *)flag;
}

static bool byte_came(const void *fd)
{
	char byte;
	struct pollfd p = {.fd = *(const int *)fd, .events = POLLIN};
	return poll(&p, 1, 0) > 0 && read(p.fd, &byte, 1) == 1;
}

/* Waits for the newline that a child writes when it is ready. */
static int wait_ready(const struct run *r, struct child *c, int fd, const char *where,
	const char *log_word, char **error)
{
	char *not_yet = text_format("%s is not ready", c->name);
	struct readiness ready = {byte_came, &fd, where, log_word, not_yet};
	int rc = run_wait(r, c, &ready, error);
	free(not_yet);
	return rc;
}

int run_start_agent(struct run *r, int i, char **error)
{
	struct run_host *h = &r->hosts[i];
	int ready[2];
	if (pipe(ready) != 0)
		return error_set(error, "pipe: %s", strerror(errno));

	char *sysctl_file = run_file(r, "sysctl-%s.json", h->name);
	char *log_word = text_format("agent-%s", h->name);
	char *log_file = run_file(r, "%s.log", log_word);
	struct agent a = {
		.lab = r->plan->lab,
		.host = h->name,
		.congestion_control = r->plan->definition->workload.congestion_control,
		.mptcp = r->plan->contestant->mptcp,
		.subflows = (unsigned)(r->hosts[FROM].node->n_nics * r->hosts[TO].node->n_nics) - 1,
		.opens = i == FROM,
		.sysctls = r->plan->contestant->sysctls,
		.node = h->node,
		.sysctl_file = sysctl_file,
		.ready_fd = ready[1],
	};
	int rc = child_start(
		&h->agent, "setting up", agent_body, &a, NULL, log_file, ready[1], error);
	close(ready[1]);
	if (rc == 0)
		rc = wait_ready(r, &h->agent, ready[0], h->name, log_word, error);
	close(ready[0]);
	if (rc == 0) {
		h->sysctls = json_load_file(sysctl_file, 0, NULL);
		unlink(sysctl_file);
		unlink(log_file);
	}
	free(log_file);
	free(log_word);
	free(sysctl_file);
	return rc;
}

/* A program of ours inside a host. */
struct command {
	const char *lab, *host;
	char *const *argv;
};

static int exec_body(void *argument)
{
	const struct command *c = argument;
	char *error = NULL;
	if (lab_enter(c->lab, c->host, &error) != 0) {
		fprintf(stderr, "%s\n", error);
		return 1;
	}
	execv(c->argv[0], c->argv);
	fprintf(stderr, "%s: %s\n", c->argv[0], strerror(errno));
	return 1;
}

/* The contestant's settings with this host's seed, as a file for mpipd. */
static int write_mpipd_config(
	const struct run *r, const struct run_host *h, const char *file, char **error)
{
	json_t *config = json_copy(r->plan->contestant->mpipd);
	json_object_set_new(config, "seed", json_integer(h->mpipd_seed));
	const struct contestant *c = r->plan->contestant;
	if (c->clock && strcmp(c->clock_host, h->name) == 0)
		json_object_set_new(
			config, "clock", definition_clock(r->plan->definition, c, r->plan->rep));
	int rc = file_write_json(file, config, error);
	json_decref(config);
	return rc;
}

int run_start_mpipd(struct run *r, int i, char **error)
{
	struct run_host *h = &r->hosts[i];
	h->mpipd_seed = definition_seed(r->plan->definition, r->plan->rep, i);
	int ready[2];
	if (pipe(ready) != 0)
		return error_set(error, "pipe: %s", strerror(errno));

	char *program = text_format("%s/mpip/mpipd", r->plan->programs);
	char *config = run_file(r, "mpipd-%s.json", h->name);
	char *path_log = run_file(r, "paths-%s.csv", h->name);
	char *log_word = text_format("mpipd-%s", h->name);
	char *log_file = run_file(r, "%s.log", log_word);
	char *fd = text_format("%d", ready[1]);
	/* A row for each path of each of many sessions would be most of the work. */
	bool many = r->plan->definition->workload.kind == WORKLOAD_CONNECTIONS;
	char *argv[] = {program, "--config", config, "--ready-fd", fd, many ? NULL : "--path-log",
		path_log, NULL};
	struct command command = {r->plan->lab, h->name, argv};

	int rc = write_mpipd_config(r, h, config, error);
	if (rc == 0)
		rc = child_start(
			&h->mpipd, "mpipd", exec_body, &command, NULL, log_file, ready[1], error);
	close(ready[1]);
	if (rc == 0)
		rc = wait_ready(r, &h->mpipd, ready[0], h->name, log_word, error);
	close(ready[0]);
	free(fd);
	free(log_file);
	free(log_word);
	free(path_log);
	free(config);
	free(program);
	return rc;
}

/* Asks mpipd of a host for one of its tables. NULL: *error is set, or we are to stop. */
json_t *run_ask_mpipctl(struct run *r, struct run_host *h, const char *table, char **error)
{
	char *program = text_format("%s/mpip/mpipctl", r->plan->programs);
	char *word = text_format("mpipctl-%s-%s", h->name, table);
	char *out = run_file(r, "%s.json", word), *log = run_file(r, "%s.log", word);
	char *argv[] = {program, "--json", (char *)table, NULL};
	struct command command = {r->plan->lab, h->name, argv};
	struct child child = {0};

	json_t *got = NULL;
	if (child_start(&child, "mpipctl", exec_body, &command, out, log, -1, error) == 0) {
		enum wait_result waited = child_wait(&child, now_us() + 5 * SECOND);
		child_end(&child, 0);
		if (waited == WAIT_TIME)
			error_set(error, "%s: mpipctl does not answer", h->name);
		else if (waited == WAIT_ENDED && child.status != 0)
			run_fail_child(r, &child, h->name, word, error);
		else if (waited == WAIT_ENDED && !(got = json_load_file(out, 0, NULL)))
			error_set(error, "%s: mpipctl --json %s: expected JSON", h->name, table);
	}
	if (got)
		unlink(log);
	free(log);
	free(out);
	free(word);
	free(program);
	return got;
}

/* Asks for a table and drops it: its file stays among the logs. */
int run_keep_table(struct run *r, struct run_host *h, const char *table, char **error)
{
	json_t *got = run_ask_mpipctl(r, h, table, error);
	json_decref(got);
	return got ? GO_ON : *error ? FAILED : STOP;
}

/* Whether somebody listens on the server's TCP port, as /proc/PID/net/tcp shows it. */
static bool server_listens(const void *run)
{
	const struct run *r = run;
	char wanted[64];
	snprintf(wanted, sizeof(wanted), " 00000000:%04X 00000000:0000 0A ", WORKLOAD_SERVER_PORT);
	char *ignored = NULL;
	char *file = text_format("/proc/%d/net/tcp", (int)r->hosts[TO].agent.pid);
	char *sockets = file_read(file, &ignored);
	bool listens = sockets && strstr(sockets, wanted);
	free(sockets);
	free(file);
	free(ignored);
	return listens;
}

int run_start_server(struct run *r, struct workload_end *end, char **error)
{
	char *out = run_file(r, "iperf-%s.json", "server");
	char *log = run_file(r, "iperf-%s.log", "server");
	char *arrivals = arrived_file(r, TO);
	struct workload_end own = *end;
	own.arrivals_file = arrivals;
	int rc = child_start(&r->server, "iperf3", workload_server, &own, out, log, -1, error);
	struct readiness ready = {
		server_listens, r, "server", "iperf-server", "iperf3 does not listen"};
	if (rc == GO_ON)
		rc = run_wait(r, &r->server, &ready, error);
	free(arrivals);
	free(log);
	free(out);
	return rc;
}

void run_note_start(struct run *r)
{
	time_t now = time(NULL);
	struct tm utc;
	gmtime_r(&now, &utc);
	strftime(r->started_utc, sizeof(r->started_utc), "%Y-%m-%dT%H:%M:%SZ", &utc);
	r->started_us = now_us();
}

int run_start_client(struct run *r, struct workload_end *end, char **error)
{
	char *out = run_file(r, "iperf-%s.json", "client");
	char *log = run_file(r, "iperf-%s.log", "client");
	char *arrivals = arrived_file(r, FROM);
	struct workload_end own = *end;
	own.arrivals_file = arrivals;
	int rc = child_start(&r->client, "iperf3", workload_client, &own, out, log, -1, error);
	free(arrivals);
	free(log);
	free(out);
	return rc;
}
