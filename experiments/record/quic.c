// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a QUIC connection was like.
 *
 * Theory of operation
 * -------------------
 * Requests are those that were opened in the measured part. One that has not been answered some
 * seconds after its end has failed, and counts with the time that it had: leaving out those that
 * take longest would make a bad network look good. The goodput of a bulk transfer without an end is
 * over the measured part, of one with so many bytes over the time that these took. Losses are the
 * sender's view: a packet that was overtaken by enough others is lost to QUIC, even if it comes.
 */

#include "experiments/record/quic.h"

#include "experiments/record/distribution.h"
#include "experiments/record/lines.h"
#include "mpip/base/error.h"
#include "mpip/base/jsonfile.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND_US INT64_C(1000000)

static int read_end(const char *file, json_t **end, char **error)
{
	static const char *const numbers[] = {
		"datagrams_sent", "bytes_sent", "datagrams_received", "packets_lost"};
	*end = json_read(file, 0, error);
	if (!*end)
		return -1;
	bool good = json_is_array(json_object_get(*end, "samples")) &&
		    json_is_string(json_object_get(*end, "why_lost"));
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		good = good && json_is_integer(json_object_get(*end, numbers[i]));
	return good ? 0
		    : error_set(error, "%s: expected a log of an end of a QUIC connection", file);
}

/* "3,1200,1900,2500", or "3,1200,,". */
static bool read_request(struct quic_log *log, const char *line)
{
	struct quic_request r = {.first_us = QUIC_NEVER, .done_us = QUIC_NEVER};
	int end = 0, last = 0;
	if (sscanf(line, "%*u,%" SCNd64 ",%n", &r.opened_us, &end) != 1 || end == 0)
		return false;
	if (strcmp(line + end, ",") != 0 && (sscanf(line + end, "%" SCNd64 ",%" SCNd64 "%n",
						     &r.first_us, &r.done_us, &last) != 2 ||
						    line[end + last] != '\0'))
		return false;
	if ((log->count & (log->count - 1)) == 0) {
		log->requests = reallocarray(
			log->requests, log->count ? 2 * log->count : 1, sizeof(*log->requests));
		if (!log->requests)
			abort();
	}
	log->requests[log->count++] = r;
	return true;
}

static int read_requests(const char *file, struct quic_log *log, char **error)
{
	struct lines lines;
	int rc = lines_open(&lines, file, error), more = 0;
	while (rc == 0 && (more = lines_next(&lines, error)) > 0) {
		bool good = lines.number == 1 ? strcmp(lines.text, QUIC_REQUESTS_HEADER) == 0
					      : read_request(log, lines.text);
		if (!good)
			rc = error_set(error, "%s: line %zu: expected %s", file, lines.number,
				QUIC_REQUESTS_HEADER);
	}
	if (rc == 0 && more == 0 && lines.number == 0)
		rc = error_set(error, "%s: expected a log of requests, it is empty", file);
	lines_close(&lines);
	return rc != 0 || more < 0 ? -1 : 0;
}

int quic_log_read(
	const char *const ends[QUIC_ENDS], const char *requests, struct quic_log *log, char **error)
{
	int rc = 0;
	*log = (struct quic_log){0};
	for (int i = 0; rc == 0 && i < QUIC_ENDS; i++)
		rc = read_end(ends[i], &log->ends[i], error);
	if (rc == 0 && requests)
		rc = read_requests(requests, log, error);
	return rc;
}

void quic_log_free(struct quic_log *log)
{
	for (int i = 0; i < QUIC_ENDS; i++)
		json_decref(log->ends[i]);
	free(log->requests);
	*log = (struct quic_log){0};
}

static double number_of(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);
	return json_is_number(value) ? json_number_value(value) : NAN;
}

static json_t *number_or_null(double value)
{
	return isnan(value) ? json_null() : json_real(value);
}

static json_t *requests_json(const struct quic_log *log, int duration_s)
{
	double *first = calloc(log->count + 1, sizeof(*first));
	double *done = calloc(log->count + 1, sizeof(*done));
	json_int_t failed = 0;
	size_t count = 0;
	if (!first || !done)
		abort();
	for (size_t i = 0; i < log->count; i++) {
		const struct quic_request *r = &log->requests[i];
		if (r->opened_us < 0 || r->opened_us >= duration_s * SECOND_US)
			continue;
		bool has_failed = r->done_us == QUIC_NEVER;
		int64_t until =
			has_failed ? (duration_s + QUIC_PATIENCE_S) * SECOND_US : r->done_us;
		done[count] = (double)(until - r->opened_us) / 1e3;
		first[count++] = has_failed ? NAN : (double)(r->first_us - r->opened_us) / 1e3;
		failed += has_failed;
	}
	json_t *all = json_pack("{s:I, s:I, s:o, s:o, s:o}", "count", (json_int_t)count, "failed",
		failed, "completion_ms", distribution_json(done, count), "completion_quantiles_ms",
		quantiles_json(done, count), "first_byte_ms", distribution_json(first, count));
	free(first);
	free(done);
	return all;
}

