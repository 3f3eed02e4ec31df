/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef LAB_BUILD_WIRING_H
#define LAB_BUILD_WIRING_H

#include "lab/build/net.h"
#include "lab/scenario/scenario.h"

/*
 * How a link of a scenario is made of veth pairs, redirects and qdiscs. All of it but the host's
 * NIC is in the router. Read from the host to the router, with everything a link can have:
 *
 *      host | router
 *      eth0 = c0.nic > c0.up1 = c0.dn1 > c0.up2 = c0
 *
 *      =  a veth pair            up:   TBF on c0.up1, then netem on c0.up2
 *      >  joined by redirects    down: TBF on c0,     then netem on c0.dn1
 *
 * A qdisc works where packets leave an interface, so a direction needs as many interfaces in a row
 * as it has qdiscs; there are only as many as the shapes ask for, in most links:
 *
 *      eth0 = c0.nic > c0.up1 = c0      TBF both ways
 *      eth0 = c0                        nothing up, at most one qdisc down
 *
 * Thus a host cannot send past its link's rate, whatever it does to its own NIC; the queue stands
 * in front of the rate and packets are delayed or lost behind it, in both directions; and what the
 * router counts and captures on its port c0 is, upwards, what has passed the link.
 */

struct stage {
	bool netem; /* else TBF */
	char interface[LAB_NIC_MAX + 1];
};

struct wiring {
	int segments; /* veth pairs within the router */
	struct stage up[2], down[2];
	int n_up, n_down;
};

/* The wiring of a link whose router port is called `port`. */
struct wiring wiring_plan(const struct lab_link *l, const char *port);

/* Builds link number `index`, everything up. Returns 0, or -1 with `*error` set (error.h). */
int wiring_build(
	const struct scenario *s, size_t index, struct ns *host, struct ns *router, char **error);

/* Takes a link's carrier away at both its ends, and gives it back. The router that is its far end
 * may lose neighbours and routes with it. */
int wiring_unplug(const struct scenario *s, size_t index, struct ns *router, char **error);
int wiring_plug(const struct scenario *s, size_t index, struct ns *router, char **error);

/* Changes the rate of a direction that has one: `up`, or else down. What is queued stays. */
int wiring_set_rate(const struct scenario *s, size_t index, bool up, double rate_mbit,
	struct ns *router, char **error);

/* Changes the loss of a direction whose losses_change: `up`, or else down. */
int wiring_set_loss(const struct scenario *s, size_t index, bool up, double loss_percent,
	struct ns *router, char **error);

#endif
