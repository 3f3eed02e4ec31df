// SPDX-License-Identifier: BSD-2-Clause
/*
 * A call's end.
 *
 * Theory of operation
 * -------------------
 * One loop: wait for a packet or for the next one to send, take what is there, send what is due.
 * Audio is a datagram every so many milliseconds. Video is a frame every so many, in datagrams of
 * one size sent back to back; what a frame has less than a datagram goes with the next one.
 * Whatever is late is sent at once: a call does not stretch. Rows are kept in memory until the end,
 * so that writing them takes no time from the measurement.
 *
 * The callee answers whoever calls, and so works behind a NAT that gives the caller another
 * address.
 */

#include "experiments/load/call.h"

#include "experiments/probe/proc.h"
#include "experiments/record/call.h"
#include "lab/build/lab.h"
#include "mpip/base/files.h"
#include "mpip/base/output.h"

#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define DRAIN_US 1000000
#define MAGIC    0x43616c31u /* "Cal1" */
#define LARGEST  65507

/* As on the wire, in network order. */
struct header {
	uint32_t magic;
	uint32_t stream;
	uint32_t seq;
	uint32_t echo_seq; /* + 1; 0: no echo */
	uint64_t sent_us;
	uint64_t echo_sent_us;
	uint64_t echo_waited_us;
	uint32_t zero;
} __attribute__((packed));
_Static_assert(sizeof(struct header) == CALL_HEADER_BYTES, "the header's size is documented");

struct sent {
	int stream, bytes;
	uint32_t seq;
	int64_t sent_us;
};

struct received {
	int stream, bytes;
	uint32_t seq;
	int64_t sent_us, arrived_us;
	int64_t rtt_us; /* -1: no echo with it */
};

struct stream {
	int bytes;
	double period_us; /* 0: none of this stream */
	double burst_bytes, credit_bytes;
	double due_us;
	uint32_t seq;
	bool to_echo;
	uint32_t echo_seq;
	int64_t echo_sent_us, echo_arrived_us;
};

struct state {
	const struct call_end *end;
	int fd;
	bool has_peer;
	struct stream streams[CALL_STREAMS];
	struct sent *sent;
	struct received *received;
	size_t sent_count, received_count;
	unsigned char packet[LARGEST + 1];
};

/* Room for one more in a list that doubles. */
static void *room_for(void *list, size_t count, size_t size)
{
	if (count & (count - 1))
		return list;
	list = reallocarray(list, count ? 2 * count : 1, size);
	if (!list)
		abort();
	return list;
}

/* What the payload behind the header must be. */
static void fill(unsigned char *payload, size_t count, uint32_t seq)
{
	for (size_t i = 0; i < count; i++)
		payload[i] = (unsigned char)(seq + i);
}

static bool is_whole(const unsigned char *payload, size_t count, uint32_t seq)
{
	for (size_t i = 0; i < count; i++)
		if (payload[i] != (unsigned char)(seq + i))
			return false;
	return true;
}

static void send_one(struct state *s, int which)
{
	struct stream *t = &s->streams[which];
	int64_t now = now_us();
	struct header h = {
		.magic = htobe32(MAGIC),
		.stream = htobe32((uint32_t)which),
		.seq = htobe32(t->seq),
		.echo_seq = htobe32(t->to_echo ? t->echo_seq + 1 : 0),
		.sent_us = htobe64((uint64_t)now),
		.echo_sent_us = htobe64(t->to_echo ? (uint64_t)t->echo_sent_us : 0),
		.echo_waited_us = htobe64(t->to_echo ? (uint64_t)(now - t->echo_arrived_us) : 0),
	};
	memcpy(s->packet, &h, sizeof(h));
	fill(s->packet + sizeof(h), (size_t)t->bytes - sizeof(h), t->seq);
	/* An error here is about an earlier packet (unreachable), or a full queue: this one is lost
	 * like one that is lost on the way. */
	send(s->fd, s->packet, (size_t)t->bytes, MSG_DONTWAIT | MSG_NOSIGNAL);

	s->sent = room_for(s->sent, s->sent_count, sizeof(*s->sent));
	s->sent[s->sent_count++] = (struct sent){which, t->bytes, t->seq, now};
	t->seq++;
	t->to_echo = false;
}

