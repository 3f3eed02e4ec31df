// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a call was like.
 *
 * Theory of operation
 * -------------------
 * Packets are those that were sent in the measured part; sender's and receiver's rows are joined by
 * number, so that what never came is known, and a copy that came later is not counted twice. Delay
 * and its variation are in the order of sending, reordering in that of arrival.
 *
 * Voice: a receiver plays each packet a fixed time after the quickest one would have come, its
 * jitter buffer; what comes later is lost to the listener. From mouth to ear it takes the packet's
 * own length (it has to be full to be sent), the codec's look-ahead, the least delay of the
 * network, and the jitter buffer. That, the losses and how they cluster go into the E-model.
 */

#include "experiments/record/call.h"

#include "experiments/record/distribution.h"
#include "experiments/record/emodel.h"
#include "experiments/record/reordering.h"
#include "experiments/record/stats.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

/* One stream in one direction, joined. */
struct joined {
	size_t sent, received; /* received: rows, copies too */
	double *delay_ms;      /* in the order of sending; NaN: lost */
	uint32_t *arrivals;    /* numbers in the order of arrival */
	double bytes;          /* of those that arrived, once each */
};

static void *new_list(size_t count, size_t size)
{
	void *list = calloc(count ? count : 1, size);
	if (!list)
		abort();
	return list;
}

static bool is_measured(int64_t sent_us, int duration_s)
{
	return sent_us >= 0 && sent_us < (int64_t)duration_s * 1000000;
}

static struct joined join(const struct call_log *log, int stream, int duration_s)
{
	struct joined j = {0};
	uint32_t first = 0;
	for (size_t i = 0; i < log->sent_count; i++) {
		const struct call_sent *p = &log->sent[i];
		if (p->stream != stream || !is_measured(p->sent_us, duration_s))
			continue;
		if (j.sent++ == 0)
			first = p->seq;
	}
	j.delay_ms = new_list(j.sent, sizeof(*j.delay_ms));
	j.arrivals = new_list(log->received_count, sizeof(*j.arrivals));
	for (size_t i = 0; i < j.sent; i++)
		j.delay_ms[i] = NAN;
	for (size_t i = 0; i < log->received_count; i++) {
		const struct call_received *p = &log->received[i];
		if (p->stream != stream || p->seq < first || p->seq - first >= j.sent)
			continue;
		j.arrivals[j.received++] = p->seq - first;
		if (!isnan(j.delay_ms[p->seq - first]))
			continue; /* a copy */
		j.delay_ms[p->seq - first] = (double)(p->arrived_us - p->sent_us) / 1e3;
		j.bytes += p->bytes;
	}
	return j;
}

static void free_joined(struct joined *j)
{
	free(j->delay_ms);
	free(j->arrivals);
}

static json_t *reordering_json(const struct reordering *r)
{
	json_t *degrees = json_array();
	for (size_t n = 0; n < REORDERING_DEGREES; n++)
		json_array_append_new(degrees, json_integer((json_int_t)r->n_reordered[n]));
	return json_pack("{s:I, s:f, s:I, s:f, s:o}", "packets", (json_int_t)r->reordered, "ratio",
		r->ratio, "extent_max", (json_int_t)r->max_extent, "extent_mean", r->mean_extent,
		"n_reordered", degrees);
}

/* Null when nothing at all came through. */
static json_t *voice_json(const struct joined *j, double least_ms, const json_t *audio)
{
	const struct emodel_codec *codec =
		emodel_codec(json_string_value(json_object_get(audio, "codec")));
	double buffer_ms = json_number_value(json_object_get(audio, "jitter_buffer_ms"));
	double packet_ms = json_number_value(json_object_get(audio, "interval_ms"));
	if (!codec || isinf(least_ms))
		return json_null();

	unsigned char *lost = new_list(j->sent, 1);
	size_t late = 0, gone = 0;
	for (size_t i = 0; i < j->sent; i++) {
		bool is_late = j->delay_ms[i] > least_ms + buffer_ms;
		lost[i] = isnan(j->delay_ms[i]) || is_late;
		late += is_late;
		gone += lost[i];
	}
	struct emodel m = emodel_default();
	m.ta_ms = m.t_ms = packet_ms + codec->look_ahead_ms + least_ms + buffer_ms;
	m.tr_ms = 2 * m.ta_ms;
	m.ie = codec->ie;
	m.bpl = codec->bpl;
	m.ppl = 100 * (double)gone / (double)j->sent;
	m.burst_r = emodel_burst_ratio(lost, j->sent);
	free(lost);
	double r = emodel_r(&m);
	return json_pack("{s:I, s:f, s:f, s:f, s:f, s:f}", "late", (json_int_t)late,
		"late_or_lost_ratio", m.ppl / 100, "burst_ratio", m.burst_r, "mouth_to_ear_ms",
		m.ta_ms, "r", r, "mos", emodel_mos(r));
}

