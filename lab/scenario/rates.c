// SPDX-License-Identifier: BSD-2-Clause
/*
 * Rates that change with time.
 *
 * Theory of operation
 * -------------------
 * Steps stay JSON in a loaded scenario: what a lab remembers of its scenario (state.h) is its JSON,
 * and a trace's file may be gone, or relative to a directory that is not the same any more, when
 * that is read again. So a trace is turned into "rates" in place, which are then read as if a
 * person had written them. So is one that is drawn (trace.h).
 *
 * An opportunity at t ms belongs to the window that ends at t or later, as its bytes could go at t
 * and not before; one at 0 belongs to the first.
 */

#include "lab/scenario/rates.h"

#include "lab/scenario/trace.h"
#include "mpip/base/error.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEPS_MAX  100000
#define TIME_MAX_S 86400
#define STEP_MIN_S 0.001
#define RATE_MAX   10000

/* A trace while it is read: the window that is open, and the steps before it. */
struct trace {
	json_t *steps;
	int64_t window_ms; /* where it begins */
	int64_t bytes;     /* in it */
	int64_t full_ms;   /* the end of the RATES_WINDOW_MS with its last opportunity */
};

static void close_window(struct trace *t, int64_t end_ms)
{
	double ms = (double)(end_ms - t->window_ms);
	json_array_append_new(t->steps, json_pack("{s:f, s:f}", "at_s", (double)t->window_ms / 1e3,
						"rate_mbit", (double)t->bytes * 8 / (ms * 1e3)));
	t->window_ms = end_ms;
	t->bytes = 0;
}

static void add_opportunity(struct trace *t, int64_t ms)
{
	/* Whole windows before this one are over, unless they are too small to stand alone. */
	int64_t over = ms > 0 ? (ms - 1) / RATES_WINDOW_MS * RATES_WINDOW_MS : 0;
	if (over > t->window_ms && t->bytes >= RATES_WINDOW_BYTES)
		close_window(t, t->full_ms);
	/* A time without any is a window of its own. */
	if (over > t->window_ms && t->bytes == 0)
		close_window(t, over);
	t->bytes += RATES_TRACE_BYTES;
	t->full_ms = over + RATES_WINDOW_MS;
}

/* One line's number; -1 when it is none. */
static int64_t trace_line(const char *line)
{
	char *end;
	if (!isdigit((unsigned char)line[0]))
		return -1;
	errno = 0;
	long long ms = strtoll(line, &end, 10);
	while (isspace((unsigned char)*end))
		end++;
	return *end || errno || ms > TIME_MAX_S * 1000LL ? -1 : ms;
}

/* The last time in it, in ms, with all windows in `t`; 0 with the error made. */
static int64_t read_lines(struct jat at, const char *path, FILE *f, struct trace *t)
{
	char line[64];
	int64_t last = 0;
	for (size_t number = 1; fgets(line, sizeof(line), f); number++) {
		int64_t ms = trace_line(line);
		if (ms < last) {
			jat_fail(at,
				"%s: line %zu: expected a time in milliseconds, not below the one "
				"before",
				path, number);
			return 0;
		}
		add_opportunity(t, ms);
		last = ms;
	}
	if (last == 0) {
		jat_fail(at, "%s: expected lines with times in milliseconds, the last above 0",
			path);
		return 0;
	}
	close_window(t, last);
	/* The last window may have too few bytes to be one: the two last ones are then one. */
	size_t n = json_array_size(t->steps);
	double from =
		n > 1 ? json_number_value(json_object_get(json_array_get(t->steps, n - 1), "at_s"))
		      : 0;
	json_t *tail = json_array_get(t->steps, n - 1), *before = json_array_get(t->steps, n - 2);
	double ms = (double)last - from * 1e3;
	double mbit = json_number_value(json_object_get(tail, "rate_mbit"));
	if (n > 1 && mbit * ms * 1e3 / 8 < RATES_WINDOW_BYTES) {
		double start = json_number_value(json_object_get(before, "at_s")) * 1e3;
		double bits = mbit * ms + json_number_value(json_object_get(before, "rate_mbit")) *
						  (from * 1e3 - start);
		json_object_set_new(before, "rate_mbit", json_real(bits / ((double)last - start)));
		json_array_remove(t->steps, n - 1);
	}
	return last;
}

/* Relative names are relative to the scenario's file. Allocated. */
static char *trace_path(struct jat at)
{
	const char *name = jat_string(at), *file = jdoc_file(at.doc), *slash = strrchr(file, '/');
	if (name[0] == '/' || !slash)
		return text_format("%s", name);
	return text_format("%.*s/%s", (int)(slash - file), file, name);
}

/* Puts the steps into the object where "trace" was. */
static void put_steps(struct jat at, json_t *steps, double period_s)
{
	json_object_set_new(at.value, "rates", steps);
	json_object_set_new(at.value, "rates_period_s", json_real(period_s));
	json_object_del(at.value, "trace");
}

