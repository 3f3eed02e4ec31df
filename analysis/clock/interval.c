// SPDX-License-Identifier: BSD-2-Clause
/*
 * How sure a skew is.
 *
 * Theory of operation
 * -------------------
 * The edge of a hull hangs on the two or three luckiest packets, so that its error is no sum of
 * many small ones: it is not normal, and resampling does not show it. What can be tested is a
 * slope. Each path between two steps is cut into windows of equally many packets. With the true
 * skew taken off, the least delays of its windows are all drawn alike, whatever the queues do, and
 * come in no order: Kendall's S, the pairs of windows that rise less those that fall, is 0 but for
 * chance, and how far chance takes it is known without knowing anything of the queues. All slopes
 * for which it is no further than that are the interval. S only falls as the slope grows, so its
 * two ends are found by halving; the least delay of a window above a line is at a corner of its
 * hull.
 *
 * Windows that are alike because they are neighbours (a load that lasts for several of them), or on
 * two paths at a time (a queue that both share), let chance take S further: by what the ranks of
 * their least delays correlate. Delays that were rounded have an error of their own.
 *
 * The estimate is always within: the interval is stretched to it, which happens when most windows
 * have no packet that did not wait.
 */

#include "analysis/clock/interval.h"

#include "analysis/clock/hull.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#define WINDOWS 16 /* of a path that has no steps */
#define FEWEST  4  /* of a path between two steps */
#define MOST    64
#define LAGS    4
#define NORMAL  1.959964 /* of 95 %, two-sided */
#define LOOKED  4096     /* delays, for how they were rounded */
#define STEEP   1.0      /* a slope that no clock has */

/* A path between two steps. */
struct group {
	size_t samples, seen;
	size_t windows, first; /* its windows, of all */
	double sum_t, sum_tt;
	double rank[MOST]; /* of the least delay of each window, from its mean, of variance 1 */
	double sd;         /* of its S */
};

struct groups {
	size_t count, paths;
	struct group *group; /* [segment * paths + path] */
	struct hull *hulls;  /* of windows */
	size_t hull_count;
};

/* Goes through all samples that are surely of one segment. */
#define FOR_SAMPLES(log, s, i, segment)                                                            \
	for (size_t i = 0, segment = 0; i < (log)->count; i++)                                     \
		if (segment += skew_steps_passed(s, segment, (log)->sent_s[i]),                    \
			!skew_is_between(s, segment, (log)->sent_s[i]))

static void *new_array(size_t count, size_t size)
{
	void *array = calloc(count ? count : 1, size);
	if (!array)
		abort();
	return array;
}

/* Shares the windows of a path out among its segments, by their samples. */
static void share_windows(struct groups *g)
{
	for (size_t p = 0; p < g->paths; p++) {
		size_t all = 0;
		for (size_t i = p; i < g->count; i += g->paths)
			all += g->group[i].samples;
		for (size_t i = p; i < g->count; i += g->paths) {
			struct group *it = &g->group[i];
			size_t share = all ? (WINDOWS * it->samples + all / 2) / all : 0;
			it->windows = share > FEWEST ? share : FEWEST;
			if (it->windows > it->samples)
				it->windows = it->samples;
		}
	}
	for (size_t i = 0; i < g->count; i++) {
		g->group[i].first = g->hull_count;
		g->hull_count += g->group[i].windows;
	}
}

static struct groups make_groups(const struct delay_log *log, const struct skew *s)
{
	struct groups g = {
		.count = (s->step_count + 1) * log->path_count, .paths = log->path_count};
	g.group = new_array(g.count, sizeof(*g.group));
	FOR_SAMPLES(log, s, i, segment)
	{
		struct group *it = &g.group[segment * g.paths + log->path[i]];
		it->samples++;
		it->sum_t += log->sent_s[i];
		it->sum_tt += log->sent_s[i] * log->sent_s[i];
	}
	share_windows(&g);
	g.hulls = new_array(g.hull_count, sizeof(*g.hulls));
	FOR_SAMPLES(log, s, i, segment)
	{
		struct group *it = &g.group[segment * g.paths + log->path[i]];
		size_t window = it->seen++ / (it->samples / it->windows);
		if (window < it->windows) /* all alike: what is left over is left out */
			hull_add(&g.hulls[it->first + window], log->sent_s[i], log->delay_s[i]);
	}
	return g;
}

static void free_groups(struct groups *g)
{
	for (size_t i = 0; i < g->hull_count; i++)
		hull_free(&g->hulls[i]);
	free(g->hulls);
	free(g->group);
}

static void least_of_windows(
	const struct groups *g, const struct group *it, double slope, double least[MOST])
{
	for (size_t k = 0; k < it->windows; k++)
		least[k] = hull_line(&g->hulls[it->first + k], slope);
}

static bool is_of(const struct groups *g, size_t group, int path)
{
	return path < 0 || group % g->paths == (size_t)path;
}

static double kendall(const double *values, size_t count)
{
	double sum = 0;
	for (size_t i = 1; i < count; i++)
		for (size_t k = 0; k < i; k++)
			sum += (values[i] > values[k]) - (values[i] < values[k]);
	return sum;
}

/* Of all groups of a path, or of all (path < 0). */
static double kendall_of(const struct groups *g, int path, double slope)
{
	double least[MOST], sum = 0;
	for (size_t i = 0; i < g->count; i++) {
		if (!is_of(g, i, path))
			continue;
		least_of_windows(g, &g->group[i], slope, least);
		sum += kendall(least, g->group[i].windows);
	}
	return sum;
}

