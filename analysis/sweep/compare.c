// SPDX-License-Identifier: BSD-2-Clause
/*
 * Comparing two sets of results.
 *
 * Theory of operation
 * -------------------
 * Every cell gives an effect with a standard error and degrees of freedom; intervals and
 * probabilities follow from these three. The mean over all cells is taken seed by seed first, and
 * its error is that of the seeds' means: what a seed does to all cells alike, such as a trace drawn
 * from it, is then not taken for as many observations as there are cells.
 *
 * Where seeds are not common, a cell's level must not matter for the mean over cells, since runs
 * may be missing; so each cell's values are taken from the middle of its two means.
 */

#include "analysis/sweep/compare.h"

#include "experiments/record/stats.h"
#include "mpip/base/error.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A mean difference, turned so that less than 0 is worse. */
struct effect {
	double mean, error, freedom; /* error NaN: too few values */
};

/* The two series of one cell, on a scale on which differences are parts. */
struct sample {
	double *a, *b;         /* of each repetition of either set; NaN: none */
	double a_mean, b_mean; /* of the values as they were */
	size_t a_count, b_count;
	bool logarithms, equal;
};

/* What is being compared. */
struct work {
	struct comparison *to;
	const struct series_set *a, *b;
	size_t *partner; /* of each repetition of A: B's; B's count: none */
	struct sample sample;
	double *list_a, *list_b; /* room */
};

static void *list_of(size_t count, size_t size)
{
	void *list = calloc(count + 1, size);
	if (!list)
		abort();
	return list;
}

/* ---- Statistics ---- */

static struct effect paired_effect(const double *differences, size_t count)
{
	return (struct effect){stats_mean(differences, count),
		count > 1 ? stats_sd(differences, count) / sqrt((double)count) : NAN,
		(double)count - 1};
}

/* Welch's, with Satterthwaite's degrees of freedom. */
static struct effect welch_effect(const double *a, size_t a_count, const double *b, size_t b_count)
{
	struct effect e = {stats_mean(b, b_count) - stats_mean(a, a_count), NAN, 1};
	if (a_count < 2 || b_count < 2)
		return e;
	double va = pow(stats_sd(a, a_count), 2) / (double)a_count;
	double vb = pow(stats_sd(b, b_count), 2) / (double)b_count;
	e.error = sqrt(va + vb);
	if (va + vb > 0)
		e.freedom = (va + vb) * (va + vb) /
			    (va * va / (double)(a_count - 1) + vb * vb / (double)(b_count - 1));
	return e;
}

/* The probability of an effect as low as this while there is none that matters. */
static double chance_of_lower(double mean, const struct effect *e)
{
	double beyond = mean - log(1 - COMPARE_LEAST);
	if (isnan(e->error))
		return 1;
	if (e->error < 1e-12)
		return beyond < 0 ? 0 : 1;
	return stats_t_tail(-beyond / e->error, e->freedom);
}

static void set_probabilities(struct compared *c, const struct effect *e)
{
	c->p_worse = chance_of_lower(e->mean, e);
	c->p_better = chance_of_lower(-e->mean, e);
}

/* Of logarithms. */
static void set_ratio(struct compared *c, const struct effect *e)
{
	double half = c->equal          ? 0
		      : isnan(e->error) ? NAN
					: stats_t_quantile(0.975, e->freedom) * e->error;
	c->ratio = exp(e->mean);
	c->low = exp(e->mean - half);
	c->high = exp(e->mean + half);
}

/* Of means, one of which may be 0. */
static void set_ratio_of_means(struct compared *c, bool lower)
{
	c->ratio = c->a == c->b ? 1 : lower ? c->a / c->b : c->b / c->a;
	c->low = c->high = c->equal ? 1 : NAN;
}

/* ---- One cell ---- */

/* Means, counts and whether all pairs are equal, of what is in the sample; in pairs only values
 * that have a partner are. */
