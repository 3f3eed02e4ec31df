/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef LAB_BUILD_PACER_H
#define LAB_BUILD_PACER_H

#include "lab/build/net.h"
#include "lab/scenario/rates.h"
#include "lab/scenario/scenario.h"

/*
 * Changes the rate of a link's direction while it is played. Like the player, it has no clock.
 */
struct pacer {
	struct rates rates;
	struct shape shape;
	char interface[LAB_NIC_MAX + 1]; /* with the TBF, in the router */
	size_t next;                     /* step, counted over all laps */
	double due;                      /* bytes of the step that is on, or over */
	json_int_t passed;               /* bytes of the TBF when it began */
};

/* `interface` is borrowed for the call. Free with pacer_close(). */
void pacer_open(struct pacer *p, const struct shape *shape, const char *interface);
void pacer_close(struct pacer *p);

/* When the next step is due, in microseconds from the start; INT64_MAX: never. */
int64_t pacer_next(const struct pacer *p);

/* Makes the last step happen that is due at `elapsed_us`. 0, or -1 with `*error` set. */
int pacer_step(struct pacer *p, struct ns *router, int64_t elapsed_us, char **error);

#endif
