// SPDX-License-Identifier: BSD-2-Clause
/*
 * The schedulers: which path takes the next packet.
 *
 *   algorithm-1   the paper's: coupled weights (3.6.1, Algorithm 1), random choice (Equation 1)
 *   fixed         the weights stay as they start, random choice (4.2.1's equal weights)
 *   lowest-delay  the path of the lowest one-way delay (3.6.2, P_Response)
 *   burst         ours: a whole super-packet to the path that has carried the fewest bytes. It
 *                 keeps super-packets whole on the wire, so its cost per byte is the lowest.
 */

#include "mpip/core/session.h"

/* Algorithm 1, over the paths in use. */
static void algorithm_1(struct session *s, const struct settings *set)
{
	uint64_t sum = 0;
	for (unsigned i = 0; i < s->paths; i++)
		if (s->path[i]->state == PATH_IN_USE)
			sum += s->path[i]->queuing;

	for (unsigned i = 0; i < s->paths; i++) {
		struct path *p = s->path[i];
		if (p->state != PATH_IN_USE)
			continue;
		/* Q_i <= Q_avg, without the division. */
		bool below = (uint64_t)p->queuing * s->in_use <= sum;
		p->weight += below ? set->weight_step : -set->weight_step;
		if (p->weight > set->weight_max)
			p->weight = set->weight_max;
		if (p->weight < set->weight_min)
			p->weight = set->weight_min;
	}
	session_refresh(s);
}

static void keep_weights(struct session *s, const struct settings *set)
{
	(void)s;
	(void)set;
}

/* Equation 1: P(k) = W_k / sum of W. */
static struct path *choose_by_weight(struct session *s, struct rng *rng)
{
	uint32_t r = rng_below(rng, s->weight_sum);
	struct path *p = NULL;
	for (unsigned i = 0; i < s->paths; i++) {
		if (s->path[i]->state != PATH_IN_USE)
			continue;
		p = s->path[i];
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
		struct path *p = s->path[i];
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
		struct path *p = s->path[i];
		if (p->state == PATH_IN_USE && (!best || p->sent_bytes < best->sent_bytes))
			best = p;
	}
	return best;
}

const struct scheduler schedulers[] = {
	[SCHED_ALGORITHM_1] = {.period = algorithm_1, .choose = choose_by_weight},
	[SCHED_FIXED] = {.period = keep_weights, .choose = choose_by_weight},
	[SCHED_LOWEST_DELAY] = {.period = keep_weights, .choose = choose_lowest_delay},
	[SCHED_BURST] = {.per_super_packet = true,
		.period = keep_weights,
		.choose = choose_fewest_bytes},
};
