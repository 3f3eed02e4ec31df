/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MPIP_CORE_CM_H
#define MPIP_CORE_CM_H

#include "mpip/core/cm_wire.h"
#include "mpip/core/types.h"

/*
 * The control message (paper 3.1, Table 1) as the core holds it; its bytes are in cm_wire.h.
 */

/* What a query and its confirmation say about their sender. */
struct cm_hello {
	uint8_t encap;  /* enum encapsulation: wished for (query), taken (confirmation) */
	in_port_t port; /* of the sender's wire sockets, network order */
	uint16_t boot;  /* a random number drawn when the sender's daemon started */
};

struct cm {
	struct node_id node;
	struct session_id session;
	struct path_id path;
	struct path_id feedback_path; /* 0: no feedback in this one */
	uint32_t stamp;               /* the sender's clock, microseconds, wraps */
	uint32_t path_delay; /* of feedback_path: a clock difference, microseconds, wraps */
	uint8_t flags;       /* CM_FLAG_* */
	bool has_hello, has_addresses, has_list_ack, has_size, has_scale;
	struct cm_hello hello;
	struct address_list addresses; /* the sender's, all of them, of IPv4 */
	uint8_t list_version;          /* of `addresses` */
	uint8_t list_ack;              /* the version of the other end's list that the sender has */
	struct path_id size_path; /* a padded heartbeat came on this path of the other end's, */
	uint16_t size;            /* with so many bytes of segment and CM */
	uint8_t scale;            /* of the TCP windows that the sender announces (RFC 7323) */
};

/* What the checksum binds a CM to besides its own fields (cm_wire.h). */
struct cm_binding {
	uint32_t segment_length; /* bytes of transport header and user data */
	uint32_t tcp_seq;        /* 0 unless TCP */
};

/* How long cm_encode() will make it: CM_FIXED to CM_MAX. */
size_t cm_size(const struct cm *cm);

/* Writes the CM; `out` has room for cm_size(). Returns that size. */
size_t cm_encode(const struct cm *cm, struct cm_binding binding, uint8_t *out);

/* The size of the CM at the end of `bytes`, extension included; 0 if there cannot be one. */
size_t cm_size_at_end(const uint8_t *bytes, size_t length);

/* The same, and whose it is, before the checksum can be known to hold (the binding depends on the
 * session's protocol). */
size_t cm_peek(
	const uint8_t *bytes, size_t length, struct node_id *node, struct session_id *session);

/* Reads the CM at the end of `bytes`. False, and `cm` undefined, unless version, size, checksum
 * and extension are all right: then there is no CM (paper 3.1). */
bool cm_decode(const uint8_t *bytes, size_t length, struct cm_binding binding, struct cm *cm);
/* The same of a CM whose size is known from one of these: `bytes` is where it begins. */
bool cm_read(const uint8_t *bytes, size_t size, struct cm_binding binding, struct cm *cm);

#endif
