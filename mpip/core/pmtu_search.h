/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MPIP_CORE_PMTU_SEARCH_H
#define MPIP_CORE_PMTU_SEARCH_H

#include "mpip/core/actions.h"
#include "mpip/core/types.h"

/*
 * The probes of path MTU discovery.
 */

struct engine;
struct path;
struct session;

/* Sends the path's probes that are due. */
void pmtu_upkeep(
	struct engine *e, struct session *s, struct path *p, struct usec now, struct actions *a);

#endif
