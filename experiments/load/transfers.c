// SPDX-License-Identifier: BSD-2-Clause
/*
 * The end of transfers that connects.
 *
 * Theory of operation
 * -------------------
 * There are so many places as transfers may be under way at a time. A place is idle until its next
 * transfer is due, then opens its connection, moves the bytes, and is idle again for the pause. Who
 * receives closes when it has all; who sends takes that for the end, so that the next transfer in
 * this place begins when this one is really over.
 *
 * The measured part begins the counting anew: its transfers have the indices from 0 on, of which
 * sizes and pauses are drawn, so that all contestants have the same ones however many came before.
 * After its end none begins; those under way get TRANSFERS_DRAIN_S.
 *
 * Each transfer has a local port of its own: none waits for another's TIME_WAIT.
 */

#include "experiments/load/transfers.h"

#include "experiments/load/transfer_end.h"
#include "experiments/probe/proc.h"
#include "experiments/record/transfers.h"
#include "mpip/base/output.h"

#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SECOND_US 1000000
#define RETRY_US  100000 /* the pause after one that failed, at least */
#define WARM_UP_INDEX                                                                              \
	(1u << 31) /* what is drawn for the warm-up is other than the measured part's */

struct place {
	struct stream stream; /* fd -1: idle */
	uint64_t index;       /* what its size and its pause are drawn by */
	bool connected, all_sent;
	int64_t due_us; /* of an idle one */
};

struct caller {
	const struct transfers_end *end;
	const struct transfer_load *load;
	int epoll;
	struct place *places;
	int place_count;
	uint32_t begun, measured; /* transfers; those of the measured part among them */
	struct arrivals arrivals;
	bool sends;
};

/* Whether another one may begin, as far as their number goes. */
static bool may_begin(const struct caller *c, int64_t now)
{
	if (now >= transfer_over_us(&c->end->base))
		return false;
	return c->load->count == 0 || c->measured < (uint32_t)c->load->count;
}

static void end_transfer(struct caller *c, struct place *p, int error)
{
	struct transfer_row *row = &c->end->rows[p->stream.number];
	int64_t pause = transfer_pause_us(c->load, c->end->seed, p->index);
	/* What came after its last byte changes nothing for who has it. */
	row->error = row->done_us ? 0 : error;
	row->ended_us = now_us();
	close(p->stream.fd);
	p->stream.fd = -1;
	p->due_us = row->ended_us + (row->error && pause < RETRY_US ? RETRY_US : pause);
}

/* Its connection, under way. 0, or -1 and errno. */
static int start_connecting(struct caller *c, struct place *p)
{
	const struct workload_end *e = &c->end->base;
	struct sockaddr_in own = {.sin_family = AF_INET,
		.sin_port = htons((uint16_t)(WORKLOAD_DATA_PORT + p->stream.number))};
	struct sockaddr_in peer = {.sin_family = AF_INET,
		.sin_port = htons(WORKLOAD_SERVER_PORT),
		.sin_addr = e->server};
	struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = p};
	if (bind(p->stream.fd, (struct sockaddr *)&own, sizeof(own)) != 0 ||
		epoll_ctl(c->epoll, EPOLL_CTL_ADD, p->stream.fd, &event) != 0)
		return -1;
	c->end->rows[p->stream.number].start_us = now_us();
	if (connect(p->stream.fd, (struct sockaddr *)&peer, sizeof(peer)) != 0 &&
		errno != EINPROGRESS)
		return -1;
	return 0;
}

