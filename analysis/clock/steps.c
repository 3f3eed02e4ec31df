// SPDX-License-Identifier: BSD-2-Clause
/*
 * Finding where a clock was set.
 *
 * Theory of operation
 * -------------------
 * The samples are cut into windows of equally many, so that a hole in the log is between two of
 * them. Of each window and path only the least delay is looked at: queues hardly move it, a clock
 * that is set moves it on all paths at once and for good. The skew, a median of slopes if it is not
 * known, is taken off. A step may be where the median of the windows after differs from the median
 * of those before by much more than neighbouring windows usually do, on most paths, by a similar
 * amount. It is one when the means of all windows around, to the next one, differ by many standard
 * errors: what is usual says nothing where most windows have a packet that did not wait, and all
 * others are far off.
 *
 * Its exact time is looked up in the samples: delays are never below their floor, so upwards it is
 * behind the last sample below the half-way level, downwards before the first one. Next to it may
 * be some that waited for so long that they seem to be above; as many of them as are likely are of
 * neither side.
 */

#include "analysis/clock/steps.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define WINDOWS_MOST  1024
#define SAMPLES       20 /* per path, that a window should have */
#define WINDOWS_LEAST 80
#define SAMPLES_LEAST 4
#define SIDE          5    /* windows on each side of a step that are looked at */
#define NEAR          3    /* so many of which a median hides: the step is within */
#define TIMES         8    /* the usual variation */
#define ALIKE         0.25 /* how far the paths' jumps may be from their mean, relatively */
#define FAR           20   /* windows on each side that make a step sure */
#define SURE          6    /* so many standard errors */
#define LEAST_SIDE    3    /* windows: fewer say nothing of chance */
#define HELP          4    /* so many windows the usual variation counts for */
#define DOUBT         1e-4 /* of a row of samples that all waited for long */

/* Steps found are more than SIDE windows apart, so that there is room for all of them. */
_Static_assert(SKEW_STEPS >= (WINDOWS_MOST + NEAR) / (NEAR + 1), "room for every step");

struct windows {
	size_t count, paths;
	size_t per;                    /* samples that a window has, of all paths */
	double *time, *least;          /* [path * count + window]; NaN: no sample */
	double usual[DELAY_LOG_PATHS]; /* how much a path's neighbouring windows differ */
};

/* A step between window `at` - 1 and window `at`, or within one of these. */
struct candidate {
	size_t at;
	double size;
	double half[DELAY_LOG_PATHS]; /* each path's half-way level, skew taken off; NaN: none */
	size_t edge;                  /* the last sample before it */
	struct skew_step step;
};

static size_t within(size_t value, size_t low, size_t high)
{
	return value < low ? low : value > high ? high : value;
}

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

static size_t window_of(const struct windows *w, size_t sample)
{
	size_t k = sample / w->per;
	return k < w->count ? k : w->count - 1;
}

/* Fills the windows with the least delays once this skew is taken off. */
static void fill(struct windows *w, const struct delay_log *log, double skew)
{
	for (size_t i = 0; i < w->paths * w->count; i++)
		w->least[i] = NAN;
	for (size_t i = 0; i < log->count; i++) {
		size_t cell = log->path[i] * w->count + window_of(w, i);
		double level = log->delay_s[i] - skew * log->sent_s[i];
		if (!(w->least[cell] <= level)) {
			w->least[cell] = level;
			w->time[cell] = log->sent_s[i];
		}
	}
}

size_t steps_windows(const struct delay_log *log)
{
	size_t each = log->count / (log->path_count ? log->path_count : 1);
	size_t count = each / within(each / WINDOWS_LEAST, SAMPLES_LEAST, SAMPLES);
	return count < 4 ? 0 : count < WINDOWS_MOST ? count : WINDOWS_MOST;
}