static void send_due(struct state *s)
{
	for (int i = 0; i < CALL_STREAMS; i++) {
		struct stream *t = &s->streams[i];
		while (t->period_us > 0 && t->due_us <= (double)now_us()) {
			t->due_us += t->period_us;
			t->credit_bytes += t->burst_bytes;
			for (; t->credit_bytes >= t->bytes; t->credit_bytes -= t->bytes)
				send_one(s, i);
		}
	}
}

/* A packet of ours, checked byte for byte. False: some byte is not what was sent. */
static bool take(struct state *s, size_t bytes, int64_t now)
{
	struct header h;
	memcpy(&h, s->packet, sizeof(h));
	uint32_t which = be32toh(h.stream), seq = be32toh(h.seq);
	if (bytes < sizeof(h) || be32toh(h.magic) != MAGIC || which >= CALL_STREAMS ||
		h.zero != 0 || bytes != (size_t)s->streams[which].bytes ||
		!is_whole(s->packet + sizeof(h), bytes - sizeof(h), seq))
		return false;

	struct stream *t = &s->streams[which];
	int64_t sent = (int64_t)be64toh(h.sent_us), rtt = -1;
	if (h.echo_seq != 0)
		rtt = now - (int64_t)be64toh(h.echo_sent_us) - (int64_t)be64toh(h.echo_waited_us);
	t->to_echo = true;
	t->echo_seq = seq;
	t->echo_sent_us = sent;
	t->echo_arrived_us = now;
	s->received = room_for(s->received, s->received_count, sizeof(*s->received));
	s->received[s->received_count++] =
		(struct received){(int)which, (int)bytes, seq, sent, now, rtt};
	return true;
}

/* 0, or -1 after a line on standard error. */
static int take_all(struct state *s)
{
	for (;;) {
		struct sockaddr_in from;
		socklen_t length = sizeof(from);
		ssize_t n = recvfrom(s->fd, s->packet, sizeof(s->packet), MSG_DONTWAIT,
			(struct sockaddr *)&from, &length);
		if (n < 0 &&
			(errno == ECONNREFUSED || errno == EHOSTUNREACH || errno == ENETUNREACH))
			continue;
		if (n < 0)
			return 0;
		if (!take(s, (size_t)n, now_us())) {
			fprintf(stderr, "a datagram of %zd bytes is not what was sent\n", n);
			return -1;
		}
		if (!s->has_peer && connect(s->fd, (struct sockaddr *)&from, sizeof(from)) == 0)
			s->has_peer = true;
	}
}

static void wait_until(const struct state *s, int64_t until_us)
{
	int64_t left = until_us - now_us();
	struct pollfd p = {.fd = s->fd, .events = POLLIN};
	struct timespec timeout = {left / 1000000, left % 1000000 * 1000};
	if (left > 0)
		ppoll(&p, 1, &timeout, NULL);
}

/* When the next packet is due, at most 20 ms from now. */
static int64_t next_due(const struct state *s)
{
	double next = (double)now_us() + 20000;
	for (int i = 0; i < CALL_STREAMS && s->has_peer; i++)
		if (s->streams[i].period_us > 0 && s->streams[i].due_us < next)
			next = s->streams[i].due_us;
	return (int64_t)next + 1;
}

static int run(struct state *s)
{
	const struct call_end *e = s->end;
	const struct definition *d = e->base.definition;
	int64_t length = ((int64_t)d->warm_up_s + d->duration_s) * 1000000;
	int64_t start;
	while ((start = e->base.clock->data_socket_us) == 0) {
		wait_until(s, now_us() + 1000);
		if (take_all(s) != 0)
			return 1;
	}
	bool begun = false;
	for (int64_t now; (now = now_us()) < start + length + DRAIN_US;) {
		for (int i = 0; !begun && i < CALL_STREAMS; i++)
			s->streams[i].due_us = (double)(now + e->phase_us);
		begun = s->has_peer;
		wait_until(s, now < start + length ? next_due(s) : start + length + DRAIN_US);
		if (take_all(s) != 0)
			return 1;
		if (s->has_peer && now_us() < start + length)
			send_due(s);
	}
	return 0;
}

