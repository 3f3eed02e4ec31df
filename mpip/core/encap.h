/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MPIP_CORE_ENCAP_H
#define MPIP_CORE_ENCAP_H

#include "mpip/core/actions.h"
#include "mpip/core/cm.h"
#include "mpip/core/types.h"

/*
 * Encapsulations: how a packet of a path looks on the networks. Interchangeable behind one
 * interface; each path has its own, and its sender chooses it (paper 3.8.1, 3.8.2).
 *
 *   udp       [path's UDP datagram: segment, CM]
 *   literal   [IP header, segment with the path's addresses and ports, CM]
 *   fake-tcp  [IP header, the path's own TCP header: segment, CM]
 *
 * A segment is the session's transport header and user data.
 */

struct engine;
struct path;
struct session;

/* A transport header and user data, as they came. */
struct copied {
	const uint8_t *bytes;    /* NULL: none */
	uint32_t header, length; /* of the header; of all */
};

struct form {
	/* Bytes to leave free at the head of a wire packet, in front of the segment. */
	uint8_t room;
	/* Bytes that the form adds to a packet between IP header and segment. */
	uint8_t header;
	/* The path needs a three-way handshake before it carries anything else (3.8.1). */
	bool (*opens)(const struct session *s, const struct path *p);
	/* Sets the ports of a new path whose addresses are set. False: none to be had. */
	bool (*ends)(struct engine *e, const struct session *s, struct path *p);
	/* What it looks like to the ingress hook: the protocol of its flow; 0: it has none. */
	uint32_t (*flow)(const struct session *s);
	/* Puts what a heartbeat has in a segment's place behind `room`: with what goes along of a
	 * packet that it copies, if it does. Returns what its CM is bound to, but for w->data. */
	struct cm_binding (*empty)(
		const struct session *s, struct wire_packet *w, struct copied copy);
	/* Completes a packet whose segment and CM are in place. */
	void (*finish)(struct engine *e, struct session *s, struct path *p, struct wire_packet *w);
	/* The path is given up in this form: returns what `ends` took. */
	void (*close)(struct engine *e, struct session *s, struct path *p, struct actions *a);
};

extern const struct form forms[]; /* by enum wire_form */

/* `empty` of the forms that have a segment behind a header of their own. */
struct cm_binding encap_empty(const struct session *s, struct wire_packet *w, struct copied copy);

#endif
