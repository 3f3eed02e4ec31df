// SPDX-License-Identifier: BSD-2-Clause
/*
 * The two ends of many connections.
 *
 * Theory of operation
 * -------------------
 * What a connection carries begins with its number (content.h). Messages are sent by the clock;
 * what a full socket does not take is left out of the message, and the next one goes on where it
 * stopped.
 *
 * The local ports follow each other, as those of iperf3's streams do, so that sockets and sessions
 * are found in the same way. All memory is taken and touched before the first connection: what the
 * machine takes from then on is the connections'.
 */

#include "experiments/load/connections.h"

#include "experiments/load/content.h"
#include "experiments/probe/proc.h"
#include "experiments/record/arrivals.h"
#include "lab/build/lab.h"
#include "mpip/base/files.h"

#include <errno.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SECOND_US 1000000
#define BACKLOG   4096
#define BUFFER    65536
#define DRAIN_US  SECOND_US /* for what is under way */

struct connection {
	int fd;
	uint32_t number;
	uint64_t bytes; /* of the stream, so far */
};

static int64_t ends_at(const struct workload_end *e)
{
	return e->clock->data_socket_us +
	       ((int64_t)e->definition->warm_up_s + e->definition->duration_s) * SECOND_US;
}

static int fail(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	return 1;
}

/* Enters the host, with enough descriptors, and takes the list. NULL after a line. */
static struct connection *begin(const struct connections_end *e)
{
	size_t count = (size_t)e->base.definition->workload.streams;
	struct rlimit files = {count + 64, count + 64};
	char *error = NULL;
	if (setrlimit(RLIMIT_NOFILE, &files) != 0) {
		fail("descriptors");
		return NULL;
	}
	if (lab_enter(e->base.lab, e->host, &error) != 0) {
		fprintf(stderr, "%s\n", error);
		return NULL;
	}
	struct connection *list = malloc(count * sizeof(*list));
	if (!list)
		abort();
	memset(list, 0xff, count * sizeof(*list)); /* touched: fd -1 */
	return list;
}

static int new_socket(const struct workload_end *e)
{
	int on = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC,
		e->contestant->mptcp ? IPPROTO_MPTCP : IPPROTO_TCP);
	if (fd >= 0)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	return fd;
}

static int open_one(const struct workload_end *e, struct connection *c, uint32_t number)
{
	const char *control = e->definition->workload.congestion_control;
	struct sockaddr_in own = {
		.sin_family = AF_INET, .sin_port = htons((uint16_t)(WORKLOAD_DATA_PORT + number))};
	struct sockaddr_in peer = {.sin_family = AF_INET,
		.sin_port = htons(WORKLOAD_SERVER_PORT),
		.sin_addr = e->server};
	int on = 1;
	*c = (struct connection){.fd = new_socket(e), .number = number};
	if (c->fd < 0 || bind(c->fd, (struct sockaddr *)&own, sizeof(own)) != 0 ||
		setsockopt(c->fd, IPPROTO_TCP, TCP_CONGESTION, control,
			(socklen_t)strlen(control)) != 0 ||
		setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0 ||
		connect(c->fd, (struct sockaddr *)&peer, sizeof(peer)) != 0)
		return fail("connection");
	return 0;
}

static void sleep_until(int64_t until_us)
{
	struct timespec at = {until_us / SECOND_US, until_us % SECOND_US * 1000};
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == EINTR)
		;
}

static int send_message(struct connection *c, size_t bytes)
{
	unsigned char message[BUFFER];
	content_fill(message, bytes, c->number, c->bytes);
	ssize_t n = send(c->fd, message, bytes, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0 && errno != EAGAIN)
		return fail("send");
	c->bytes += n > 0 ? (uint64_t)n : 0;
	return 0;
}

static int send_all(const struct workload_end *e, struct connection *list)
{
	const struct workload *w = &e->definition->workload;
	double interval_us = w->message_bytes * 8 / w->rate_mbit, due = (double)now_us();
	for (uint64_t k = 0; now_us() < ends_at(e); k++, due += interval_us) {
		sleep_until((int64_t)due);
		if (send_message(&list[k % (uint64_t)w->streams], (size_t)w->message_bytes) != 0)
			return 1;
	}
	return 0;
}

/* Opens all of them in the first half of the warm-up; without one before the clock starts, as fast
 * as it goes. */
static int open_all(const struct workload_end *e, struct connection *list)
{
	const struct definition *d = e->definition;
	int count = d->workload.streams, rc = 0;
	int64_t start_us = now_us();
	double apart_us = d->warm_up_s * 0.5 * SECOND_US / count;
	if (d->warm_up_s > 0)
		e->clock->data_socket_us = start_us;
	for (int i = 0; rc == 0 && i < count; i++) {
		sleep_until(start_us + (int64_t)(i * apart_us));
		rc = open_one(e, &list[i], (uint32_t)i);
	}
	double took_s = (double)(now_us() - start_us) / SECOND_US;
	if (d->warm_up_s == 0) {
		e->clock->data_socket_us = now_us();
	} else if (rc == 0 && took_s > d->warm_up_s) {
		fprintf(stderr,
			"%d connections took %.1f s to open, the warm-up is %d s: expected one "
			"that "
			"is longer, or none\n",
			count, took_s, d->warm_up_s);
		rc = 1;
	}
	return rc;
}

