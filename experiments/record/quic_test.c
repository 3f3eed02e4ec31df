// SPDX-License-Identifier: BSD-2-Clause
/* QUIC's load as an experiment defines it, and what is made of the logs of its ends. */

#include "experiments/record/definition.h"
#include "experiments/record/quic.h"
#include "experiments/record/resultfile.h"
#include "mpip/base/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NEAR 1e-9

static char directory[] = "/tmp/mpip-quic-test-XXXXXX";

/* A file in the directory; its name is good until the next call but three. */
static const char *write_file(const char *name, const char *text)
{
	static char names[4][128];
	static int next;
	char *file = names[next++ % 4];
	snprintf(file, sizeof(names[0]), "%s/%s", directory, name);
	FILE *f = fopen(file, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	return file;
}

/* The definition with this workload; NULL and *error. */
static struct definition *with(const char *workload, char **error)
{
	char *text =
		text_format("{\"title\": \"t\", \"scenario\": \"lab.json\", \"duration_s\": 2, "
			    "\"repeats\": 1, \"contestants\": [{\"name\": \"a\"}], "
			    "\"workload\": {\"kind\": \"quic\"%s}}",
			workload);
	write_file("lab.json", "{}");
	*error = NULL;
	struct definition *d = definition_load(write_file("it.json", text), error);
	free(text);
	return d;
}

/* The workload as results have it. */
static json_t *workload_of(const char *workload)
{
	char *error;
	struct definition *d = with(workload, &error);
	assert_non_null(d);
	json_t *run = definition_of_run(d, &d->contestants[0], 1);
	json_t *w = json_incref(json_object_get(run, "workload"));
	json_decref(run);
	definition_free(d);
	return w;
}

static void loads(void **state)
{
	(void)state;
	char *error;
	struct definition *d = with(", \"bulk\": {}", &error);
	assert_non_null(d);
	const struct workload *w = &d->workload;
	assert_true(w->kind == WORKLOAD_QUIC && !w->tcp && !w->iperf);
	assert_true(w->quic.bulk && !w->quic.requests && w->quic.bulk_bytes == 0 && !w->quic.gso);
	assert_int_equal(w->direction, DIRECTION_FORWARD);
	assert_string_equal(w->congestion_control, "cubic");
	definition_free(d);

	d = with(", \"requests\": {\"interval_ms\": 20, \"parallel\": 3}, \"gso\": true, "
		 "\"congestion_control\": \"bbr\", \"max_udp_payload_bytes\": 1300",
		&error);
	assert_non_null(d);
	w = &d->workload;
	assert_true(!w->quic.bulk && w->quic.requests && w->quic.gso);
	assert_true(w->quic.interval_ms == 20 && w->quic.parallel == 3);
	assert_int_equal(w->direction, DIRECTION_REVERSE); /* where the responses go */
	assert_int_equal(w->quic.max_udp_payload_bytes, 1300);
	assert_string_equal(w->congestion_control, "bbr");
	definition_free(d);

	json_t *run = workload_of(", \"direction\": \"both\", \"bulk\": {\"bytes\": 1000}, "
				  "\"requests\": {\"pause_ms\": 5}");
	assert_int_equal(json_number_at(run, "/bulk/bytes"), 1000);
	assert_int_equal(json_number_at(run, "/requests/pause_ms"), 5);
	assert_true(json_is_null(json_pointer(run, "/requests/interval_ms")));
	assert_string_equal(json_string_value(json_object_get(run, "direction")), "both");
	json_decref(run);
}

static void wrong_loads(void **state)
{
	(void)state;
	static const struct {
		const char *workload, *told;
	} wrong[] = {
		{"", "workload.bulk: missing, expected an object here or in \"requests\""},
		{", \"bulk\": {\"bytes\": 0}", "workload.bulk.bytes: "},
		{", \"bulk\": {\"direction\": \"reverse\"}",
			"workload.bulk.direction: unknown key"},
		{", \"bulk\": {}, \"streams\": 2", "workload.streams: unknown key"},
		{", \"bulk\": {}, \"congestion_control\": \"vegas\"",
			"workload.congestion_control: "},
		{", \"bulk\": {}, \"max_udp_payload_bytes\": 1199",
			"workload.max_udp_payload_bytes: "},
		{", \"requests\": {\"request_bytes\": 23}", "workload.requests.request_bytes: "},
		{", \"requests\": {\"response_bytes\": 0}", "workload.requests.response_bytes: "},
		{", \"requests\": {\"interval_ms\": 20, \"pause_ms\": 1}",
			"workload.requests.pause_ms: expected none beside"},
		{", \"requests\": {}, \"direction\": \"forward\"",
			"workload.direction: expected only with \"bulk\""},
	};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		char *error;
		assert_null(with(wrong[i].workload, &error));
		assert_non_null(strstr(error, wrong[i].told));
		assert_null(strchr(error, '\n'));
		free(error);
	}
}

#define END(more)                                                                                  \
	"{\"started_us\": -1000000, \"handshake_us\": -979000, \"lost_us\": null, \"why_lost\": "  \
	"\"\", " more                                                                              \
	", \"datagrams_sent\": 200, \"bytes_sent\": 100000, \"datagrams_received\": "              \
	"50, \"packets_lost\": 5, \"samples\": [{\"time_us\": 0, \"cwnd_bytes\": 12000, "          \
	"\"smoothed_rtt_ms\": 2.5, \"min_rtt_ms\": 1, \"in_flight_bytes\": 0, \"pacing_mbit\": "   \
	"0, \"max_udp_payload_bytes\": 1452}]}"

