/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MPIP_CORE_IPCHANGE_H
#define MPIP_CORE_IPCHANGE_H

#include "mpip/core/actions.h"
#include "mpip/core/cm.h"
#include "mpip/core/mesh.h"
#include "mpip/core/types.h"

/*
 * A host's addresses change while its sessions go on (paper 3.4, Flags_IP_Change).
 */

struct engine;
struct session;

/* Our addresses have changed. */
void ipchange_local(struct engine *e, struct session *s, struct usec now, struct actions *a);
/* While s->mp->moving: says it again when it is time to. */
void ipchange_repeat(struct engine *e, struct session *s, struct usec now, struct actions *a);
/* The other end says that its addresses have changed, in a CM with its list, which the caller takes
 * then. */
void ipchange_remote(struct engine *e, struct session *s, const struct cm *cm,
	const struct arrived_at *at, struct usec now, struct actions *a);

#endif
