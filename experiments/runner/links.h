/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EXPERIMENTS_RUNNER_LINKS_H
#define EXPERIMENTS_RUNNER_LINKS_H

#include "experiments/runner/run.h"

/* What the router counted during a run, for the result.
 *
 * {"time_s": when it was looked, 0 being the end of the warm-up,
 *  "directions": [{"link": "client.eth0", "direction": "up" (towards the router) or "down",
 *                  "bytes", "packets", "drops": in the measured part, "bytes_at": [at each time]}],
 *  "nics": [{"host", "nic", "bytes": both directions, "share": of its host's}]}
 * Bytes are those of Ethernet frames that have left the link. */
json_t *links_of(const struct run *r);

/* What the routers passed on between each pair of addresses of the two hosts, both ways, used or
 * not:
 * [{"src", "dst", "bytes", "packets", "small_packets": in the measured part, "bytes_at": [at each
 * of links' time_s]}] */
json_t *pairs_of(const struct run *r);

/* The smallest share of a host's bytes that one of its NICs had, over both hosts, from links_of().
 */
double links_smallest_share(const json_t *links);

#endif