/* The fourth failed, the first and the last are not of the measured part of 2 s. */
#define ROWS                                                                                       \
	QUIC_REQUESTS_HEADER "\n0,-10,20,30\n1,0,1000,3000\n2,500000,502000,505000\n"              \
			     "3,1000000,,\n4,2000000,2000010,2000020\n"

static struct quic_log read_log(const char *client, const char *server, const char *rows)
{
	struct quic_log log;
	char *error = NULL;
	const char *const ends[] = {
		write_file("client.json", client), write_file("server.json", server)};
	assert_int_equal(
		quic_log_read(ends, rows ? write_file("rows.csv", rows) : NULL, &log, &error), 0);
	return log;
}

static void measures(void **state)
{
	(void)state;
	static const char *const hosts[] = {"client", "server"};
	static const double bytes[] = {0, 500000};
	struct quic_log log = read_log(END("\"bulk_opened_us\": 0, \"bulk_done_us\": null"),
		END("\"bulk_done_us\": 1500000"), ROWS);
	json_t *w = workload_of(", \"bulk\": {\"bytes\": 3000000}, \"requests\": {}");
	json_t *q = quic_measures(&log, w, hosts, bytes, 2);
	assert_float_equal(json_number_at(q, "/handshake_ms"), 21, NEAR);
	assert_float_equal(json_number_at(q, "/forward/completion_ms"), 1500, NEAR);
	assert_float_equal(json_number_at(q, "/goodput_mbit"), 16, NEAR);
	assert_true(json_is_null(json_object_get(q, "reverse")));
	assert_true(json_is_null(json_object_get(q, "lost_s")));
	assert_float_equal(json_number_at(q, "/requests/count"), 3, NEAR);
	assert_float_equal(json_number_at(q, "/requests/failed"), 1, NEAR);
	assert_float_equal(json_number_at(q, "/requests/completion_ms/min"), 3, NEAR);
	assert_float_equal(json_number_at(q, "/requests/completion_ms/p50"), 5, NEAR);
	assert_float_equal(json_number_at(q, "/requests/completion_ms/max"), 6000, NEAR);
	assert_float_equal(json_number_at(q, "/requests/completion_quantiles_ms/50"), 5, NEAR);
	assert_float_equal(json_number_at(q, "/requests/first_byte_ms/count"), 2, NEAR);
	assert_float_equal(json_number_at(q, "/requests/first_byte_ms/max"), 2, NEAR);
	assert_float_equal(json_number_at(q, "/ends/server/lost_share"), 0.025, NEAR);
	assert_float_equal(json_number_at(q, "/ends/client/smoothed_rtt_ms"), 2.5, NEAR);
	struct spans s = quic_spans(&log, w, 2);
	assert_int_equal(s.count, 1);
	assert_true(s.list[0].from_us == 0 && s.list[0].to_us == 1500000);
	free((void *)s.list);
	json_decref(q);
	json_decref(w);

	w = workload_of(", \"bulk\": {}");
	q = quic_measures(&log, w, hosts, bytes, 2);
	assert_float_equal(json_number_at(q, "/goodput_mbit"), 2, NEAR);
	assert_true(json_is_null(json_pointer(q, "/forward/completion_ms")));
	assert_true(json_is_null(json_object_get(q, "requests")));
	assert_null(quic_spans(&log, w, 2).list);
	json_decref(q);
	json_decref(w);

	w = workload_of(", \"requests\": {}");
	s = quic_spans(&log, w, 2); /* the fourth is open until patience ends: the last is in it */
	assert_int_equal(s.count, 3);
	assert_true(s.list[0].from_us == -10 && s.list[0].to_us == 3000);
	assert_true(s.list[2].from_us == 1000000 && s.list[2].to_us == 7000000);
	free((void *)s.list);
	json_decref(w);
	quic_log_free(&log);
}

static void wrong_logs(void **state)
{
	(void)state;
	static const char good[] = END("\"bulk_opened_us\": 0, \"bulk_done_us\": null");
	static const struct {
		const char *end, *rows, *told;
	} wrong[] = {
		{"{\"samples\": []}", ROWS, "expected a log of an end of a QUIC connection"},
		{"{\"samples\"", ROWS, "client.json"},
		{good, "", "expected a log of requests, it is empty"},
		{good, "request\n", "line 1: expected " QUIC_REQUESTS_HEADER},
		{good, QUIC_REQUESTS_HEADER "\n0,1,2\n", "line 2: expected"},
		{good, QUIC_REQUESTS_HEADER "\n0,1,2,3x\n", "line 2: expected"},
		{good, QUIC_REQUESTS_HEADER "\n0,1,,3\n", "line 2: expected"},
		{good, QUIC_REQUESTS_HEADER "\n0,1,2,3\n1,2,3,4", "line 3: expected"},
	};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct quic_log log;
		char *error = NULL;
		const char *const ends[] = {
			write_file("client.json", wrong[i].end), write_file("server.json", good)};
		assert_int_not_equal(
			quic_log_read(ends, write_file("rows.csv", wrong[i].rows), &log, &error),
			0);
		assert_non_null(strstr(error, wrong[i].told));
		quic_log_free(&log);
		free(error);
	}
}

static int begin(void **state)
{
	(void)state;
	return mkdtemp(directory) ? 0 : -1;
}

static int end(void **state)
{
	(void)state;
	static const char *const names[] = {
		"lab.json", "it.json", "client.json", "server.json", "rows.csv"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char *file = text_format("%s/%s", directory, names[i]);
		unlink(file);
		free(file);
	}
	return rmdir(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(loads),
		cmocka_unit_test(wrong_loads),
		cmocka_unit_test(measures),
		cmocka_unit_test(wrong_logs),
	};
	return cmocka_run_group_tests(tests, begin, end);
}
