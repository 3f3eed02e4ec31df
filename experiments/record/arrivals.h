/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EXPERIMENTS_RECORD_ARRIVALS_H
#define EXPERIMENTS_RECORD_ARRIVALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * When a receiving application got new data, and how much. Whatever the network does below, plain
 * TCP, MPTCP or MPIP, this is what its user has of it, in order.
 *
 * Arrivals within ARRIVAL_US of the first one are one row, so that a long run fits; so a time
 * without data is exact where it is longer than that.
 */
#define ARRIVAL_US 2000

/* The first line of a log, arrivals-HOST.csv, whose rows follow: microseconds since the end of the
 * warm-up. */
#define ARRIVALS_HEADER "first_us,last_us,bytes"

struct arrival {
	int64_t first_us, last_us; /* in the log since the end of the warm-up */
	int64_t bytes;
};

struct arrivals {
	struct arrival *list; /* in the order of time */
	size_t count;
};

/* Times must not go back. */
void arrivals_add(struct arrivals *a, int64_t time_us, int64_t bytes);
void arrivals_free(struct arrivals *a);

/* Writes the log; the times become those since `zero_us`. 0, or -1 and *error. */
int arrivals_write(const struct arrivals *a, int64_t zero_us, const char *file, char **error);

/* Reads one. 0, or -1 and *error: "FILE: line N: expected ...". */
int arrivals_read(const char *file, struct arrivals *a, char **error);

/* The bytes of the rows that begin from `from_us` on and before `to_us`. */
double arrivals_bytes(const struct arrivals *a, int64_t from_us, int64_t to_us);

/* Times in which there was something to wait for, in order and apart; NULL: always. */
struct span {
	int64_t from_us, to_us;
};
struct spans {
	const struct span *list;
	size_t count;
};

/* Of times in any order, which may overlap. `all` becomes the list. */
struct spans spans_join(struct span *all, size_t count);

struct gap {
	int64_t longest_us; /* 0: there was nothing to wait for */
	int64_t at_us;      /* when it began */
};

/* The longest time between `from_us` and `to_us` in which nothing came, of the times in which
 * something was waited for. The edges are edges of a gap. */
struct gap arrivals_gap(
	const struct arrivals *a, const struct spans *waiting, int64_t from_us, int64_t to_us);

/* What an event between `before_us` (the event before it, or the log's beginning) and `end_us` (the
 * next one, or the end) did, of what came in one direction. */
struct recovery {
	double before_bps, after_bps; /* bits per second before and after, over 5 s at most; NaN:
					 no time for it */
	int64_t recovered_us;         /* after the event; -1: not before the end */
	struct gap gap;               /* after the event */
};

/* Back is the first time at which the half second that begins then brings 90 % of what came before
 * the event. */
struct recovery arrivals_recovery(const struct arrivals *a, const struct spans *waiting,
	int64_t before_us, int64_t event_us, int64_t end_us);

#endif
