// SPDX-License-Identifier: BSD-2-Clause
/*
 * Links out of veth pairs; the theory of operation is the picture in the header.
 *
 * Why rate and delay are not one tree of qdiscs on one interface: below TBF, netem would hold the
 * packets that wait for the rate together with those in flight, so that the queue would not be the
 * scenario's; above TBF, jitter would be smoothed by the queue behind it, lost packets would cost
 * no rate, and on kernels before 6.13 a packet that the child drops stays counted by netem for
 * ever. Why not ifb: what an ifb gives back to an interface cannot be redirected a second time,
 * and there the port would count packets that are dropped later.
 *
 * All interfaces of a link are served by one CPU, because a veth hands a packet to the CPU that
 * sends it: with senders and timers on several, packets overtake each other. Measured with 2 busy
 * CPUs: 60 needless retransmissions in 5 s of plain TCP over a 100 Mbit/s link; and none when the
 * link has one CPU.
 */

#include "lab/build/wiring.h"

#include "lab/build/qdisc.h"
#include "mpip/base/error.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int list_stages(const struct shape *shape, struct stage out[2])
{
	int n = 0;
	if (shape->rate_mbit > 0)
		out[n++].netem = false;
	if (shape_needs_netem(shape))
		out[n++].netem = true;
	return n;
}

/* The `i`-th (from 1) pair's two ends, the host's side first; the last one ends at the port. */
static void segment_names(const char *port, int i, int segments, char near[LAB_NIC_MAX + 1],
	char far[LAB_NIC_MAX + 1])
{
	snprintf(near, LAB_NIC_MAX + 1, "%.*s.up%c", LAB_PORT_MAX, port, '0' + i);
	if (i == segments)
		snprintf(far, LAB_NIC_MAX + 1, "%.*s", LAB_PORT_MAX, port);
	else if (i > 0)
		snprintf(far, LAB_NIC_MAX + 1, "%.*s.dn%c", LAB_PORT_MAX, port, '0' + i);
	else
		snprintf(far, LAB_NIC_MAX + 1, "%.*s.nic", LAB_PORT_MAX, port);
}

struct wiring wiring_plan(const struct lab_link *l, const char *port)
{
	struct wiring w = {0};
	char unused[LAB_NIC_MAX + 1];

	w.n_up = list_stages(&l->up, w.up);
	w.n_down = list_stages(&l->down, w.down);
	/* Downwards the interface that faces the host's NIC can carry a qdisc too. */
	w.segments = w.n_up > w.n_down - 1 ? w.n_up : w.n_down - 1;
	for (int i = 0; i < w.n_up; i++)
		segment_names(port, i + 1, w.segments, w.up[i].interface, unused);
	for (int i = 0; i < w.n_down; i++)
		segment_names(port, w.segments - i, w.segments, unused, w.down[i].interface);
	return w;
}

/* Addresses of their own for the interfaces between NIC and port, which nobody ever talks to. */
static void inner_mac(size_t link, int k, unsigned char mac[6])
{
	const unsigned char bytes[6] = {0x02, 0x6d, 0x71, (unsigned char)(link >> 8),
		(unsigned char)link, (unsigned char)k};
	memcpy(mac, bytes, sizeof(bytes));
}

/* The links take turns over the CPUs that we may use. -1: there is one CPU alone. */
static int link_cpu(size_t index)
{
	cpu_set_t cpus;
	if (sched_getaffinity(0, sizeof(cpus), &cpus) < 0)
		abort();
	int n = CPU_COUNT(&cpus), skip = (int)(index % (size_t)n), cpu = 0;
	if (n == 1)
		return -1;
	while (!CPU_ISSET(cpu, &cpus) || skip-- > 0)
		cpu++;
	return cpu;
}

static int finish(const struct scenario *s, const struct veth_end *end, int cpu, char **error)
{
	if (cpu >= 0 && net_pin(end->ns, end->name, cpu, error) < 0)
		return -1;
	if (!s->super_packets && net_no_super_packets(end->ns, end->name, error) < 0)
		return -1;
	return net_up(end->ns, end->name, error);
}

static int make_pair(const struct scenario *s, const struct veth_end *a, const struct veth_end *b,
	int cpu, char **error)
{
	/* The router's end first: all pairs are then found, and removed at once, in the router. */
	if (net_veth(b, a, error) < 0 || finish(s, a, cpu, error) < 0)
		return -1;
	if (finish(s, b, cpu, error) < 0)
		return -1;
	return net_wait_carrier(a->ns, a->name, error);
}

