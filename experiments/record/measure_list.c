// SPDX-License-Identifier: BSD-2-Clause
/*
 * The list of measures.
 *
 * Theory of operation
 * -------------------
 * A measure is where its numbers are in a result, and what is made of them: the number itself, the
 * least or the most of several, a mean, a share. Where a number is missing or null the run does not
 * have the measure, which is NaN: never a 0 that would be taken for a value.
 */

#include "experiments/record/measure_list.h"

#include "experiments/record/resultfile.h"

#include <math.h>
#include <string.h>

static double at(const json_t *result, const char *const pointers[MEASURE_POINTERS])
{
	return json_number_at(result, pointers[0]);
}

struct many {
	size_t count;
	double least, most, sum;
};

static void add(struct many *m, const json_t *value)
{
	double v = json_number_value(value);
	if (!json_is_number(value))
		return;
	m->least = m->count == 0 || v < m->least ? v : m->least;
	m->most = m->count == 0 || v > m->most ? v : m->most;
	m->sum += v;
	m->count++;
}

/* All numbers at the pointers; those in a list are each one. */
static struct many all_at(const json_t *result, const char *const pointers[MEASURE_POINTERS])
{
	struct many m = {0};
	for (size_t i = 0; i < MEASURE_POINTERS && pointers[i]; i++) {
		const json_t *value = json_pointer(result, pointers[i]);
		for (size_t k = 0; k < json_array_size(value); k++)
			add(&m, json_array_get(value, k));
		add(&m, value);
	}
	return m;
}

static double least(const json_t *result, const char *const pointers[MEASURE_POINTERS])
{
	struct many m = all_at(result, pointers);
	return m.count ? m.least : NAN;
}

static double most(const json_t *result, const char *const pointers[MEASURE_POINTERS])
{
	struct many m = all_at(result, pointers);
	return m.count ? m.most : NAN;
}

static double mean(const json_t *result, const char *const pointers[MEASURE_POINTERS])
{
	struct many m = all_at(result, pointers);
	return m.count ? m.sum / (double)m.count : NAN;
}

static double share(const json_t *result, const char *const pointers[MEASURE_POINTERS])
{
	double all = json_number_at(result, pointers[1]);
	return all > 0 ? json_number_at(result, pointers[0]) / all : NAN;
}

/* Of the scenario's events, the one after which it was worst. */
static double worst_event(const json_t *result, const char *const pointers[MEASURE_POINTERS])
{
	const json_t *events = json_object_get(result, "events");
	struct many m = {0};
	for (size_t i = 0; i < json_array_size(events); i++) {
		const json_t *event = json_array_get(events, i);
		const json_t *value = json_pointer(event, pointers[0]);
		/* What was not back when the time was over took at least that time. */
		if (!json_is_number(value) && pointers[1])
			value = json_pointer(event, pointers[1]);
		add(&m, value);
	}
	return m.count ? m.most : NAN;
}

/* Of the ends, the one that lost more: who sends much. */
static double quic_lost(const json_t *result, const char *const pointers[MEASURE_POINTERS])
{
	const json_t *ends = json_pointer(result, pointers[0]), *end;
	struct many m = {0};
	const char *host;
	json_object_foreach ((json_t *)ends, host, end)
		add(&m, json_object_get(end, "lost_share"));
	return m.count ? m.most : NAN;
}

/* clang-format off */
const struct listed_measure measure_list[] = {
	{"goodput_mbit", "Goodput", "Mbit/s", "higher", at, {"/goodput_mbit"}},
	{"goodput_forward_mbit", "Goodput, forward", "Mbit/s", "higher", at, {"/goodput_forward_mbit"}},
	{"goodput_reverse_mbit", "Goodput, reverse", "Mbit/s", "higher", at, {"/goodput_reverse_mbit"}},
	{"goodput_steady", "Goodput, mean of the seconds", "Mbit/s", "higher", mean, {"/series"}},
	{"goodput_worst_second", "Goodput of the worst second", "Mbit/s", "higher", least, {"/series"}},
	{"gap_ms", "Longest time without new data", "ms", "lower", at, {"/gap/longest_ms"}},
	{"event_gap_ms", "Longest time without new data after an event", "ms", "lower",
		worst_event, {"/gap_ms"}},
	{"recovered_s", "Time until 90 % of the goodput before an event", "s", "lower",
		worst_event, {"/recovered_s", "/window_s"}},
	{"retransmitted_share", "Segments sent again", "", "lower", share,
		{"/tcp/retransmitted_segments", "/tcp/sent_segments"}},

	{"transfer_p50_ms", "Completion time, median", "ms", "lower", at, {"/transfers/all/completion_ms/p50"}},
	{"transfer_p95_ms", "Completion time, 95th percentile", "ms", "lower", at,
		{"/transfers/all/completion_ms/p95"}},
	{"transfer_p99_ms", "Completion time, 99th percentile", "ms", "lower", at,
		{"/transfers/all/completion_ms/p99"}},
	{"transfer_mean_ms", "Completion time, mean", "ms", "lower", at, {"/transfers/all/completion_ms/mean"}},
	{"transfers_failed", "Transfers that failed", "", "lower", at, {"/transfers/all/failed"}},

	{"quic_goodput_mbit", "Goodput over QUIC", "Mbit/s", "higher", at, {"/quic/goodput_mbit"}},
	{"quic_request_p50_ms", "Requests over QUIC, median", "ms", "lower", at,
		{"/quic/requests/completion_ms/p50"}},
	{"quic_request_p95_ms", "Requests over QUIC, 95th percentile", "ms", "lower", at,
		{"/quic/requests/completion_ms/p95"}},
	{"quic_request_p99_ms", "Requests over QUIC, 99th percentile", "ms", "lower", at,
		{"/quic/requests/completion_ms/p99"}},
	{"quic_requests_failed", "Requests over QUIC that failed", "", "lower", at, {"/quic/requests/failed"}},
	{"quic_handshake_ms", "QUIC handshake", "ms", "lower", at, {"/quic/handshake_ms"}},
	{"quic_lost_share", "Packets that QUIC took for lost", "", "lower", quic_lost, {"/quic/ends"}},

	{"call_audio_p95_ms", "One-way delay of audio, 95th percentile", "ms", "lower", most,
		{"/call/audio/forward/one_way_delay_ms/p95", "/call/audio/reverse/one_way_delay_ms/p95"}},
	{"call_audio_reordered", "Audio reordered", "", "lower", most,
		{"/call/audio/forward/reordering/ratio", "/call/audio/reverse/reordering/ratio"}},
	{"call_audio_lost", "Audio lost", "", "lower", most,
		{"/call/audio/forward/loss_ratio", "/call/audio/reverse/loss_ratio"}},
	{"call_rtt_p95_ms", "Round trip of audio, 95th percentile", "ms", "lower", at, {"/call/audio/rtt_ms/p95"}},
	{"call_gap_ms", "Longest time without a packet of the call", "ms", "lower", most,
		{"/call/gap/forward/longest_ms", "/call/gap/reverse/longest_ms"}},
	{"call_mos", "Voice, mean opinion score", "", "higher", least,
		{"/call/audio/forward/voice/mos", "/call/audio/reverse/voice/mos"}},
	{0},
};
/* clang-format on */

const struct listed_measure *measure_listed(const char *name)
{
	for (const struct listed_measure *m = measure_list; m->name; m++)
		if (strcmp(m->name, name) == 0)
			return m;
	return NULL;
}

double measure_value(const json_t *result, const char *name)
{
	const struct listed_measure *m = measure_listed(name);
	return m ? m->of(result, m->pointers) : NAN;
}
