// SPDX-License-Identifier: BSD-2-Clause
/*
 * What an end of a QUIC connection sees.
 *
 * Theory of operation
 * -------------------
 * Bytes are counted when the application gets them, in their order: what waits in ngtcp2 for a
 * packet before it is not there yet. What is counted is the bulk transfer, or the responses where
 * there is none. ngtcp2's own state, which is a sender's, is looked at once a second.
 */

#include "experiments/load/quic_measure.h"

#include "mpip/base/error.h"
#include "mpip/base/files.h"

#include <stdio.h>
#include <stdlib.h>

#define SECOND_US 1000000

int64_t quic_measure_zero_us(const struct quic_measure *m)
{
	const struct workload_end *e = m->end;
	int64_t start = e->clock->data_socket_us;
	return start ? start + (int64_t)e->definition->warm_up_s * SECOND_US : INT64_MAX;
}

int64_t quic_measure_end_us(const struct quic_measure *m)
{
	int64_t zero = quic_measure_zero_us(m);
	return zero == INT64_MAX ? zero
				 : zero + (int64_t)m->end->definition->duration_s * SECOND_US;
}

void quic_measure_begin(struct quic_measure *m, const struct workload_end *end)
{
	*m = (struct quic_measure){.end = end,
		.counts_bulk = end->definition->workload.quic.bulk,
		.samples = json_array()};
}

void quic_measure_free(struct quic_measure *m)
{
	arrivals_free(&m->arrivals);
	json_decref(m->samples);
}

void quic_measure_bytes(struct quic_measure *m, bool bulk, int64_t now_us, int64_t bytes)
{
	if (bytes > 0 && bulk == m->counts_bulk)
		arrivals_add(&m->arrivals, now_us, bytes);
}

void quic_measure_sample(struct quic_measure *m, ngtcp2_conn *conn, int64_t now_us)
{
	ngtcp2_conn_stat s;
	if (!conn || now_us < m->next_sample_us)
		return;
	ngtcp2_conn_get_conn_stat(conn, &s);
	m->next_sample_us = (m->next_sample_us ? m->next_sample_us : now_us) + SECOND_US;
	json_array_append_new(m->samples,
		json_pack("{s:I, s:I, s:f, s:f, s:I, s:f, s:I}", "time_us",
			(json_int_t)(now_us - quic_measure_zero_us(m)), "cwnd_bytes",
			(json_int_t)s.cwnd, "smoothed_rtt_ms", (double)s.smoothed_rtt / 1e6,
			"min_rtt_ms", s.min_rtt == UINT64_MAX ? 0.0 : (double)s.min_rtt / 1e6,
			"in_flight_bytes", (json_int_t)s.bytes_in_flight, "pacing_mbit",
			s.pacing_rate * 8e3, "max_udp_payload_bytes",
			(json_int_t)ngtcp2_conn_get_path_max_tx_udp_payload_size(conn)));
}

static json_t *time_or_null(const struct quic_measure *m, int64_t at_us)
{
	return at_us ? json_integer(at_us - quic_measure_zero_us(m)) : json_null();
}

int quic_measure_write(struct quic_measure *m, const struct quic_socket *s, const char *file)
{
	json_t *log = json_pack("{s:o, s:o, s:o, s:s, s:o, s:o, s:I, s:I, s:I, s:I, s:O}",
		"started_us", time_or_null(m, m->started_us), "handshake_us",
		time_or_null(m, m->handshake_us), "lost_us", time_or_null(m, m->lost_us),
		"why_lost", m->why_lost ? m->why_lost : "", "bulk_opened_us",
		time_or_null(m, m->bulk_opened_us), "bulk_done_us",
		time_or_null(m, m->bulk_done_us), "datagrams_sent", (json_int_t)s->sent,
		"bytes_sent", (json_int_t)s->sent_bytes, "datagrams_received", (json_int_t)s->taken,
		"packets_lost", (json_int_t)m->lost, "samples", m->samples);
	char *error = NULL;
	int rc = file_write_json(file, log, &error);
	if (rc == 0 && m->end->arrivals_file)
		rc = arrivals_write(
			&m->arrivals, quic_measure_zero_us(m), m->end->arrivals_file, &error);
	if (rc != 0)
		fprintf(stderr, "%s\n", error);
	free(error);
	json_decref(log);
	return rc != 0;
}
