/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ANALYSIS_CLOCK_DELAYLOG_H
#define ANALYSIS_CLOCK_DELAYLOG_H

#include <stddef.h>
#include <stdint.h>

/* One-way delays between a pair of hosts: when each packet was sent, how long it seemed to take
 * with the two hosts' clocks, and over which path. Paths have numbers from 0. */
struct delay_log {
	size_t count;
	double *sent_s;  /* by the sender's clock, since the first of all; ascending on each path */
	double *delay_s; /* as measured: the clocks' offset is in it */
	uint16_t *path;
	size_t path_count;
	char **path_names;
	const char *time_unit, *delay_unit; /* of the file: "ms"; static */
	int assumed; /* whether one of them was neither in the file nor given */
};

#define DELAY_LOG_PATHS 64

/* Reads a CSV of (send time, one-way delay[, path]): those columns in this order, further ones are
 * left alone. Where line 1 is a header it says which columns these are, and must: one called time,
 * timestamp, sent, send, sent_at, sent_time or send_time, one called delay, owd or one_way_delay,
 * and perhaps one whose name begins with path; with a column usable, only rows where it is not 0
 * are read. mpipd's path log is such a file. Case, quotes and spaces in names do not matter. Names
 * that end in _s, _ms, _us or _ns say the column's unit; `unit` ("s", "ms", "us", "ns", or those of
 * times and delays as "s,ms") is that of columns whose names do not; NULL: us, which is assumed.
 * Rows need not be in order. 0, or -1 and *error, one line "FILE: line N: expected ...", also for a
 * log that was cut. Free with delay_log_free(). */
int delay_log_read(const char *file, const char *unit, struct delay_log *log, char **error);

/* Adds a sample; to be followed by delay_log_order() once all are there. */
void delay_log_add(struct delay_log *log, double sent_s, double delay_s, unsigned path);

/* Puts the samples in order, if they are not, and makes times count from the first. */
void delay_log_order(struct delay_log *log);

void delay_log_free(struct delay_log *log);

#endif
