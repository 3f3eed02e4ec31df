/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EXPERIMENTS_RECORD_PATHLOG_H
#define EXPERIMENTS_RECORD_PATHLOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* mpipd's path log: one row per session and path at each run of the path choice. */

struct path_row {
	int64_t time_us; /* CLOCK_MONOTONIC of the host */
	int64_t session, path;
	char src[16], dst[16];                                      /* dotted addresses */
	int64_t delay_us, min_delay_us, queuing_us, max_queuing_us; /* one way, towards dst */
	int64_t weight;                                             /* after this step */
	bool usable;
	int64_t sent_packets, sent_bytes; /* since the path was made */
};

struct path_log {
	struct path_row *rows;
	size_t count;
};

/* Reads a whole log, CSV with a header line, columns in any order. 0, or -1 and *error, one line
 * "FILE: line N: expected ...". Free with path_log_free(). */
int path_log_read(const char *file, struct path_log *log, char **error);
void path_log_free(struct path_log *log);

#endif
