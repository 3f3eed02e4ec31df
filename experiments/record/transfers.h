/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EXPERIMENTS_RECORD_TRANSFERS_H
#define EXPERIMENTS_RECORD_TRANSFERS_H

#include "experiments/record/arrivals.h"

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

/* The measures of transfers, from their log, transfers-HOST.csv of who connects. */

/* After the measured part no transfer begins, but those under way have this long to end. */
#define TRANSFERS_DRAIN_S 20

/* The log's first line; a row per transfer in the order in which they began follows. Times are
 * microseconds since the end of the warm-up, by one clock for both ends; empty: it did not come to
 * that. `error` is why it failed; empty: it has not. */
#define TRANSFERS_HEADER                                                                           \
	"transfer,size_bytes,start_us,connected_us,first_byte_us,done_us,ended_us,error"

#define TRANSFER_NEVER INT64_MIN

struct transfer {
	int64_t size_bytes;
	int64_t start_us;     /* connect() was called */
	int64_t connected_us; /* ... and the connection is there */
	int64_t first_us;     /* the receiving application has the first byte */
	int64_t done_us;      /* ... and the last one */
	int64_t ended_us;     /* it was over for who connects, whichever way */
};

struct transfer_log {
	struct transfer *list;
	size_t count;
};

/* 0, or -1 and *error: "FILE: line N: expected ...". */
int transfer_log_read(const char *file, struct transfer_log *log, char **error);
void transfer_log_free(struct transfer_log *log);

/* What experiments/result.schema.json calls "transfers": of those that began in the measured part,
 * or were to begin and did not. One that failed or did not end has not come by the end of the time
 * that there was for it, and counts with that: its completion time is a lower bound. `workload` is
 * the JSON of result.json. */
json_t *transfer_measures(const struct transfer_log *log, const json_t *workload, int duration_s);

/* When at least one was under way: what an arrival gap is looked for in. Free `list`. */
struct spans transfer_spans(const struct transfer_log *log, int duration_s);

#endif
