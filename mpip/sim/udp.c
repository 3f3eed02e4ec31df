// SPDX-License-Identifier: BSD-2-Clause
/*
 * Applications over UDP: each sends a datagram now and then; a server once it knows its client.
 */

#include "mpip/sim/kernel.h"

static void udp_wake(struct sim *w, void *arg)
{
	struct sim_socket *s = arg;
	struct sim_connection *c = s->connection;
	if (usec_before(w->now, s->scheduled))
		return; /* a stale one */
	s->scheduled = USEC_NEVER;
	if (!usec_before(w->now, w->apps_until))
		return;
	bool pause = !usec_before(w->now, c->pause_from) && usec_before(w->now, c->pause_until);
	if (!address_is_none(s->tuple.remote_ip) && !pause) {
		struct udp_header header = {0};
		uint32_t length = (uint32_t)sim_between(w, SIM_UDP_LEAST, c->size);
		kernel_send(c, s->end, &header, sizeof(header), c->sent[s->end] * 1000, length, 0);
		c->sent[s->end]++;
		c->late_sent[s->end] += w->packet[w->packets].late;
	}
	struct usec next = usec_add(w->now, (struct usec){sim_between(w, 1, 2 * c->interval)});
	kernel_wake(
		s, udp_wake, pause && usec_before(next, c->pause_until) ? c->pause_until : next);
}

void udp_open(struct sim *w, struct sim_connection *c)
{
	c->opened = w->now;
	kernel_wake(&c->socket[0], udp_wake, w->now);
	if (!c->one_way)
		kernel_wake(&c->socket[1], udp_wake, usec_add(w->now, (struct usec){c->interval}));
}

void udp_receive(struct sim *w, struct sim_connection *c, unsigned end, const struct sim_packet *p)
{
	if (p->read > 1)
		return;
	c->read[!end]++;
	c->late_read[!end] += p->late;
	c->last_read[end] = w->now;
}
