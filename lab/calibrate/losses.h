/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef LAB_CALIBRATE_LOSSES_H
#define LAB_CALIBRATE_LOSSES_H

#include "lab/scenario/scenario.h"

#include <jansson.h>

/*
 * Whether the links have lost as many of somebody's packets as the scenario says: netem's own
 * counts between two readings of lab_counters(). Drops of a full queue are not losses.
 *
 * [{"link": "client.eth0", "direction": "up" or "down", "packets": that came to where packets are
 *   lost, "lost", "configured_percent", "low", "high": the 99.99 % binomial interval of "lost",
 *   "good": whether it is inside}]
 * One for each direction that has delay, jitter or loss, in the scenario's order, but for those
 * whose loss events change; a link with delay alone must lose nothing. NULL with `*error` set when
 * the readings are not of this scenario, or the second is not the later one.
 */
json_t *losses_judge(
	const struct scenario *s, const json_t *before, const json_t *after, char **error);

/* Whether all of them are good. */
bool losses_good(const json_t *losses);

#endif
