// SPDX-License-Identifier: BSD-2-Clause
/* Each kind of measure out of a result that has it, and out of one that has not. */

#include "experiments/record/measure_list.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define NEAR 1e-9

static json_t *some_result(void)
{
	json_t *result = json_loads(
		"{\"goodput_mbit\": 9.5, \"goodput_forward_mbit\": null,"
		" \"series\": [10, 3.5, 12.5],"
		" \"gap\": {\"longest_ms\": 210.5, \"at_s\": 3.2},"
		" \"tcp\": {\"retransmitted_segments\": 5, \"sent_segments\": 200},"
		" \"transfers\": {\"all\": {\"failed\": 2, \"completion_ms\": {\"mean\": 40, "
		"\"p50\": 30, \"p95\": 80, \"p99\": 90}}},"
		" \"quic\": {\"handshake_ms\": 21.5, \"goodput_mbit\": 8, "
		"\"requests\": {\"failed\": 1, \"completion_ms\": {\"p50\": 5, "
		"\"p95\": 6, \"p99\": 7}}, \"ends\": {\"a\": {\"lost_share\": 0}, "
		"\"b\": {\"lost_share\": 0.5}}},"
		" \"call\": {\"gap\": {\"forward\": {\"longest_ms\": 7}, \"reverse\": "
		"{\"longest_ms\": 41}}, \"audio\": {"
		"  \"forward\": {\"one_way_delay_ms\": {\"p95\": 12}, \"loss_ratio\": 0.25, "
		"\"reordering\": {\"ratio\": 0.01}, \"voice\": {\"mos\": 4.1}},"
		"  \"reverse\": {\"one_way_delay_ms\": {\"p95\": 30}, \"loss_ratio\": 0.125, "
		"\"reordering\": {\"ratio\": 0.05}, \"voice\": {\"mos\": 3.2}},"
		"  \"rtt_ms\": {\"p95\": 44}}},"
		" \"events\": [{\"gap_ms\": 5, \"recovered_s\": 0.5, \"window_s\": 4},"
		"  {\"gap_ms\": 400, \"recovered_s\": null, \"window_s\": 3}]}",
		0, NULL);
	assert_non_null(result);
	return result;
}

static void values(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		double value;
	} expected[] = {
		{"goodput_mbit", 9.5},
		{"goodput_forward_mbit", NAN}, /* null */
		{"goodput_reverse_mbit", NAN}, /* missing */
		{"goodput_steady", 26.0 / 3},
		{"goodput_worst_second", 3.5},
		{"gap_ms", 210.5},
		{"event_gap_ms", 400},
		{"recovered_s", 3}, /* the one that was not is at least its window */
		{"retransmitted_share", 0.025},
		{"transfer_p50_ms", 30},
		{"transfer_p95_ms", 80},
		{"transfer_p99_ms", 90},
		{"transfer_mean_ms", 40},
		{"transfers_failed", 2},
		{"quic_goodput_mbit", 8},
		{"quic_request_p50_ms", 5},
		{"quic_request_p95_ms", 6},
		{"quic_request_p99_ms", 7},
		{"quic_requests_failed", 1},
		{"quic_handshake_ms", 21.5},
		{"quic_lost_share", 0.5},
		{"call_audio_p95_ms", 30},
		{"call_audio_reordered", 0.05},
		{"call_audio_lost", 0.25},
		{"call_rtt_p95_ms", 44},
		{"call_gap_ms", 41},
		{"call_mos", 3.2},
	};
	json_t *result = some_result();
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		double got = measure_value(result, expected[i].name);
		assert_non_null(measure_listed(expected[i].name));
		if (isnan(expected[i].value))
			assert_true(isnan(got));
		else
			assert_float_equal(got, expected[i].value, NEAR);
	}
	json_decref(result);
}

/* What a run does not have is no value of any measure, and no 0. */
static void absent(void **state)
{
	(void)state;
	json_t *result =
		json_loads("{\"transfers\": null, \"quic\": null, \"call\": {\"audio\": null}, "
			   "\"gap\": null, \"series\": [], \"events\": [], "
			   "\"tcp\": {\"retransmitted_segments\": 0, "
			   "\"sent_segments\": 0}}",
			0, NULL);
	assert_non_null(result);
	for (const struct listed_measure *m = measure_list; m->name; m++)
		assert_true(isnan(measure_value(result, m->name)));
	assert_true(isnan(measure_value(result, "goodput")));
	json_decref(result);
}

/* A sweep's rows and a map's legend need all of it, and a name only once. */
static void rows_are_whole(void **state)
{
	(void)state;
	assert_null(measure_listed("goodput"));
	for (const struct listed_measure *m = measure_list; m->name; m++) {
		assert_ptr_equal(measure_listed(m->name), m);
		assert_true(m->title && m->title[0] && m->unit && m->of && m->pointers[0]);
		assert_true(m->better[0] == 'h' || m->better[0] == 'l');
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values),
		cmocka_unit_test(absent),
		cmocka_unit_test(rows_are_whole),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
