/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EXPERIMENTS_LOAD_QUIC_MEASURE_H
#define EXPERIMENTS_LOAD_QUIC_MEASURE_H

#include "experiments/load/quic_socket.h"
#include "experiments/load/workload.h"
#include "experiments/record/arrivals.h"

#include <jansson.h>
#include <ngtcp2/ngtcp2.h>
#include <stdbool.h>
#include <stdint.h>

/* What an end sees of its connection, and its log, see experiments/record/quic.h. Times are
 * CLOCK_MONOTONIC in microseconds. */
struct quic_measure {
	const struct workload_end *end;
	int64_t started_us, handshake_us, lost_us; /* lost_us: 0 unless it was lost */
	const char *why_lost;
	bool counts_bulk; /* arrivals are the bulk transfer's; else responses' */
	struct arrivals arrivals;
	int64_t bulk_opened_us; /* the client's */
	int64_t bulk_done_us;   /* all of it came here; 0: not (yet), or it has no end */
	uint64_t lost;          /* packets with bytes of a stream, declared lost */
	int64_t next_sample_us;
	json_t *samples;
};

void quic_measure_begin(struct quic_measure *m, const struct workload_end *end);
/* Content that has come, of the bulk transfer or not. */
void quic_measure_bytes(struct quic_measure *m, bool bulk, int64_t now_us, int64_t bytes);
/* Once a second: what ngtcp2 says of the connection. */
void quic_measure_sample(struct quic_measure *m, ngtcp2_conn *conn, int64_t now_us);
/* Writes the logs. 0, or 1 after a line on standard error. */
int quic_measure_write(struct quic_measure *m, const struct quic_socket *s, const char *file);
void quic_measure_free(struct quic_measure *m);

/* When the measured part begins and ends. */
int64_t quic_measure_zero_us(const struct quic_measure *m);
int64_t quic_measure_end_us(const struct quic_measure *m);

#endif
