// SPDX-License-Identifier: BSD-2-Clause
/*
 * The minimum network delay where clocks drift.
 *
 * Theory of operation: the paper's plain minimum (3.6.1) never rises. One sample that was too low
 * poisons it for good; and when the other end's clock runs slower or faster, all delays rise and
 * are taken for queuing (the paper's Figures 4a and 7 show it). So the minimum is kept per bucket
 * of an eighth of a window, and what is older than the window does not count: a bad sample is
 * gone after it.
 *
 * How long a window: a queue must drain once within it, or its standing part is taken for the
 * path. CUBIC's longest wave, K = cbrt(0.3 W / 0.4), is 9 s at a window of 1000 packets and 20 s
 * at 10,000; a minute holds three of them. Over a minute a skew of 200 ppm moves delays by 12 ms.
 * Therefore the drift within the window is taken out. The clocks' drift is the same on all paths
 * between the two hosts, a growing queue is not: of the slopes that the paths' lowest delays have,
 * the smallest is taken for the drift, and none if they disagree on its sign or if it is more than
 * what clocks do.
 */

#include "mpip/core/min_filter.h"

#define SLOPE_BUCKETS 4   /* with fewer, noise is taken for drift */
#define SLOPE_MAX     524 /* 500 ppm: adjtime() and crystals do no more */

static uint32_t milliseconds(struct usec t)
{
	return (uint32_t)(t.us / 1000);
}

static struct usec bucket_of(struct usec window)
{
	return (struct usec){window.us / FLOOR_BUCKETS};
}

void min_filter_start(struct min_filter *f, uint32_t delay, struct usec window, struct usec now)
{
	int32_t drift = f->drift; /* the clocks' is as it was */
	*f = (struct min_filter){.filled = 1, .base = delay, .base_at = now, .drift = drift};
	f->low[0] = delay;
	f->at_ms[0] = milliseconds(now);
	f->next = usec_add(now, bucket_of(window));
}

bool min_filter_add(struct min_filter *f, uint32_t delay, struct usec now)
{
	if ((int32_t)(delay - f->low[f->now]) < 0) {
		f->low[f->now] = delay;
		f->at_ms[f->now] = milliseconds(now);
	}
	if ((int32_t)(delay - min_filter_lowest(f, now)) < 0) {
		f->base = delay;
		f->base_at = now;
	}
	return !usec_before(now, f->next);
}

void min_filter_find_slope(struct min_filter *f)
{
	f->slope_known = false;
	if (f->filled < SLOPE_BUCKETS)
		return;
	unsigned oldest = (f->now + FLOOR_BUCKETS + 1u - f->filled) % FLOOR_BUCKETS;
	int64_t rise = (int32_t)(f->low[f->now] - f->low[oldest]);
	int64_t time = (int32_t)(f->at_ms[f->now] - f->at_ms[oldest]);
	if (time <= 0)
		return;
	int64_t parts = (rise << 20) / (time * 1000);
	f->slope_known = true;
	f->slope = parts > SLOPE_MAX || parts < -SLOPE_MAX ? 0 : (int32_t)parts;
}

void min_filter_turn(
	struct min_filter *f, uint32_t delay, int32_t common, struct usec window, struct usec now)
{
	struct usec bucket = bucket_of(window);
	if (!usec_before(now, usec_add(f->next, bucket))) {
		/* Nothing came for a while: what was before is of another time. */
		min_filter_start(f, delay, window, now);
		return;
	}
	f->drift = common;
	f->now = (f->now + 1) % FLOOR_BUCKETS;
	f->filled += f->filled < FLOOR_BUCKETS;
	f->low[f->now] = delay;
	f->at_ms[f->now] = milliseconds(now);
	f->next = usec_add(f->next, bucket);

	f->base = f->low[f->now];
	f->base_at = now;
	for (unsigned i = 0; i < f->filled; i++) {
		int64_t age = (int32_t)(milliseconds(now) - f->at_ms[i]) * (int64_t)1000;
		uint32_t today = f->low[i] + (uint32_t)((f->drift * age) >> 20);
		if ((int32_t)(today - f->base) < 0)
			f->base = today;
	}
}

void min_filter_shift(struct min_filter *f, uint32_t by)
{
	for (unsigned i = 0; i < FLOOR_BUCKETS; i++)
		f->low[i] += by;
	f->base += by;
}
