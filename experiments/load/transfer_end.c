// SPDX-License-Identifier: BSD-2-Clause
/*
 * Moving the bytes of a transfer.
 *
 * Theory of operation
 * -------------------
 * A stream's first bytes are the transfer's number (content.h). The one who listens learns from it
 * which transfer this is, and its size from the row that who connects has filled in: it is the
 * table's memory that they share, not the network, which may be what is measured but is no part of
 * the measuring.
 */

#include "experiments/load/transfer_end.h"

#include "experiments/probe/proc.h"
#include "lab/build/lab.h"

#include <errno.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

#define DESCRIPTORS 1024

int transfer_fail(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	return 1;
}

int64_t transfer_zero_us(const struct workload_end *e)
{
	int64_t start = e->clock->data_socket_us;
	return start ? start + (int64_t)e->definition->warm_up_s * 1000000 : 0;
}

int64_t transfer_over_us(const struct workload_end *e)
{
	int64_t zero = transfer_zero_us(e);
	return zero ? zero + (int64_t)e->definition->duration_s * 1000000 : 0;
}

int transfer_begin(const struct transfers_end *e)
{
	struct rlimit files = {DESCRIPTORS, DESCRIPTORS};
	char *error = NULL;
	if (setrlimit(RLIMIT_NOFILE, &files) != 0) {
		transfer_fail("descriptors");
		return -1;
	}
	if (lab_enter(e->base.lab, e->host, &error) == 0)
		return 0;
	fprintf(stderr, "%s\n", error);
	free(error);
	return -1;
}

int transfer_socket(const struct workload_end *e)
{
	const char *control = e->definition->workload.congestion_control;
	int on = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
		e->contestant->mptcp ? IPPROTO_MPTCP : IPPROTO_TCP);
	if (fd < 0)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
		setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, control, (socklen_t)strlen(control)) ==
			0)
		return fd;
	int why = errno;
	close(fd);
	errno = why;
	return -1;
}

enum moved transfer_send(struct stream *s)
{
	unsigned char out[TRANSFER_BUFFER];
	while (s->bytes < s->size) {
		int64_t left = s->size - s->bytes;
		size_t count = left < TRANSFER_BUFFER ? (size_t)left : TRANSFER_BUFFER;
		content_fill(out, count, s->number, (uint64_t)s->bytes);
		ssize_t n = send(s->fd, out, count, MSG_NOSIGNAL);
		if (n < 0 && errno != EINTR)
			return errno == EAGAIN ? MOVED_ON : MOVED_FAILED;
		s->bytes += n > 0 ? n : 0;
	}
	return MOVED_ALL;
}

static enum moved wrong(const struct stream *s, uint64_t at)
{
	fprintf(stderr, "transfer %" PRIu32 ": byte %" PRIu64 " is not what was sent\n", s->number,
		at);
	return MOVED_WRONG;
}

enum moved transfer_receive(struct stream *s, struct transfer_row *row, struct arrivals *arrivals)
{
	unsigned char got[TRANSFER_BUFFER];
	for (;;) {
		ssize_t n = recv(s->fd, got, sizeof(got), 0);
		uint64_t at = 0;
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? MOVED_ON : MOVED_FAILED;
		if (n == 0) {
			errno = ECONNRESET; /* closed before its end */
			return MOVED_FAILED;
		}
		int64_t now = now_us();
		if (s->bytes + n > s->size)
			return wrong(s, (uint64_t)s->size);
		if (!content_is_whole(got, (size_t)n, s->number, (uint64_t)s->bytes, &at))
			return wrong(s, at);
		arrivals_add(arrivals, now, n);
		if (s->bytes == 0)
			row->first_us = now;
		s->bytes += n;
		if (s->bytes == s->size) {
			row->done_us = now;
			return MOVED_ALL;
		}
	}
}

int transfer_write_arrivals(const struct transfers_end *e, const struct arrivals *arrivals)
{
	char *error = NULL;
	if (arrivals_write(arrivals, transfer_zero_us(&e->base), e->base.arrivals_file, &error) ==
		0)
		return 0;
	fprintf(stderr, "%s\n", error);
	free(error);
	return 1;
}