int connections_open(void *argument)
{
	const struct connections_end *e = argument;
	const struct definition *d = e->base.definition;
	struct workload_clock *clock = e->base.clock;
	struct connection *list = begin(e);
	int rc;
	if (!list)
		return 1;
	clock->caller_ready = 1;
	while (!clock->go)
		sleep_until(now_us() + 1000);
	sleep_until(now_us() + e->base.start_jitter_us);
	rc = open_all(&e->base, list);
	if (rc == 0)
		rc = send_all(&e->base, list);
	for (int i = 0; i < d->workload.streams; i++)
		if (list[i].fd >= 0)
			close(list[i].fd);
	free(list);
	return rc;
}

struct listener {
	const struct connections_end *end;
	int fd, epoll;
	struct connection *list;
	int accepted, closed;
	struct arrivals arrivals;
};

/* Whether these are the next bytes of the stream; its first ones say which it is. */
static bool is_whole(struct connection *c, const unsigned char *got, size_t count)
{
	uint64_t ignored;
	for (; c->bytes < CONTENT_NUMBER_BYTES && count > 0; c->bytes++, got++, count--)
		c->number = (c->bytes ? c->number << 8 : 0) | *got;
	if (!content_is_whole(got, count, c->number, c->bytes, &ignored))
		return false;
	c->bytes += count;
	return true;
}

static int take(struct listener *l, struct connection *c)
{
	unsigned char got[BUFFER];
	ssize_t n = recv(c->fd, got, sizeof(got), MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : fail("receive");
	if (n == 0) {
		close(c->fd);
		l->closed++;
		return 0;
	}
	if (!is_whole(c, got, (size_t)n)) {
		fprintf(stderr,
			"what came behind byte %" PRIu64 " of a connection is not what was sent\n",
			c->bytes);
		return 1;
	}
	arrivals_add(&l->arrivals, now_us(), n);
	return 0;
}

static int accept_one(struct listener *l)
{
	struct connection *c = &l->list[l->accepted];
	*c = (struct connection){.fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC)};
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
	if (c->fd < 0 || epoll_ctl(l->epoll, EPOLL_CTL_ADD, c->fd, &event) != 0)
		return fail("accept");
	l->accepted++;
	return 0;
}

/* Until all have been opened and closed again, or their time is over. */
static int serve(struct listener *l)
{
	const struct workload_end *e = &l->end->base;
	int count = e->definition->workload.streams, rc = 0;
	while (rc == 0 && l->closed < count &&
		(!e->clock->data_socket_us || now_us() < ends_at(e) + DRAIN_US)) {
		struct epoll_event events[64];
		int n = epoll_wait(l->epoll, events, 64, 1000);
		for (int i = 0; rc == 0 && i < n; i++) {
			struct connection *c = events[i].data.ptr;
			if (c)
				rc = take(l, c);
			else if (l->accepted < count)
				rc = accept_one(l);
		}
	}
	if (rc == 0 && l->accepted < count) {
		fprintf(stderr, "%d of %d connections came\n", l->accepted, count);
		rc = 1;
	}
	return rc;
}

static int write_log(const struct listener *l)
{
	const struct workload_end *e = &l->end->base;
	int64_t zero = e->clock->data_socket_us + (int64_t)e->definition->warm_up_s * SECOND_US;
	char *error = NULL;
	if (arrivals_write(&l->arrivals, zero, e->arrivals_file, &error) == 0)
		return 0;
	fprintf(stderr, "%s\n", error);
	free(error);
	return 1;
}

int connections_listen(void *argument)
{
	const struct connections_end *e = argument;
	struct sockaddr_in own = {.sin_family = AF_INET, .sin_port = htons(WORKLOAD_SERVER_PORT)};
	struct listener l = {.end = e, .list = begin(e)};
	if (!l.list)
		return 1;
	l.fd = new_socket(&e->base);
	l.epoll = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
	int rc = 0;
	if (l.fd < 0 || l.epoll < 0 || bind(l.fd, (struct sockaddr *)&own, sizeof(own)) != 0 ||
		listen(l.fd, BACKLOG) != 0 || epoll_ctl(l.epoll, EPOLL_CTL_ADD, l.fd, &event) != 0)
		rc = fail("listening");
	if (rc == 0) {
		e->base.clock->callee_ready = 1;
		rc = serve(&l);
	}
	if (rc == 0)
		rc = write_log(&l);
	arrivals_free(&l.arrivals);
	free(l.list);
	return rc;
}
