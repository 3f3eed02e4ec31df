/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef LAB_BUILD_FIREWALL_H
#define LAB_BUILD_FIREWALL_H

#include "lab/build/net.h"
#include "lab/scenario/scenario.h"

#include <jansson.h>

/*
 * What a router does to packets besides forwarding them: NAT and firewall, as an nftables table
 * `ip lab` in its namespace. Functions return 0, or -1 with `*error` set (error.h).
 */

/* Gives a router its rules. Nothing to do for one without. */
int firewall_build(struct ns *ns, const struct node *node, char **error);

/* Makes a NAT forget every connection and translate those that go on, and all new ones, to ports
 * that it has not used before; `times` counts how often this NAT was rebound before. */
int firewall_rebind(struct ns *ns, const struct node *node, unsigned times, char **error);

/* What the rules have dropped: {"unsolicited": packets, "invalid": ..., "unknown-tcp": ..., "udp":
 * ...}; all of them, 0 for what the router lets pass. NULL with `*error` set. */
json_t *firewall_dropped(struct ns *ns, char **error);

#endif
