/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MPIP_CORE_SCHED_H
#define MPIP_CORE_SCHED_H

#include "mpip/core/rng.h"
#include "mpip/core/settings.h"
#include "mpip/core/types.h"

/*
 * Schedulers: interchangeable behind one interface, chosen by name (settings.h).
 */

struct engine;
struct path;
struct session;

struct scheduler {
	/* One choice serves a whole super-packet, so that it stays whole on the wire. */
	bool per_super_packet;
	/* Every weight_period, for a session with a path in use. */
	void (*period)(struct session *s, const struct settings *set);
	/* A path in use for the next packet; s->in_use > 0. */
	struct path *(*choose)(struct session *s, struct rng *rng);
};

extern const struct scheduler schedulers[]; /* by enum scheduler_kind */

/* A path in use for a packet of this IP length, by Table 6 and the scheduler; s->in_use > 0. */
struct path *sched_choose(struct engine *e, struct session *s, uint32_t length);

#endif
