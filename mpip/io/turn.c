// SPDX-License-Identifier: BSD-2-Clause
/*
 * What the daemon does all the time.
 *
 * Theory of operation: one loop around epoll. Each turn it takes what has come (from the
 * applications by the TUN, from the networks by the wire sockets and by the receive TUN behind the
 * ingress hook), gives it to the engine with the time, and carries out the actions: packets to the
 * wire sockets, packets to the TUN, flows to the hook, exclusions to the routing. Batches
 * everywhere: a turn may move hundreds of packets with a handful of system calls. And where one
 * packet comes at a time, a turn takes it, and what TCP answers to it, with no call too many: read,
 * write, read, send.
 */

#include "mpip/io/daemon.h"

#include <limits.h>
#include <sys/epoll.h>
#include <time.h>

#define TUN_BATCH      8  /* super-packets from the applications per turn */
#define RECEIVE_ROUNDS 16 /* batches from the wire sockets per turn */
#define ALIVE_EVERY    usec_ms(100)
#define BUSY_PACKETS   4 /* from the networks in one millisecond: then turns are paced */
#define SINGLE_TURNS   8 /* in which one packet is read, after one that found a single packet */

struct usec daemon_clock(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (struct usec){(int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000};
}

/* Carrying out */

static void carry_out_steer(struct daemon *d, const struct steer *s)
{
	int result = 0;
	switch (s->kind) {
	case STEER_FLOW_ADD:
		result = flows_add(&d->flows, &s->tuple);
		break;
	case STEER_FLOW_REMOVE:
		result = flows_remove(&d->flows, &s->tuple, d->now);
		break;
	case STEER_EXCLUDE:
		result = d->hostnet ? hostnet_exclude(d->hostnet, s->tuple.remote_ip) : 0;
		break;
	case STEER_INCLUDE:
		result = d->hostnet ? hostnet_include(d->hostnet, s->tuple.remote_ip) : 0;
		break;
	}
	d->steer_errors += result < 0;
}

void daemon_carry_out(struct daemon *d)
{
	struct actions *a = &d->actions;
	for (unsigned i = 0; i < a->steers; i++)
		carry_out_steer(d, &a->steer[i]);
	wirelink_send(&d->wire, a->wire, a->wires);
	tun_write(&d->tun, a->host, a->hosts);
	a->wires = a->hosts = a->steers = 0;
	engine_carried_out(d->engine);
}

static void carry_out_if_full(struct daemon *d)
{
	const struct actions *a = &d->actions;
	if (a->wires + ACTIONS_WIRE_ROOM > WIRE_SLOTS ||
		a->hosts + ACTIONS_HOST_ROOM > HOST_SLOTS ||
		a->steers + ACTIONS_STEER_ROOM > STEER_SLOTS)
		daemon_carry_out(d);
}

/* Taking */

/* To look for a second packet is a system call for nothing where they come one by one. So after a
 * turn that found just one, the next ones read one each; if there are more, epoll says so at once.
 * Not where turns are paced: then each is to take all that has come. */
static unsigned batch(const struct daemon *d, const struct tun *tun, unsigned most)
{
	return tun->single_turns > 0 && !d->busy ? 1 : most;
}

static void has_taken(struct tun *tun, unsigned count)
{
	if (tun->single_turns > 0)
		tun->single_turns--;
	else if (count == 1)
		tun->single_turns = SINGLE_TURNS;
}

static void take_from_tun(struct daemon *d)
{
	struct host_input in;
	unsigned n, most = batch(d, &d->tun, TUN_BATCH);
	for (n = 0; n < most && tun_read(&d->tun, &d->frames[n], &in); n++) {
		engine_from_host(d->engine, &in, d->now, &d->actions);
		/* Super-packets leave one by one: sent socket by socket, several would be shuffled.
		 */
		if (in.gso_size)
			daemon_carry_out(d);
		else
			carry_out_if_full(d);
	}
	has_taken(&d->tun, n);
	daemon_carry_out(d);
}

static void take_from_hook(struct daemon *d)
{
	struct host_input in;
	unsigned n, most = batch(d, &d->hook, HOOK_BATCH);
	for (n = 0; n < most && tun_read(&d->hook, &d->frames[n], &in); n++) {
		engine_from_hook(d->engine, &in, d->now, &d->actions);
		carry_out_if_full(d);
	}
	has_taken(&d->hook, n);
	daemon_carry_out(d);
}

static void take_datagram(void *context, const struct wire_input *in)
{
	struct daemon *d = context;
	engine_from_wire(d->engine, in, d->now, &d->actions);
	carry_out_if_full(d);
}

static void take_error(void *context, const struct wire_error *error)
{
	struct daemon *d = context;
	engine_wire_error(d->engine, error, d->now, &d->actions);
	daemon_carry_out(d);
}

static void take_from_wire(struct daemon *d, unsigned ready)
{
	for (unsigned i = 0; wirelink_receive(&d->wire, ready, &d->now, take_datagram, d); i++) {
		daemon_carry_out(d);
		/* For long enough; what was received already is still taken. */
		ready = i < RECEIVE_ROUNDS ? UINT_MAX : 0;
	}
	daemon_carry_out(d);
}

/*
 * Moderation, as NICs do it with their interrupts: at high rates a turn for every packet would
 * spend more on turns than on packets. So while many packets come, there is a turn every batch_us
 * at most. Delays are measured by the kernel's time stamps, which do not see this.
 */
static void pace(struct daemon *d)
{
	if (usec_sub(d->now, d->window).us >= 1000) {
		d->busy = d->wire.received_packets - d->window_start >= BUSY_PACKETS;
		d->window = d->now;
		d->window_start = d->wire.received_packets;
	}
	struct usec next = usec_add(d->now, (struct usec){d->config.batch_us});
	if (!d->busy || d->config.batch_us == 0)
		return;
	struct timespec until = {next.us / 1000000, next.us % 1000000 * 1000};
	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
}

void daemon_serve(struct daemon *d)
{
	struct epoll_event events[SOURCE_WIRE + MAX_ADDRESSES];
	struct usec next = USEC_NEVER;
	for (;;) {
		pace(d);
		struct usec wait = usec_sub(
			usec_min(usec_min(next, d->leave_at), usec_add(d->now, ALIVE_EVERY)),
			d->now);
		if (wait.us < 0)
			wait.us = 0;
		struct timespec timeout = {wait.us / 1000000, wait.us % 1000000 * 1000};
		int n = epoll_pwait2(
			d->epoll, events, sizeof(events) / sizeof(events[0]), &timeout, NULL);
		d->now = daemon_clock();
		d->turns++;
		ingress_alive(d->ingress, (uint64_t)d->now.us * 1000);
		if (!usec_before(d->now, d->leave_at) && daemon_may_end(d))
			return;

		unsigned ready = 0;
		bool host_ready = false;
		uint64_t answerable = d->tun.tcp_writes;
		for (int i = 0; i < n; i++) {
			uint64_t source = events[i].data.u64;
			if (source == SOURCE_TUN)
				host_ready = true;
			else if (source == SOURCE_HOOK)
				take_from_hook(d);
			else if (source == SOURCE_HOSTNET && d->hostnet)
				daemon_host_changed(d);
			else if (source == SOURCE_CONTROL)
				control_serve(&d->control, d->engine, d->now);
			else if (source == SOURCE_SIGNAL)
				daemon_leave(d);
			else if (source == SOURCE_GUARD)
				daemon_lost_guard(d);
			else if (source >= SOURCE_MONITOR && source < SOURCE_WIRE)
				monitors_ready(&d->control.monitors,
					(unsigned)(source - SOURCE_MONITOR), d->now);
			else if (source >= SOURCE_WIRE && source - SOURCE_WIRE < d->wire.nics) {
				if (events[i].events & EPOLLERR)
					wirelink_errors(&d->wire, (unsigned)(source - SOURCE_WIRE),
						take_error, d);
				ready |= 1u << (source - SOURCE_WIRE);
			}
		}
		if (ready)
			take_from_wire(d, ready);
		/* TCP answers within the call that writes a packet to the TUN. */
		if (host_ready || d->tun.tcp_writes > answerable)
			take_from_tun(d);
		flows_expire(&d->flows, d->now);
		if (!usec_before(d->now, d->control.expires))
			control_serve(&d->control, d->engine, d->now);
		if (!usec_before(d->now, d->wire_retry))
			daemon_retry_wire(d);
		log_tick(d->now);
		if (d->hostnet && !usec_before(d->now, d->keep_next))
			daemon_keep_addresses(d);
		if (!usec_before(d->now, d->inherited_until)) {
			ingress_expire(d->ingress, UINT64_MAX);
			d->inherited_until = USEC_NEVER;
		}
		next = d->leave_at.us == USEC_NEVER.us ? engine_tick(d->engine, d->now, &d->actions)
						       : USEC_NEVER;
		daemon_carry_out(d);
	}
}