static int add_stages(
	struct ns *ns, const struct stage *stages, int n, const struct shape *shape, char **error)
{
	for (int i = 0; i < n; i++) {
		int result = stages[i].netem ? qdisc_netem(ns, stages[i].interface, shape, error)
					     : qdisc_rate(ns, stages[i].interface, shape, error);
		if (result < 0)
			return -1;
	}
	return 0;
}

int wiring_build(
	const struct scenario *s, size_t index, struct ns *host, struct ns *router, char **error)
{
	const struct lab_link *l = &s->links[index];
	const struct nic *nic = scenario_nic(s, l->near), *port = scenario_nic(s, l->far);
	struct wiring w = wiring_plan(l, port->name);
	int cpu = link_cpu(index);

	/* The pair that crosses from the host into the router, then those within the router, each
	 * joined to the one before; the port's own MAC address is the last one's. */
	char near[LAB_NIC_MAX + 1], far[LAB_NIC_MAX + 1], before[LAB_NIC_MAX + 1];
	for (int i = 0; i <= w.segments; i++) {
		segment_names(port->name, i, w.segments, near, far);
		struct veth_end a = {
			.ns = i == 0 ? host : router, .name = i == 0 ? nic->name : near};
		struct veth_end b = {.ns = router, .name = far};
		inner_mac(index, 2 * i, a.mac);
		inner_mac(index, 2 * i + 1, b.mac);
		if (i == 0)
			memcpy(a.mac, nic->mac, sizeof(a.mac));
		if (i == w.segments)
			memcpy(b.mac, port->mac, sizeof(b.mac));
		if (make_pair(s, &a, &b, cpu, error) < 0)
			return -1;
		if (i > 0 && (qdisc_redirect(router, before, near, i == 1, error) < 0 ||
				     qdisc_redirect(router, near, before, false, error) < 0))
			return -1;
		strcpy(before, far);
	}
	if (add_stages(router, w.up, w.n_up, &l->up, error) < 0)
		return -1;
	return add_stages(router, w.down, w.n_down, &l->down, error);
}

/* A veth has its carrier from its peer's being up. Seen from the near end that is the first pair's
 * other end; seen from the port it is the last pair's, which is the near end itself where the link
 * has but one pair. */
static int set_plugged(
	const struct scenario *s, size_t index, struct ns *router, bool plugged, char **error)
{
	const struct lab_link *l = &s->links[index];
	const char *port = scenario_nic(s, l->far)->name;
	struct wiring w = wiring_plan(l, port);
	char near[LAB_NIC_MAX + 1], first[LAB_NIC_MAX + 1];
	segment_names(port, 0, w.segments, near, first);
	int (*set)(struct ns *, const char *, char **) = plugged ? net_up : net_down;
	if (set(router, first, error) < 0)
		return -1;
	if (w.segments == 0)
		return 0;
	segment_names(port, w.segments, w.segments, near, first);
	return set(router, near, error);
}

int wiring_unplug(const struct scenario *s, size_t index, struct ns *router, char **error)
{
	return set_plugged(s, index, router, false, error);
}

int wiring_plug(const struct scenario *s, size_t index, struct ns *router, char **error)
{
	return set_plugged(s, index, router, true, error);
}

int wiring_set_rate(const struct scenario *s, size_t index, bool up, double rate_mbit,
	struct ns *router, char **error)
{
	const struct lab_link *l = &s->links[index];
	struct wiring w = wiring_plan(l, scenario_nic(s, l->far)->name);
	struct shape shape = up ? l->up : l->down;
	shape.rate_mbit = rate_mbit;
	return qdisc_change_rate(router, up ? w.up[0].interface : w.down[0].interface, &shape,
		qdisc_burst(&shape), error);
}

int wiring_set_loss(const struct scenario *s, size_t index, bool up, double loss_percent,
	struct ns *router, char **error)
{
	const struct lab_link *l = &s->links[index];
	struct wiring w = wiring_plan(l, scenario_nic(s, l->far)->name);
	struct shape shape = up ? l->up : l->down;
	shape.loss_percent = loss_percent;
	/* The last stage, behind the rate if there is one. */
	return qdisc_change_netem(router,
		up ? w.up[w.n_up - 1].interface : w.down[w.n_down - 1].interface, &shape, error);
}
