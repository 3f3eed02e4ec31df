/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MPIP_CORE_CLOCK_H
#define MPIP_CORE_CLOCK_H

#include "mpip/core/types.h"

/*
 * What a node's clock shows, for the experiments on clock offset (paper 4.1): right, or ahead by
 * an offset, running fast by a skew, and stepping. Only the CM's timestamps and what is measured
 * with them go by it; all deadlines go by the caller's time.
 */

#define CLOCK_STEPS 8

struct clock_step {
	struct usec at; /* after the start */
	struct usec by;
};

struct clock_distortion {
	bool any; /* false: the clock is right, and the rest does not count */
	struct usec offset;
	int64_t skew_ppb; /* at most 10^7 either way */
	unsigned steps;
	struct clock_step step[CLOCK_STEPS];
};

/* The clock's reading at the true time `now`, having started at `start`. */
static inline struct usec clock_reading(
	const struct clock_distortion *c, struct usec start, struct usec now)
{
	if (!c->any)
		return now;
	struct usec age = usec_sub(now, start);
	struct usec shown = usec_add(now, c->offset);
	shown.us += age.us / 1000 * c->skew_ppb / 1000000;
	for (unsigned i = 0; i < c->steps; i++)
		if (!usec_before(age, c->step[i].at))
			shown = usec_add(shown, c->step[i].by);
	return shown;
}

#endif
