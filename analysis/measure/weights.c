// SPDX-License-Identifier: BSD-2-Clause
/*
 * How weights settle.
 *
 * Theory of operation
 * -------------------
 * A path that is not usable keeps its last weight in the log, but mpipd does not choose it, so here
 * its share is 0. Paths come and go, so their logs begin and end at times of their own: they are
 * read together by time, with one cursor for each.
 *
 * Converged is the same for all: a fixed band, not one as wide as a run's own fluctuation, in which
 * rough weights are from the start. Rough weights cross the band by chance too, so what has to be
 * in it is a running mean.
 */

#include "analysis/measure/weights.h"

#include "analysis/measure/logged.h"
#include "experiments/record/stats.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#define NEAR      0.05 /* of the weights */
#define AVERAGE_S 1    /* half before and half after, as far as there are weights */

/* Each path's part of the weights, at each time at which all paths that are logged then have one.
 */
struct shares {
	size_t paths, count;
	double *time;  /* [count], ascending */
	double *share; /* [count * paths], 0 while a path is not usable */
	bool *usable;  /* the same */
};

static void shares_free(struct shares *s)
{
	free(s->time);
	free(s->share);
	free(s->usable);
}

/* What is logged at a place of each of the session's logs. */
struct cursors {
	const json_t *time[LOGGED_MOST], *weight[LOGGED_MOST], *usable[LOGGED_MOST];
	size_t at[LOGGED_MOST];
};

/* Infinite at the end. */
static double time_at(const struct cursors *c, size_t log)
{
	const json_t *t = json_array_get(c->time[log], c->at[log]);
	return t ? json_number_value(t) : INFINITY;
}

/* Takes the rows of a time into the next place of the shares, and moves on. False when one that has
 * begun and goes on has no row then, or no path is usable. */
static bool take_step(
	struct shares *s, const struct logged_paths *p, struct cursors *c, double time)
{
	double *share = s->share + s->count * s->paths, sum = 0;
	bool *usable = s->usable + s->count * s->paths, whole = true;
	for (size_t k = 0; k < s->paths; k++) {
		share[k] = 0;
		usable[k] = false;
	}
	for (size_t i = 0; i < p->logged_count; i++) {
		size_t k = p->logged[i].number - 1, at = c->at[i];
		if (time_at(c, i) > time) {
			whole = whole && (at == 0 || isinf(time_at(c, i)));
			continue;
		}
		c->at[i]++;
		if (!json_is_true(json_array_get(c->usable[i], at)))
			continue;
		double weight = json_number_value(json_array_get(c->weight[i], at));
		share[k] += weight;
		sum += weight;
		usable[k] = true;
	}
	for (size_t k = 0; k < s->paths && sum > 0; k++)
		share[k] /= sum;
	s->time[s->count] = time;
	return whole && sum > 0;
}

static struct shares shares_of(const json_t *result)
{
	struct logged_paths p = logged_paths(result);
	struct shares s = {.paths = p.count};
	struct cursors c = {0};
	size_t room = 1;
	for (size_t i = 0; i < p.logged_count; i++) {
		c.time[i] = json_object_get(p.logged[i].json, "time_s");
		c.weight[i] = json_object_get(p.logged[i].json, "weight");
		c.usable[i] = json_object_get(p.logged[i].json, "usable");
		room += json_array_size(c.time[i]);
	}
	s.time = calloc(room, sizeof(*s.time));
	s.share = calloc(room * (p.count + 1), sizeof(*s.share));
	s.usable = calloc(room * (p.count + 1), sizeof(*s.usable));
	if (!s.time || !s.share || !s.usable)
		abort();
	for (;;) {
		double next = INFINITY;
		for (size_t i = 0; i < p.logged_count; i++)
			next = fmin(next, time_at(&c, i));
		if (isinf(next))
			return s;
		s.count += take_step(&s, &p, &c, next);
	}
}

/* The last half of the steps: each path's mean share, the standard deviation, and whether it was
 * usable at any of them. Returns how many paths were. */
static size_t settled(const struct shares *s, double *means, double *sds, bool *used)
{
	size_t from = s->count / 2, n = s->count - from, count = 0;
	double *values = calloc(n + 1, sizeof(*values));
	if (!values)
		abort();
	for (size_t k = 0; k < s->paths; k++) {
		used[k] = false;
		for (size_t i = 0; i < n; i++) {
			values[i] = s->share[(from + i) * s->paths + k];
			used[k] = used[k] || s->usable[(from + i) * s->paths + k];
		}
		means[k] = stats_mean(values, n);
		sds[k] = stats_sd(values, n);
		count += used[k];
	}
	free(values);
	return n > 1 ? count : 0;
}

double weights_fluctuation(const json_t *result)
{
	struct shares s = shares_of(result);
	double means[LOGGED_MOST], sds[LOGGED_MOST], sum = 0;
	bool used[LOGGED_MOST];
	size_t count = settled(&s, means, sds, used);
	for (size_t k = 0; k < s.paths && count; k++)
		sum += used[k] ? sds[k] : 0;
	shares_free(&s);
	return count > 1 ? sum / (double)count : NAN;
}

/* Whether all paths' mean shares of the steps from one up to another are near some. */
static bool are_near(const struct shares *s, size_t from, size_t to, const double *means)
{
	for (size_t k = 0; k < s->paths; k++) {
		double sum = 0;
		for (size_t i = from; i < to; i++)
			sum += s->share[i * s->paths + k];
		if (fabs(sum / (double)(to - from) - means[k]) > NEAR)
			return false;
	}
	return true;
}

double weights_convergence(const json_t *result)
{
	struct shares s = shares_of(result);
	double means[LOGGED_MOST], sds[LOGGED_MOST], after = NAN;
	bool used[LOGGED_MOST];
	bool known = settled(&s, means, sds, used) > 1;
	for (size_t i = 0, from = 0, to = 0; known && isnan(after) && i < s.count; i++) {
		while (s.time[from] < s.time[i] - AVERAGE_S / 2.0)
			from++;
		while (to < s.count && s.time[to] < s.time[i] + AVERAGE_S / 2.0)
			to++;
		if (are_near(&s, from, to, means))
			after = s.time[i] - s.time[0];
	}
	shares_free(&s);
	return after;
}
