// SPDX-License-Identifier: BSD-2-Clause
/*
 * Reading and naming what a link does.
 *
 * Theory of operation
 * -------------------
 * A direction inherits key by key from its link, and the link from the defaults: shape_read() is
 * called for each with the one above it as `base`. What only shows when all keys are known, that no
 * packet may be early, is checked each time, so that the error names the place that went too far.
 */

#include "lab/scenario/shape.h"

#include "lab/scenario/jitter.h"
#include "lab/scenario/rates.h"
#include "mpip/base/error.h"

#include <math.h>
#include <stdlib.h>

#define QUEUE_PACKETS_DEFAULT 100
#define QUEUE_PACKETS_MAX     100000

/* netem takes a jitter as a signed 32-bit number of nanoseconds, and cuts a larger one short. */
#define RATE_MIN_MBIT 0.01

#define JITTER_MAX_MS 2147

const char *const shape_keys[] = {"rate_mbit", "queue_packets", "queue_ms", "delay_ms", "jitter_ms",
	"distribution", "reorder", "loss_percent", "rates", "rates_period_s", "trace", NULL};

static const char *const distributions[] = {"uniform", "normal", "pareto", "paretonormal", NULL};

const char *shape_distribution_name(enum jitter_distribution distribution)
{
	return distributions[distribution];
}

struct shape shape_default(void)
{
	return (struct shape){.queue_packets = QUEUE_PACKETS_DEFAULT};
}

/* The mean of a shape's rate over a lap, or until the last step of rates that do not repeat. */
static double mean_rate_mbit(const struct shape *v)
{
	if (!v->rates)
		return v->rate_mbit;
	struct rates r = rates_of(v);
	int64_t us = r.period_us > 0 ? r.period_us : r.steps[r.n - 1].at_us;
	double mbit = us > 0 ? rates_bytes(&r, us) * 8 / (double)us : v->rate_mbit;
	rates_free(&r);
	return mbit;
}

/* A queue in packets, or as a time of the rate that is known by now: a link's own key, or that of a
 * direction, which may have the link's queue and another rate. */
static void read_queue(struct jat at, struct shape *v)
{
	struct jat packets = jat_key(at, "queue_packets"), ms = jat_key(at, "queue_ms");
	if (jat_present(packets) && jat_present(ms))
		jat_fail(ms, "expected either queue_packets or queue_ms");
	v->queue_ms = jat_number_or(ms, 0.1, 60000, jat_present(packets) ? 0 : v->queue_ms);
	v->queue_packets = (int)jat_integer_or(packets, 1, QUEUE_PACKETS_MAX, v->queue_packets);
	if (v->queue_ms > 0 && !jdoc_error(at.doc))
		v->queue_packets =
			(int)fmin(QUEUE_PACKETS_MAX, fmax(1, round(mean_rate_mbit(v) * v->queue_ms *
								     1e3 / 8 / LAB_FRAME_BYTES)));
}

struct shape shape_read(struct jat at, struct shape base)
{
	struct shape v = base;
	v.rate_mbit = jat_number_or(jat_key(at, "rate_mbit"), RATE_MIN_MBIT, 10000, base.rate_mbit);
	json_t *rates = rates_read(at, &v.rates_period_s);
	if (rates || jat_present(jat_key(at, "rate_mbit")))
		v.rates = rates;
	/* It begins with the first, and stays there until it is played. */
	if (rates)
		v.rate_mbit = fmax(RATE_MIN_MBIT,
			json_number_value(json_object_get(json_array_get(rates, 0), "rate_mbit")));
	read_queue(at, &v);
	v.delay_ms = jat_number_or(jat_key(at, "delay_ms"), 0, 60000, base.delay_ms);
	v.jitter_ms = jat_number_or(jat_key(at, "jitter_ms"), 0, JITTER_MAX_MS, base.jitter_ms);
	v.distribution = (enum jitter_distribution)jat_choice_or(
		jat_key(at, "distribution"), distributions, (int)base.distribution);
	v.reorder = jat_bool_or(jat_key(at, "reorder"), base.reorder);
	v.loss_percent = jat_number_or(jat_key(at, "loss_percent"), 0, 100, base.loss_percent);
	/* A packet cannot be early: netem would cut such delays off at 0, and change the law. */
	if (v.jitter_ms > 0 && -jitter_lowest(v.distribution) * v.jitter_ms > v.delay_ms)
		jat_fail(jat_key(at, "jitter_ms"),
			v.distribution == JITTER_UNIFORM
				? "expected at most the delay_ms of %g"
				: "expected at most %.4g, with which the shortest delay is 0",
			v.distribution == JITTER_UNIFORM
				? v.delay_ms
				: -v.delay_ms / jitter_lowest(v.distribution));
	return v;
}

void shape_check(struct jat at, const struct shape *shape)
{
	if (shape->queue_ms > 0 && shape->rate_mbit == 0)
		jat_fail(at, "expected a rate with its queue_ms: the time is the rate's");
}

bool shape_needs_netem(const struct shape *shape)
{
	return shape->delay_ms > 0 || shape->jitter_ms > 0 || shape->loss_percent > 0 ||
	       shape->losses_change;
}

char *shape_text(const struct shape *v)
{
	const bool jitter = v->jitter_ms > 0;
	char *parts[] = {
		v->rates ? text_format("%zu rates from %g Mbit/s, queue %d",
				   json_array_size(v->rates), v->rate_mbit, v->queue_packets)
		: v->rate_mbit > 0
			? text_format("%g Mbit/s, queue %d", v->rate_mbit, v->queue_packets)
			: text_format("unshaped"),
		v->delay_ms > 0 ? text_format(", %g ms", v->delay_ms) : text_format("%s", ""),
		jitter ? text_format(" +- %g", v->jitter_ms) : text_format("%s", ""),
		jitter && v->distribution != JITTER_UNIFORM
			? text_format(" %s", distributions[v->distribution])
			: text_format("%s", ""),
		text_format("%s", jitter && v->reorder ? " reordering" : ""),
		v->loss_percent > 0 ? text_format(", loss %g %%", v->loss_percent)
				    : text_format("%s", ""),
	};
	char *text = text_format(
		"%s%s%s%s%s%s", parts[0], parts[1], parts[2], parts[3], parts[4], parts[5]);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		free(parts[i]);
	return text;
}
