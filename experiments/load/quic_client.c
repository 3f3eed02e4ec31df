// SPDX-License-Identifier: BSD-2-Clause
/*
 * The client of a QUIC connection.
 *
 * Theory of operation
 * -------------------
 * A bulk transfer without an end begins as soon as the handshake is done, one of so many bytes with
 * the measured part. Requests begin with the handshake, too. By the clock they are opened whatever
 * has come of those before; with a pause, each of the parallel ones is opened when the one before
 * it is done and the pause is over. A request's time counts from when it was to be opened, so that
 * one that the server does not allow yet waits on its own account.
 *
 * When the time is over, requests that were opened in it have some seconds more.
 */

#include "experiments/load/quic_connection.h"
#include "experiments/probe/proc.h"
#include "experiments/record/quic.h"
#include "mpip/base/output.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PATIENCE_US (QUIC_PATIENCE_S * INT64_C(1000000))
#define NEVER       INT64_MAX

struct request {
	int place; /* which of the parallel ones */
	int64_t opened_us, first_us, done_us;
};

struct client {
	struct quic q;
	const struct quic_load *load;
	struct request *requests;
	size_t count, open; /* all; those that are not done */
	int64_t *due_us;    /* of each of the parallel ones: when its next request is; NEVER: while
			       one is open */
	struct quic_stream *waiting; /* wants to be opened */
	bool up_opened, down_opened;
};

static bool by_clock(const struct client *c)
{
	return c->load->interval_ms > 0;
}

/* A request is done. */
static void stream_done(struct quic *q, struct quic_stream *s)
{
	struct client *c = q->owner;
	if (s->bulk)
		return;
	struct request *r = &c->requests[s->number];
	r->first_us = s->first_us;
	r->done_us = s->done_us;
	c->open--;
	if (!by_clock(c))
		c->due_us[r->place] = s->done_us + (int64_t)(c->load->pause_ms * 1e3);
}

static size_t add_request(struct client *c, int place)
{
	if ((c->count & (c->count - 1)) == 0) {
		c->requests = reallocarray(
			c->requests, c->count ? 2 * c->count : 1, sizeof(*c->requests));
		if (!c->requests)
			abort();
	}
	c->requests[c->count] = (struct request){.place = place, .opened_us = c->due_us[place]};
	c->open++;
	return c->count++;
}

/* Opens what waits for it. True: nothing waits any more. */
static bool open_waiting(struct client *c)
{
	if (c->waiting && quic_open_stream(&c->q, c->waiting))
		c->waiting = NULL;
	return !c->waiting;
}

/* The one of the parallel places whose next request is due first. */
static int first_place(const struct client *c)
{
	int first = 0;
	for (int i = 1; i < c->load->parallel; i++)
		if (c->due_us[i] < c->due_us[first])
			first = i;
	return first;
}

/* Opens the requests that are due. */
static void open_requests(struct client *c)
{
	const struct quic_load *load = c->load;
	while (load->requests && open_waiting(c)) {
		int place = first_place(c);
		int64_t now = now_us();
		if (c->due_us[place] > now || now >= quic_ends_us(&c->q))
			return;
		c->waiting =
			quic_stream_new(false, (uint64_t)load->request_bytes - QUIC_HEADER_BYTES,
				(uint64_t)load->response_bytes);
		c->waiting->number = add_request(c, place);
		c->due_us[place] =
			by_clock(c) ? c->due_us[place] + (int64_t)(load->interval_ms * 1e3) : NEVER;
	}
}

