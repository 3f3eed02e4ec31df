/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MPIP_CORE_FAKETCP_H
#define MPIP_CORE_FAKETCP_H

#include "mpip/core/forms.h"

/*
 * Fake TCP connections (paper 3.8.1): the three-way handshake with Flags_Hs, for the wire forms
 * `literal` and `fake-tcp`, and the headers of the latter. The handshake's option is in cm_wire.h.
 */

/* The wire form's functions (forms.h). */
bool faketcp_opens(const struct session *s, const struct path *p);
bool faketcp_ends(struct engine *e, const struct session *s, struct path *p);
uint32_t faketcp_flow(const struct session *s);
void faketcp_finish(struct engine *e, struct session *s, struct path *p, struct wire_packet *w);
void faketcp_close(struct engine *e, struct session *s, struct path *p, struct actions *a);

/* Sends a SYN, if it is ours to open the path; a further one repeats the first. */
void faketcp_syn(
	struct engine *e, struct session *s, struct path *p, struct usec now, struct actions *a);

/* If `p` carries Flags_Hs in its option: handles it. True: it did, or dropped it. */
bool faketcp_in(struct engine *e, struct packet *p, struct usec now, struct actions *a);

/* Whether a TCP packet of this session to this local port is one of the form `fake-tcp`, and not of
 * the session's own port. */
bool faketcp_port(const struct session *s, uint32_t protocol, in_port_t local);

/* A segment of the path came: `end` is the sequence number behind it. */
void faketcp_received(struct path *p, uint32_t end);

/* A packet of the hook that carries no CM. True: it belonged to a fake connection, and no
 * kernel may see it, since it would answer with a reset; a reset is believed. */
bool faketcp_stray(struct engine *e, const struct packet *p, struct usec now);

/* The path whose connection we opened from this port; NULL: none. */
struct path *faketcp_opened(struct engine *e, in_port_t port);

#endif
