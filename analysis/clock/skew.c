// SPDX-License-Identifier: BSD-2-Clause
/*
 * The skew of two clocks by the convex hull.
 *
 * Theory of operation
 * -------------------
 * For one path without steps Moon's linear program asks for the line below all points that is
 * closest to them in sum; its optimum is the edge of their lower convex hull over their mean time.
 * With several groups of points (a path between two steps), one slope and a line for each group,
 * the sum is still convex in the slope b, and its derivative is
 *
 *     sum over groups of n_g * (t_g(b) - mean time of g),
 *
 * where t_g(b) is the corner of g's hull that a line of slope b touches. It grows only at slopes of
 * hull edges, so all edges are walked in order of slope until it becomes positive. A hull is built
 * in one pass, since the points come in order of time.
 */

#include "analysis/clock/skew.h"

#include "analysis/clock/hull.h"
#include "analysis/clock/interval.h"
#include "analysis/clock/steps.h"
#include "experiments/record/stats.h"
#include "mpip/base/error.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct edge {
	double slope, gain; /* by which the derivative grows there */
};

static int by_slope(const void *a, const void *b)
{
	double x = ((const struct edge *)a)->slope, y = ((const struct edge *)b)->slope;
	return (x > y) - (x < y);
}

/* The optimal slope of the groups of one path, or of all (path < 0). Group: segment * paths + path.
 * NaN when no group has two points. */
static double best_slope(const struct hull *hulls, size_t count, size_t paths, int path)
{
	size_t edges = 0;
	double derivative = 0, slope = NAN;
	for (size_t g = 0; g < count; g++)
		edges += hulls[g].count;
	struct edge *all = calloc(edges ? edges : 1, sizeof(*all));
	if (!all)
		abort();
	edges = 0;
	for (size_t g = 0; g < count; g++) {
		const struct hull *h = &hulls[g];
		if (h->count == 0 || (path >= 0 && g % paths != (size_t)path))
			continue;
		derivative += h->n * h->corners[0].t - h->sum_t;
		for (size_t i = 1; i < h->count; i++) {
			double dt = h->corners[i].t - h->corners[i - 1].t;
			all[edges++] = (struct edge){
				(h->corners[i].d - h->corners[i - 1].d) / dt, h->n * dt};
		}
	}
	qsort(all, edges, sizeof(*all), by_slope);
	for (size_t i = 0; i < edges && derivative < 0; i++) {
		derivative += all[i].gain;
		slope = all[i].slope;
	}
	free(all);
	return slope;
}

/* A step's size: what the lines of the paths on both sides differ by, weighted by their points. */
static double size_of(
	const struct hull *before, const struct hull *after, size_t paths, double slope)
{
	double sum = 0, weight = 0;
	for (size_t p = 0; p < paths; p++) {
		if (!before[p].count || !after[p].count)
			continue;
		double w = fmin(before[p].n, after[p].n);
		sum += w * (hull_line(&after[p], slope) - hull_line(&before[p], slope));
		weight += w;
	}
	return weight > 0 ? sum / weight : 0;
}

static void set_size(
	struct skew_step *step, const struct hull *before, size_t paths, const struct skew *s)
{
	const struct hull *after = before + paths;
	step->size_s = size_of(before, after, paths, s->skew);
	step->error_s = fmax(fabs(size_of(before, after, paths, s->interval.low) - step->size_s),
		fabs(size_of(before, after, paths, s->interval.high) - step->size_s));
	if (isnan(s->interval.low))
		step->error_s = NAN;
}

size_t skew_steps_passed(const struct skew *s, size_t passed, double sent_s)
{
	size_t more = 0;
	while (passed + more < s->step_count && sent_s > s->steps[passed + more].at_s)
		more++;
	return more;
}

bool skew_is_between(const struct skew *s, size_t passed, double sent_s)
{
	return (passed < s->step_count && sent_s > s->steps[passed].from_s) ||
	       (passed > 0 && sent_s < s->steps[passed - 1].to_s);
}

int skew_estimate_between(const struct delay_log *log, struct skew *out, char **error)
{
	size_t paths = log->path_count, groups = (out->step_count + 1) * paths, segment = 0;
	struct hull *hulls = calloc(groups ? groups : 1, sizeof(*hulls));
	if (!hulls)
		abort();
	for (size_t i = 0; i < log->count; i++) {
		segment += skew_steps_passed(out, segment, log->sent_s[i]);
		if (skew_is_between(out, segment, log->sent_s[i]))
			continue;
		hull_add(&hulls[segment * paths + log->path[i]], log->sent_s[i], log->delay_s[i]);
	}
	out->skew = best_slope(hulls, groups, paths, -1);
	for (size_t p = 0; p < paths; p++)
		out->path_skew[p] = best_slope(hulls, groups, paths, (int)p);
	bool is_good = !isnan(out->skew);
	if (is_good)
		interval_of_skew(log, out);
	for (size_t i = 0; i < out->step_count; i++)
		set_size(&out->steps[i], &hulls[i * paths], paths, out);
	for (size_t g = 0; g < groups; g++)
		hull_free(&hulls[g]);
	free(hulls);
	return is_good ? 0 : error_set(error, "expected delays at different times");
}

