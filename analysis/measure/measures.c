// SPDX-License-Identifier: BSD-2-Clause
/*
 * Numbers out of a result.
 *
 * Theory of operation
 * -------------------
 * A name is a word, and for some a list of paths behind a slash: "path_mbit/1+2". Each word has a
 * function that gets the result and the paths; those by which runs are compared have theirs in
 * record/measure_list.c. Only the measured part counts: what mpipd logged
 * during the warm-up is left out, except for the time that the weights take to converge.
 */

#include "analysis/measure/measures.h"

#include "analysis/clock/skew.h"
#include "analysis/measure/logged.h"
#include "analysis/measure/results.h"
#include "analysis/measure/weights.h"
#include "experiments/record/measure_list.h"
#include "experiments/record/stats.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Whether a path is in a list "1+2"; all are in NULL. */
static bool is_listed(const char *list, size_t which)
{
	if (!list)
		return true;
	for (const char *at = list; at && *at;) {
		if (strtoul(at, NULL, 10) == which)
			return true;
		at = strchr(at, '+');
		at = at ? at + 1 : NULL;
	}
	return false;
}

/* What each path carried: "/bytes" or "/packets". */
static void carried_by(const struct logged_paths *p, const char *what, double carried[LOGGED_MOST])
{
	for (size_t k = 0; k < p->count; k++)
		carried[k] = 0;
	for (size_t i = 0; i < p->logged_count; i++)
		carried[p->logged[i].number - 1] += json_number_at(p->logged[i].json, what);
}

/* What the listed paths carried; NaN when there is none of them. */
static double carried(const struct logged_paths *p, const char *what, const char *list)
{
	double by[LOGGED_MOST], sum = 0;
	bool found = false;
	carried_by(p, what, by);
	for (size_t k = 0; k < p->count; k++)
		if (is_listed(list, k + 1)) {
			sum += by[k];
			found = true;
		}
	return found ? sum : NAN;
}

/* The values of the series from one part of the run to another. Free with free(). */
static double *series_part(const json_t *result, double from, double to, size_t *count)
{
	const json_t *series = json_object_get(result, "series");
	size_t n = json_array_size(series);
	double *values = calloc(n ? n : 1, sizeof(*values));
	if (!values)
		abort();
	*count = 0;
	for (size_t i = (size_t)(from * (double)n + 0.5); i < (size_t)(to * (double)n + 0.5); i++)
		values[(*count)++] = json_number_value(json_array_get(series, i));
	return values;
}

static double goodput_sd(const json_t *result, const char *list)
{
	(void)list;
	size_t count;
	double *values = series_part(result, 0, 1, &count);
	double sd = count > 1 ? stats_sd(values, count) : NAN;
	free(values);
	return sd;
}

static double third(const json_t *result, const char *list)
{
	size_t count;
	double k = strtod(list, NULL);
	if (k < 1 || k > 3)
		return NAN;
	double *values = series_part(result, (k - 1) / 3, k / 3, &count);
	double mean = count ? stats_mean(values, count) : NAN;
	free(values);
	return mean;
}

/* Seconds after two thirds of the run at which the first one begins that has 90 % of the first
 * third's mean: from then on all is back. The whole third, which is a lower bound, when none has:
 * without a number, the repetition that shows the failure would be left out. */
static double back(const json_t *result, const char *list)
{
	(void)list;
	size_t count, i = 0;
	double full = third(result, "1");
	double *values = series_part(result, 2.0 / 3, 1, &count);
	while (i < count && values[i] < 0.9 * full)
		i++;
	free(values);
	return count > 1 ? (double)i : NAN;
}

static double path_mbit(const json_t *result, const char *list)
{
	struct logged_paths p = logged_paths(result);
	return carried(&p, "/bytes", list) * 8e-6 / json_number_at(result, "/duration_s");
}

/* A part of what all carried. */
static double part_of_all(const json_t *result, const char *what, const char *list)
{
	struct logged_paths p = logged_paths(result);
	double all = carried(&p, what, NULL);
	return all > 0 ? carried(&p, what, list) / all : NAN;
}

static double path_share(const json_t *result, const char *list)
{
	return part_of_all(result, "/bytes", list);
}

static double path_packet_share(const json_t *result, const char *list)
{
	return part_of_all(result, "/packets", list);
}

static int descending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x < y) - (x > y);
}