static void look_at(struct work *w)
{
	struct sample *s = &w->sample;
	double sums[2] = {0, 0}, least = INFINITY;
	size_t counts[2] = {0, 0};
	s->equal = w->to->paired;
	for (size_t k = 0; k < w->a->repetition_count; k++)
		if (!isnan(s->a[k])) {
			sums[0] += s->a[k];
			least = fmin(least, s->a[k]);
			counts[0]++;
			s->equal = s->equal && s->a[k] == s->b[w->partner[k]];
		}
	for (size_t k = 0; k < w->b->repetition_count; k++)
		if (!isnan(s->b[k])) {
			sums[1] += s->b[k];
			least = fmin(least, s->b[k]);
			counts[1]++;
		}
	s->a_count = counts[0];
	s->b_count = counts[1];
	s->a_mean = counts[0] ? sums[0] / (double)counts[0] : NAN;
	s->b_mean = counts[1] ? sums[1] / (double)counts[1] : NAN;
	s->logarithms = least > 0;
}

/* Leaves the values without a partner out. */
static void keep_pairs(struct work *w)
{
	struct sample *s = &w->sample;
	double *kept = w->list_b;
	for (size_t k = 0; k < w->b->repetition_count; k++)
		kept[k] = NAN;
	for (size_t k = 0; k < w->a->repetition_count; k++) {
		size_t other = w->partner[k];
		bool pair =
			other < w->b->repetition_count && !isnan(s->a[k]) && !isnan(s->b[other]);
		if (pair)
			kept[other] = s->b[other];
		else
			s->a[k] = NAN;
	}
	memcpy(s->b, kept, w->b->repetition_count * sizeof(*kept));
}

/* To logarithms, or to parts of the mean; less is worse. */
static void rescale(const struct work *w, double *values, size_t count)
{
	const struct sample *s = &w->sample;
	double sign = w->a->measure.lower ? -1 : 1, size = (s->a_mean + s->b_mean) / 2;
	for (size_t k = 0; k < count; k++)
		values[k] =
			sign * (s->logarithms ? log(values[k]) : values[k] / (size > 0 ? size : 1));
}

static void load_sample(struct work *w, const struct series *a, const struct series *b)
{
	struct sample *s = &w->sample;
	memcpy(s->a, a->values, w->a->repetition_count * sizeof(*s->a));
	memcpy(s->b, b->values, w->b->repetition_count * sizeof(*s->b));
	if (w->to->paired)
		keep_pairs(w);
	look_at(w);
	rescale(w, s->a, w->a->repetition_count);
	rescale(w, s->b, w->b->repetition_count);
}

static size_t without_gaps(const double *values, size_t count, double *to)
{
	size_t n = 0;
	for (size_t k = 0; k < count; k++)
		if (!isnan(values[k]))
			to[n++] = values[k];
	return n;
}

static struct effect effect_of(struct work *w)
{
	struct sample *s = &w->sample;
	if (!w->to->paired) {
		size_t a = without_gaps(s->a, w->a->repetition_count, w->list_a);
		size_t b = without_gaps(s->b, w->b->repetition_count, w->list_b);
		return welch_effect(w->list_a, a, w->list_b, b);
	}
	size_t n = 0;
	for (size_t k = 0; k < w->a->repetition_count; k++)
		if (!isnan(s->a[k]))
			w->list_a[n++] = s->b[w->partner[k]] - s->a[k];
	return paired_effect(w->list_a, n);
}

/* Compares a cell that both have; with too few values it is counted alone. */
static void compare_cell(struct work *w, const struct series *a, const struct series *b)
{
	struct comparison *to = w->to;
	load_sample(w, a, b);
	const struct sample *s = &w->sample;
	struct compared c = {.contestant = a->contestant,
		.cell = a->cell,
		.cells = 1,
		.a_count = s->a_count,
		.b_count = s->b_count,
		.a = s->a_mean,
		.b = s->b_mean,
		.equal = s->equal && s->a_count > 0};
	struct effect e = effect_of(w);
	if (!c.equal && isnan(e.error)) {
		to->few++;
		return;
	}
	set_probabilities(&c, &e);
	if (s->logarithms)
		set_ratio(&c, &e);
	else
		set_ratio_of_means(&c, w->a->measure.lower);
	to->below += c.high < 1;
	to->equal += c.equal;
	to->cells[to->cell_count++] = c;
}

/* ---- The mean over a contestant's cells ---- */

/* By repetition, sums over cells. */
struct sums {
	double *sum;
	size_t *count;
};

