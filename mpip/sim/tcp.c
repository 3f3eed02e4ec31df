// SPDX-License-Identifier: BSD-2-Clause
/*
 * Applications over TCP, and as much of TCP as the core can tell from the real one (RFC 9293,
 * 5681, 6298): handshake, segments and super-packets, cumulative acknowledgements, retransmission
 * after three duplicates or by timer with other segment boundaries, segments out of order kept,
 * FIN.
 *
 * Theory of operation: a position counts from 0, the SYN; the first byte of data is at 1, and the
 * FIN behind the last one. A sequence number is the position plus the initial one.
 */

#include "mpip/sim/kernel.h"

#include "mpip/sim/host.h"

#include <stdlib.h>

#define RANGES      32
#define RTO_FIRST   200000 /* microseconds */
#define RTO_LONGEST 1600000
#define DELAYED_ACK 40000
#define WINDOW      20000 /* bytes on their way */

struct sim_stream {
	uint32_t iss, una, nxt; /* positions: first not acknowledged, next to be sent */
	uint32_t recover,
		again;     /* after a loss: up to where, and from where on, it is sent again */
	uint32_t written;  /* by the application: data ends at 1 + written */
	bool fin;          /* behind them */
	uint32_t irs, rcv; /* the other end's; rcv: first position not read */
	bool synced, fin_read, resend;     /* what is at `una`, at once */
	unsigned ranges, duplicates, owed; /* segments not acknowledged */
	struct {
		uint32_t from, to;
	} range[RANGES];
	int64_t rto;
	struct usec rto_at, ack_at, write_at, advanced;
};

static void tcp_wake(struct sim *w, void *arg);

void tcp_free(struct sim_connection *c)
{
	free(c->stream[0]);
	free(c->stream[1]);
}

static uint32_t end_of(const struct sim_stream *t)
{
	return 1 + t->written + t->fin;
}

bool tcp_complete(const struct sim_connection *c)
{
	for (unsigned i = 0; i < 2; i++) {
		const struct sim_stream *t = c->stream[i], *other = c->stream[!i];
		if (!t || !other || !t->fin || t->una != end_of(t) || other->rcv != end_of(t) ||
			!other->fin_read)
			return false;
	}
	return true;
}

struct usec tcp_stands_since(const struct sim_connection *c)
{
	struct usec a = c->stream[0] ? c->stream[0]->advanced : c->opened;
	struct usec b = c->stream[1] ? c->stream[1]->advanced : c->opened;
	return usec_before(a, b) ? b : a;
}

/* Sends a segment of `length` bytes of data from `position` on. */
static void segment(struct sim_connection *c, unsigned end, uint32_t position, uint32_t length,
	uint8_t flags, uint16_t gso_size)
{
	struct sim_stream *t = c->stream[end];
	uint8_t header[60] = {0};
	struct tcp_header *tcp = (void *)header;
	unsigned size = sizeof(*tcp);
	if (flags & TCP_SYN) {
		static const uint8_t options[] = {2, 4, 5, 0xb4, 4, 2, 1, 1};
		memcpy(header + size, options, sizeof(options));
		size += sizeof(options);
	} else if (c->timestamps) {
		struct be32 stamp = put32((uint32_t)c->socket[end].host->w->now.us / 1000);
		header[size] = header[size + 1] = 1;
		header[size + 2] = 8;
		header[size + 3] = 10;
		memcpy(header + size + 4, &stamp, sizeof(stamp));
		size += 12;
	}
	*tcp = (struct tcp_header){.seq = put32(t->iss + position),
		.offset = (uint8_t)(size / 4 << 4),
		.flags = flags | (t->synced ? TCP_ACK : 0)};
	if (t->synced) {
		tcp->ack = put32(t->irs + t->rcv);
		t->owed = 0;
		t->ack_at = USEC_NEVER;
	}
	kernel_send(c, end, header, size, position - 1, length, gso_size);
}