static struct windows make_windows(const struct delay_log *log)
{
	struct windows w = {.count = steps_windows(log), .paths = log->path_count};
	if (w.count == 0)
		return w;
	w.per = log->count / w.count;
	w.time = new_values(w.paths * w.count);
	w.least = new_values(w.paths * w.count);
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

/* The jump at window k that most paths share, 0 when they do not: the others may have a load. */
static double jump_at(const struct windows *w, size_t k)
{
	size_t from = k > SIDE ? k - SIDE : 0, to = k + SIDE < w->count ? k + SIDE : w->count;
	double jumps[DELAY_LOG_PATHS], sorted[DELAY_LOG_PATHS];
	size_t n = 0, alike = 0, high = 0;
	for (size_t p = 0; p < w->paths; p++) {
		const double *level = w->least + p * w->count;
		double jump = level_of(level, k, to) - level_of(level, from, k);
		if (isnan(jump))
			continue;
		high += fabs(jump) >= fmax(TIMES * w->usual[p], STEPS_LEAST_S);
		sorted[n] = jumps[n] = jump;
		n++;
	}
	double shared = median(sorted, n);
	for (size_t i = 0; i < n; i++)
		alike += fabs(jumps[i] - shared) <= ALIKE * fabs(shared);
	return n > 0 && 2 * high > n && 2 * alike > n ? shared : 0;
}

/* Each largest jump of its neighbourhood, in order of time. */
static size_t find_candidates(const struct windows *w, struct candidate *found)
{
	double *jumps = new_values(w->count);
	size_t n = 0;
	for (size_t k = 2; k + 1 < w->count; k++)
		jumps[k] = jump_at(w, k);
	for (size_t k = 2; k + 1 < w->count; k++) {
		size_t to = k + NEAR < w->count ? k + NEAR : w->count - 1;
		bool largest = jumps[k] != 0;
		/* Of equal ones the first. */
		for (size_t i = k > NEAR ? k - NEAR : 0; largest && i <= to; i++)
			largest = i < k ? fabs(jumps[i]) < fabs(jumps[k])
					: fabs(jumps[i]) <= fabs(jumps[k]);
		if (!largest)
			continue;
		struct candidate *c = &found[n++];
		*c = (struct candidate){.at = k, .size = jumps[k]};
		for (size_t p = 0; p < w->paths; p++) {
			const double *level = w->least + p * w->count;
			double before = level_of(level, k > SIDE ? k - SIDE : 0, k);
			c->half[p] = before + c->size / 2;
		}
	}
	free(jumps);
	return n;
}

/* Looks up a candidate's exact time in the samples near it. */
static void locate(
	const struct delay_log *log, const struct windows *w, double skew, struct candidate *c)
{
	size_t from = (c->at > NEAR ? c->at - NEAR : 0) * w->per, to = (c->at + NEAR) * w->per;
	to = to < log->count ? to : log->count;
	c->edge = c->at * w->per - 1;
	for (size_t i = from; i < to; i++) {
		double level = log->delay_s[i] - skew * log->sent_s[i];
		if (!(level < c->half[log->path[i]]))
			continue;
		if (c->size > 0) {
			c->edge = i; /* the last one below */
		} else {
			c->edge = i > 0 ? i - 1 : 0; /* before the first one below */
			break;
		}
	}
}

/* How many samples in a row may have waited so long that they seem to be on the high side. */
static size_t doubtful(const struct delay_log *delays, const struct windows *w, double skew,
	const struct candidate *c)
{
	size_t side = SIDE * w->per, high = 0, count = 0;
	size_t from = c->size > 0 ? (c->edge > side ? c->edge - side : 0) : c->edge + 1;
	size_t to = c->size > 0 ? c->edge + 1 : c->edge + 1 + side;
	for (size_t i = from; i < to && i < delays->count; i++) {
		double level = delays->delay_s[i] - skew * delays->sent_s[i];
		high += level >= c->half[delays->path[i]];
		count++;
	}
	return (size_t)(log(DOUBT) / log(((double)high + 0.5) / ((double)count + 1)));
}

static void set_times(
	const struct delay_log *log, const struct windows *w, double skew, struct candidate *c)
{
	size_t more = doubtful(log, w, skew, c), last = log->count - 1;
	size_t before = c->edge, after = c->edge < last ? c->edge + 1 : last;
	if (c->size > 0)
		after = after + more < last ? after + more : last;
	else
		before = before > more ? before - more : 0;
	c->step = (struct skew_step){.from_s = log->sent_s[before], .to_s = log->sent_s[after]};
	c->step.at_s =
		c->size > 0 ? log->sent_s[c->edge] : nextafter(log->sent_s[after], -INFINITY);
}

/* The mean and variance of a path's windows from..to-1. */
struct side {
	double n, mean, variance;
};

static struct side side_of(const double *level, size_t from, size_t to)
{
	struct side s = {0};
	for (size_t k = from; k < to; k++) {
		if (isnan(level[k]))
			continue;
		double d = level[k] - s.mean;
		s.n++;
		s.mean += d / s.n;
		s.variance += d * (level[k] - s.mean);
	}
	return s;
}

/* By how many standard errors windows from..to-1 and after..until-1 differ, of all paths together:
 * Student's t, the variance of so few windows helped by the usual one of all. */
static double difference(
	const struct windows *w, size_t from, size_t to, size_t after, size_t until)
{
	double sum = 0, paths = 0;
	for (size_t p = 0; p < w->paths; p++) {
		const double *level = w->least + p * w->count;
		struct side a = side_of(level, from, to), b = side_of(level, after, until);
		if (a.n < LEAST_SIDE || b.n < LEAST_SIDE)
			continue;
		double usual = w->usual[p] * w->usual[p] / 2;
		double variance = (a.variance + b.variance + HELP * usual) / (a.n + b.n - 2 + HELP);
		double error = sqrt(variance * (1 / a.n + 1 / b.n));
		sum += error > 0         ? (b.mean - a.mean) / error
		       : b.mean > a.mean ? 1e9
		       : b.mean < a.mean ? -1e9
					 : 0;
		paths++;
	}
	return paths > 0 ? sum / sqrt(paths) : 0;
}

/* How sure candidate i is, against the windows to its neighbours. The window that it is in is of
 * neither side. */
static double sureness(
	const struct windows *w, const struct candidate *c, size_t count, size_t i, size_t j)
{
	size_t mine = window_of(w, c[i].edge), next = window_of(w, c[j].edge);
	size_t low = i > 0 ? window_of(w, c[i - 1].edge) + 1 : 0;
	size_t high = j + 1 < count ? window_of(w, c[j + 1].edge) : w->count;
	size_t from = mine > FAR ? mine - FAR : 0, until = next + 1 + FAR;
	return difference(w, within(from, low, mine), mine, within(next + 1, next, high),
		within(until, next, high));
}

static size_t drop(struct candidate *c, size_t count, size_t i, size_t many)
{
	memmove(&c[i], &c[i + many], (count - i - many) * sizeof(*c));
	return count - many;
}

/* Drops candidates, the least sure one first, until all are sure. */
static size_t keep_sure(const struct windows *w, struct candidate *c, size_t count)
{
	while (count > 0) {
		size_t worst = 0;
		double least = INFINITY;
		for (size_t i = 0; i < count; i++) {
			double sure = sureness(w, c, count, i, i) * (c[i].size > 0 ? 1 : -1);
			if (sure < least) {
				least = sure;
				worst = i;
			}
		}
		if (least >= SURE)
			break;
		count = drop(c, count, worst, 1);
	}
	return count;
}

/* On one path what goes up and comes down to where it was is a load. It does not touch the hull. */
static size_t drop_loads(const struct windows *w, struct candidate *c, size_t count)
{
	for (size_t i = 0; w->paths == 1 && i + 1 < count;)
		if (c[i].size > 0 && c[i + 1].size < 0 &&
			fabs(sureness(w, c, count, i, i + 1)) < SURE) {
			count = drop(c, count, i, 2);
			i = i > 0 ? i - 1 : 0;
		} else {
			i++;
		}
	return count;
}

size_t steps_find(const struct delay_log *log, double skew, struct skew_step *steps)
{
	struct windows w = make_windows(log);
	if (w.count == 0)
		return 0;
	if (isnan(skew)) {
		fill(&w, log, 0);
		skew = rough_skew(&w);
	}
	fill(&w, log, skew);
	for (size_t p = 0; p < w.paths; p++)
		w.usual[p] = variation(w.least + p * w.count, w.count);

	struct candidate found[SKEW_STEPS];
	size_t count = find_candidates(&w, found);
	for (size_t i = 0; i < count; i++)
		locate(log, &w, skew, &found[i]);
	count = keep_sure(&w, found, count);
	count = drop_loads(&w, found, count);
	for (size_t i = 0; i < count; i++) {
		set_times(log, &w, skew, &found[i]);
		steps[i] = found[i].step;
	}
	free(w.time);
	free(w.least);
	return count;
}