static double share_of_largest(const json_t *result, const char *list)
{
	struct logged_paths p = logged_paths(result);
	double by[LOGGED_MOST], all = carried(&p, "/bytes", NULL), sum = 0;
	size_t wanted = strtoul(list, NULL, 10);
	carried_by(&p, "/bytes", by);
	qsort(by, p.count, sizeof(by[0]), descending);
	for (size_t k = 0; k < p.count && k < wanted; k++)
		sum += by[k];
	return all > 0 ? sum / all : NAN;
}

/* How many paths carried at least a hundredth of the bytes. */
static double paths_used(const json_t *result, const char *list)
{
	(void)list;
	struct logged_paths p = logged_paths(result);
	double by[LOGGED_MOST], all = carried(&p, "/bytes", NULL), used = 0;
	carried_by(&p, "/bytes", by);
	for (size_t k = 0; k < p.count; k++)
		used += by[k] >= 0.01 * all;
	return all > 0 ? used : NAN;
}

/* The listed paths' values of the measured part as samples, times from its beginning; those of
 * steps at which a path was usable: the others repeat the last delay that was known. */
static struct delay_log samples_of(const json_t *result, const char *key, const char *list)
{
	struct delay_log log = {0};
	struct logged_paths p = logged_paths(result);
	double duration = json_number_at(result, "/duration_s");
	for (size_t k = 0; k < p.logged_count; k++) {
		const json_t *times = json_object_get(p.logged[k].json, "time_s");
		const json_t *values = json_object_get(p.logged[k].json, key);
		const json_t *usable = json_object_get(p.logged[k].json, "usable");
		if (!is_listed(list, p.logged[k].number))
			continue;
		for (size_t i = 0; i < json_array_size(times); i++) {
			double t = json_number_value(json_array_get(times, i));
			if (t >= 0 && t <= duration && json_is_true(json_array_get(usable, i)))
				delay_log_add(&log, t,
					json_number_value(json_array_get(values, i)) / 1e3,
					(unsigned)k);
		}
	}
	delay_log_order(&log);
	return log;
}

struct delay_log measure_delays(const json_t *result)
{
	return samples_of(result, "one_way_delay_ms", NULL);
}

struct delay_log measure_queuing(const json_t *result)
{
	return samples_of(result, "queuing_delay_ms", NULL);
}

/* The mean over the listed paths of something of each one's queuing delays, in seconds: what
 * differs between paths is not taken for a fluctuation. Paths that do not have it are left out. */
static double mean_of_paths(
	const json_t *result, const char *list, double (*of)(const struct stats_distribution *d))
{
	size_t count = logged_paths(result).count, n = 0;
	double values[LOGGED_MOST];
	for (size_t k = 1; k <= count; k++) {
		char one[24];
		snprintf(one, sizeof(one), "%zu", k);
		if (!is_listed(list, k))
			continue;
		struct delay_log log = samples_of(result, "queuing_delay_ms", one);
		struct stats_distribution d = stats_distribution(log.delay_s, log.count);
		if (isfinite(of(&d)))
			values[n++] = of(&d);
		delay_log_free(&log);
	}
	return n ? stats_mean(values, n) : NAN;
}

static double mean_of(const struct stats_distribution *d)
{
	return d->mean;
}

static double sd_of(const struct stats_distribution *d)
{
	return d->count > 1 ? d->sd : NAN;
}

static double cv_of(const struct stats_distribution *d)
{
	return sd_of(d) / d->mean;
}

static double queuing(const json_t *result, const char *list)
{
	return 1e3 * mean_of_paths(result, list, mean_of);
}

static double queuing_sd(const json_t *result, const char *list)
{
	return 1e3 * mean_of_paths(result, list, sd_of);
}

static double queuing_cv(const json_t *result, const char *list)
{
	return mean_of_paths(result, list, cv_of);
}

static struct skew_trend trend_of(const json_t *result, const char *key)
{
	struct delay_log log = samples_of(result, key, NULL);
	struct skew_trend t = skew_trend(&log);
	delay_log_free(&log);
	return t;
}

static double queuing_slope(const json_t *result, const char *list)
{
	(void)list;
	return 1e6 * trend_of(result, "queuing_delay_ms").slope;
}

static double delay_slope(const json_t *result, const char *list)
{
	(void)list;
	return 1e6 * trend_of(result, "one_way_delay_ms").slope;
}

static double delay_r2(const json_t *result, const char *list)
{
	(void)list;
	return trend_of(result, "one_way_delay_ms").r2;
}