static void draw_trace(struct jat at)
{
	uint64_t seed;
	struct trace_model model = trace_read(jat_key(at, "trace"), &seed);
	if (!jdoc_error(at.doc))
		put_steps(at, trace_draw(&model, seed),
			(double)lround(model.length_s * 1e3 / TRACE_STEP_MS) * TRACE_STEP_MS / 1e3);
}

static void expand_trace(struct jat at)
{
	struct jat trace = jat_key(at, "trace");
	jat_string(trace);
	if (jdoc_error(at.doc))
		return;
	char *path = trace_path(trace);
	FILE *f = fopen(path, "re");
	if (f) {
		struct trace t = {.steps = json_array()};
		int64_t period_ms = read_lines(trace, path, f, &t);
		put_steps(at, t.steps, (double)period_ms / 1e3);
		fclose(f);
	} else {
		jat_fail(trace, "%s: %s", path, strerror(errno));
	}
	free(path);
}

static void check_steps(struct jat list, double *last)
{
	static const char *const keys[] = {"at_s", "rate_mbit", NULL};
	size_t n = jat_length(list);
	*last = 0;
	if (n == 0 || n > STEPS_MAX)
		jat_fail(list, "expected a list of 1 to %d rates", STEPS_MAX);
	for (size_t i = 0; i < n && !jdoc_error(list.doc); i++) {
		struct jat step = jat_item(list, i);
		jat_only(step, keys);
		double at = jat_number(jat_key(step, "at_s"), 0, TIME_MAX_S);
		jat_number(jat_key(step, "rate_mbit"), 0, RATE_MAX);
		if (i == 0 && at > 0)
			jat_fail(jat_key(step, "at_s"), "expected 0, for the rate to begin with");
		if (i > 0 && at < *last + STEP_MIN_S)
			jat_fail(jat_key(step, "at_s"),
				"expected a time at least %g s after the one before", STEP_MIN_S);
		*last = at;
	}
}

json_t *rates_read(struct jat at, double *period_s)
{
	struct jat trace = jat_key(at, "trace"), list = jat_key(at, "rates"),
		   period = jat_key(at, "rates_period_s");
	if (jat_present(trace) && (jat_present(list) || jat_present(period)))
		jat_fail(trace, "expected either a trace or rates");
	if (jat_present(period) && !jat_present(list))
		jat_fail(period, "expected rates to repeat");
	if (jdoc_error(at.doc) || (!jat_present(trace) && !jat_present(list)))
		return NULL;
	if (jat_present(jat_key(at, "rate_mbit"))) {
		jat_fail(jat_key(at, "rate_mbit"), "expected either a rate_mbit, rates or a trace");
		return NULL;
	}
	if (json_is_object(trace.value))
		draw_trace(at);
	else if (jat_present(trace))
		expand_trace(at);
	if (jdoc_error(at.doc))
		return NULL;

	double last;
	list = jat_key(at, "rates");
	check_steps(list, &last);
	*period_s = jat_number_or(jat_key(at, "rates_period_s"), last + STEP_MIN_S, TIME_MAX_S, 0);
	return jdoc_error(at.doc) ? NULL : list.value;
}

struct rates rates_of(const struct shape *shape)
{
	struct rates r = {.n = json_array_size(shape->rates),
		.period_us = llround(shape->rates_period_s * 1e6)};
	r.steps = calloc(r.n + 1, sizeof(*r.steps));
	if (!r.steps)
		abort();
	for (size_t i = 0; i < r.n; i++) {
		const json_t *step = json_array_get(shape->rates, i);
		r.steps[i].at_us = llround(json_number_value(json_object_get(step, "at_s")) * 1e6);
		r.steps[i].rate_mbit = json_number_value(json_object_get(step, "rate_mbit"));
	}
	return r;
}

void rates_free(struct rates *r)
{
	free(r->steps);
	*r = (struct rates){0};
}

/* From 0 to `us` of one lap. */
static double lap_bytes(const struct rates *r, int64_t us)
{
	double bytes = 0;
	for (size_t i = 0; i < r->n && r->steps[i].at_us < us; i++) {
		int64_t end =
			i + 1 < r->n && r->steps[i + 1].at_us < us ? r->steps[i + 1].at_us : us;
		bytes += (double)(end - r->steps[i].at_us) * r->steps[i].rate_mbit / 8;
	}
	return bytes;
}

double rates_bytes(const struct rates *r, int64_t us)
{
	if (r->period_us == 0 || us < r->period_us)
		return lap_bytes(r, us);
	int64_t laps = us / r->period_us;
	return (double)laps * lap_bytes(r, r->period_us) + lap_bytes(r, us % r->period_us);
}
