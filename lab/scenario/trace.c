// SPDX-License-Identifier: BSD-2-Clause
/*
 * Drawing the rates of wireless links.
 *
 * Theory of operation
 * -------------------
 * A host that moves has a rate that fades, and sometimes none at all. Both are modelled as in the
 * literature, with as few numbers as do.
 *
 * Fading: the signal's strength in dB is a Gaussian process whose autocorrelation falls
 * exponentially (Gudmundson, "Correlation model for shadow fading in mobile radio systems",
 * Electronics Letters, 1991). In steps that is x' = r x + sqrt(1 - r^2) n, with n from the standard
 * normal distribution and r = exp(-step / correlation). A cellular link adapts to it in small
 * steps: its rate is log-normal, mean * exp(d x - d^2 / 2). A WiFi link has few modulations: the
 * rate is that one of 802.11g's eight (6 to 54 Mbit/s) which x's quantile selects, all equally
 * often, scaled to the mean; a finite-state Markov channel with states of equal probability (Wang
 * and Moayeri, IEEE Transactions on Vehicular Technology, 1995).
 *
 * Outages: on and off for times from exponential distributions (Gilbert, Bell System Technical
 * Journal, 1960), as when a handover fails or an access point is left. Sprout (Winstein and others,
 * NSDI 2013) models cellular links so, with outages of 1 s on average. A step that has an outage in
 * it has the rate of the rest of it.
 *
 * Queues, delays and losses are the scenario's, as of all links. RFC 8869 names such links in its
 * test cases. A trace begins without an outage; x begins as it goes on, from its own distribution.
 */

#include "lab/scenario/trace.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define STEP_S ((double)TRACE_STEP_MS / 1e3)

static const char *const kinds[] = {"cellular", "wifi", NULL};

/* Of 802.11g, in Mbit/s. */
static const double wifi_rates[] = {6, 9, 12, 18, 24, 36, 48, 54};
#define WIFI_RATES (sizeof(wifi_rates) / sizeof(wifi_rates[0]))

/* What a model has unless it says otherwise; the mean has no default. */
static const struct trace_model defaults[] = {
	[TRACE_CELLULAR] = {.deviation = 0.5,
		.correlation_s = 2,
		.outage_every_s = 20,
		.outage_s = 1,
		.length_s = 60},
	[TRACE_WIFI] = {.correlation_s = 2, .outage_every_s = 20, .outage_s = 0.3, .length_s = 60},
};

/* Every place in a scenario draws numbers of its own (FNV-1a of its name). */
static uint64_t mix_place(uint64_t seed, const char *place)
{
	uint64_t hash = 0xcbf29ce484222325u;
	for (; *place; place++)
		hash = (hash ^ (unsigned char)*place) * 0x100000001b3u;
	return seed * 0x9e3779b97f4a7c15u ^ hash;
}

struct trace_model trace_read(struct jat at, uint64_t *seed)
{
	static const char *const keys[] = {"model", "mean_mbit", "deviation", "correlation_s",
		"outage_every_s", "outage_s", "length_s", "seed", NULL};
	struct jat model = jat_key(at, "model"), deviation = jat_key(at, "deviation");
	jat_only(at, keys);
	jat_string(model); /* required */
	enum trace_kind kind = (enum trace_kind)jat_choice_or(model, kinds, 0);
	struct trace_model m = defaults[kind];
	m.kind = kind;
	m.mean_mbit = jat_number(jat_key(at, "mean_mbit"), 0.1, 1000);
	m.deviation = jat_number_or(deviation, 0, 1.5, m.deviation);
	if (jat_present(deviation) && kind == TRACE_WIFI)
		jat_fail(deviation, "expected only with \"model\": \"cellular\"");
	m.correlation_s =
		jat_number_or(jat_key(at, "correlation_s"), STEP_S, 3600, m.correlation_s);
	m.outage_every_s = jat_number_or(jat_key(at, "outage_every_s"), 0, 3600, m.outage_every_s);
	m.outage_s = jat_number_or(jat_key(at, "outage_s"), 0.01, 60, m.outage_s);
	m.length_s = jat_number_or(jat_key(at, "length_s"), 1, 3600, m.length_s);
	*seed = mix_place((uint64_t)jat_integer_or(jat_key(at, "seed"), 0, INT64_MAX, 1), at.place);
	return m;
}

