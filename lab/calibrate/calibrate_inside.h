/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef LAB_CALIBRATE_CALIBRATE_INSIDE_H
#define LAB_CALIBRATE_CALIBRATE_INSIDE_H

#include "lab/calibrate/calibrate.h"
#include "lab/calibrate/traffic.h"

/* Calibrating one direction of a link, shared by the files that do it and by nobody else. */

/* What a value may be off for the ground's sake. */
struct tolerances {
	double rate;         /* of the rate */
	double delay_ms;     /* of the delay of a packet that comes alone */
	double law_ms;       /* by which single delays may be beside their law */
	double queue;        /* of the queue */
	double queue_frames; /* and besides */
	double quiet_ms;     /* without a packet, beyond what the link takes: no more will come */
	size_t parts; /* of the load, of which the median counts: some may meet a late machine */
};

/* How much is measured. Where chance has a part in it (jitter, loss), as much as it takes to find
 * what calibrate.c and calibrate_load.c want to find, between the least and the most here. */
struct amounts {
	size_t trains, trains_most; /* of a fixed delay the least will do */
	double trains_s;            /* at most; then fewer trains */
	double load_s, load_most_s;
	size_t load_frames, load_most; /* the least comes before load_most_s */
	double queue_s;                /* a queue that takes longer to fill is not measured */
	size_t bursts, bursts_most;
	size_t losses, losses_most; /* packets of which losses are counted */
	double losses_s;            /* at most; then fewer packets */
};

struct calibrate_job {
	const struct shape *shape;
	const struct tolerances *tolerances;
	const struct amounts *amounts;
	struct traffic *traffic;
	struct calibrated_direction *out;
};

int64_t calibrate_ns(double ms);

/* How long a full frame takes at the rate that the link should have. */
double calibrate_frame_ms(const struct calibrate_job *j);

/* Nothing is on its way any more when nothing has come for so long. */
int64_t calibrate_quiet_ns(const struct calibrate_job *j);

/* Whether `value` is between `low` and `high`. */
void calibrate_judge(
	struct calibrated *c, double configured, double value, double low, double high);

/* calibrate_load.c, in this order; what the link has no such thing of, or what cannot be told,
 * stays unmeasured. The link is idle before, and after. */
void calibrate_rate(const struct calibrate_job *j);
void calibrate_queue(const struct calibrate_job *j);

/* After trains, of which the first packet is number `first`: more packets that no queue drops, and
 * the losses of all of them. */
void calibrate_losses(const struct calibrate_job *j, size_t first);

#endif
