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
 * A departure from 3.4: Table 5's rows are fed back oldest first, but a row that has had no packet
 * since it was last fed back is not sent again; so an end can tell a path that works from one
 * whose last delay is merely being repeated.
 */

#include "mpip/core/session.h"

static bool stale(struct usec last, const struct settings *set, struct usec now)
{
	return usec_sub(now, last).us >= set->weight_period.us;
}

/* The moving average of delays, which wrap: a step of gain 1/2^shift towards `sample`. */
static uint32_t averaged(uint32_t average, uint32_t sample, const struct settings *set)
{
	return average + (uint32_t)((int32_t)(sample - average) >> set->delay_gain_shift);
}

void path_feedback(struct path *path, uint32_t delay, const struct settings *set, struct usec now)
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
	if ((int32_t)(path->delay - path->min_delay) < 0)
		path->min_delay = path->delay;
	path->queuing = path->delay - path->min_delay;
	if (path->queuing > path->max_queuing)
		path->max_queuing = path->queuing;
}

void session_start_weights(struct session *s, const struct settings *set)
{
	for (unsigned i = 0; i < s->paths; i++)
		s->path[i]->weight = set->weight_total / s->paths;
	session_refresh(s);
}

void session_refresh(struct session *s)
{
	s->in_use = 0;
	s->weight_sum = 0;
	for (unsigned i = 0; i < s->paths; i++)
		if (s->path[i]->state == PATH_IN_USE) {
			s->in_use++;
			s->weight_sum += (uint32_t)s->path[i]->weight;
		}
}

struct arrival *session_arrival(struct session *s, struct path_id id, uint32_t delay,
	uint32_t bytes, const struct settings *set, struct usec now)
{
	unsigned i = 0;
	while (i < s->arrivals && s->arrival[i].path.n != id.n)
		i++;
	if (i == MAX_PATHS)
		return NULL;
	struct arrival *row = &s->arrival[i];
	if (i == s->arrivals) {
		s->arrivals++;
		*row = (struct arrival){.path = id, .feedback_time = now};
	}
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

struct arrival *session_oldest_news(struct session *s)
{
	struct arrival *oldest = NULL;
	for (unsigned i = 0; i < s->arrivals; i++) {
		struct arrival *row = &s->arrival[i];
		if (row->fresh &&
			(!oldest || usec_before(row->feedback_time, oldest->feedback_time)))
			oldest = row;
	}
	return oldest;
}
