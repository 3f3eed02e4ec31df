/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MPIP_CORE_REGULAR_H
#define MPIP_CORE_REGULAR_H

#include "mpip/core/actions.h"
#include "mpip/core/input.h"
#include "mpip/core/packet.h"
#include "mpip/core/types.h"

/*
 * Packets on the regular connection: as they came from the application's kernel.
 */

struct engine;

/* Sends a packet as it is, a super-packet as its segments, checksums filled in. */
void regular_send(
	struct engine *e, const struct packet *p, const struct host_input *in, struct actions *a);

/* The same without the first `offset` bytes of user data, whole segments; nothing may be left. */
void regular_send_behind(struct engine *e, const struct packet *p, const struct host_input *in,
	uint32_t offset, struct actions *a);

/* A packet that the core does not look into goes out as it came. */
void regular_send_untouched(struct engine *e, const struct packet *p, struct actions *a);

#endif