static void open_bulk(struct client *c)
{
	const struct quic_load *load = c->load;
	int64_t now = now_us();
	uint64_t bytes = load->bulk_bytes ? (uint64_t)load->bulk_bytes : QUIC_NO_END;
	if (!load->bulk || (load->bulk_bytes && now < quic_measure_zero_us(&c->q.measure)))
		return;
	enum direction d = c->q.end->base.definition->workload.direction;
	bool up = d != DIRECTION_REVERSE, down = d != DIRECTION_FORWARD;
	bool *const opened[] = {&c->up_opened, &c->down_opened};
	for (int i = 0; i < 2; i++) {
		if (*opened[i] || !(i == 0 ? up : down))
			continue;
		struct quic_stream *s = quic_stream_new(true, i == 0 ? bytes : 0, i ? bytes : 0);
		*opened[i] = quic_open_stream(&c->q, s);
		if (!*opened[i])
			free(s);
		else if (!c->q.measure.bulk_opened_us)
			c->q.measure.bulk_opened_us = now;
	}
}

/* When something is to be opened next, or the time is over. */
static int64_t next_due(const struct client *c)
{
	int64_t next = quic_ends_us(&c->q), zero = quic_measure_zero_us(&c->q.measure);
	if (now_us() >= next)
		return next + PATIENCE_US;
	if (!c->q.measure.handshake_us)
		return next;
	if (c->load->bulk && !c->up_opened && !c->down_opened && zero < next)
		next = zero;
	int64_t due = c->waiting || !c->load->requests ? NEVER : c->due_us[first_place(c)];
	return due < next ? due : next;
}

/* Opens and lets go on until the time is over, and all that was opened in it is done. */
static int run(struct client *c)
{
	struct quic *q = &c->q;
	while (!q->measure.handshake_us)
		if (!quic_step(q, next_due(c)))
			break;
	if (!q->measure.handshake_us) {
		fprintf(stderr, "the QUIC handshake was not done: %s\n",
			q->measure.why_lost ? q->measure.why_lost : "it failed");
		return 1;
	}
	for (int i = 0; i < c->load->parallel; i++)
		c->due_us[i] = q->measure.handshake_us;
	for (;;) {
		int64_t now = now_us(), ends = quic_ends_us(q);
		if (now >= ends && (c->open == 0 || now >= ends + PATIENCE_US))
			break;
		open_bulk(c);
		open_requests(c);
		if (!quic_step(q, next_due(c)))
			break;
	}
	/* What is lost early stays lost until the time is over: the run is as long as others. */
	struct timespec at = {quic_ends_us(q) / 1000000, quic_ends_us(q) % 1000000 * 1000};
	while (!q->failed && clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == EINTR)
		;
	quic_close(q);
	return q->failed;
}

static int write_requests(const struct client *c, const char *file)
{
	int64_t zero = quic_measure_zero_us(&c->q.measure);
	FILE *f = fopen(file, "we");
	const char *why = f ? NULL : strerror(errno);
	if (f) {
		fputs(QUIC_REQUESTS_HEADER "\n", f);
		for (size_t i = 0; i < c->count; i++) {
			const struct request *r = &c->requests[i];
			fprintf(f, "%zu,%" PRId64 ",", i, r->opened_us - zero);
			if (r->done_us)
				fprintf(f, "%" PRId64 ",%" PRId64 "\n", r->first_us - zero,
					r->done_us - zero);
			else
				fputs(",\n", f);
		}
		why = output_close(f);
	}
	if (why)
		fprintf(stderr, "%s: cannot be written: %s\n", file, why);
	return why != NULL;
}

int quic_client(void *argument)
{
	const struct quic_end *e = argument;
	static struct client c;
	c.load = &e->base.definition->workload.quic;
	c.due_us = calloc((size_t)c.load->parallel, sizeof(*c.due_us));
	if (!c.due_us)
		abort();
	int rc = quic_begin(&c.q, e, false);
	if (rc == 0) {
		struct timespec jitter = {0, e->base.start_jitter_us * 1000};
		nanosleep(&jitter, NULL);
		e->base.clock->data_socket_us = now_us();
		c.q.owner = &c;
		c.q.stream_done = stream_done;
		rc = quic_connect(&c.q);
	}
	rc = rc == 0 ? run(&c) : 1;
	if (rc == 0)
		rc = write_requests(&c, e->request_file);
	free(c.waiting);
	free(c.requests);
	free(c.due_us);
	return quic_end(&c.q, rc);
}
