/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MPIP_CORE_MESH_H
#define MPIP_CORE_MESH_H

#include "mpip/core/actions.h"
#include "mpip/core/cm.h"
#include "mpip/core/settings.h"
#include "mpip/core/types.h"

/*
 * Which paths a session has: a pair of addresses each (paper 3.3).
 */

struct engine;
struct path;
struct session;

/* Makes and removes rows of Table 3 so that they match both address lists. */
void mesh_update(struct engine *e, struct session *s, struct usec now, struct actions *a);
/* Whether the original pair of addresses, and in other forms than literal any, is a path. */
bool mesh_begun(const struct engine *e, const struct session *s);
/* Whether the hook gets to know all that the other end may send to us in this session: a literal
 * packet of a path that is not in Table 3 would be read by the application. */
bool mesh_complete(const struct engine *e, const struct session *s);
/* Table 3 had no room for all of them: the other end must not hear of our addresses here. */
bool mesh_short(const struct engine *e, const struct session *s);
/* Whether the other end's socket has an address that is not its own. */
bool mesh_behind_nat(const struct session *s);
/* Whether each end has the other's address list, and has said so, in this very session. */
bool mesh_lists_agreed(const struct engine *e, const struct session *s);
/* The path from local address `local_index` to `remote`, made if there was none, in the session's
 * encapsulation. NULL: no row is free, or the session has all it can have. */
struct path *mesh_add(struct engine *e, struct session *s, uint8_t local_index,
	struct address remote, struct usec now, struct actions *a);

/* Whether the handshake could be repeated: both ends still have the socket's addresses. */
bool mesh_ends_known(const struct engine *e, const struct session *s);

/* A new path to where something came from, though no list has it. NULL: there is no room. */
struct path *mesh_add_reflexive(struct engine *e, struct session *s, uint8_t local_index,
	enum encapsulation encap, struct endpoint remote, in_port_t local, struct usec now,
	struct actions *a);

/* Where and how a packet with a CM came. */
struct arrived_at {
	enum encapsulation encap;
	uint8_t local_index;
	in_port_t port; /* of ours */
	struct endpoint from;
	struct usec time;
};

/* Notes where a CM came from. False: from an address that is not the other end's. */
bool mesh_arrival(struct engine *e, struct session *s, const struct cm *cm,
	const struct arrived_at *at, struct actions *a);

#endif
