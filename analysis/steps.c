// SPDX-License-Identifier: BSD-2-Clause
/*
 * Finding where a clock was set.
 *
 * Theory of operation
 * -------------------
 * Time is cut into windows, and of each window and path only the least delay is looked at: queues
 * hardly move it, a clock that is set moves it on all paths at once and for good. The skew, a
 * median of slopes if it is not known, is taken off. A step is where the median of the windows
 * after differs from the median of those before by much more than neighbouring windows usually do,
 * on all paths in the same direction and by a similar amount. Its exact time is then looked up in
 * the samples: delays are never below their floor, so upwards it is behind the last sample below
 * the half-way level, downwards before the first one.
 */

#include "analysis/steps.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define WINDOWS_MOST 1024
#define SAMPLES      20 /* per path, that a window should have */
#define SIDE         5  /* windows on each side of a step that are looked at */
#define NEAR         3  /* so many of which a median hides: the step is within */
#define TIMES        8  /* the usual variation */
#define LEAST_S      20e-6
#define ALIKE        0.25 /* how far the paths' jumps may be from their mean, relatively */

/* Steps found are more than SIDE windows apart, so that there is room for all of them. */
_Static_assert(SKEW_STEPS >= (WINDOWS_MOST + SIDE) / (SIDE + 1), "room for every step");

struct windows {
	size_t count, paths;
	double width;
	double *time, *least; /* [path * count + window]; NaN: no sample */
};