static double skew(const json_t *result, const char *list)
{
	(void)list;
	struct delay_log log = measure_delays(result);
	struct skew s;
	char *ignored = NULL;
	double ppm = skew_estimate(&log, &s, &ignored) == 0 ? 1e6 * s.skew : NAN;
	free(ignored);
	delay_log_free(&log);
	return ppm;
}

/* Of the packets that the routers passed on from the sender, those on the listed pairs of
 * addresses; small ones or the others. */
static double packet_share(const json_t *result, const char *list, bool small)
{
	const json_t *pairs = json_object_get(result, "address_pairs");
	struct logged rows[LOGGED_MOST];
	const json_t *workload = json_object_get(result, "workload");
	const char *direction = json_string_value(json_object_get(workload, "direction"));
	size_t half = json_array_size(pairs) / 2, count = 0;
	/* The first half is from the host that connects. */
	size_t first = direction && strcmp(direction, "reverse") == 0 ? half : 0;
	for (size_t i = first; i < first + half && count < LOGGED_MOST; i++)
		rows[count++] = (struct logged){
			json_array_get(pairs, i), logged_addresses(json_array_get(pairs, i)), 0};
	qsort(rows, count, sizeof(rows[0]), logged_by_addresses);
	double sum = 0, listed = 0;
	for (size_t k = 0; k < count; k++) {
		double of_it = json_number_at(rows[k].json, "/small_packets");
		double packets = small ? of_it : json_number_at(rows[k].json, "/packets") - of_it;
		sum += packets;
		listed += is_listed(list, k + 1) ? packets : 0;
	}
	return sum > 0 ? listed / sum : NAN;
}

static double small_share(const json_t *result, const char *list)
{
	return packet_share(result, list, true);
}

static double large_share(const json_t *result, const char *list)
{
	return packet_share(result, list, false);
}

static double fluctuation(const json_t *result, const char *list)
{
	(void)list;
	return weights_fluctuation(result);
}

static double convergence(const json_t *result, const char *list)
{
	(void)list;
	return weights_convergence(result);
}

static const struct {
	const char *name;
	double (*of)(const json_t *result, const char *list);
	bool has_list;
} measures[] = {
	{"goodput_sd_mbit", goodput_sd, false},
	{"third_mbit", third, true},
	{"back_s", back, false},
	{"path_mbit", path_mbit, true},
	{"path_share", path_share, true},
	{"path_packet_share", path_packet_share, true},
	{"path_share_of_largest", share_of_largest, true},
	{"paths_used", paths_used, false},
	{"queuing_ms", queuing, true},
	{"queuing_sd_ms", queuing_sd, true},
	{"queuing_cv", queuing_cv, true},
	{"queuing_slope_ppm", queuing_slope, false},
	{"delay_slope_ppm", delay_slope, false},
	{"delay_r2", delay_r2, false},
	{"skew_ppm", skew, false},
	{"weight_fluctuation", fluctuation, false},
	{"convergence_s", convergence, false},
	{"small_packet_share", small_share, true},
	{"large_packet_share", large_share, true},
};

/* The index of a measure; -1: none. */
static int find(const char *name)
{
	size_t length = strcspn(name, "/");
	for (size_t i = 0; i < sizeof(measures) / sizeof(measures[0]); i++)
		if (strlen(measures[i].name) == length &&
			strncmp(measures[i].name, name, length) == 0 &&
			measures[i].has_list == (name[length] == '/'))
			return (int)i;
	return -1;
}

int measure_exists(const char *name)
{
	return name[0] == '/' || measure_listed(name) || find(name) >= 0;
}

double measure(const json_t *result, const char *name)
{
	if (name[0] == '/')
		return json_number_at(result, name);
	if (measure_listed(name))
		return measure_value(result, name);
	int i = find(name);
	const char *list = strchr(name, '/');
	return i < 0 ? NAN : measures[i].of(result, list ? list + 1 : "");
}

struct stats_estimate measure_estimate(
	const struct contestant_results *c, measure_of *of, const char *name)
{
	double *values = calloc(c->count ? c->count : 1, sizeof(*values));
	if (!values)
		abort();
	size_t n = 0;
	for (size_t i = 0; i < c->count; i++) {
		double v = of(c->runs[i], name);
		if (isfinite(v))
			values[n++] = v;
	}
	struct stats_estimate e = stats_estimate_t(values, n);
	free(values);
	return e;
}
