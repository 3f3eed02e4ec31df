// SPDX-License-Identifier: BSD-2-Clause
/* Reading iperf3's reports: the warm-up, the rest at the end, both directions, its errors. */

#include "experiments/load/iperf_report.h"

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

/* Reads this text as a report of a test of `seconds`. */
static int read_text(const char *text, int seconds, struct iperf_report *report, char **error)
{
	char name[] = "/tmp/report_test.XXXXXX";
	int fd = mkstemp(name);
	assert_true(fd >= 0);
	FILE *f = fdopen(fd, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	int rc = iperf_report_read(name, seconds, report, error);
	unlink(name);
	return rc;
}

#define SUM(name, seconds, bytes, omitted, sender)                                                 \
	"\"" name "\": {\"seconds\": " #seconds ", \"bytes\": " #bytes ", \"omitted\": " #omitted  \
	", \"sender\": " #sender "}"

static void seconds_after_the_warm_up(void **state)
{
	(void)state;
	struct iperf_report r;
	char *error = NULL;
	int rc = read_text("{\"intervals\": [{" SUM("sum", 1, 999, true, false) "}, {" SUM(
				   "sum", 1, 1000000, false, false) "}, {" SUM("sum", 2, 3000000,
				   false, false) "}, {" SUM("sum", 0.01, 5000, false, false) "}]}",
		20, &r, &error);
	assert_int_equal(rc, 0);
	assert_int_equal(json_array_size(r.series), 2);
	assert_true(fabs(json_real_value(json_array_get(r.series, 0)) - 8) < 1e-9);
	assert_true(fabs(json_real_value(json_array_get(r.series, 1)) - 12) < 1e-9);
	assert_true(r.bytes == 4000000 && r.seconds == 3);
	iperf_report_free(&r);
}

static void only_what_was_received(void **state)
{
	(void)state;
	struct iperf_report r;
	char *error = NULL;
	int rc = read_text("{\"intervals\": [{" SUM("sum", 1, 1000, false, true) ", " SUM(
				   "sum_bidir_reverse", 1, 2000, false, false) "}]}",
		1, &r, &error);
	assert_int_equal(rc, 0);
	assert_true(r.bytes == 2000);
	assert_int_equal(json_array_size(r.series), 1);
	iperf_report_free(&r);
}

/* iperf3 3.12 prints a counter that went below zero as a huge one. */
static void datagrams_and_a_counter_below_zero(void **state)
{
	(void)state;
	struct iperf_report r;
	char *error = NULL;
	int rc =
		read_text("{\"intervals\": [{\"sum\": {\"seconds\": 1, \"bytes\": 10, \"omitted\": "
			  "false, \"sender\": false, \"lost_packets\": 3, \"packets\": 9, "
			  "\"jitter_ms\": 0.25}}], \"end\": {\"packets\": 18446744073709503715}}",
			1, &r, &error);
	assert_int_equal(rc, 0);
	assert_int_equal(r.datagrams, 9);
	assert_true(r.jitter_ms == 0.25);
	iperf_report_free(&r);
}

static void errors(void **state)
{
	(void)state;
	struct iperf_report r;
	char *error = NULL;
	assert_int_equal(read_text("{\"error\": \"unable to connect\"}", 1, &r, &error), -1);
	assert_non_null(strstr(error, "iperf3 reports: unable to connect"));
	free(error);
	error = NULL;
	assert_int_equal(read_text("{", 1, &r, &error), -1);
	assert_non_null(strstr(error, "expected iperf3's JSON report"));
	free(error);
}

/* The first second after the warm-up, as iperf3 reports it when both end at once. */
static void warm_up_that_ends_with_a_report(void **state)
{
	(void)state;
	struct iperf_report r;
	char *error = NULL;
	assert_int_equal(
		read_text("{\"intervals\": [{\"sum\": {\"start\": 0, \"end\": 1, \"seconds\": 1, "
			  "\"bytes\": 990000, \"omitted\": true, \"sender\": false, "
			  "\"packets\": 990}},"
			  "{\"sum\": {\"start\": 1, \"end\": 1, \"seconds\": 2, "
			  "\"bytes\": 1000000, \"omitted\": false, \"sender\": false, "
			  "\"packets\": 2000}},"
			  "{\"sum\": {\"start\": 1, \"end\": 2, \"seconds\": 1, "
			  "\"bytes\": 1000000, \"omitted\": false, \"sender\": false}}]}",
			2, &r, &error),
		0);
	assert_true(fabs(r.seconds - 2) < 1e-9);
	assert_int_equal(r.datagrams, 1010);
	assert_true(fabs(json_real_value(json_array_get(r.series, 0)) - 8) < 1e-9);
	iperf_report_free(&r);
}

/* As iperf3 rounds: the first second seems to have begun before the warm-up's end. */
static void warm_up_that_ends_before_a_report(void **state)
{
	(void)state;
	struct iperf_report r;
	char *error = NULL;
	assert_int_equal(
		read_text("{\"intervals\": [{\"sum\": {\"start\": 2, \"end\": 3, \"seconds\": 1, "
			  "\"bytes\": 1172000, \"omitted\": true, \"sender\": false, "
			  "\"packets\": 1083}},"
			  "{\"sum\": {\"start\": 0, \"end\": 1.000051, \"seconds\": "
			  "1.0000510215759277, \"bytes\": 1172000, \"omitted\": false, "
			  "\"sender\": false, \"packets\": 1082}}]}",
			1, &r, &error),
		0);
	assert_int_equal(r.datagrams, 1082);
	iperf_report_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(seconds_after_the_warm_up),
		cmocka_unit_test(warm_up_that_ends_with_a_report),
		cmocka_unit_test(warm_up_that_ends_before_a_report),
		cmocka_unit_test(only_what_was_received),
		cmocka_unit_test(datagrams_and_a_counter_below_zero),
		cmocka_unit_test(errors),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