/* 0, or 1 after a line. */
static int begin_transfer(struct caller *c, struct place *p, int64_t now)
{
	bool measured = now >= transfer_zero_us(&c->end->base);
	if (c->begun == TRANSFERS_MOST) {
		fprintf(stderr,
			"%d transfers are over before the time is: expected longer pauses, larger "
			"ones, or a \"count\"\n",
			TRANSFERS_MOST);
		return 1;
	}
	p->index = measured ? c->measured : WARM_UP_INDEX + c->begun;
	p->connected = p->all_sent = false;
	p->stream = (struct stream){.fd = transfer_socket(&c->end->base),
		.number = c->begun++,
		.size = transfer_size(c->load, c->end->seed, p->index)};
	c->measured += measured;
	c->end->rows[p->stream.number].size_bytes = p->stream.size;
	if (p->stream.fd < 0)
		return transfer_fail("socket");
	if (start_connecting(c, p) != 0)
		end_transfer(c, p, errno);
	return 0;
}

/* The connection is there: who receives says which transfer this is. 0, or an errno. */
static int connected(struct caller *c, struct place *p)
{
	int error = 0;
	socklen_t length = sizeof(error);
	if (getsockopt(p->stream.fd, SOL_SOCKET, SO_ERROR, &error, &length) != 0)
		return errno;
	if (error)
		return error;
	p->connected = true;
	c->end->rows[p->stream.number].connected_us = now_us();
	uint32_t number = htobe32(p->stream.number);
	if (!c->sends &&
		send(p->stream.fd, &number, sizeof(number), MSG_NOSIGNAL) != sizeof(number))
		return errno;
	return 0;
}

/* Sends what goes; once all is sent, waits for the other end to close. */
static enum moved go_on_sending(struct place *p)
{
	enum moved m = p->all_sent ? MOVED_ALL : transfer_send(&p->stream);
	unsigned char nothing[16];
	if (m != MOVED_ALL)
		return m;
	p->all_sent = true;
	ssize_t n = recv(p->stream.fd, nothing, sizeof(nothing), 0);
	if (n == 0)
		return MOVED_ALL;
	return n < 0 && errno == EAGAIN ? MOVED_ON : MOVED_FAILED;
}

/* 0, or 1 after a line. */
static int go_on(struct caller *c, struct place *p, uint32_t events)
{
	if (!p->connected && !(events & (EPOLLOUT | EPOLLERR | EPOLLHUP)))
		return 0;
	int error = p->connected ? 0 : connected(c, p);
	if (error) {
		end_transfer(c, p, error);
		return 0;
	}
	struct transfer_row *row = &c->end->rows[p->stream.number];
	enum moved m =
		c->sends ? go_on_sending(p) : transfer_receive(&p->stream, row, &c->arrivals);
	if (m == MOVED_WRONG)
		return 1;
	/* Who receives has closed, and has it all: or it was ended too early. */
	if (m == MOVED_ALL)
		end_transfer(c, p, row->done_us ? 0 : ECONNRESET);
	else if (m == MOVED_FAILED)
		end_transfer(c, p, errno);
	return 0;
}

/* Begins what is due. When something is to be done next, at the latest, in *next_us; 0, or 1 after
 * a line. `busy`: whether a transfer is under way. */
static int begin_due(struct caller *c, bool *busy, int64_t *next_us)
{
	*busy = false;
	for (int i = 0; i < c->place_count; i++) {
		struct place *p = &c->places[i];
		int64_t now = now_us();
		while (p->stream.fd < 0 && p->due_us <= now && may_begin(c, now))
			if (begin_transfer(c, p, now) != 0)
				return 1;
		*busy = *busy || p->stream.fd >= 0;
		if (p->stream.fd < 0 && may_begin(c, now) && p->due_us < *next_us)
			*next_us = p->due_us;
	}
	return 0;
}

static int run(struct caller *c)
{
	const struct workload_end *e = &c->end->base;
	int64_t over = transfer_over_us(e), last = over + TRANSFERS_DRAIN_S * (int64_t)SECOND_US;
	for (;;) {
		bool busy;
		int64_t next = now_us() < over ? over : last, now;
		if (begin_due(c, &busy, &next) != 0)
			return 1;
		now = now_us();
		if (now >= last || (now >= over && !busy))
			return 0;
		int64_t left = next > now ? next - now : 0;
		struct timespec patience = {left / SECOND_US, left % SECOND_US * 1000};
		struct epoll_event events[64];
		int n = epoll_pwait2(c->epoll, events, 64, &patience, NULL);
		if (n < 0 && errno != EINTR)
			return transfer_fail("epoll");
		for (int i = 0; i < n; i++) {
			struct place *p = events[i].data.ptr;
			if (p->stream.fd >= 0 && go_on(c, p, events[i].events) != 0)
				return 1;
		}
	}
}

