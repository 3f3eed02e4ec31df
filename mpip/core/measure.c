// SPDX-License-Identifier: BSD-2-Clause
/*
 * What is measured of a session's paths (paper 3.4, Tables 3 and 5).
 *
 * Theory of operation: a delay is the receiver's clock minus the sender's, in 32 bits that wrap.
 * Neither the clocks' offset nor the wrap matters, since only differences of delays of the same
 * path are ever used: Q = D - D_min. The receiver feeds back a moving average over packets, and
 * D is a moving average over feedbacks. An average that has had nothing new for weight_period
 * starts anew: what it remembers is of another time, and Algorithm 1 wants to know this one's.
 *
 * The minimum is the paper's, which never rises, or that of min_filter.c. Where a clock steps, the
 * delays of both directions change at the same time and by the same amount, one up and one down. An
 * unaveraged delay that is STEP_MIN below the lowest before raises the suspicion; STEP_WAIT later,
 * when averages have settled, it is confirmed if every measured path's delay has risen by about as
 * much.
 *
 * A departure from 3.4: Table 5's rows are fed back oldest first, but a row that has had no packet
 * since it was last fed back is not sent again; so an end can tell a path that works from one
 * whose last delay is merely being repeated.
 */

#include "mpip/core/measure.h"

#include "mpip/core/tables.h"

static bool stale(struct usec last, const struct settings *set, struct usec now)
{
	return usec_sub(now, last).us >= set->weight_period.us;
}

/* The moving average of delays, which wrap: a step of gain 1/2^shift towards `sample`. */
static uint32_t averaged(uint32_t average, uint32_t sample, const struct settings *set)
{
	return average + (uint32_t)((int32_t)(sample - average) >> set->delay_gain_shift);
}

/* The drift of all paths: see min_filter.c. */
static int32_t common_drift(const struct path *path)
{
	const struct session *s = path->session;
	int32_t drift = path->min_filter.slope_known ? path->min_filter.slope : 0;
	for (unsigned i = 0; s && i < s->paths; i++) {
		const struct min_filter *f = &s->mp->path[i]->min_filter;
		if (!f->slope_known || !s->mp->path[i]->measured)
			continue;
		if ((int64_t)f->slope * drift <= 0)
			return 0;
		if (f->slope < 0 ? f->slope > drift : f->slope < drift)
			drift = f->slope;
	}
	return drift;
}

static void filter_minimum(struct path *path, const struct settings *set, struct usec now)
{
	struct min_filter *f = &path->min_filter;
	if (set->min_delay == MIN_DELAY_PLAIN)
		return;
	if (path->feedbacks == 1) {
		min_filter_start(f, path->delay, set->min_delay_window, now);
	} else if (min_filter_add(f, path->delay, now)) {
		min_filter_find_slope(f);
		min_filter_turn(f, path->delay, common_drift(path), set->min_delay_window, now);
	}
	path->min_delay = min_filter_lowest(f, now);
}

void measure_feedback(
	struct path *path, uint32_t delay, const struct settings *set, struct usec now)
{
	path->feedbacks++;
	if (!path->measured)
		path->min_delay = delay;
	if (!path->measured || stale(path->last_feedback, set, now))
		path->delay = delay;
	else
		path->delay = averaged(path->delay, delay, set);
	path->measured = true;
	path->last_feedback = now;
	filter_minimum(path, set, now);
	if ((int32_t)(path->delay - path->min_delay) < 0)
		path->min_delay = path->delay;
	path->queuing = path->delay - path->min_delay;
	if (path->queuing > path->max_queuing)
		path->max_queuing = path->queuing;
}

#define STEP_MIN  10000 /* microseconds */
#define STEP_WAIT usec_ms(1500)

void measure_judge_step(struct session *s, const struct settings *set, struct usec now)
{
	if (s->mp->step_seen.us == USEC_NEVER.us ||
		usec_sub(now, s->mp->step_seen).us < STEP_WAIT.us)
		return;
	unsigned risen = 0, others = 0;
	for (unsigned i = 0; i < s->paths; i++) {
		const struct path *p = s->mp->path[i];
		if (!p->measured ||
			usec_sub(p->last_feedback, s->mp->step_seen).us < STEP_WAIT.us / 2)
			continue;
		if ((int32_t)(p->delay - p->min_delay) >= (int32_t)(s->mp->step - s->mp->step / 4))
			risen++;
		else
			others++;
	}
	if (risen + others == 0 && usec_sub(now, s->mp->step_seen).us < 10 * STEP_WAIT.us)
		return; /* nothing is known of our own paths yet */
	for (unsigned i = 0; i < s->paths && risen > 0 && others == 0; i++) {
		struct path *p = s->mp->path[i];
		min_filter_shift(&p->min_filter, s->mp->step);
		if (set->min_delay == MIN_DELAY_WINDOWED)
			p->min_delay += s->mp->step;
	}
	for (unsigned i = 0; i < s->arrivals; i++) {
		s->mp->arrival[i].lowest = s->mp->arrival[i].delay;
		s->mp->arrival[i].lowest_at = now;
	}
	s->mp->step = 0;
	s->mp->step_seen = USEC_NEVER;
}

/* Notes the unaveraged delay of a packet that came. */
static void watch_for_step(struct session *s, struct arrival *row, uint32_t delay, struct usec now)
{
	/* No clock drifts faster than by 488 ppm: what is older says less. */
	uint32_t lowest = row->lowest + (uint32_t)(usec_sub(now, row->lowest_at).us >> 11);
	int32_t fall = row->packets ? (int32_t)(lowest - delay) : 0;
	if (row->packets == 0 || (fall > 0 && fall < STEP_MIN)) {
		row->lowest = delay;
		row->lowest_at = now;
	}
	if (fall < STEP_MIN)
		return;
	if (s->mp->step_seen.us == USEC_NEVER.us)
		s->mp->step_seen = now;
	if ((uint32_t)fall > s->mp->step)
		s->mp->step = (uint32_t)fall;
}

struct arrival *measure_arrival(struct session *s, struct path_id id, uint32_t delay,
	uint32_t bytes, const struct settings *set, struct usec now)
{
	struct arrival *row = s->mp->arrival, *end = row + s->arrivals;
	while (row < end && row->path.n != id.n)
		row++;
	if (row == end) {
		if (s->arrivals == MAX_PATHS)
			return NULL;
		s->arrivals++;
		*row = (struct arrival){.path = id, .feedback_time = now};
	}
	watch_for_step(s, row, delay, now);
	/* The clock for "news about to be too old" starts when there is news. */
	if (!row->fresh && usec_before(row->feedback_time, now))
		row->feedback_time = now;
	row->fresh = true;
	row->delay = row->packets == 0 || stale(row->last, set, now)
			     ? delay
			     : averaged(row->delay, delay, set);
	row->last = now;
	row->packets++;
	row->bytes += bytes;
	return row;
}

struct arrival *measure_oldest_news(struct session *s)
{
	struct arrival *oldest = NULL, *row = s->mp->arrival;
	for (unsigned i = 0; i < s->arrivals; i++, row++) {
		if (row->fresh &&
			(!oldest || usec_before(row->feedback_time, oldest->feedback_time)))
			oldest = row;
	}
	return oldest;
}

struct arrival *measure_latest_news(struct session *s)
{
	struct arrival *latest = NULL;
	for (unsigned i = 0; i < s->arrivals; i++) {
		struct arrival *row = &s->mp->arrival[i];
		if (row->fresh && (!latest || usec_before(latest->last, row->last)))
			latest = row;
	}
	return latest;
}