static json_t *direction_json(
	const struct call_log *log, int stream, const json_t *audio, int duration_s)
{
	struct joined j = join(log, stream, duration_s);
	struct reordering r = reordering_of(j.arrivals, j.received);
	double *values = new_list(j.sent, sizeof(*values)), least_ms = INFINITY, moves = 0;
	size_t count = 0;
	for (size_t i = 0; i < j.sent; i++) {
		if (!isnan(j.delay_ms[i]))
			values[count++] = j.delay_ms[i];
		least_ms = j.delay_ms[i] < least_ms ? j.delay_ms[i] : least_ms;
	}
	json_t *delay = distribution_json(values, count);
	count = stats_ipdv(j.delay_ms, j.sent, values);
	for (size_t i = 0; i < count; i++)
		moves += fabs(values[i]) / (double)count;
	json_t *ipdv = distribution_json(values, count);
	json_t *pdv = distribution_json(values, stats_pdv(j.delay_ms, j.sent, values));
	size_t lost = j.sent - r.received;
	json_t *all = json_pack("{s:I, s:I, s:I, s:I, s:f, s:f, s:o, s:o, s:f, s:o, s:o, s:o}",
		"sent", (json_int_t)j.sent, "received", (json_int_t)r.received, "duplicates",
		(json_int_t)r.duplicates, "lost", (json_int_t)lost, "loss_ratio",
		j.sent ? (double)lost / (double)j.sent : 0, "goodput_mbit",
		j.bytes * 8e-6 / duration_s, "one_way_delay_ms", delay, "ipdv_ms", ipdv,
		"ipdv_mean_magnitude_ms", moves, "pdv_ms", pdv, "reordering", reordering_json(&r),
		"voice", stream == CALL_AUDIO ? voice_json(&j, least_ms, audio) : json_null());
	free(values);
	free_joined(&j);
	return all;
}

/* Round trips that ended in the measured part, at both ends; and their mean second by second. */
static void add_rtt(json_t *to, const struct call_log *const logs[2], int stream, int duration_s)
{
	double *values =
		new_list(logs[0]->received_count + logs[1]->received_count, sizeof(double));
	double *sums = new_list((size_t)duration_s, sizeof(double));
	size_t *counts = new_list((size_t)duration_s, sizeof(size_t)), count = 0;
	for (int k = 0; k < 2; k++) {
		for (size_t i = 0; i < logs[k]->received_count; i++) {
			const struct call_received *p = &logs[k]->received[i];
			if (p->stream != stream || p->rtt_us < 0 ||
				!is_measured(p->arrived_us, duration_s))
				continue;
			values[count++] = (double)p->rtt_us / 1e3;
			sums[p->arrived_us / 1000000] += (double)p->rtt_us / 1e3;
			counts[p->arrived_us / 1000000]++;
		}
	}
	json_t *series = json_array();
	for (int s = 0; s < duration_s; s++)
		json_array_append_new(
			series, counts[s] ? json_real(sums[s] / (double)counts[s]) : json_null());
	json_object_set_new(to, "rtt_ms", distribution_json(values, count));
	json_object_set_new(to, "rtt_series_ms", series);
	free(counts);
	free(sums);
	free(values);
}

/* One more than the highest number that a stream sent. */
static size_t numbers_of(const struct call_log *log, int stream)
{
	size_t numbers = 0;
	for (size_t i = 0; i < log->sent_count; i++)
		if (log->sent[i].stream == stream && log->sent[i].seq >= numbers)
			numbers = (size_t)log->sent[i].seq + 1;
	return numbers;
}

void call_arrivals(const struct call_log *log, struct arrivals *a)
{
	bool *come[CALL_STREAMS];
	size_t numbers[CALL_STREAMS];
	for (int s = 0; s < CALL_STREAMS; s++) {
		numbers[s] = numbers_of(log, s);
		come[s] = new_list(numbers[s], sizeof(bool));
	}
	for (size_t i = 0; i < log->received_count; i++) {
		const struct call_received *p = &log->received[i];
		if (p->seq >= numbers[p->stream] || come[p->stream][p->seq])
			continue;
		come[p->stream][p->seq] = true;
		arrivals_add(a, p->arrived_us, p->bytes);
	}
	for (int s = 0; s < CALL_STREAMS; s++)
		free(come[s]);
}

static json_t *gap_json(const struct call_log *log, int duration_s)
{
	struct arrivals a = {0};
	call_arrivals(log, &a);
	struct gap g = arrivals_gap(&a, NULL, 0, (int64_t)duration_s * 1000000);
	arrivals_free(&a);
	return json_pack("{s:f, s:f}", "longest_ms", (double)g.longest_us / 1e3, "at_s",
		(double)g.at_us / 1e6);
}

json_t *call_measures(const struct call_log *forward, const struct call_log *reverse,
	const json_t *workload, int duration_s)
{
	const struct call_log *logs[2] = {forward, reverse};
	json_t *call = json_object();
	for (int s = 0; s < CALL_STREAMS; s++) {
		const json_t *load = json_object_get(workload, call_stream_names[s]);
		json_t *stream = json_null();
		if (json_is_object(load)) {
			stream = json_pack("{s:o, s:o}", "forward",
				direction_json(forward, s, load, duration_s), "reverse",
				direction_json(reverse, s, load, duration_s));
			add_rtt(stream, logs, s, duration_s);
		}
		json_object_set_new(call, call_stream_names[s], stream);
	}
	json_object_set_new(call, "gap",
		json_pack("{s:o, s:o}", "forward", gap_json(forward, duration_s), "reverse",
			gap_json(reverse, duration_s)));
	return call;
}

json_t *call_series(const struct call_log *log, int duration_s, double *bytes)
{
	double *sums = new_list((size_t)duration_s, sizeof(double));
	for (size_t i = 0; i < log->received_count; i++) {
		const struct call_received *p = &log->received[i];
		if (is_measured(p->arrived_us, duration_s))
			sums[p->arrived_us / 1000000] += p->bytes;
	}
	json_t *series = json_array();
	for (int s = 0; s < duration_s; s++) {
		*bytes += sums[s];
		json_array_append_new(series, json_real(sums[s] * 8e-6));
	}
	free(sums);
	return series;
}
