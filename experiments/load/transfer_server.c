// SPDX-License-Identifier: BSD-2-Clause
/*
 * The end of transfers that listens.
 *
 * Theory of operation
 * -------------------
 * A connection's first bytes say which transfer it is. Where the data comes in, they are its first
 * bytes; where it goes out, they are all that comes. Who receives closes first, when it has all.
 * Who sends has then no more to do than to close as well.
 */

#include "experiments/load/transfer_end.h"
#include "experiments/load/transfers.h"
#include "experiments/probe/proc.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG  1024
#define LOOKS_MS 50 /* how often it is looked whether all is over */

struct connection {
	struct stream stream;
	size_t head_bytes; /* of the number */
	unsigned char head[CONTENT_NUMBER_BYTES];
};

struct listener {
	const struct transfers_end *end;
	int fd, epoll;
	struct arrivals arrivals;
	bool sends;
};

static void close_connection(struct connection *c)
{
	close(c->stream.fd);
	free(c);
}

static bool is_known(const struct listener *l, uint32_t number)
{
	return number < TRANSFERS_MOST && l->end->rows[number].size_bytes > 0 &&
	       l->end->rows[number].first_us == 0;
}

/* Reads the number. MOVED_ALL when it is there: the stream is then known. Where data comes in, it
 * is only looked at, and read again with the data. */
static enum moved read_head(struct listener *l, struct connection *c)
{
	ssize_t n = recv(c->stream.fd, c->head + c->head_bytes, sizeof(c->head) - c->head_bytes, 0);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? MOVED_ON : MOVED_FAILED;
	if (n == 0) {
		errno = ECONNRESET;
		return MOVED_FAILED;
	}
	c->head_bytes += (size_t)n;
	if (c->head_bytes < sizeof(c->head))
		return MOVED_ON;
	uint32_t number = content_number(c->head);
	if (!is_known(l, number)) {
		fprintf(stderr,
			"a connection says that it is transfer %" PRIu32
			": expected one that has begun\n",
			number);
		return MOVED_WRONG;
	}
	struct transfer_row *row = &l->end->rows[number];
	c->stream.number = number;
	c->stream.size = row->size_bytes;
	if (!l->sends) {
		int64_t now = now_us();
		row->first_us = now;
		c->stream.bytes = CONTENT_NUMBER_BYTES;
		arrivals_add(&l->arrivals, now, CONTENT_NUMBER_BYTES);
	}
	return MOVED_ALL;
}

static enum moved move(struct listener *l, struct connection *c)
{
	enum moved m = MOVED_ALL;
	if (c->head_bytes < sizeof(c->head))
		m = read_head(l, c);
	if (m != MOVED_ALL)
		return m;
	if (!l->sends)
		return transfer_receive(&c->stream, &l->end->rows[c->stream.number], &l->arrivals);
	m = transfer_send(&c->stream);
	unsigned char nothing[16];
	if (m != MOVED_ALL)
		return m;
	ssize_t n = recv(c->stream.fd, nothing, sizeof(nothing), 0);
	return n < 0 && errno == EAGAIN ? MOVED_ON : MOVED_ALL;
}

/* 0, or 1 after a line. */
static int go_on(struct listener *l, struct connection *c)
{
	enum moved m = move(l, c);
	if (m != MOVED_ON)
		close_connection(c); /* what failed is the other end's to say */
	return m == MOVED_WRONG;
}

static int accept_all(struct listener *l)
{
	for (;;) {
		int fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd < 0)
			return errno == EAGAIN || errno == EINTR || errno == ECONNABORTED
				       ? 0
				       : transfer_fail("accept");
		struct connection *c = calloc(1, sizeof(*c));
		if (!c)
			abort();
		c->stream.fd = fd;
		struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = c};
		if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &event) != 0)
			return transfer_fail("epoll");
	}
}

static int serve(struct listener *l)
{
	while (!l->end->base.clock->caller_done) {
		struct epoll_event events[64];
		int n = epoll_wait(l->epoll, events, 64, LOOKS_MS);
		if (n < 0 && errno != EINTR)
			return transfer_fail("epoll");
		for (int i = 0; i < n; i++) {
			struct connection *c = events[i].data.ptr;
			if ((c ? go_on(l, c) : accept_all(l)) != 0)
				return 1;
		}
	}
	return 0;
}

static int start_listening(struct listener *l)
{
	struct sockaddr_in own = {.sin_family = AF_INET, .sin_port = htons(WORKLOAD_SERVER_PORT)};
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
	l->fd = transfer_socket(&l->end->base);
	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (l->fd < 0 || l->epoll < 0 || bind(l->fd, (struct sockaddr *)&own, sizeof(own)) != 0 ||
		listen(l->fd, BACKLOG) != 0 ||
		epoll_ctl(l->epoll, EPOLL_CTL_ADD, l->fd, &event) != 0)
		return transfer_fail("listening");
	l->end->base.clock->callee_ready = 1;
	return 0;
}

int transfers_listen(void *argument)
{
	const struct transfers_end *e = argument;
	struct listener l = {
		.end = e, .sends = e->base.definition->workload.direction == DIRECTION_REVERSE};
	int rc = transfer_begin(e) == 0 ? start_listening(&l) : 1;
	if (rc == 0)
		rc = serve(&l);
	if (rc == 0 && !l.sends)
		rc = transfer_write_arrivals(e, &l.arrivals);
	arrivals_free(&l.arrivals);
	return rc;
}