/* ---- The log ---- */

static void write_time(FILE *f, int64_t time_us, int64_t zero_us)
{
	if (time_us)
		fprintf(f, "%" PRId64, time_us - zero_us);
	fputc(',', f);
}

static const char *error_name(int error)
{
	const char *name = error == TRANSFER_NOT_DONE ? "not done"
			   : error                    ? strerrorname_np(error)
						      : "";
	return name ? name : "unknown";
}

/* Those that were to begin and did not are rows without a start. */
static void write_rows(const struct caller *c, FILE *f)
{
	int64_t zero = transfer_zero_us(&c->end->base);
	uint32_t row = 0;
	fputs(TRANSFERS_HEADER "\n", f);
	for (; row < c->begun; row++) {
		const struct transfer_row *r = &c->end->rows[row];
		fprintf(f, "%" PRIu32 ",%" PRId64 ",", row, r->size_bytes);
		write_time(f, r->start_us, zero);
		write_time(f, r->connected_us, zero);
		write_time(f, r->first_us, zero);
		write_time(f, r->done_us, zero);
		write_time(f, r->ended_us, zero);
		fprintf(f, "%s\n", error_name(r->error));
	}
	for (uint64_t k = c->measured; k < (uint64_t)c->load->count; k++, row++)
		fprintf(f, "%" PRIu32 ",%" PRId64 ",,,,,,not begun\n", row,
			transfer_size(c->load, c->end->seed, k));
}

static int write_log(const struct caller *c)
{
	FILE *f = fopen(c->end->log_file, "we");
	if (!f)
		return transfer_fail(c->end->log_file);
	write_rows(c, f);
	const char *why = output_close(f);
	if (why)
		fprintf(stderr, "%s: cannot be written: %s\n", c->end->log_file, why);
	return why != NULL;
}

/* ---- ---- */

static void open_places(struct caller *c, int64_t start_us)
{
	c->places = calloc((size_t)c->place_count, sizeof(*c->places));
	if (!c->places)
		abort();
	for (int i = 0; i < c->place_count; i++) {
		c->places[i].stream.fd = -1;
		c->places[i].due_us = start_us;
	}
}

/* What is under way at the end has failed. */
static void close_places(struct caller *c)
{
	for (int i = 0; i < c->place_count; i++)
		if (c->places[i].stream.fd >= 0)
			end_transfer(c, &c->places[i], TRANSFER_NOT_DONE);
	free(c->places);
}

int transfers_connect(void *argument)
{
	const struct transfers_end *e = argument;
	const struct workload *w = &e->base.definition->workload;
	struct caller c = {.end = e,
		.load = &w->transfers,
		.place_count = w->streams,
		.sends = w->direction == DIRECTION_FORWARD,
		.epoll = epoll_create1(EPOLL_CLOEXEC)};
	struct timespec jitter = {
		e->base.start_jitter_us / SECOND_US, e->base.start_jitter_us % SECOND_US * 1000};
	if (c.epoll < 0)
		return transfer_fail("epoll");
	if (transfer_begin(e) != 0)
		return 1;
	nanosleep(&jitter, NULL);
	e->base.clock->data_socket_us = now_us();
	open_places(&c, e->base.clock->data_socket_us);
	int rc = run(&c);
	close_places(&c);
	e->base.clock->caller_done = 1;
	if (rc == 0)
		rc = write_log(&c);
	if (rc == 0 && !c.sends)
		rc = transfer_write_arrivals(e, &c.arrivals);
	arrivals_free(&c.arrivals);
	close(c.epoll);
	return rc;
}
