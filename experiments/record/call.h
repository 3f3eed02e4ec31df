/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EXPERIMENTS_RECORD_CALL_H
#define EXPERIMENTS_RECORD_CALL_H

#include "experiments/record/arrivals.h"

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

/* A call's measures, from the logs of its two ends. Times in the logs are microseconds since the
 * end of the warm-up, by one clock for both ends. */

enum { CALL_AUDIO, CALL_VIDEO, CALL_STREAMS };
extern const char
	*const call_stream_names[CALL_STREAMS]; /* as logs, workloads and results have them */

/* The first lines of the logs, whose rows follow. */
#define CALL_SENT_HEADER     "stream,seq,sent_us,bytes"
#define CALL_RECEIVED_HEADER "stream,seq,sent_us,arrived_us,bytes,rtt_us"

/* A row of what an end has sent. */
struct call_sent {
	int stream;
	uint32_t seq;
	int64_t sent_us;
	int bytes;
};

/* A row of what an end has received, in the order of arrival. */
struct call_received {
	int stream;
	uint32_t seq;
	int64_t sent_us, arrived_us;
	int bytes;
	int64_t rtt_us; /* of the packet of ours whose echo it brought; -1: of none */
};

/* One direction: one end's log of sending and the other's of receiving. */
struct call_log {
	struct call_sent *sent;
	size_t sent_count;
	struct call_received *received;
	size_t received_count;
};

/* 0, or -1 and *error: "FILE: line N: expected ...". A last line without its end is an error: the
 * log was cut. Free with call_log_free(). */
int call_log_read(const char *sent, const char *received, struct call_log *log, char **error);
void call_log_free(struct call_log *log);

/* The call of a workload (its JSON in result.json), measured over packets sent in the measured
 * part: what experiments/record/result.schema.json calls "call". `forward` is from the caller to
 * the callee. */
json_t *call_measures(const struct call_log *forward, const struct call_log *reverse,
	const json_t *workload, int duration_s);

/* Mbit/s of payload that arrived in each second of the measured part, both streams; their sum in
 * bytes is added to *bytes. */
json_t *call_series(const struct call_log *log, int duration_s, double *bytes);

/* When new data came, of both streams together: no packet twice. */
void call_arrivals(const struct call_log *log, struct arrivals *a);

#endif
