/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef LAB_SCENARIO_SHAPE_H
#define LAB_SCENARIO_SHAPE_H

#include "mpip/base/jsonfile.h"

#include <stdbool.h>

/*
 * What one direction of a link does to packets, as a scenario says it.
 */

/* Bytes of a full Ethernet frame without its checksum: what a queue of "packets" is counted in. */
#define LAB_FRAME_BYTES 1514

/* How the delay varies; jitter.h has their laws. */
enum jitter_distribution {
	JITTER_UNIFORM,
	JITTER_NORMAL,
	JITTER_PARETO,
	JITTER_PARETONORMAL,
};

/* 0 means: does not. */
struct shape {
	double rate_mbit;  /* Ethernet frames without checksum, preamble and gap */
	int queue_packets; /* room in front of the rate, LAB_FRAME_BYTES each */
	double delay_ms;   /* added one way, behind the queue */
	double jitter_ms;  /* uniform: plus or minus this; else the standard deviation */
	double loss_percent;
	enum jitter_distribution distribution;
	bool reorder;  /* a packet may overtake those that are delayed longer */
	json_t *rates; /* when the rate changes (rates.h), borrowed from the document; else NULL */
	double rates_period_s; /* 0: the last rate stays */
	double queue_ms;       /* the queue as the time that the rate takes for it; 0: as packets */
	bool losses_change;    /* an event sets another loss (events.h) */
};

/* The keys that shape_read() takes, for a caller with keys of its own; NULL-terminated. */
extern const char *const shape_keys[];

/* Reads a shape's keys in the object `at`; what is absent there is as in `base`. What is wrong is
 * the document's error. */
struct shape shape_read(struct jat at, struct shape base);

/* A link's without any key: unshaped, with the default's queue. */
struct shape shape_default(void);

/* What only shows when the link and its directions are read, of one read at `at`: a queue in time
 * needs a rate. */
void shape_check(struct jat at, const struct shape *shape);

/* Whether this direction has delay, jitter or loss, or may get a loss. */
bool shape_needs_netem(const struct shape *shape);

/* A direction for people: "100 Mbit/s, queue 100, 5 ms +- 1", or "unshaped". Allocated. */
char *shape_text(const struct shape *shape);

/* The distribution's name as a scenario has it. */
const char *shape_distribution_name(enum jitter_distribution distribution);

#endif
