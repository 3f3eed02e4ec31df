// SPDX-License-Identifier: BSD-2-Clause
/*
 * The schedulers: which path takes the next packet.
 *
 *   algorithm-1   the paper's: coupled weights (3.6.1, Algorithm 1), random choice (Equation 1)
 *   uncoupled     each weight from its path's own queuing delay alone, which the paper warns of
 *                 (3.6.1): W = 1000 (1 - Q / Q_max), worked out anew every period
 *   fixed         the weights stay as they start, random choice (4.2.1's equal weights)
 *   lowest-delay  the path of the lowest one-way delay (3.6.2, P_Response)
 *   burst         ours: a whole super-packet to the path that has carried the fewest bytes. It
 *                 keeps super-packets whole on the wire, so its cost per byte is the lowest.
 */

#include "mpip/core/sched.h"

#include "mpip/core/path.h"
#include "mpip/core/state.h"
#include "mpip/core/tables.h"

static int bounded(int weight, const struct settings *set)
{
	if (weight > set->weight_max)
		return set->weight_max;
	return weight < set->weight_min ? set->weight_min : weight;
}

/* Algorithm 1, over the paths in use. */
static void algorithm_1(struct session *s, const struct settings *set)
{
	uint64_t sum = 0;
	for (unsigned i = 0; i < s->paths; i++)
		if (s->mp->path[i]->state == PATH_IN_USE)
			sum += s->mp->path[i]->queuing;

	for (unsigned i = 0; i < s->paths; i++) {
		struct path *p = s->mp->path[i];
		if (p->state != PATH_IN_USE)
			continue;
		/* Q_i <= Q_avg, without the division. */
		bool below = (uint64_t)p->queuing * s->in_use <= sum;
		p->weight =
			bounded(p->weight + (below ? set->weight_step : -set->weight_step), set);
	}
	path_changed(s);
}

static void uncoupled(struct session *s, const struct settings *set)
{
	for (unsigned i = 0; i < s->paths; i++) {
		struct path *p = s->mp->path[i];
		int64_t less =
			p->max_queuing ? (int64_t)set->weight_max * p->queuing / p->max_queuing : 0;
		if (p->state == PATH_IN_USE)
			p->weight = bounded(set->weight_max - (int)less, set);
	}
	path_changed(s);
}

static void keep_weights(struct session *s, const struct settings *set)
{
	(void)s;
	(void)set;
}

/* Equation 1: P(k) = W_k / sum of W. */
static struct path *choose_by_weight(struct session *s, struct rng *rng)
{
	uint32_t r = rng_below(rng, s->mp->weight_sum);
	const struct multipath *mp = s->mp;
	struct path *p = NULL;
	for (unsigned i = 0; i < s->paths; i++) {
		if (mp->path[i]->state != PATH_IN_USE)
			continue;
		p = mp->path[i];
		if (r < (uint32_t)p->weight)
			break;
		r -= (uint32_t)p->weight;
	}
	return p;
}

static struct path *choose_lowest_delay(struct session *s, struct rng *rng)
{
	(void)rng;
	struct path *best = NULL;
	for (unsigned i = 0; i < s->paths; i++) {
		struct path *p = s->mp->path[i];
		if (p->state == PATH_IN_USE && (!best || (int32_t)(p->delay - best->delay) < 0))
			best = p;
	}
	return best;
}

static struct path *choose_fewest_bytes(struct session *s, struct rng *rng)
{
	(void)rng;
	struct path *best = NULL;
	for (unsigned i = 0; i < s->paths; i++) {
		struct path *p = s->mp->path[i];
		if (p->state == PATH_IN_USE && (!best || p->sent_bytes < best->sent_bytes))
			best = p;
	}
	return best;
}

const struct scheduler schedulers[] = {
	[SCHED_ALGORITHM_1] = {.period = algorithm_1, .choose = choose_by_weight},
	[SCHED_UNCOUPLED] = {.period = uncoupled, .choose = choose_by_weight},
	[SCHED_FIXED] = {.period = keep_weights, .choose = choose_by_weight},
	[SCHED_LOWEST_DELAY] = {.period = keep_weights, .choose = choose_lowest_delay},
	[SCHED_BURST] = {.per_super_packet = true,
		.period = keep_weights,
		.choose = choose_fewest_bytes},
};

struct path *sched_choose(struct engine *e, struct session *s, uint32_t length)
{
	const struct policies *t = &e->set.policies;
	if (s->mp->policy_generation != t->generation) {
		s->mp->policy_rows = policies_of(t, &s->tuple);
		s->mp->policy_generation = t->generation;
	}
	bool respond = s->mp->policy_rows &&
		       policies_priority(t, s->mp->policy_rows, length) == PRIORITY_RESPONSIVENESS;
	const struct scheduler *scheduler =
		respond ? &schedulers[SCHED_LOWEST_DELAY] : e->scheduler;
	return scheduler->choose(s, &e->rng);
}