static void add(struct sums *to, size_t k, double value)
{
	to->sum[k] += value;
	to->count[k]++;
}

/* What the sample adds to the means by repetition; false: it has too few values. */
static bool add_sample(struct work *w, struct sums *a, struct sums *b)
{
	const struct sample *s = &w->sample;
	size_t a_count = without_gaps(s->a, w->a->repetition_count, w->list_a);
	size_t b_count = without_gaps(s->b, w->b->repetition_count, w->list_b);
	if (a_count == 0 || b_count == 0)
		return false;
	double middle = (stats_mean(w->list_a, a_count) + stats_mean(w->list_b, b_count)) / 2;
	for (size_t k = 0; k < w->a->repetition_count; k++)
		if (!isnan(s->a[k]))
			add(a, k, w->to->paired ? s->b[w->partner[k]] - s->a[k] : s->a[k] - middle);
	for (size_t k = 0; k < w->b->repetition_count; k++)
		if (!isnan(s->b[k]))
			add(b, k, s->b[k] - middle);
	return true;
}

static size_t means_of(const struct sums *of, size_t count, double *to)
{
	size_t n = 0;
	for (size_t k = 0; k < count; k++)
		if (of->count[k])
			to[n++] = of->sum[k] / (double)of->count[k];
	return n;
}

static struct sums sums_new(size_t count)
{
	return (struct sums){list_of(count, sizeof(double)), list_of(count, sizeof(size_t))};
}

static void sums_free(struct sums *s)
{
	free(s->sum);
	free(s->count);
}

/* The mean of one contestant; `others` are B's series of A's, NULL: none. */
static void compare_mean(struct work *w, const char *contestant, const struct series **others)
{
	struct compared c = {
		.contestant = contestant, .cell = "", .a = NAN, .b = NAN, .equal = true};
	struct sums a = sums_new(w->a->repetition_count), b = sums_new(w->b->repetition_count);
	for (size_t i = 0; i < w->a->count; i++) {
		if (!others[i] || strcmp(w->a->all[i].contestant, contestant) != 0)
			continue;
		load_sample(w, &w->a->all[i], others[i]);
		c.equal = c.equal && w->sample.equal;
		c.cells += add_sample(w, &a, &b);
	}
	c.a_count = means_of(&a, w->a->repetition_count, w->list_a);
	c.b_count = means_of(&b, w->b->repetition_count, w->list_b);
	struct effect e = w->to->paired ? paired_effect(w->list_a, c.a_count)
					: welch_effect(w->list_a, c.a_count, w->list_b, c.b_count);
	set_probabilities(&c, &e);
	set_ratio(&c, &e);
	if (c.cells > 1)
		w->to->means[w->to->mean_count++] = c;
	sums_free(&a);
	sums_free(&b);
}

/* ---- All ---- */

static int by_worse(const void *a, const void *b)
{
	double x = (*(struct compared *const *)a)->p_worse;
	double y = (*(struct compared *const *)b)->p_worse;
	return (x > y) - (x < y);
}

static int by_better(const void *a, const void *b)
{
	double x = (*(struct compared *const *)a)->p_better;
	double y = (*(struct compared *const *)b)->p_better;
	return (x > y) - (x < y);
}

/* Holm's: the least probability is held against a part of as many as there are, the next one
 * against a part of one less, and so on, until one is not below. */
static void decide(struct compared *all, size_t count)
{
	struct compared **order = list_of(count, sizeof(struct compared *));
	for (size_t i = 0; i < count; i++)
		order[i] = &all[i];
	qsort(order, count, sizeof(struct compared *), by_worse);
	for (size_t i = 0; i < count; i++) {
		if (order[i]->p_worse > COMPARE_ALPHA / (double)(count - i))
			break;
		order[i]->worse = true;
	}
	qsort(order, count, sizeof(struct compared *), by_better);
	for (size_t i = 0; i < count; i++) {
		if (order[i]->p_better > COMPARE_ALPHA / (double)(count - i))
			break;
		order[i]->better = true;
	}
	free(order);
}