/* The bulk transfer to this end. */
static json_t *bulk_json(
	const struct quic_log *log, int to, const json_t *wanted, double bytes, int duration_s)
{
	double took_ms = NAN;
	if (json_is_integer(wanted))
		took_ms = (number_of(log->ends[to], "bulk_done_us") -
				  number_of(log->ends[QUIC_CLIENT], "bulk_opened_us")) /
			  1e3;
	if (!isnan(took_ms))
		bytes = json_number_value(wanted);
	return json_pack("{s:f, s:f, s:o}", "bytes", bytes, "goodput_mbit",
		bytes * 8e-3 / (isnan(took_ms) ? duration_s * 1e3 : took_ms), "completion_ms",
		number_or_null(took_ms));
}

static json_t *end_json(const json_t *end)
{
	json_t *samples = json_object_get(end, "samples");
	size_t count = json_array_size(samples);
	const json_t *last = count ? json_array_get(samples, count - 1) : NULL;
	double sent = number_of(end, "datagrams_sent"), lost = number_of(end, "packets_lost");
	json_t *all = json_pack("{s:O, s:O, s:O, s:O, s:f, s:O}", "datagrams_sent",
		json_object_get(end, "datagrams_sent"), "bytes_sent",
		json_object_get(end, "bytes_sent"), "datagrams_received",
		json_object_get(end, "datagrams_received"), "packets_lost",
		json_object_get(end, "packets_lost"), "lost_share", sent > 0 ? lost / sent : 0.0,
		"samples", samples);
	static const char *const state[] = {"cwnd_bytes", "smoothed_rtt_ms", "min_rtt_ms",
		"in_flight_bytes", "pacing_mbit", "max_udp_payload_bytes"};
	for (size_t i = 0; i < sizeof(state) / sizeof(state[0]); i++)
		json_object_set_new(all, state[i], number_or_null(number_of(last, state[i])));
	return all;
}

/* Whether bulk data comes to this end. */
static bool is_receiver(const json_t *workload, int end)
{
	const char *way = json_string_value(json_object_get(workload, "direction"));
	return json_is_object(json_object_get(workload, "bulk")) && way &&
	       strcmp(way, end == QUIC_SERVER ? "reverse" : "forward") != 0;
}

json_t *quic_measures(const struct quic_log *log, const json_t *workload,
	const char *const hosts[QUIC_ENDS], const double measured_bytes[QUIC_ENDS], int duration_s)
{
	const json_t *client = log->ends[QUIC_CLIENT];
	const json_t *wanted = json_object_get(json_object_get(workload, "bulk"), "bytes");
	json_t *bulk[QUIC_ENDS], *ends = json_object();
	double goodput = NAN;
	for (int to = 0; to < QUIC_ENDS; to++) {
		bulk[to] = json_null();
		json_object_set_new(ends, hosts[to], end_json(log->ends[to]));
		if (!is_receiver(workload, to))
			continue;
		bulk[to] = bulk_json(log, to, wanted, measured_bytes[to], duration_s);
		goodput = (isnan(goodput) ? 0 : goodput) + number_of(bulk[to], "goodput_mbit");
	}
	json_t *requests = json_is_object(json_object_get(workload, "requests"))
				   ? requests_json(log, duration_s)
				   : json_null();
	double took_us = number_of(client, "handshake_us") - number_of(client, "started_us");
	return json_pack("{s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:o}", "handshake_ms",
		number_or_null(took_us / 1e3), "lost_s",
		number_or_null(number_of(client, "lost_us") / 1e6), "why_lost",
		json_string_value(json_object_get(client, "why_lost")), "goodput_mbit",
		number_or_null(goodput), "forward", bulk[QUIC_SERVER], "reverse", bulk[QUIC_CLIENT],
		"requests", requests, "ends", ends);
}

/* While the bulk transfer was under way in all its directions; of so many bytes. */
static struct span bulk_span(const struct quic_log *log, const json_t *workload, int64_t end_us)
{
	double opened = number_of(log->ends[QUIC_CLIENT], "bulk_opened_us");
	struct span s = {isnan(opened) ? end_us : (int64_t)opened, end_us};
	for (int to = 0; to < QUIC_ENDS; to++) {
		double done = number_of(log->ends[to], "bulk_done_us");
		if (is_receiver(workload, to) && done < (double)s.to_us)
			s.to_us = (int64_t)done;
	}
	return s;
}

struct spans quic_spans(const struct quic_log *log, const json_t *workload, int duration_s)
{
	const json_t *bulk = json_object_get(workload, "bulk");
	int64_t end_us = (duration_s + QUIC_PATIENCE_S) * SECOND_US;
	if (json_is_object(bulk) && !json_is_integer(json_object_get(bulk, "bytes")))
		return (struct spans){0};
	struct span *all = calloc(log->count + 1, sizeof(*all));
	if (!all)
		abort();
	if (json_is_object(bulk)) {
		all[0] = bulk_span(log, workload, duration_s * SECOND_US);
		return spans_join(all, 1);
	}
	for (size_t i = 0; i < log->count; i++) {
		const struct quic_request *r = &log->requests[i];
		all[i] =
			(struct span){r->opened_us, r->done_us == QUIC_NEVER ? end_us : r->done_us};
	}
	return spans_join(all, log->count);
}
