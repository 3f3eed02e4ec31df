/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef LAB_SCENARIO_TRACE_H
#define LAB_SCENARIO_TRACE_H

#include "mpip/base/jsonfile.h"

#include <jansson.h>
#include <stdint.h>

/*
 * Traces of wireless links that are drawn: the rate of each TRACE_STEP_MS, by a model and a seed.
 * trace.c says what the models are. Equal models and seeds give equal traces.
 */

#define TRACE_STEP_MS 100

enum trace_kind {
	TRACE_CELLULAR, /* any rate around the mean */
	TRACE_WIFI,     /* one of eight rates, as 802.11g has them */
};

struct trace_model {
	enum trace_kind kind;
	double mean_mbit;      /* while there is no outage */
	double deviation;      /* cellular: the standard deviation of the rate's logarithm */
	double correlation_s;  /* after this time the fading's autocorrelation is 1/e */
	double outage_every_s; /* mean time between two outages; 0: there are none */
	double outage_s;       /* their mean length */
	double length_s;       /* then the trace begins again */
};

/* Reads the model in the object `at`, and its seed there. What is wrong is the document's error. */
struct trace_model trace_read(struct jat at, uint64_t *seed);

/* The steps, as a scenario's "rates" has them. A new reference. */
json_t *trace_draw(const struct trace_model *m, uint64_t seed);

/* Gives the seed to every model in a scenario's content that has none of its own. */
void trace_set_seeds(json_t *scenario, int64_t seed);

/* Takes what was drawn in a scenario's content out of it again: `original` is the content as it was
 * before. */
void trace_put_back(json_t *scenario, const json_t *original);

#endif