/* splitmix64 */
static uint64_t draw_bits(uint64_t *state)
{
	uint64_t x = *state += 0x9e3779b97f4a7c15u;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

/* Above 0, at most 1. */
static double draw_part(uint64_t *state)
{
	return (double)((draw_bits(state) >> 11) + 1) / 9007199254740992.0;
}

static double draw_normal(uint64_t *state)
{
	double radius = sqrt(-2 * log(draw_part(state)));
	return radius * cos(2 * M_PI * draw_part(state));
}

static double draw_time(uint64_t *state, double mean_s)
{
	return -mean_s * log(draw_part(state));
}

static double rate_of(const struct trace_model *m, double x)
{
	if (m->kind == TRACE_CELLULAR)
		return m->mean_mbit * exp(m->deviation * x - m->deviation * m->deviation / 2);
	double sum = 0;
	const size_t count = WIFI_RATES;
	for (size_t i = 0; i < count; i++)
		sum += wifi_rates[i];
	size_t i = (size_t)(erfc(-x / sqrt(2)) / 2 * (double)count);
	return m->mean_mbit * wifi_rates[i < count ? i : count - 1] * (double)count / sum;
}

/* Outages as they come. */
struct outages {
	bool out;
	double until_s; /* when that changes */
};

/* The part of the time from `from` to `from` + STEP_S that is no outage. */
static double part_without(
	struct outages *o, const struct trace_model *m, double from, uint64_t *state)
{
	double at = from, end = from + STEP_S, up = 0;
	while (at < end) {
		double until = fmin(o->until_s, end);
		up += o->out ? 0 : until - at;
		at = until;
		if (o->until_s > end)
			continue;
		o->out = !o->out;
		o->until_s += draw_time(state, o->out ? m->outage_s : m->outage_every_s);
	}
	return up / STEP_S;
}

json_t *trace_draw(const struct trace_model *m, uint64_t seed)
{
	/* Two streams, so that another fading has the same outages. */
	uint64_t fading = seed, times = ~seed;
	struct outages o = {.until_s = m->outage_every_s > 0
					       ? STEP_S + draw_time(&times, m->outage_every_s)
					       : INFINITY};
	double r = exp(-STEP_S / m->correlation_s), x = draw_normal(&fading);
	json_t *steps = json_array();
	for (long i = 0; i < lround(m->length_s / STEP_S); i++) {
		double mbit = rate_of(m, x) * part_without(&o, m, (double)i * STEP_S, &times);
		json_array_append_new(
			steps, json_pack("{s:f, s:f}", "at_s", (double)(i * TRACE_STEP_MS) / 1e3,
				       "rate_mbit", round(mbit * 1e3) / 1e3));
		x = r * x + sqrt(1 - r * r) * draw_normal(&fading);
	}
	return steps;
}

/* The shapes of a scenario's link: its own, and those of its directions, which may be NULL. */
#define SHAPES 3
static json_t *shape_at(const json_t *scenario, size_t link, int which)
{
	static const char *const directions[SHAPES] = {NULL, "up", "down"};
	json_t *own = json_array_get(json_object_get(scenario, "links"), link);
	return which ? json_object_get(own, directions[which]) : own;
}

void trace_set_seeds(json_t *scenario, int64_t seed)
{
	size_t links = json_array_size(json_object_get(scenario, "links"));
	for (size_t i = 0; i < SHAPES * links; i++) {
		json_t *trace =
			json_object_get(shape_at(scenario, i / SHAPES, (int)(i % SHAPES)), "trace");
		if (json_is_object(trace) && !json_object_get(trace, "seed"))
			json_object_set_new(trace, "seed", json_integer(seed));
	}
}

void trace_put_back(json_t *scenario, const json_t *original)
{
	size_t links = json_array_size(json_object_get(scenario, "links"));
	for (size_t i = 0; i < SHAPES * links; i++) {
		json_t *shape = shape_at(scenario, i / SHAPES, (int)(i % SHAPES));
		json_t *trace =
			json_object_get(shape_at(original, i / SHAPES, (int)(i % SHAPES)), "trace");
		if (!json_is_object(trace))
			continue;
		json_object_del(shape, "rates");
		json_object_del(shape, "rates_period_s");
		json_object_set(shape, "trace", trace);
	}
}
