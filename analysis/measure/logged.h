/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ANALYSIS_MEASURE_LOGGED_H
#define ANALYSIS_MEASURE_LOGGED_H

#include "analysis/clock/delaylog.h"

#include <jansson.h>
#include <stdint.h>

/*
 * What mpipd logged of one session's paths, as a result has it: of the session that carried most
 * bytes, at the host that sent. A path is a pair of addresses, and has a number from 1 in their
 * order. One that went and came back was logged twice, and has the same number both times.
 */

#define LOGGED_MOST DELAY_LOG_PATHS

struct logged_paths {
	struct logged {
		const json_t *json; /* the result's */
		uint64_t addresses;
		size_t number;
	} logged[LOGGED_MOST]; /* in the order of addresses */
	size_t logged_count;
	size_t count; /* of paths */
};

/* Nothing to be freed; the result must stay. */
struct logged_paths logged_paths(const json_t *result);

/* "src" and "dst" of an object as a number that puts them in order: src first. */
uint64_t logged_addresses(const json_t *object);

/* For qsort() of struct logged. */
int logged_by_addresses(const void *a, const void *b);

#endif
