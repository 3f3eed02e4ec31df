/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MPIP_CORE_PATH_H
#define MPIP_CORE_PATH_H

#include "mpip/core/actions.h"
#include "mpip/core/cm_wire.h"
#include "mpip/core/encap.h"
#include "mpip/core/pmtu.h"
#include "mpip/core/settings.h"
#include "mpip/core/tables.h"
#include "mpip/core/types.h"

/*
 * Rows of Table 3 (paper 3.3): where they come from, their ends and their encapsulation.
 */

struct engine;

/* The pool of rows. False: out of memory. */
bool path_pool_open(struct engine *e);
void path_pool_close(struct engine *e);

/* The row of a Path ID that a session has; NULL: none. */
struct path *path_row(struct engine *e, struct path_id id);
/* A row of the session's, in its preferred encapsulation, without ports. NULL: none is free. */
struct path *path_add(
	struct engine *e, struct session *s, uint8_t local_index, struct address remote);
/* Gives a path's row back; it is no longer among the session's. */
void path_drop(struct engine *e, struct session *s, struct path *p, struct actions *a);
/* The same, and the observer is told, with the reason. */
void path_remove(struct engine *e, struct session *s, struct path *p, const char *reason,
	struct usec now, struct actions *a);

/* Gives every path of the session the weight total/N (3.6.1). */
void path_start_weights(struct session *s, const struct settings *set);
/* To be called after any change of a path's state or weight. */
void path_changed(struct session *s);

/* A path is in use: the session is multipath. None is any more: it falls back, unless it is regular
 * already; `reason` is for people. Both keep regular_since. */
void path_multipath(const struct engine *e, struct session *s, struct usec now);
void path_fallback(const struct engine *e, struct session *s, const char *reason, struct usec now);

/* Sets the ports of a new path. False: none to be had. */
bool path_take_ends(struct engine *e, struct session *s, struct path *p, struct actions *a);
/* Draws the path's ports anew, in its encapsulation. */
void path_renew_ends(struct engine *e, struct session *s, struct path *p, struct actions *a);
/* Gives the path these ends and this encapsulation. */
void path_move(struct engine *e, struct session *s, struct path *p, enum encapsulation encap,
	struct endpoint remote, in_port_t local, struct usec now, struct actions *a);
/* The path's encapsulation did not work: it takes another. False: there is none left. */
bool path_next_encap(
	struct engine *e, struct session *s, struct path *p, struct usec now, struct actions *a);

/* The path between local address `local_index`, port `local`, and `remote`; NULL: none. */
static inline struct path *path_at(
	const struct session *s, uint8_t local_index, struct endpoint remote, in_port_t local)
{
	const struct multipath *mp = s->mp;
	for (unsigned i = 0; i < s->paths; i++) {
		struct path *p = mp->path[i];
		if (p->local_index == local_index && p->src.port == local &&
			endpoint_equal(p->dst, remote))
			return p;
	}
	return NULL;
}
/* The path in `encap` that the other end's path `id` is the way back of. */
struct path *path_reverse(
	const struct session *s, uint8_t local_index, enum encapsulation encap, struct path_id id);
/* A path between these addresses that is not in use, nor the way back of another path than `id`. */
struct path *path_idle(
	const struct session *s, uint8_t local_index, struct address remote, struct path_id id);

/* Whether a packet can be sent on the path: it has ends, and needs no handshake or has had it. */
bool path_is_open(const struct session *s, const struct path *p);
/* The largest packet of an application that fits onto the path. */
static inline uint32_t path_max_packet(const struct path *p)
{
	return p->pmtu->size - CM_FIXED - encaps[p->encap].header;
}
/* Notes that a packet of `bytes` went on the path. */
static inline void path_sent(struct session *s, struct path *p, uint32_t bytes, struct usec now)
{
	p->sent_packets++;
	p->sent_bytes += bytes;
	/* Of probes the last one counts: the path is known to be down. */
	if (p->first_unanswered.us == USEC_NEVER.us || p->state != PATH_IN_USE) {
		p->first_unanswered = now;
		p->feedbacks_before = s->mp->feedbacks;
	}
	s->mp->sending_since = usec_min(s->mp->sending_since, now);
}

#endif
