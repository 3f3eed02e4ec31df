// SPDX-License-Identifier: BSD-2-Clause
/*
 * Gaps, and what events did.
 *
 * Theory of operation
 * -------------------
 * The host that listens receives what goes forward, the one that connects what goes back. With data
 * both ways each direction is looked at for itself, and the worse one counts: a direction that is
 * dead must not hide behind the other. After an event all is back when both directions are.
 *
 * An event's time is up when the next one happens that is not of the same moment, or at the end.
 */

#include "experiments/runner/arrived.h"

#include "experiments/runner/processes.h"
#include "mpip/base/error.h"

#include <math.h>
#include <stdlib.h>

#define SAME_MOMENT_US 1000

/* Of the directions, and the host to which each goes. */
static const int receivers[] = {TO, FROM};
#define DIRECTIONS 2

static bool receives(const struct run *r, int host)
{
	enum direction d = r->plan->definition->workload.direction;
	return d == DIRECTION_BOTH || (d == DIRECTION_FORWARD) == (host == TO);
}

char *arrived_file(const struct run *r, int host)
{
	return receives(r, host) ? run_file(r, "arrivals-%s.csv", r->hosts[host].name) : NULL;
}

int arrived_gather(struct run *r, char **error)
{
	int rc = GO_ON;
	for (int i = 0; rc == GO_ON && i < HOSTS; i++) {
		char *file = arrived_file(r, i);
		if (file)
			rc = arrivals_read(file, &r->arrivals[i], error);
		free(file);
	}
	return rc;
}

void arrived_report(struct run *r)
{
	int duration_s = r->plan->definition->duration_s;
	for (int i = 0; i < HOSTS; i++) {
		struct iperf_report *report = &r->reports[i];
		if (!receives(r, i))
			continue;
		report->series = json_array();
		report->seconds = duration_s;
		for (int s = 0; s < duration_s; s++) {
			double bytes = arrivals_bytes(
				&r->arrivals[i], (int64_t)s * SECOND, (int64_t)(s + 1) * SECOND);
			report->bytes += bytes;
			json_array_append_new(report->series, json_real(bytes * 8e-6));
		}
	}
}

static int64_t end_us(const struct run *r)
{
	return (int64_t)r->plan->definition->duration_s * SECOND;
}

static const struct spans *waiting(const struct run *r)
{
	return r->waiting.list ? &r->waiting : NULL;
}

static json_t *gap_json(const struct gap *g)
{
	return json_pack("{s:f, s:f}", "longest_ms", (double)g->longest_us / 1e3, "at_s",
		(double)g->at_us / 1e6);
}

static json_t *gap_of(const struct run *r)
{
	struct gap longest = {-1, 0};
	json_t *by[DIRECTIONS];
	for (int d = 0; d < DIRECTIONS; d++) {
		by[d] = json_null();
		if (!receives(r, receivers[d]))
			continue;
		struct gap g = arrivals_gap(&r->arrivals[receivers[d]], waiting(r), 0, end_us(r));
		by[d] = gap_json(&g);
		if (g.longest_us > longest.longest_us)
			longest = g;
	}
	json_t *gap = gap_json(&longest);
	json_object_set_new(gap, "forward", by[0]);
	json_object_set_new(gap, "reverse", by[1]);
	return gap;
}

/* ---- Events ---- */

static int64_t played_us(const json_t *events, size_t i)
{
	return (int64_t)llround(
		1e6 * json_number_value(json_object_get(json_array_get(events, i), "played_s")));
}

/* When the event before one was, of another moment; or the beginning of what was logged. */
static int64_t before_event(const struct run *r, size_t i)
{
	int64_t at = played_us(r->events, i),
		start = -(int64_t)r->plan->definition->warm_up_s * SECOND;
	while (i-- > 0)
		if (at - played_us(r->events, i) > SAME_MOMENT_US)
			return played_us(r->events, i);
	return start;
}

static int64_t after_event(const struct run *r, size_t i)
{
	int64_t at = played_us(r->events, i);
	for (size_t k = i + 1; k < json_array_size(r->events); k++)
		if (played_us(r->events, k) - at > SAME_MOMENT_US)
			return played_us(r->events, k) < end_us(r) ? played_us(r->events, k)
								   : end_us(r);
	return end_us(r);
}

static json_t *mbit_or_null(double bps)
{
	return isnan(bps) ? json_null() : json_real(bps / 1e6);
}

/* What both directions together did. */
static void describe_event(const struct run *r, size_t i, json_t *event)
{
	int64_t at = played_us(r->events, i), before = before_event(r, i), end = after_event(r, i);
	double before_bps = 0, after_bps = 0, back_s = 0;
	int64_t gap_us = 0;
	for (int d = 0; d < DIRECTIONS; d++) {
		if (!receives(r, receivers[d]))
			continue;
		struct recovery one =
			arrivals_recovery(&r->arrivals[receivers[d]], waiting(r), before, at, end);
		before_bps += one.before_bps;
		after_bps += one.after_bps;
		gap_us = one.gap.longest_us > gap_us ? one.gap.longest_us : gap_us;
		if (one.recovered_us < 0)
			back_s = NAN;
		else
			back_s = back_s > (double)one.recovered_us / 1e6
					 ? back_s
					 : (double)one.recovered_us / 1e6;
	}
	json_object_set_new(event, "window_s", json_real(end > at ? (double)(end - at) / 1e6 : 0));
	json_object_set_new(event, "goodput_before_mbit", mbit_or_null(before_bps));
	json_object_set_new(event, "goodput_after_mbit", mbit_or_null(after_bps));
	json_object_set_new(event, "gap_ms", json_real((double)gap_us / 1e3));
	json_object_set_new(event, "recovered_s", isnan(back_s) ? json_null() : json_real(back_s));
}

void arrived_describe(const struct run *r, json_t *result)
{
	bool both = r->plan->definition->workload.direction == DIRECTION_BOTH;
	json_object_set_new(result, "gap", gap_of(r));
	json_object_set_new(
		result, "series_forward", both ? json_incref(r->reports[TO].series) : json_null());
	json_object_set_new(result, "series_reverse",
		both ? json_incref(r->reports[FROM].series) : json_null());
	json_t *events = json_deep_copy(r->events), *event;
	size_t i;
	json_array_foreach (events, i, event)
		describe_event(r, i, event);
	json_object_set_new(result, "events", events);
}