/* A step between window `at` - 1 and window `at`, or within one of these. */
struct candidate {
	size_t at;
	double size;
	double half[DELAY_LOG_PATHS]; /* each path's half-way level, skew taken off; NaN: none */
	double edge;                  /* the time that is looked for; NaN: no sample yet */
};

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/* Sorts the values. */
static double median(double *values, size_t count)
{
	if (count == 0)
		return NAN;
	qsort(values, count, sizeof(*values), by_value);
	return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

static double *new_values(size_t count)
{
	double *values = calloc(count ? count : 1, sizeof(*values));
	if (!values)
		abort();
	return values;
}

static struct windows make_windows(const struct delay_log *log)
{
	size_t count = log->count / (SAMPLES * (log->path_count ? log->path_count : 1));
	struct windows w = {
		.count = count < WINDOWS_MOST ? count : WINDOWS_MOST, .paths = log->path_count};
	if (w.count < 4)
		return (struct windows){0};
	/* A little wider, so that the last sample is inside. */
	w.width = log->sent_s[log->count - 1] * (1 + 1e-9) / (double)w.count;
	w.time = new_values(w.paths * w.count);
	w.least = new_values(w.paths * w.count);
	for (size_t i = 0; i < w.paths * w.count; i++)
		w.least[i] = NAN;
	for (size_t i = 0; i < log->count; i++) {
		size_t k = (size_t)(log->sent_s[i] / w.width);
		size_t cell = log->path[i] * w.count + (k < w.count ? k : w.count - 1);
		if (!(w.least[cell] <= log->delay_s[i])) {
			w.least[cell] = log->delay_s[i];
			w.time[cell] = log->sent_s[i];
		}
	}
	return w;
}

/* The median slope between neighbouring windows. Steps do not move it as long as most windows have
 * none: wider apart, steps at regular intervals would be in each slope. */
static double rough_skew(const struct windows *w)
{
	size_t n = 0;
	double *slopes = new_values(w->paths * w->count);
	for (size_t p = 0; p < w->paths; p++) {
		const double *t = w->time + p * w->count, *d = w->least + p * w->count;
		for (size_t k = 1; k < w->count; k++)
			if (!isnan(d[k]) && !isnan(d[k - 1]) && t[k] > t[k - 1])
				slopes[n++] = (d[k] - d[k - 1]) / (t[k] - t[k - 1]);
	}
	double skew = median(slopes, n);
	free(slopes);
	return isnan(skew) ? 0 : skew;
}

/* How much a path's neighbouring windows usually differ: a robust standard deviation. */
static double variation(const double *level, size_t count)
{
	double *differences = new_values(count);
	size_t n = 0;
	for (size_t k = 1; k < count; k++)
		if (!isnan(level[k]) && !isnan(level[k - 1]))
			differences[n++] = fabs(level[k] - level[k - 1]);
	double m = median(differences, n);
	free(differences);
	return isnan(m) ? 0 : 1.4826 * m;
}

/* The median level of windows from..to-1; NaN when fewer than two have samples. */
static double level_of(const double *level, size_t from, size_t to)
{
	double values[SIDE];
	size_t n = 0;
	for (size_t k = from; k < to && n < SIDE; k++)
		if (!isnan(level[k]))
			values[n++] = level[k];
	return n < 2 ? NAN : median(values, n);
}

/* The jump at window k that all paths share, 0 when they do not. */
static double jump_at(const struct windows *w, const double *usual, size_t k)
{
	size_t from = k > SIDE ? k - SIDE : 0, to = k + SIDE < w->count ? k + SIDE : w->count;
	double jumps[DELAY_LOG_PATHS], sum = 0;
	size_t n = 0;
	for (size_t p = 0; p < w->paths; p++) {
		const double *level = w->least + p * w->count;
		double jump = level_of(level, k, to) - level_of(level, from, k);
		if (isnan(jump))
			continue;
		if (fabs(jump) < fmax(TIMES * usual[p], LEAST_S))
			return 0;
		jumps[n++] = jump;
		sum += jump;
	}
	for (size_t i = 0; i < n; i++)
		if (fabs(jumps[i] - sum / (double)n) > ALIKE * fabs(sum / (double)n))
			return 0;
	return n ? sum / (double)n : 0;
}

/* Each largest jump of its neighbourhood, in order of time. */
static size_t find_candidates(const struct windows *w, const double *usual, struct candidate *found)
{
	double *jumps = new_values(w->count);
	size_t n = 0;
	for (size_t k = 2; k + 1 < w->count; k++)
		jumps[k] = jump_at(w, usual, k);
	for (size_t k = 2; k + 1 < w->count; k++) {
		size_t to = k + SIDE < w->count ? k + SIDE : w->count - 1;
		bool largest = jumps[k] != 0;
		/* Of equal ones the first. */
		for (size_t i = k > SIDE ? k - SIDE : 0; largest && i <= to; i++)
			largest = i < k ? fabs(jumps[i]) < fabs(jumps[k])
					: fabs(jumps[i]) <= fabs(jumps[k]);
		if (!largest)
			continue;
		struct candidate *c = &found[n++];
		*c = (struct candidate){.at = k, .size = jumps[k], .edge = NAN};
		for (size_t p = 0; p < w->paths; p++) {
			const double *level = w->least + p * w->count;
			double before = level_of(level, k > SIDE ? k - SIDE : 0, k);
			c->half[p] = before + c->size / 2;
		}
	}
	free(jumps);
	return n;
}

/* Goes through the samples near each candidate for its exact time. */
static void locate(const struct delay_log *log, const struct windows *w, double skew,
	struct candidate *found, size_t count)
{
	size_t c = 0;
	for (size_t i = 0; i < log->count && c < count; i++) {
		double t = log->sent_s[i];
		while (c < count && t > (double)(found[c].at + NEAR) * w->width)
			c++;
		if (c == count || t < ((double)found[c].at - NEAR) * w->width)
			continue;
		double level = log->delay_s[i] - skew * t, half = found[c].half[log->path[i]];
		if (isnan(half) || level >= half)
			continue;
		if (found[c].size > 0)
			found[c].edge = t; /* the last one below */
		else if (isnan(found[c].edge))
			found[c].edge = nextafter(t, -INFINITY); /* before the first one below */
	}
	for (c = 0; c < count; c++)
		if (isnan(found[c].edge))
			found[c].edge = (double)found[c].at * w->width;
}

size_t steps_find(const struct delay_log *log, double skew, struct skew_step *steps)
{
	struct windows w = make_windows(log);
	if (w.count == 0)
		return 0;
	if (isnan(skew))
		skew = rough_skew(&w);
	for (size_t i = 0; i < w.paths * w.count; i++)
		w.least[i] -= skew * w.time[i];
	double usual[DELAY_LOG_PATHS];
	for (size_t p = 0; p < w.paths; p++)
		usual[p] = variation(w.least + p * w.count, w.count);

	struct candidate found[SKEW_STEPS];
	size_t count = find_candidates(&w, usual, found);
	locate(log, &w, skew, found, count);
	for (size_t i = 0; i < count; i++)
		steps[i] = (struct skew_step){.at_s = found[i].edge};
	free(w.time);
	free(w.least);
	return count;
}