/* Sends again, or for the first time, what lies at a position; returns how much. */
static uint32_t send_at(struct sim *w, struct sim_connection *c, unsigned end, uint32_t position)
{
	struct sim_stream *t = c->stream[end];
	if (position == 0) {
		segment(c, end, 0, 0, TCP_SYN, 0);
		return 1;
	}
	uint32_t data = 1 + t->written - position;
	if (data == 0) {
		segment(c, end, position, 0, TCP_FIN, 0);
		return 1;
	}
	uint32_t length = sim_one_in(w, 4) ? (uint32_t)sim_between(w, 1, c->size) : c->size;
	if (length > data)
		length = data;
	bool last = t->fin && length == data;
	segment(c, end, position, length, last ? TCP_FIN : length == data ? TCP_PSH : 0, 0);
	return length + last;
}

static void arm(struct sim *w, struct sim_stream *t)
{
	t->rto_at = t->una < t->nxt ? usec_add(w->now, (struct usec){t->rto}) : USEC_NEVER;
}

/* The application writes a segment or a super-packet. */
static void write_data(struct sim *w, struct sim_connection *c, unsigned end)
{
	struct sim_stream *t = c->stream[end];
	struct sim_socket *s = &c->socket[end];
	if (t->fin || t->nxt - t->una >= WINDOW)
		return;
	uint32_t length = (uint32_t)sim_between(w, 1, c->size);
	uint16_t gso_size = 0;
	if (sim_one_in(w, 4) && host_through_daemon(s->host, s->tuple.remote_ip)) {
		gso_size = (uint16_t)(length < 48 ? 48 : length);
		length = gso_size * (uint32_t)sim_between(w, 1, 5) +
			 (uint32_t)sim_between(w, 1, gso_size);
	}
	t->written += length;
	uint32_t from = t->nxt;
	t->nxt += length;
	segment(c, end, from, length, TCP_PSH, gso_size);
	if (t->rto_at.us == USEC_NEVER.us)
		arm(w, t);
}

static void time_out(struct sim *w, struct sim_connection *c, unsigned end)
{
	struct sim_stream *t = c->stream[end];
	t->recover = t->nxt;
	t->duplicates = 0;
	t->rto = 2 * t->rto < RTO_LONGEST ? 2 * t->rto : RTO_LONGEST;
	t->again = t->una + send_at(w, c, end, t->una);
	arm(w, t);
}

static void wake_next(struct sim_socket *s, struct sim_stream *t)
{
	struct usec now = t->resend ? s->host->w->now : USEC_NEVER;
	kernel_wake(
		s, tcp_wake, usec_min(usec_min(now, t->rto_at), usec_min(t->ack_at, t->write_at)));
}

/* A few segments of what was sent before the loss. */
static void send_again(struct sim *w, struct sim_connection *c, unsigned end)
{
	struct sim_stream *t = c->stream[end];
	t->resend = false;
	if (t->again < t->una)
		t->again = t->una;
	for (unsigned i = 0; i < 3 && t->again < t->recover; i++)
		t->again += send_at(w, c, end, t->again);
}

static void tcp_wake(struct sim *w, void *arg)
{
	struct sim_socket *s = arg;
	struct sim_connection *c = s->connection;
	struct sim_stream *t = c->stream[s->end];
	if (usec_before(w->now, s->scheduled))
		return; /* a stale one */
	s->scheduled = USEC_NEVER;
	if (t->resend)
		send_again(w, c, s->end);
	if (!usec_before(w->now, t->rto_at))
		time_out(w, c, s->end);
	if (!usec_before(w->now, t->write_at)) {
		bool over = !usec_before(w->now, w->apps_until);
		bool pause =
			!usec_before(w->now, c->pause_from) && usec_before(w->now, c->pause_until);
		t->write_at = over    ? USEC_NEVER
			      : pause ? usec_min(c->pause_until, w->apps_until)
				      : usec_add(w->now,
						(struct usec){sim_between(w, 1, 2 * c->interval)});
		if (over) {
			t->fin = true;
			t->nxt += send_at(w, c, s->end, t->nxt);
			arm(w, t);
		} else if (!pause && (s->end == 0 || !c->one_way)) {
			write_data(w, c, s->end);
		}
	}
	if (!usec_before(w->now, t->ack_at))
		segment(c, s->end, t->nxt, 0, 0, 0);
	wake_next(s, t);
}

