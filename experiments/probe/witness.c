// SPDX-License-Identifier: BSD-2-Clause
/*
 * The witness link.
 *
 * Theory of operation
 * -------------------
 * Its lab is one host and one router, joined by an unshaped link, in namespaces of its own. The
 * sender sends at times that are drawn from the seed, 2 to 8 ms apart, so that they do not keep
 * step with anything periodic. The receiver notes the time when its recv() returns: on a single
 * processor that is when the scheduler has let it run, which is what mpipd has to wait for, too.
 */

#include "experiments/probe/witness.h"

#include "experiments/record/stats.h"
#include "lab/build/lab.h"
#include "mpip/base/files.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PORT 9

static const char scenario[] =
	"{\"about\": \"The witness: an idle, unshaped link.\",\n"
	" \"hosts\": [{\"name\": \"near\", \"nics\": [{\"name\": \"eth0\", \"address\": "
	"\"10.9.0.2/24\"}]}],\n"
	" \"routers\": [{\"name\": \"far\", \"ports\": [{\"name\": \"p0\", \"address\": "
	"\"10.9.0.1/24\"}]}],\n"
	" \"links\": [{\"ends\": [\"near.eth0\", \"far.p0\"]}]}\n";

struct probe {
	uint64_t seq;
	int64_t sent_ns;
};

static int64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* What an end's process needs. */
struct witness_end_of {
	const char *lab;
	uint64_t seed;
};

static volatile sig_atomic_t ending;

static void on_term(int signal_number)
{
	(void)signal_number;
	ending = 1;
}

static int socket_in(const char *lab, const char *node)
{
	char *error = NULL;
	if (lab_enter(lab, node, &error) != 0) {
		fprintf(stderr, "%s\n", error);
		return -1;
	}
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		perror("socket");
	return fd;
}

static int send_body(void *argument)
{
	const struct witness_end_of *w = argument;
	int fd = socket_in(w->lab, "near");
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(PORT)};
	inet_pton(AF_INET, "10.9.0.1", &to.sin_addr);
	uint64_t random = w->seed;
	struct timespec next;
	clock_gettime(CLOCK_MONOTONIC, &next);
	for (uint64_t seq = 0; fd >= 0; seq++) {
		random = random * 6364136223846793005u + 1442695040888963407u;
		next.tv_nsec += 2000000 + (long)((random >> 33) % 6000000);
		if (next.tv_nsec >= 1000000000) {
			next.tv_nsec -= 1000000000;
			next.tv_sec++;
		}
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
		struct probe p = {seq, now_ns()};
		if (sendto(fd, &p, sizeof(p), 0, (struct sockaddr *)&to, sizeof(to)) < 0 &&
			errno != ECONNREFUSED) {
			perror("sendto");
			break;
		}
	}
	return 1;
}

static int receive_body(void *argument)
{
	const struct witness_end_of *w = argument;
	struct sigaction on = {.sa_handler = on_term};
	sigaction(SIGTERM, &on, NULL);
	int fd = socket_in(w->lab, "far");
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(PORT)};
	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) != 0) {
		perror("bind");
		return 1;
	}
	printf("seq,sent_ns,received_ns\n");
	while (!ending) {
		struct probe p;
		if (recv(fd, &p, sizeof(p), 0) != (ssize_t)sizeof(p))
			continue;
		printf("%" PRIu64 ",%" PRId64 ",%" PRId64 "\n", p.seq, p.sent_ns, now_ns());
	}
	return 0;
}

int witness_start(struct witness *w, const char *lab, const char *scenario_file, const char *log,
	uint64_t seed, char **error)
{
	if (file_write(scenario_file, scenario, error) != 0)
		return -1;
	struct scenario *s = scenario_load(scenario_file, error);
	if (!s)
		return -1;
	struct lab_owner owner = {getpid(), "the witness of an experiment"};
	int rc = lab_up(s, lab, &owner, error);
	scenario_free(s);
	if (rc != 0)
		return -1;
	w->lab = text_format("%s", lab);
	w->log = text_format("%s", log);
	struct witness_end_of end = {.lab = lab, .seed = seed};
	rc = child_start(&w->receiver, "the witness", receive_body, &end, log, NULL, -1, error);
	if (rc == 0)
		rc = child_start(&w->sender, "the witness", send_body, &end, NULL, NULL, -1, error);
	return rc;
}

int witness_end(struct witness *w, char **error)
{
	if (!w->lab)
		return 0;
	child_end(&w->sender, 0);
	bool whole = child_end(&w->receiver, 2000);
	bool written = !WIFEXITED(w->receiver.status) || WEXITSTATUS(w->receiver.status) == 0;
	if (!written)
		error_set(error, "%s: cannot be written", w->log);
	int rc = lab_down(w->lab, error);
	if (!written)
		rc = -1;
	free(w->lab);
	free(w->log);
	*w = (struct witness){0};
	return whole ? rc : error_set(error, "the witness does not end by SIGTERM");
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

int witness_read(const char *log, int64_t from_us, int64_t to_us, struct witness_delays *delays,
	char **error)
{
	*delays = (struct witness_delays){0};
	FILE *f = fopen(log, "re");
	if (!f)
		return error_set(error, "%s: %s", log, strerror(errno));
	double *all = NULL;
	size_t room = 0;
	char line[128];
	while (fgets(line, sizeof(line), f)) {
		int64_t sent, received;
		if (sscanf(line, "%*u,%" SCNd64 ",%" SCNd64, &sent, &received) != 2 ||
			sent < from_us * 1000 || sent >= to_us * 1000)
			continue;
		if (delays->count == room) {
			room = room ? 2 * room : 1024;
			all = reallocarray(all, room, sizeof(*all));
			if (!all)
				abort();
		}
		all[delays->count++] = (double)(received - sent) / 1e6;
	}
	fclose(f);
	if (all) {
		qsort(all, delays->count, sizeof(*all), ascending);
		delays->p50_ms = stats_quantile(all, delays->count, 0.5);
		delays->p90_ms = stats_quantile(all, delays->count, 0.9);
		delays->p99_ms = stats_quantile(all, delays->count, 0.99);
	}
	free(all);
	return 0;
}