/* Which repetitions are pairs; how many. */
static size_t find_partners(const struct series_set *a, const struct series_set *b, size_t *partner)
{
	size_t common = 0;
	for (size_t k = 0; k < a->repetition_count; k++) {
		size_t i = 0;
		while (i < b->repetition_count &&
			(a->repetitions[k].seed != b->repetitions[i].seed ||
				a->repetitions[k].rep != b->repetitions[i].rep))
			i++;
		partner[k] = i;
		common += i < b->repetition_count;
	}
	return common;
}

/* B's series of each of A's; NULL: it has none. Counts those of A alone, and of B. */
static const struct series **find_others(
	const struct series_set *a, const struct series_set *b, struct comparison *to)
{
	const struct series **others = list_of(a->count, sizeof(const struct series *));
	json_t *index = json_object();
	for (size_t i = 0; i < b->count; i++) {
		char *key = text_format("%s\n%s", b->all[i].contestant, b->all[i].cell);
		json_object_set_new(index, key, json_integer((json_int_t)i));
		free(key);
	}
	to->only_b = b->count;
	for (size_t i = 0; i < a->count; i++) {
		char *key = text_format("%s\n%s", a->all[i].contestant, a->all[i].cell);
		const json_t *place = json_object_get(index, key);
		free(key);
		to->only_a += !place;
		to->only_b -= place != NULL;
		if (place)
			others[i] = &b->all[json_integer_value(place)];
	}
	json_decref(index);
	return others;
}

static void compare_all(struct work *w, const struct series **others)
{
	struct comparison *to = w->to;
	json_t *seen = json_object();
	for (size_t i = 0; i < w->a->count; i++)
		if (others[i])
			compare_cell(w, &w->a->all[i], others[i]);
	for (size_t i = 0; i < w->a->count; i++) {
		const char *contestant = w->a->all[i].contestant;
		if (!json_object_get(seen, contestant))
			compare_mean(w, contestant, others);
		json_object_set_new(seen, contestant, json_true());
	}
	json_decref(seen);
	decide(to->cells, to->cell_count);
	decide(to->means, to->mean_count);
	for (size_t i = 0; i < to->cell_count; i++) {
		to->worse += to->cells[i].worse;
		to->better += to->cells[i].better;
	}
	to->is_worse = to->worse > 0;
	for (size_t i = 0; i < to->mean_count; i++)
		to->is_worse = to->is_worse || to->means[i].worse;
	to->is_equal = to->equal == to->cell_count && to->few + to->only_a + to->only_b == 0;
}

struct comparison *compare(const struct series_set *a, const struct series_set *b, char **error)
{
	size_t most = a->repetition_count + b->repetition_count;
	struct comparison *to = list_of(1, sizeof(*to));
	struct work w = {.to = to,
		.a = a,
		.b = b,
		.partner = list_of(a->repetition_count, sizeof(size_t)),
		.sample = {.a = list_of(most, sizeof(double)), .b = list_of(most, sizeof(double))},
		.list_a = list_of(most, sizeof(double)),
		.list_b = list_of(most, sizeof(double))};
	to->cells = list_of(a->count, sizeof(*to->cells));
	to->means = list_of(a->count, sizeof(*to->means));
	to->common = find_partners(a, b, w.partner);
	to->paired = to->common > 0;
	const struct series **others = find_others(a, b, to);
	int rc = 0;
	if (strcmp(a->measure.name, b->measure.name) != 0)
		rc = error_set(error, "%s: expected the measure %s, as the other has, got %s",
			b->title, a->measure.name, b->measure.name);
	else if (to->only_a == a->count)
		rc = error_set(error,
			"%s: expected a contestant and cell that the other has, too; it has none",
			b->title);
	if (rc == 0)
		compare_all(&w, others);
	if (rc == 0 && to->cell_count == 0)
		rc = error_set(error,
			"%s: expected two values or more of a contestant in both, "
			"%s; there are none",
			b->title, to->paired ? "of the same seeds" : "of any seeds");
	free(others);
	free(w.partner);
	free(w.sample.a);
	free(w.sample.b);
	free(w.list_a);
	free(w.list_b);
	if (rc == 0)
		return to;
	comparison_free(to);
	return NULL;
}

void comparison_free(struct comparison *c)
{
	if (!c)
		return;
	free(c->cells);
	free(c->means);
	free(c);
}
