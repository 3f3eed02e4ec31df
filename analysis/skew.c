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

#include "analysis/skew.h"

#include "analysis/stats.h"
#include "analysis/steps.h"
#include "lab/error.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct point {
	double t, d;
};

/* The lower hull of one path between two steps. */
struct hull {
	struct point *corners;
	size_t count, room;
	double n, sum_t; /* of all its points */
};

struct edge {
	double slope, gain; /* by which the derivative grows there */
};

/* Whether b lies above the line from a to c, or on it. */
static bool is_above(struct point a, struct point b, struct point c)
{
	return (b.d - a.d) * (c.t - a.t) >= (c.d - a.d) * (b.t - a.t);
}

static void add_point(struct hull *h, struct point p)
{
	h->n++;
	h->sum_t += p.t;
	if (h->count && h->corners[h->count - 1].t == p.t) {
		if (h->corners[h->count - 1].d <= p.d)
			return;
		h->count--;
	}
	while (h->count >= 2 && is_above(h->corners[h->count - 2], h->corners[h->count - 1], p))
		h->count--;
	if (h->count == h->room) {
		h->room = h->room ? 2 * h->room : 16;
		h->corners = reallocarray(h->corners, h->room, sizeof(*h->corners));
		if (!h->corners)
			abort();
	}
	h->corners[h->count++] = p;
}

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

/* The height of the group's line at time 0. */
static double line_of(const struct hull *h, double slope)
{
	double least = INFINITY;
	for (size_t i = 0; i < h->count; i++)
		least = fmin(least, h->corners[i].d - slope * h->corners[i].t);
	return least;
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
		sum += w * (line_of(&after[p], slope) - line_of(&before[p], slope));
		weight += w;
	}
	return weight > 0 ? sum / weight : 0;
}

int skew_estimate_between(const struct delay_log *log, struct skew *out, char **error)
{
	size_t paths = log->path_count, groups = (out->step_count + 1) * paths, segment = 0;
	struct hull *hulls = calloc(groups ? groups : 1, sizeof(*hulls));
	if (!hulls)
		abort();
	for (size_t i = 0; i < log->count; i++) {
		while (segment < out->step_count && log->sent_s[i] > out->steps[segment].at_s)
			segment++;
		add_point(&hulls[segment * paths + log->path[i]],
			(struct point){log->sent_s[i], log->delay_s[i]});
	}
	out->skew = best_slope(hulls, groups, paths, -1);
	for (size_t p = 0; p < paths; p++)
		out->path_skew[p] = best_slope(hulls, groups, paths, (int)p);
	for (size_t i = 0; i < out->step_count; i++)
		out->steps[i].size_s =
			size_of(&hulls[i * paths], &hulls[(i + 1) * paths], paths, out->skew);
	for (size_t g = 0; g < groups; g++)
		free(hulls[g].corners);
	free(hulls);
	return isnan(out->skew) ? lab_fail(error, "expected delays at different times") : 0;
}

int skew_estimate(const struct delay_log *log, struct skew *out, char **error)
{
	*out = (struct skew){.skew = NAN};
	/* The second time with a skew that the first time's steps do not bend. */
	for (int round = 0; round < 2; round++) {
		out->step_count = steps_find(log, out->skew, out->steps);
		if (skew_estimate_between(log, out, error) != 0)
			return -1;
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
