/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MPIP_CORE_MIN_FILTER_H
#define MPIP_CORE_MIN_FILTER_H

#include "mpip/core/types.h"

/*
 * The minimum network delay D_min of a path (paper 3.4, 3.6.1) where clocks drift: the lowest
 * delay within a window of time, that follows the drift within it. See min_filter.c.
 */

#define FLOOR_BUCKETS 8 /* that a window consists of */

struct min_filter {
	uint32_t low[FLOOR_BUCKETS];   /* lowest delay in each bucket, */
	uint32_t at_ms[FLOOR_BUCKETS]; /* and when */
	uint8_t now, filled;           /* the bucket that is being filled; how many count */
	struct usec next;              /* when the next one begins */
	uint32_t base;                 /* the lowest of all, as of base_at */
	struct usec base_at;
	bool slope_known;
	int32_t slope; /* of this path's lowest delays, parts in 2^20 (about ppm) */
	int32_t drift; /* what of it is taken for the clocks' doing */
};

/* The first delay, or the first after longer than a window. */
void min_filter_start(struct min_filter *f, uint32_t delay, struct usec window, struct usec now);

/* A delay. True: a bucket is full, and min_filter_turn() is due. */
bool min_filter_add(struct min_filter *f, uint32_t delay, struct usec now);

/* Begins a new bucket with `delay`; `common` is the drift that all paths between the two hosts
 * show. */
void min_filter_turn(
	struct min_filter *f, uint32_t delay, int32_t common, struct usec window, struct usec now);

/* Before min_filter_turn(): works out the slope of this path's lowest delays, if enough is known.
 */
void min_filter_find_slope(struct min_filter *f);

/* The minimum delay now. */
static inline uint32_t min_filter_lowest(const struct min_filter *f, struct usec now)
{
	return f->base + (uint32_t)((f->drift * usec_sub(now, f->base_at).us) >> 20);
}

/* The peer's clock has stepped: all delays are larger by `by` from now on. */
void min_filter_shift(struct min_filter *f, uint32_t by);

#endif
