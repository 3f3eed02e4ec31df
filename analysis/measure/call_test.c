// SPDX-License-Identifier: BSD-2-Clause
/* A call's measures against a log that can be worked out by hand, and logs that are refused. */

#include "experiments/record/call.h"

#include "analysis/measure/results.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[] = "/tmp/call_test.XXXXXX";

static int set_up(void **state)
{
	(void)state;
	return mkdtemp(directory) ? 0 : -1;
}

static char *path(const char *name)
{
	static char paths[2][64];
	static int turn;
	turn = !turn;
	snprintf(paths[turn], sizeof(paths[turn]), "%s/%s", directory, name);
	return paths[turn];
}

static int tear_down(void **state)
{
	(void)state;
	unlink(path("sent"));
	unlink(path("received"));
	return rmdir(directory);
}

static void write_file(const char *name, const char *content)
{
	FILE *f = fopen(path(name), "w");
	assert_non_null(f);
	fputs(content, f);
	fclose(f);
}

static int read_logs(const char *sent, const char *received, struct call_log *log, char **error)
{
	*error = NULL;
	write_file("sent", sent);
	write_file("received", received);
	return call_log_read(path("sent"), path("received"), log, error);
}

static void expect(const json_t *call, const char *pointer, double wanted)
{
	const json_t *value = json_pointer(call, pointer);
	if (!json_is_number(value) || fabs(json_number_value(value) - wanted) > 1e-6)
		fail_msg("%s is %.9g, wanted %.9g", pointer, json_number_value(value), wanted);
}

#define SENT     "stream,seq,sent_us,bytes\n"
#define RECEIVED "stream,seq,sent_us,arrived_us,bytes,rtt_us\n"

/* Sent 0 20 40 60 80 ms; number 10 is of the warm-up. Delays: 10 12 - 31 11 ms; 14 overtakes 13,
 * 11 comes twice. Jitter buffer 20 ms: 13, 21 ms behind the quickest, is late. */
static const char sent[] = SENT "audio,10,-20000,160\n"
				"audio,11,0,160\naudio,12,20000,160\naudio,13,40000,160\n"
				"audio,14,60000,160\naudio,15,80000,160\naudio,16,2000000,160\n";
static const char received[] = RECEIVED "audio,10,-20000,-10000,160,\n"
					"audio,11,0,10000,160,25000\n"
					"audio,11,0,10500,160,\n"
					"audio,12,20000,32000,160,35000\n"
					"audio,15,80000,91000,160,\n"
					"audio,14,60000,91001,160,\n"
					"audio,16,2000000,2010000,160,\n";

static void measures_by_hand(void **state)
{
	(void)state;
	struct call_log log, none = {0};
	char *error;
	assert_int_equal(read_logs(sent, received, &log, &error), 0);
	json_t *workload = json_pack("{s:{s:i, s:f, s:s, s:f}, s:n}", "audio", "datagram_bytes",
		160, "interval_ms", 20.0, "codec", "g711", "jitter_buffer_ms", 20.0, "video");
	json_t *call = call_measures(&log, &none, workload, 1);
	expect(call, "/audio/forward/sent", 5);
	expect(call, "/audio/forward/received", 4);
	expect(call, "/audio/forward/duplicates", 1);
	expect(call, "/audio/forward/lost", 1);
	expect(call, "/audio/forward/loss_ratio", 0.2);
	expect(call, "/audio/forward/goodput_mbit", 4 * 160 * 8e-6);
	expect(call, "/audio/forward/one_way_delay_ms/mean", (10 + 12 + 31.001 + 11) / 4);
	expect(call, "/audio/forward/one_way_delay_ms/max", 31.001);
	expect(call, "/audio/forward/ipdv_ms/count", 2);
	expect(call, "/audio/forward/ipdv_mean_magnitude_ms", (2 + 20.001) / 2);
	expect(call, "/audio/forward/pdv_ms/max", 21.001);
	expect(call, "/audio/forward/reordering/packets", 1);
	expect(call, "/audio/forward/reordering/extent_max", 1);
	expect(call, "/audio/forward/voice/late", 1);
	expect(call, "/audio/forward/voice/late_or_lost_ratio", 0.4);
	/* One run of two lost, 14 right after 13: mean run 2 over 1 / (1 - 0.4). */
	expect(call, "/audio/forward/voice/burst_ratio", 1.2);
	expect(call, "/audio/forward/voice/mouth_to_ear_ms", 20 + 10 + 20);
	expect(call, "/audio/rtt_ms/count", 2);
	expect(call, "/audio/rtt_ms/mean", 30);
	expect(call, "/audio/rtt_series_ms/0", 30);
	expect(call, "/audio/reverse/sent", 0);
	assert_true(json_is_null(json_pointer(call, "/audio/reverse/voice")));
	assert_true(json_is_null(json_object_get(call, "video")));
	expect(call, "/gap/forward/longest_ms", 1000 - 91.001);
	expect(call, "/gap/forward/at_s", 0.091001);
	expect(call, "/gap/reverse/longest_ms", 1000);
	struct arrivals once = {0};
	call_arrivals(&log, &once);
	assert_int_equal((int)arrivals_bytes(&once, 0, 1000000), 4 * 160); /* no copy */
	arrivals_free(&once);
	double bytes = 0;
	json_t *series = call_series(&log, 1, &bytes);
	assert_int_equal(json_array_size(series), 1);
	assert_int_equal((int)bytes, 5 * 160);
	json_decref(series);
	json_decref(call);
	json_decref(workload);
	call_log_free(&log);
}

static void logs_that_are_refused(void **state)
{
	(void)state;
	static const struct {
		const char *sent, *received, *why;
	} wrong[] = {
		{"", RECEIVED, "expected a log of a call, it is empty"},
		{"stream,seq\n", RECEIVED, "line 1: expected stream,seq,sent_us,bytes"},
		{SENT "audio,1,2\n", RECEIVED, "line 2: expected stream,seq,sent_us,bytes"},
		{SENT "smell,1,2,3\n", RECEIVED, "line 2: expected"},
		{SENT "audio,1,2,3", RECEIVED, "the log is cut"},
		{SENT, RECEIVED "audio,1,2,3,4\n", "line 2: expected"},
		{SENT, RECEIVED "audio,1,2,3,4,x\n", "line 2: expected"},
		{SENT, RECEIVED "audio,1,2,3,4,", "the log is cut"},
	};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct call_log log;
		char *error;
		assert_int_equal(read_logs(wrong[i].sent, wrong[i].received, &log, &error), -1);
		if (!strstr(error, wrong[i].why))
			fail_msg("%zu: %s", i, error);
		free(error);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(measures_by_hand),
		cmocka_unit_test(logs_that_are_refused),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