/* Ranks, equal ones alike, moved and scaled to mean 0 and variance 1. */
static void rank(const double *values, size_t count, double *ranks)
{
	double square = 0;
	for (size_t i = 0; i < count; i++) {
		ranks[i] = 0;
		for (size_t k = 0; k < count; k++)
			ranks[i] += ((values[i] > values[k]) - (values[i] < values[k])) / 2.0;
		square += ranks[i] * ranks[i] / (double)count;
	}
	for (size_t i = 0; i < count && square > 0; i++)
		ranks[i] /= sqrt(square);
}

static double correlation(const double *a, const double *b, size_t count, size_t all)
{
	double sum = 0;
	for (size_t i = 0; i < count; i++)
		sum += a[i] * b[i] / (double)all;
	/* What chance makes of none is none. */
	return sum > 1.645 / sqrt((double)all) ? sum : 0;
}

/* By how much correlated neighbours make the variance of S larger (Hamed and Rao, 1998). */
static double inflation(const struct group *it)
{
	double n = (double)it->windows, sum = 0;
	for (size_t lag = 1; lag <= LAGS && lag + 2 < it->windows; lag++) {
		double k = (double)lag;
		sum += (n - k) * (n - k - 1) * (n - k - 2) *
		       correlation(it->rank, it->rank + lag, it->windows - lag, it->windows);
	}
	return n > 2 ? 1 + 2 * sum / (n * (n - 1) * (n - 2)) : 1;
}

/* The variance of S of these groups, at the estimate. */
static double variance(struct groups *g, int path, double slope)
{
	double least[MOST], sum = 0;
	for (size_t i = 0; i < g->count; i++) {
		struct group *it = &g->group[i];
		double n = (double)it->windows;
		if (!is_of(g, i, path))
			continue;
		least_of_windows(g, it, slope, least);
		rank(least, it->windows, it->rank);
		it->sd = sqrt(n * (n - 1) * (2 * n + 5) / 18 * inflation(it));
		sum += it->sd * it->sd;
		/* Paths of the same segment: their windows are of about the same times. */
		for (size_t k = i - i % g->paths; path < 0 && k < i; k++)
			if (g->group[k].windows == it->windows && it->windows > 1)
				sum += 2 * it->sd * g->group[k].sd *
				       correlation(it->rank, g->group[k].rank, it->windows,
					       it->windows);
	}
	return sum;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/* To how much delays were rounded: the least difference of those that differ, of some. NaN: all are
 * equal. */
static double grain(const struct delay_log *log)
{
	double some[LOOKED], least = NAN;
	size_t every = log->count / LOOKED + 1, count = 0;
	for (size_t i = 0; i < log->count; i += every)
		some[count++] = log->delay_s[i];
	qsort(some, count, sizeof(*some), by_value);
	for (size_t i = 1; i < count; i++)
		if (some[i] > some[i - 1])
			least = fmin(least, some[i] - some[i - 1]);
	return least;
}

/* The length of time that a slope is told from: that of evenly sent packets with this variance. */
static double leverage(const struct groups *g, int path)
{
	double sum = 0, samples = 0;
	for (size_t i = 0; i < g->count; i++) {
		const struct group *it = &g->group[i];
		double n = (double)it->samples;
		if (it->samples == 0 || !is_of(g, i, path))
			continue;
		sum += it->sum_tt - it->sum_t * it->sum_t / n;
		samples += n;
	}
	return samples > 0 ? sqrt(12 * fmax(sum, 0) / samples) : 0;
}

/* The slope in this direction (1, -1) from which on S is further off than chance takes it. NaN:
 * even the steepest is not. */
static double end_of(const struct groups *g, int path, double slope, double direction, double bound)
{
	double in = 0, out = 1e-13;
	while (-direction * kendall_of(g, path, slope + direction * out) <= bound) {
		in = out;
		out *= 4;
		if (out > STEEP)
			return NAN;
	}
	for (int i = 0; i < 40 && out - in > 1e-4 * out; i++) {
		double middle = (in + out) / 2;
		if (-direction * kendall_of(g, path, slope + direction * middle) <= bound)
			in = middle;
		else
			out = middle;
	}
	return slope + direction * out;
}

static struct skew_interval interval(struct groups *g, int path, double slope, double grain_s)
{
	/* S moves by 2 at a time. */
	double bound = NORMAL * sqrt(variance(g, path, slope)) + 1;
	double rounded = 1.5 * grain_s / leverage(g, path);
	struct skew_interval i = {end_of(g, path, slope, -1, bound) - rounded,
		end_of(g, path, slope, 1, bound) + rounded};
	return isfinite(i.low) && isfinite(i.high) ? i : (struct skew_interval){NAN, NAN};
}

void interval_of_skew(const struct delay_log *log, struct skew *s)
{
	struct groups g = make_groups(log, s);
	double grain_s = grain(log);
	s->interval = interval(&g, -1, s->skew, grain_s);
	for (size_t p = 0; p < log->path_count; p++)
		s->path_interval[p] = isnan(s->path_skew[p])
					      ? (struct skew_interval){NAN, NAN}
					      : interval(&g, (int)p, s->path_skew[p], grain_s);
	free_groups(&g);
}
