/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MPIP_CORE_COMPOSE_H
#define MPIP_CORE_COMPOSE_H

#include "mpip/core/cm.h"
#include "mpip/core/types.h"

/*
 * The CM of a packet that is about to leave.
 */

struct engine;
struct path;
struct session;

/* The CM of a packet for `p`, with feedback if there is news. */
struct cm compose_cm(struct engine *e, struct session *s, const struct path *p, struct usec now);

/* The address list and its acknowledgement go along where there is room and news. */
void compose_addresses(struct engine *e, struct session *s, struct cm *cm);

#endif
