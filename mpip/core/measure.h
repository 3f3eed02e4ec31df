/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MPIP_CORE_MEASURE_H
#define MPIP_CORE_MEASURE_H

#include "mpip/core/settings.h"
#include "mpip/core/types.h"

/*
 * What is measured of paths (paper 3.4, Tables 3 and 5).
 */

struct arrival;
struct path;
struct session;

/* Puts a path's delays in order after feedback `delay` (3.4). */
void measure_feedback(
	struct path *path, uint32_t delay, const struct settings *set, struct usec now);

/* If delays of what comes have fallen, and those of what is sent have risen by as much, the other
 * end's clock has stepped: no queue does that. Then all minima move along. */
void measure_judge_step(struct session *s, const struct settings *set, struct usec now);

/* Notes in Table 5 that a packet of the other end's path `id` came with one-way delay `delay`.
 * NULL when the table is full. */
struct arrival *measure_arrival(struct session *s, struct path_id id, uint32_t delay,
	uint32_t bytes, const struct settings *set, struct usec now);

/* The row whose feedback is due first and is news; NULL if there is none (3.4). */
struct arrival *measure_oldest_news(struct session *s);
/* The row that is news of the latest packet; NULL if there is none. */
struct arrival *measure_latest_news(struct session *s);

#endif
