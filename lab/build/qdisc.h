/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef LAB_BUILD_QDISC_H
#define LAB_BUILD_QDISC_H

#include "lab/build/net.h"
#include "lab/scenario/scenario.h"

#include <jansson.h>

/*
 * What the lab does to packets on an interface, by netlink. Functions return 0, or -1 with
 * `*error` set.
 */

/* The shape's rate and queue, as the root TBF of an interface. */
int qdisc_rate(struct ns *ns, const char *interface, const struct shape *shape, char **error);
/* The same for an interface that has one, with a bucket of `burst` bytes: what waits in it stays,
 * and the bucket is full. */
int qdisc_change_rate(struct ns *ns, const char *interface, const struct shape *shape, double burst,
	char **error);

/* The bytes that the shape's token bucket holds. */
double qdisc_burst(const struct shape *shape);

/* The shape's delay, jitter and loss, as the root netem of an interface. */
int qdisc_netem(struct ns *ns, const char *interface, const struct shape *shape, char **error);
/* The same for an interface that has one: packets under way stay so. */
int qdisc_change_netem(
	struct ns *ns, const char *interface, const struct shape *shape, char **error);

/* Whatever frame arrives at `from` leaves by `to`, both in `ns`. Once per `from`. With `orphan`,
 * the sender is done with its packet at that point, as it is with one that a real NIC has sent;
 * else the packet counts as unsent until it leaves the last queue of `to`. */
int qdisc_redirect(struct ns *ns, const char *from, const char *to, bool orphan, char **error);

/* Whether this kernel has sch_netem, found out by using one in a namespace made for that:
 * 1 yes, 0 no, -1 with `*error` set when even that could not be tried. */
int qdisc_kernel_has_netem(char **error);

/* {"interface", "kind", "bytes", "packets", "drops", "overlimits", "backlog_bytes",
 * "backlog_packets"} of an interface's root qdisc, NULL with `*error` set when there is none that
 * counts. The bytes are those of Ethernet frames without checksum; bytes and packets are what left
 * the qdisc. */
json_t *qdisc_counters(struct ns *ns, const char *interface, char **error);

#endif