/* Drops the steps that are none once the skew is known. Returns whether there were some. */
static bool drop_small(struct skew *s)
{
	size_t kept = 0, count = s->step_count;
	for (size_t i = 0; i < count; i++)
		if (fabs(s->steps[i].size_s) >= STEPS_LEAST_S)
			s->steps[kept++] = s->steps[i];
	s->step_count = kept;
	return kept < count;
}

int skew_estimate(const struct delay_log *log, struct skew *out, char **error)
{
	*out = (struct skew){.skew = NAN};
	/* The second time with a skew that the first time's steps do not bend. */
	for (int round = 0; round < 2; round++) {
		out->step_count = steps_find(log, out->skew, out->steps);
		do {
			if (skew_estimate_between(log, out, error) != 0)
				return -1;
		} while (drop_small(out));
	}
	return 0;
}

void skew_correct(struct delay_log *log, const struct skew *s)
{
	size_t step = 0;
	double offset = 0;
	for (size_t i = 0; i < log->count; i++) {
		for (; step < s->step_count && log->sent_s[i] > s->steps[step].at_s; step++)
			offset += s->steps[step].size_s;
		log->delay_s[i] -= s->skew * log->sent_s[i] + offset;
	}
}

#define SPANS 100
#define LAGS  4

/* The sums of one path in one span of time. */
struct span {
	double n, t, d;
};

/* Leaves means of the spans, with each path's own mean taken off. */
static void take_means(struct span *spans, size_t paths)
{
	for (size_t p = 0; p < paths; p++) {
		struct span *mine = spans + p * SPANS, mean = {0};
		for (size_t k = 0; k < SPANS; k++) {
			if (mine[k].n == 0)
				continue;
			mine[k].t /= mine[k].n;
			mine[k].d /= mine[k].n;
			mean.n++;
			mean.t += mine[k].t;
			mean.d += mine[k].d;
		}
		for (size_t k = 0; k < SPANS && mean.n > 0; k++) {
			mine[k].t -= mean.t / mean.n;
			mine[k].d -= mean.d / mean.n;
		}
	}
}

/* The variance of the slope: what t * error of a span sums to, and how spans go together. */
static double variance_of(const double *scores, double sxx)
{
	double sum = 0;
	for (size_t lag = 0; lag <= LAGS; lag++)
		for (size_t k = lag; k < SPANS; k++)
			sum += (lag ? 2 * (1 - (double)lag / (LAGS + 1)) : 1) * scores[k] *
			       scores[k - lag];
	return sum / (sxx * sxx);
}

struct skew_trend skew_trend(const struct delay_log *log)
{
	struct span *spans = calloc(log->path_count * SPANS + 1, sizeof(*spans));
	if (!spans)
		abort();
	double last = log->count ? log->sent_s[log->count - 1] : 0, width = last / SPANS;
	for (size_t i = 0; i < log->count; i++) {
		size_t k = width > 0 ? (size_t)(log->sent_s[i] / width) : 0;
		struct span *s = &spans[log->path[i] * SPANS + (k < SPANS ? k : SPANS - 1)];
		s->n++;
		s->t += log->sent_s[i];
		s->d += log->delay_s[i];
	}
	take_means(spans, log->path_count);

	double sxx = 0, sxy = 0, syy = 0, scores[SPANS] = {0};
	bool used[SPANS] = {false};
	for (size_t i = 0; i < log->path_count * SPANS; i++) {
		if (spans[i].n == 0)
			continue;
		sxx += spans[i].t * spans[i].t;
		sxy += spans[i].t * spans[i].d;
		syy += spans[i].d * spans[i].d;
		used[i % SPANS] = true;
	}
	double slope = sxy / sxx, count = 0;
	for (size_t i = 0; i < log->path_count * SPANS; i++)
		if (spans[i].n > 0)
			scores[i % SPANS] += spans[i].t * (spans[i].d - slope * spans[i].t);
	for (size_t k = 0; k < SPANS; k++)
		count += used[k];
	free(spans);
	if (count < 8 || !(sxx > 0))
		return (struct skew_trend){NAN, NAN, NAN, NAN};
	double small = count / (count - 2); /* for a small number of spans */
	double half = stats_t_quantile(0.975, count - 2) *
		      sqrt(fmax(variance_of(scores, sxx), 0) * small);
	return (struct skew_trend){
		slope, slope - half, slope + half, syy > 0 ? sxy * sxy / (sxx * syy) : 1};
}
