// SPDX-License-Identifier: BSD-2-Clause
/*
 * Drawing values.
 *
 * Theory of operation
 * -------------------
 * A uniform number is a hash of seed, index and how often this index was asked for; nothing is
 * kept, so that contestants have the same values however many of them each one comes to. Pareto's,
 * the exponential and the uniform distribution are cut to their range by the inverse of their
 * distribution function; the lognormal one is drawn again until it is inside.
 */

#include "experiments/record/draw.h"

#include <math.h>

#define TRIES 1000

static const char *const names[] = {"uniform", "lognormal", "pareto", "exponential", NULL};

struct drawn drawn_read(struct jat at, double least, double most)
{
	static const char *const keys[][6] = {
		{"distribution", "min", "max", NULL},
		{"distribution", "min", "max", "median", "sigma", NULL},
		{"distribution", "min", "max", "shape", NULL},
		{"distribution", "min", "max", "mean", NULL},
	};
	struct drawn d = {0};
	if (!json_is_object(at.value)) {
		d.min = d.max = jat_number(at, least, most);
		return d;
	}
	struct jat name = jat_key(at, "distribution");
	jat_string(name);
	int which = jat_choice_or(name, names, 0);
	jat_only(at, keys[which]);
	d.of = (enum distribution)(DRAW_UNIFORM + which);
	d.min = jat_number(jat_key(at, "min"), least, most);
	d.max = jat_number(jat_key(at, "max"), d.min, most);
	if (d.of == DRAW_LOGNORMAL) {
		/* Around a median inside, half of it is inside of any range that is not narrow. */
		d.median = jat_number(jat_key(at, "median"), d.min, d.max);
		d.sigma = jat_number(jat_key(at, "sigma"), 0.01, 5);
	} else if (d.of == DRAW_PARETO) {
		d.shape = jat_number(jat_key(at, "shape"), 0.1, 10);
		if (d.min <= 0)
			jat_fail(jat_key(at, "min"), "expected more than 0");
	} else if (d.of == DRAW_EXPONENTIAL) {
		d.mean = jat_number(jat_key(at, "mean"), 1e-6, most);
	}
	return d;
}

json_t *drawn_json(const struct drawn *d)
{
	if (d->of == DRAW_FIXED)
		return json_real(d->min);
	json_t *value = json_pack("{s:s, s:f, s:f}", "distribution", names[d->of - DRAW_UNIFORM],
		"min", d->min, "max", d->max);
	if (d->of == DRAW_LOGNORMAL) {
		json_object_set_new(value, "median", json_real(d->median));
		json_object_set_new(value, "sigma", json_real(d->sigma));
	} else if (d->of == DRAW_PARETO) {
		json_object_set_new(value, "shape", json_real(d->shape));
	} else if (d->of == DRAW_EXPONENTIAL) {
		json_object_set_new(value, "mean", json_real(d->mean));
	}
	return value;
}

/* splitmix64's finalizer: numbers next to each other give numbers that are not. */
static uint64_t mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15u;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

/* From 0 to below 1. */
static double uniform(uint64_t seed, uint64_t index, uint64_t time)
{
	return (double)(mix(mix(mix(seed) ^ index) ^ time) >> 11) / 9007199254740992.0;
}

/* Of the standard normal distribution, by Box and Muller. */
static double normal(uint64_t seed, uint64_t index, uint64_t time)
{
	double u = 1 - uniform(seed, index, 2 * time), v = uniform(seed, index, 2 * time + 1);
	return sqrt(-2 * log(u)) * cos(2 * 3.14159265358979323846 * v);
}

static double lognormal(const struct drawn *d, uint64_t seed, uint64_t index)
{
	for (uint64_t time = 0; time < TRIES; time++) {
		double value = d->median * exp(d->sigma * normal(seed, index, time));
		if (value >= d->min && value <= d->max)
			return value;
	}
	return d->median;
}

double drawn_value(const struct drawn *d, uint64_t seed, uint64_t index)
{
	double u = uniform(seed, index, 0), value = d->min, below, above;
	switch (d->of) {
	case DRAW_FIXED:
		break;
	case DRAW_UNIFORM:
		value = d->min + u * (d->max - d->min);
		break;
	case DRAW_LOGNORMAL:
		value = lognormal(d, seed, index);
		break;
	case DRAW_PARETO:
		above = pow(d->min / d->max, d->shape); /* the part that is above the range */
		value = d->min / pow(1 - u * (1 - above), 1 / d->shape);
		break;
	case DRAW_EXPONENTIAL:
		below = exp(-d->min / d->mean);
		above = exp(-d->max / d->mean);
		value = -d->mean * log(below - u * (below - above));
		break;
	}
	return fmin(fmax(value, d->min), d->max);
}
