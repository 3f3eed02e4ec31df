/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef LAB_CALIBRATE_CALIBRATE_H
#define LAB_CALIBRATE_CALIBRATE_H

#include "lab/scenario/scenario.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/*
 * Calibration: whether the links of a lab do what its scenario says, measured by traffic across
 * each of them, in both directions, and by nothing else.
 */

struct calibrate_options {
	/* About a second per direction, and no queue that takes longer than that to fill. */
	bool brief;
	/* The clock is virtual: nothing but the links takes time, and the tolerances are exact.
	 * Otherwise they leave room for a machine that is late now and then. */
	bool virtual_time;
	/* Called before each direction is measured; may be NULL. */
	void (*progress)(
		void *arg, size_t done, size_t of, const char *link, const char *direction);
	void *arg;
};

/* One value: what the scenario says, what was measured, and between what that has to be. */
struct calibrated {
	bool measured; /* else the rest is 0: the link has no such thing, or there was no time */
	bool good;     /* low <= value <= high */
	double configured, value, low, high;
};

struct calibrated_direction {
	struct calibrated rate_mbit;
	struct calibrated
		delay_ms; /* of a small packet that comes alone: mean, of a fixed one median */
	struct calibrated jitter; /* distance of the delays from their law (Kolmogorov-Smirnov) */
	struct calibrated
		deviation_ms; /* of the delays of packets that come alone; for people only */
	struct calibrated loss_percent;
	struct calibrated overtaken; /* packets */
	struct calibrated
		queue_packets; /* of LAB_FRAME_BYTES that are held before one is dropped */
	size_t samples;        /* of jitter */
	int64_t sent, lost;    /* of loss_percent */
	bool good;             /* all that was measured is */
};

struct calibration {
	struct calibrate_options options;
	size_t n_links;
	struct calibrated_direction (*links)[2]; /* [link][0]: up, [1]: down */
	bool good;
};

/* Measures all links of a lab that is up, built from `s` and otherwise idle. What is measured of a
 * direction at a time is its alone. NULL with `*error` set when that failed, or lab_stop was set; a
 * bad link is no failure. */
struct calibration *calibrate(const struct scenario *s, const char *lab,
	const struct calibrate_options *options, char **error);
void calibration_free(struct calibration *c);

/* {"mode": "full" or "short", "time": "real" or "virtual", "good": all of it,
 *  "links": [{"ends": ["client.eth0", "router.c0"], "up": DIRECTION, "down": DIRECTION}]}
 * DIRECTION: {"good", "samples", "sent", "lost", and "rate_mbit", "delay_ms", "jitter",
 * "deviation_ms", "loss_percent", "overtaken", "queue_packets": null or {"configured", "measured",
 * "low", "high", "good"}} */
json_t *calibration_json(const struct scenario *s, const struct calibration *c);

/* The same for people: a table with one line per direction, then a line for each value that is bad.
 */
void calibration_table(FILE *out, const struct scenario *s, const struct calibration *c);

#endif
