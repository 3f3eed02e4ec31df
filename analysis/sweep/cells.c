// SPDX-License-Identifier: BSD-2-Clause
/* Numbers of a sweep; the contracts are in the header. */

#include "analysis/sweep/cells.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define RATE "Mbit/s" /* the unit of what can be added up over paths */

/* What the computing of one cell after the other needs. */
struct work {
	struct cells *cells;
	bool *is_base; /* of each contestant: it is a part of the best path */
	double *t;     /* quantiles by count */
	double *base, *pairs, *others, *alone;
};

static void *list_of(size_t count, size_t size)
{
	void *list = calloc(count + 1, size);
	if (!list)
		abort();
	return list;
}

static struct stats_estimate estimate(struct work *w, const double *values, size_t count)
{
	if (count > 1 && w->t[count] == 0)
		w->t[count] = stats_t_quantile(0.975, (double)(count - 1));
	return stats_estimate_given_t(values, count, w->t[count]);
}

bool cells_is_judged(const struct sweep *s, size_t contestant)
{
	return !s->contestants[contestant].plain && !s->contestants[contestant].alone;
}

const char *verdict_text(enum verdict v)
{
	static const char *const texts[] = {"", "at least 1", "below", "undecided"};
	return texts[v];
}

/* Who is the best path: contestants on one path alone, or plain ones. */
static const char *find_base(const struct sweep *s, bool *is_base)
{
	static const char *const names[] = {"the best path", "plain"};
	for (size_t all = 0; all < 2; all++) {
		bool any = false;
		for (size_t i = 0; i < s->contestant_count; i++) {
			is_base[i] = s->contestants[i].plain && (all || s->contestants[i].alone);
			any = any || is_base[i];
		}
		if (any)
			return names[all];
	}
	return NULL;
}

/* The best path's value of each seed in a cell. While one path's run is not done it is not known
 * which is the best; a run that is done and has no value has not reached any. */
static void find_best(struct work *w, size_t cell)
{
	const struct sweep *s = w->cells->sweep;
	for (size_t k = 0; k < s->seed_count; k++) {
		double best = NAN;
		bool known = true;
		for (size_t i = 0; i < s->contestant_count; i++) {
			if (!w->is_base[i])
				continue;
			double v = sweep_values(s, cell, i)[k];
			best = s->measure.lower ? fmin(best, v) : fmax(best, v);
			known = known && sweep_known(s, cell, i)[k];
		}
		w->base[k] = known ? best : NAN;
	}
}

static enum verdict judge(const struct ratio *r)
{
	if (isnan(r->mean))
		return VERDICT_NONE;
	if (r->mean >= 1)
		return VERDICT_AT_LEAST;
	return r->high < 1 ? VERDICT_BELOW : VERDICT_UNDECIDED;
}

/* Where a value is 0: by the differences. */
static struct ratio ratio_of_differences(struct work *w, size_t count)
{
	bool lower = w->cells->sweep->measure.lower;
	double base = stats_mean(w->others, count), value = stats_mean(w->pairs, count);
	for (size_t i = 0; i < count; i++)
		w->pairs[i] = lower ? w->others[i] - w->pairs[i] : w->pairs[i] - w->others[i];
	struct stats_estimate e = estimate(w, w->pairs, count);
	struct ratio r = {base == value ? 1
			  : lower       ? base / value
					: value / base,
		NAN, NAN, count, VERDICT_NONE};
	r.verdict = e.mean >= 0 ? VERDICT_AT_LEAST : e.high < 0 ? VERDICT_BELOW : VERDICT_UNDECIDED;
	return r;
}

static struct ratio ratio_of(struct work *w, const double *values)
{
	const struct sweep *s = w->cells->sweep;
	size_t count = 0;
	bool positive = true;
	for (size_t k = 0; k < s->seed_count; k++) {
		if (isnan(values[k]) || isnan(w->base[k]))
			continue;
		positive = positive && values[k] > 0 && w->base[k] > 0;
		w->pairs[count] = values[k];
		w->others[count++] = w->base[k];
	}
	struct ratio r = {NAN, NAN, NAN, count, VERDICT_NONE};
	if (count > 0 && !positive)
		return ratio_of_differences(w, count);
	if (count > 0) {
		double sign = s->measure.lower ? -1 : 1;
		for (size_t i = 0; i < count; i++)
			w->pairs[i] = sign * log(w->pairs[i] / w->others[i]);
		struct stats_estimate e = estimate(w, w->pairs, count);
		r = (struct ratio){exp(e.mean), exp(e.low), exp(e.high), count, VERDICT_NONE};
	}
	r.verdict = judge(&r);
	return r;
}

