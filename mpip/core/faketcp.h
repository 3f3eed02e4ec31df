/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MPIP_CORE_FAKETCP_H
#define MPIP_CORE_FAKETCP_H

#include "mpip/core/actions.h"
#include "mpip/core/types.h"
#include "mpip/core/wire.h"

/*
 * The encapsulation `fake-tcp`: a path as a TCP connection of its own (paper 3.8.1).
 */

struct engine;
struct path;
struct session;

/* The encapsulation's functions (encap.h). */
bool faketcp_opens(const struct session *s, const struct path *p);
bool faketcp_ends(struct engine *e, const struct session *s, struct path *p);
uint32_t faketcp_flow(const struct session *s);
void faketcp_finish(struct engine *e, struct session *s, struct path *p, struct wire_packet *w);
void faketcp_close(struct engine *e, struct session *s, struct path *p, struct actions *a);

/* The path whose connection we opened from this port; 0: none. */
struct path_id faketcp_owner(const struct engine *e, in_port_t port);

/* Whether a TCP packet of this session to this local port is one of the encapsulation `fake-tcp`,
 * and not of the session's own port. */
bool faketcp_port(const struct session *s, uint32_t protocol, in_port_t local);

/* A segment of the path came: `end` is the sequence number behind it. */
void faketcp_received(struct path *p, uint32_t end);

/* Makes IP and TCP header of a packet whose length is known, at its head. */
void faketcp_headers(struct engine *e, const struct path *p, struct wire_packet *w, uint8_t flags,
	uint32_t seq, uint16_t window);
/* Where the TCP header of a path's packet is. */
struct tcp_header *faketcp_header_at(struct wire_packet *w);

#define FAKETCP_WINDOW_SHIFT 14 /* RFC 7323's largest */
#define FAKETCP_WINDOW       0xffff

#endif
