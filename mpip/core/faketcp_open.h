/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MPIP_CORE_FAKETCP_OPEN_H
#define MPIP_CORE_FAKETCP_OPEN_H

#include "mpip/core/actions.h"
#include "mpip/core/packet.h"
#include "mpip/core/types.h"

/*
 * How fake TCP connections are opened and reset (paper 3.8.1), for the encapsulations `literal` and
 * `fake-tcp`. The handshake's option is in cm_wire.h.
 */

struct engine;
struct path;
struct session;

/* Sends a SYN, if it is ours to open the path; a further one repeats the first. */
void faketcp_syn(
	struct engine *e, struct session *s, struct path *p, struct usec now, struct actions *a);

/* If `p` carries Flags_Hs in its option: handles it. True: it did, or dropped it. */
bool faketcp_in(struct engine *e, struct packet *p, struct usec now, struct actions *a);

/* A packet of the hook that carries no CM. True: it belonged to a fake connection, and no
 * kernel may see it, since it would answer with a reset; a reset is believed. */
bool faketcp_stray(struct engine *e, const struct packet *p, struct usec now);

/* The path whose connection we opened from this port; NULL: none. */
struct path *faketcp_opened(struct engine *e, in_port_t port);

#endif
