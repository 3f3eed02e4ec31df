/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EXPERIMENTS_RECORD_QUIC_H
#define EXPERIMENTS_RECORD_QUIC_H

#include "experiments/record/arrivals.h"

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What a QUIC connection was like, from the logs of its two ends. Times in the logs are
 * microseconds since the end of the warm-up, by one clock for both ends; null or empty: it did not
 * happen.
 *
 * quic-HOST.json, of each end: "started_us", "handshake_us" (it was done), "lost_us" and "why_lost"
 * of the connection; "bulk_opened_us" (the client's) and "bulk_done_us" (who receives: all of it is
 * there); "datagrams_sent", "bytes_sent", "datagrams_received", "packets_lost"; "samples" of
 * ngtcp2's state, one a second. What the application got, and when, is in arrivals-HOST.csv.
 */

/* Requests that were opened in the measured part have so long after its end. */
#define QUIC_PATIENCE_S 5

/* The first line of the client's quic-requests.csv. */
#define QUIC_REQUESTS_HEADER "request,opened_us,first_us,done_us"

enum { QUIC_CLIENT, QUIC_SERVER, QUIC_ENDS };

/* A request; QUIC_NEVER: it did not get there. */
#define QUIC_NEVER INT64_MIN

struct quic_request {
	int64_t opened_us, first_us, done_us;
};

struct quic_log {
	json_t *ends[QUIC_ENDS];
	struct quic_request *requests;
	size_t count;
};

/* Reads the logs of a run; `requests` NULL: none were made. 0, or -1 and *error. Free with
 * quic_log_free() in either case. */
int quic_log_read(const char *const ends[QUIC_ENDS], const char *requests, struct quic_log *log,
	char **error);
void quic_log_free(struct quic_log *log);

/* What experiments/result.schema.json calls "quic"; the ends under their hosts' names.
 * `measured_bytes` came to each end in the measured part. */
json_t *quic_measures(const struct quic_log *log, const json_t *workload,
	const char *const hosts[QUIC_ENDS], const double measured_bytes[QUIC_ENDS], int duration_s);

/* When there was something to wait for, of a load that ends or pauses; a list of NULL: always. Free
 * the list. */
struct spans quic_spans(const struct quic_log *log, const json_t *workload, int duration_s);

#endif
