/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MPIP_IO_FLOWS_H
#define MPIP_IO_FLOWS_H

#include "mpip/core/types.h"
#include "mpip/io/ingress/ingress.h"

#include <uthash.h>

/*
 * The flows that the ingress hook takes, by the engine's wish and a little longer.
 *
 * A session that is gone here may live on at the other end, for as long as session_expiry, and its
 * packets with CMs must not pass to an application meanwhile. So a flow that the engine gives up
 * lingers in the hook for that long; then its packets are handed back, or dropped as those of an
 * unknown session. Lingering flows are bounded: the oldest goes first.
 */

struct lingering_flow {
	struct ingress_flow flow;
	struct usec until;
	UT_hash_handle hh;
};

struct flows {
	struct ingress *ingress;
	struct usec linger;
	struct lingering_flow *lingering; /* a uthash head, oldest first */
};

/* Both return 0 or a negative errno. */
int flows_add(struct flows *f, const struct tuple *tuple);
int flows_remove(struct flows *f, const struct tuple *tuple, struct usec now);

/* Removes what has lingered long enough. Cheap when there is nothing to do. */
void flows_expire(struct flows *f, struct usec now);

void flows_free(struct flows *f);

#endif