static void write_sent(const struct state *s, int64_t zero, FILE *f)
{
	fputs(CALL_SENT_HEADER "\n", f);
	for (size_t i = 0; i < s->sent_count; i++) {
		const struct sent *p = &s->sent[i];
		fprintf(f, "%s,%" PRIu32 ",%" PRId64 ",%d\n", call_stream_names[p->stream], p->seq,
			p->sent_us - zero, p->bytes);
	}
}

static void write_received(const struct state *s, int64_t zero, FILE *f)
{
	fputs(CALL_RECEIVED_HEADER "\n", f);
	for (size_t i = 0; i < s->received_count; i++) {
		const struct received *p = &s->received[i];
		fprintf(f, "%s,%" PRIu32 ",%" PRId64 ",%" PRId64 ",%d,",
			call_stream_names[p->stream], p->seq, p->sent_us - zero,
			p->arrived_us - zero, p->bytes);
		if (p->rtt_us >= 0)
			fprintf(f, "%" PRId64, p->rtt_us);
		fputc('\n', f);
	}
}

static int write_log(const struct state *s, const char *file,
	void (*write_rows)(const struct state *s, int64_t zero, FILE *f))
{
	const struct call_end *e = s->end;
	int64_t zero =
		e->base.clock->data_socket_us + (int64_t)e->base.definition->warm_up_s * 1000000;
	FILE *f = fopen(file, "we");
	const char *why = f ? NULL : strerror(errno);
	if (f) {
		write_rows(s, zero, f);
		why = output_close(f);
	}
	if (why)
		fprintf(stderr, "%s: cannot be written: %s\n", file, why);
	return why != NULL;
}

static int open_socket(struct state *s)
{
	const struct call_end *e = s->end;
	char *error = NULL;
	if (lab_enter(e->base.lab, e->host, &error) != 0) {
		fprintf(stderr, "%s\n", error);
		return -1;
	}
	s->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in own = {
		.sin_family = AF_INET, .sin_port = htons(e->calls ? CALL_CALLER_PORT : CALL_PORT)};
	struct sockaddr_in peer = {
		.sin_family = AF_INET, .sin_port = htons(CALL_PORT), .sin_addr = e->base.server};
	if (s->fd < 0 || bind(s->fd, (struct sockaddr *)&own, sizeof(own)) != 0 ||
		(e->calls && connect(s->fd, (struct sockaddr *)&peer, sizeof(peer)) != 0)) {
		fprintf(stderr, "call: %s\n", strerror(errno));
		return -1;
	}
	s->has_peer = e->calls;
	return 0;
}

static void set_streams(struct state *s)
{
	const struct call_load *c = &s->end->base.definition->workload.call;
	if (c->audio)
		s->streams[CALL_AUDIO] = (struct stream){.bytes = c->audio_bytes,
			.period_us = c->audio_interval_ms * 1e3,
			.burst_bytes = c->audio_bytes};
	if (c->video)
		s->streams[CALL_VIDEO] = (struct stream){.bytes = c->video_bytes,
			.period_us = 1e6 / c->video_frames_per_s,
			.burst_bytes = c->video_rate_mbit * 1e6 / 8 / c->video_frames_per_s};
}

int call_body(void *argument)
{
	const struct call_end *e = argument;
	struct state *s = calloc(1, sizeof(*s));
	if (!s)
		abort();
	s->end = e;
	set_streams(s);
	int rc = open_socket(s) != 0;
	if (rc == 0) {
		if (!e->calls)
			e->base.clock->callee_ready = 1;
		if (e->calls && e->sets_clock) {
			struct timespec jitter = {0, e->base.start_jitter_us * 1000};
			nanosleep(&jitter, NULL);
			e->base.clock->data_socket_us = now_us();
		}
		rc = run(s);
	}
	if (rc == 0)
		rc = write_log(s, e->sent_file, write_sent);
	if (rc == 0)
		rc = write_log(s, e->received_file, write_received);
	free(s->sent);
	free(s->received);
	free(s);
	return rc;
}