static struct sim_stream *stream(struct sim *w, struct sim_connection *c, unsigned end)
{
	struct sim_stream *t = c->stream[end];
	if (t)
		return t;
	t = c->stream[end] = sim_alloc(sizeof(*t));
	*t = (struct sim_stream){.rto = RTO_FIRST, .ack_at = USEC_NEVER, .write_at = USEC_NEVER};
	/* Half of them wrap soon. */
	t->iss = sim_one_in(w, 2) ? -(uint32_t)sim_between(w, 1, 100000) : rng_next(&w->rng);
	return t;
}

void tcp_open(struct sim *w, struct sim_connection *c)
{
	struct sim_stream *t = stream(w, c, 0);
	c->opened = w->now;
	t->nxt = send_at(w, c, 0, 0);
	arm(w, t);
	wake_next(&c->socket[0], t);
}

/* Data from `from` to `to` has come: what is read now, and what waits for a gap to be filled. */
static void keep(struct sim_stream *t, uint32_t from, uint32_t to)
{
	if (from > t->rcv) {
		if (t->ranges < RANGES) {
			t->range[t->ranges].from = from;
			t->range[t->ranges++].to = to;
		}
		return;
	}
	if (to > t->rcv)
		t->rcv = to;
	for (unsigned i = 0; i < t->ranges; i++)
		if (t->range[i].from <= t->rcv) {
			struct {
				uint32_t from, to;
			} r = {t->range[i].from, t->range[i].to};
			t->range[i] = t->range[--t->ranges];
			keep(t, r.from, r.to);
			return;
		}
}

static void take_ack(struct sim *w, struct sim_connection *c, unsigned end, uint32_t ack, bool pure)
{
	struct sim_stream *t = c->stream[end];
	if (ack > t->una && ack <= t->nxt) {
		if (t->una == 0)
			t->write_at = w->now; /* the handshake is done */
		t->una = ack;
		t->advanced = w->now;
		t->duplicates = 0;
		t->rto = RTO_FIRST;
		t->resend = ack < t->recover;
		arm(w, t);
	} else if (ack == t->una && t->una < t->nxt && pure && ++t->duplicates == 3) {
		t->recover = t->nxt;
		t->again = t->una;
		t->resend = true;
	}
}

void tcp_receive(struct sim *w, struct sim_connection *c, unsigned end, const struct packet *p,
	const struct sim_packet *sent)
{
	struct sim_stream *t = stream(w, c, end);
	uint32_t before = t->rcv;
	(void)sent;
	if (p->tcp->flags & TCP_SYN) {
		if (!t->synced) {
			t->irs = get32(p->tcp->seq);
			t->rcv = 1;
			t->synced = true;
		}
		t->ack_at = w->now;
		if (end == 1) { /* and its own one with it */
			t->nxt = t->nxt ? t->nxt : 1;
			t->recover = t->una == 0 ? 1 : t->recover;
			t->again = t->una;
			t->resend = t->una == 0;
			arm(w, t);
		}
	}
	if (!t->synced)
		return;
	uint32_t position = get32(p->tcp->seq) - t->irs;
	uint32_t to = position + p->data_length + !!(p->tcp->flags & (TCP_FIN | TCP_SYN));
	if (to > position && !(p->tcp->flags & TCP_SYN)) {
		keep(t, position, to);
		bool gap = t->ranges > 0 || t->rcv == before;
		t->ack_at =
			gap || ++t->owed >= 2
				? w->now
				: usec_min(t->ack_at, usec_add(w->now, (struct usec){DELAYED_ACK}));
	}
	const struct sim_stream *other = c->stream[!end];
	t->fin_read = other->fin && t->rcv == end_of(other);
	if (t->rcv != before)
		c->last_read[end] = w->now;
	if (t->rcv > other->nxt)
		sim_break(w, "in-order", "%c tcp%u reads to %u, but %u was sent",
			c->socket[end].host->name, c->tag, t->rcv, other->nxt);
	if (p->tcp->flags & TCP_ACK)
		take_ack(w, c, end, get32(p->tcp->ack) - t->iss, to == position);
	wake_next(&c->socket[end], t);
}