/* Whether `other` shows what `contestant` carries over one path: its own twins, or else plain's. */
static bool is_alone_for(const struct sweep *s, size_t contestant, size_t other, bool own)
{
	const struct sweep_contestant *o = &s->contestants[other];
	return o->alone && (own ? o->of == (long)contestant : o->plain);
}

static bool has_twins(const struct sweep *s, size_t contestant)
{
	for (size_t i = 0; i < s->contestant_count; i++)
		if (is_alone_for(s, contestant, i, true))
			return true;
	return false;
}

/* Of the seeds of which each path alone has a value. */
static struct stats_estimate benefit_of(
	struct work *w, size_t cell, size_t contestant, const double *values)
{
	const struct sweep *s = w->cells->sweep;
	bool own = has_twins(s, contestant);
	size_t count = 0;
	for (size_t k = 0; k < s->seed_count; k++) {
		size_t paths = 0;
		bool all = !isnan(values[k]);
		for (size_t i = 0; i < s->contestant_count; i++) {
			if (!is_alone_for(s, contestant, i, own))
				continue;
			w->alone[paths] = sweep_values(s, cell, i)[k];
			all = all && !isnan(w->alone[paths++]);
		}
		double benefit = all ? stats_aggregation_benefit(values[k], w->alone, paths) : NAN;
		if (isfinite(benefit))
			w->pairs[count++] = benefit;
	}
	return estimate(w, w->pairs, count);
}

static void compute(struct work *w, size_t cell)
{
	struct cells *c = w->cells;
	const struct sweep *s = c->sweep;
	find_best(w, cell);
	for (size_t i = 0; i < s->contestant_count; i++) {
		const double *values = sweep_values(s, cell, i);
		struct cell *at = &c->all[cell * s->contestant_count + i];
		size_t count = 0;
		at->ratio = ratio_of(w, values);
		at->benefit = (struct stats_estimate){0, NAN, NAN, NAN, NAN};
		if (!s->measure.lower && strcmp(s->measure.unit, RATE) == 0 &&
			!s->contestants[i].alone)
			at->benefit = benefit_of(w, cell, i, values);
		c->has_benefit = c->has_benefit || at->benefit.count;
		for (size_t k = 0; k < s->seed_count; k++)
			if (!isnan(values[k]))
				w->pairs[count++] = values[k];
		at->value = estimate(w, w->pairs, count);
	}
}

struct cells *cells_build(const struct sweep *s)
{
	struct cells *c = list_of(1, sizeof(*c));
	struct work w = {
		.cells = c,
		.is_base = list_of(s->contestant_count, sizeof(bool)),
		.t = list_of(s->seed_count, sizeof(double)),
		.base = list_of(s->seed_count, sizeof(double)),
		.pairs = list_of(s->seed_count, sizeof(double)),
		.others = list_of(s->seed_count, sizeof(double)),
		.alone = list_of(s->contestant_count, sizeof(double)),
	};
	c->sweep = s;
	c->all = list_of(s->cell_count * s->contestant_count, sizeof(*c->all));
	c->baseline = find_base(s, w.is_base);
	for (size_t cell = 0; cell < s->cell_count; cell++)
		compute(&w, cell);
	free(w.is_base);
	free(w.t);
	free(w.base);
	free(w.pairs);
	free(w.others);
	free(w.alone);
	return c;
}

void cells_free(struct cells *c)
{
	if (!c)
		return;
	free(c->all);
	free(c);
}

const struct cell *cells_at(const struct cells *c, size_t cell, size_t contestant)
{
	return &c->all[cell * c->sweep->contestant_count + contestant];
}

struct verdicts cells_verdicts(const struct cells *c)
{
	struct verdicts v = {0};
	for (size_t cell = 0; cell < c->sweep->cell_count; cell++)
		for (size_t i = 0; i < c->sweep->contestant_count; i++) {
			const struct ratio *r = &cells_at(c, cell, i)->ratio;
			if (!cells_is_judged(c->sweep, i))
				continue;
			v.of[r->verdict]++;
			v.whole += r->verdict == VERDICT_AT_LEAST && r->low >= 1;
		}
	return v;
}
