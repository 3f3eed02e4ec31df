/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MPIP_CORE_ICMP_H
#define MPIP_CORE_ICMP_H

#include "mpip/core/actions.h"
#include "mpip/core/input.h"
#include "mpip/core/packet.h"
#include "mpip/core/types.h"

/*
 * ICMP errors about packets of paths.
 */

struct engine;

/* If the packet is an ICMP error about one of a path: handles it. False: it is the kernel's. */
bool icmp_in(struct engine *e, const struct packet *p, struct usec now, struct actions *a);

/* An error that came by a wire socket's error queue. */
void icmp_wire_error(
	struct engine *e, const struct wire_error *error, struct usec now, struct actions *a);

#endif
