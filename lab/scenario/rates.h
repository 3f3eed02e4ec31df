/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef LAB_SCENARIO_RATES_H
#define LAB_SCENARIO_RATES_H

#include "lab/scenario/shape.h"

#include <jansson.h>
#include <stdint.h>

/*
 * Rates that change with time: which rate a direction of a link has when.
 *
 * In a scenario it is a list of steps, or a trace as mahimahi's mm-link takes it: one line per
 * opportunity to deliver RATES_TRACE_BYTES, its time in whole milliseconds, ascending; the trace
 * begins again at the time of its last line. A trace becomes steps when it is read, so a loaded
 * scenario needs no other file: windows of RATES_WINDOW_MS, more where that has too few bytes to
 * speak of a rate, each with the rate at which it passes just the bytes of its opportunities. In
 * the place of a file's name there may be a model that a trace is drawn by (trace.h).
 */

#define RATES_TRACE_BYTES  1504
#define RATES_WINDOW_MS    20
#define RATES_WINDOW_BYTES (4 * LAB_FRAME_BYTES)

struct rate_step {
	int64_t at_us; /* from the start of playing, or of a lap */
	double rate_mbit;
};

struct rates {
	struct rate_step *steps; /* the first at 0 */
	size_t n;
	int64_t period_us; /* then it begins again; 0: the last rate stays */
};

/* Reads "rates", "rates_period_s" or "trace" in the object `at`, if there. A trace is replaced by
 * its steps in the document. Returns the list of steps, borrowed from the document; NULL when there
 * is none. `*period_s` is set with it, 0 for never. What is wrong is the document's error. */
json_t *rates_read(struct jat at, double *period_s);

/* The steps of a shape that has been read and has rates. Free with rates_free(). */
struct rates rates_of(const struct shape *shape);
void rates_free(struct rates *r);

/* The bytes that the rates offer from 0 to `us`. */
double rates_bytes(const struct rates *r, int64_t us);

#endif
