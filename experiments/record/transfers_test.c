// SPDX-License-Identifier: BSD-2-Clause
/* Transfers out of their log: quantiles, classes of sizes, those that failed, when one waited. */

#include "experiments/record/transfers.h"

#include "experiments/record/resultfile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define NEAR 1e-9

static void write_log(char *file, const char *rows)
{
	int fd = mkstemp(file);
	assert_true(fd >= 0);
	FILE *f = fdopen(fd, "w");
	assert_non_null(f);
	fputs(rows, f);
	fclose(f);
}

static struct transfer_log read_log(const char *rows)
{
	char file[] = "/tmp/transfers_test.XXXXXX", *error = NULL;
	struct transfer_log log;
	write_log(file, rows);
	assert_int_equal(transfer_log_read(file, &log, &error), 0);
	unlink(file);
	return log;
}

static json_t *measured(const struct transfer_log *log, const char *workload, int duration_s)
{
	json_t *load = json_loads(workload, 0, NULL);
	assert_non_null(load);
	json_t *measures = transfer_measures(log, load, duration_s);
	json_decref(load);
	return measures;
}

/* One in the warm-up; two sizes; one that was cut off, one that was under way at the end. */
static const char *const mixed =
	TRANSFERS_HEADER "\n"
			 "0,1000,-500000,-490000,-480000,-400000,-400000,\n"
			 "1,1000,0,10000,20000,30000,31000,\n"
			 "2,50000,100000,110000,120000,300000,301000,\n"
			 "3,1000,400000,410000,,,500000,ECONNRESET\n"
			 "4,50000,1500000,,,,,not done\n"
			 "5,1000,1000000,1010000,1020000,1050000,1051000,\n";

static void those_that_failed_count(void **state)
{
	(void)state;
	struct transfer_log log = read_log(mixed);
	json_t *m = measured(&log, "{\"sizes_bytes\": [50000, 1000, 1000]}", 2);
	assert_int_equal(json_integer_value(json_object_get(m, "warm_up")), 1);
	assert_float_equal(json_number_at(m, "/all/count"), 5, NEAR);
	assert_float_equal(json_number_at(m, "/all/failed"), 2, NEAR);
	/* 30, 50 and 200 ms; and until 22 s from 0.4 s and from 1.5 s on */
	assert_float_equal(json_number_at(m, "/all/completion_ms/p50"), 200, NEAR);
	assert_float_equal(json_number_at(m, "/all/completion_ms/max"), 21600, NEAR);
	assert_float_equal(json_number_at(m, "/all/completion_ms/mean"),
		(30 + 50 + 200 + 21600 + 20500) / 5.0, NEAR);
	assert_float_equal(json_number_at(m, "/all/setup_ms/count"), 4, NEAR);
	assert_float_equal(json_number_at(m, "/all/first_byte_ms/count"), 3, NEAR);
	assert_int_equal(json_array_size(json_object_get(m, "sizes")), 2);
	assert_float_equal(json_number_at(m, "/sizes/0/from_bytes"), 1000, NEAR);
	assert_float_equal(json_number_at(m, "/sizes/0/count"), 3, NEAR);
	assert_float_equal(json_number_at(m, "/sizes/0/failed"), 1, NEAR);
	assert_float_equal(json_number_at(m, "/sizes/0/completion_ms/p50"), 50, NEAR);
	assert_float_equal(json_number_at(m, "/sizes/1/to_bytes"), 50000, NEAR);
	assert_float_equal(json_number_at(m, "/sizes/1/completion_ms/min"), 200, NEAR);
	json_decref(m);
	transfer_log_free(&log);
}

static void when_one_waits(void **state)
{
	(void)state;
	struct transfer_log log = read_log(mixed);
	struct spans s = transfer_spans(&log, 2);
	static const int64_t wanted[][2] = {{-500000, -400000}, {0, 30000}, {100000, 300000},
		{400000, 500000}, {1000000, 1050000}, {1500000, 22000000}};
	assert_int_equal(s.count, 6);
	for (size_t i = 0; i < 6; i++) {
		assert_int_equal(s.list[i].from_us, wanted[i][0]);
		assert_int_equal(s.list[i].to_us, wanted[i][1]);
	}
	free((void *)s.list);
	transfer_log_free(&log);

	/* those that overlap are one, also where one ends inside of another */
	log = read_log(TRANSFERS_HEADER "\n0,10,0,1,1,900,901,\n1,10,100,101,101,200,201,\n"
					"2,10,800,801,801,1000,1001,\n");
	s = transfer_spans(&log, 2);
	assert_int_equal(s.count, 1);
	assert_int_equal(s.list[0].to_us, 1000);
	free((void *)s.list);
	transfer_log_free(&log);
}

/* A hundred of 1 to 100 ms, so that a quantile is a number that one can say. */
static void quantiles_and_decades(void **state)
{
	(void)state;
	char rows[100 * 64 + 128];
	size_t at = (size_t)snprintf(rows, sizeof(rows), "%s\n", TRANSFERS_HEADER);
	for (int i = 0; i < 100; i++) {
		int start = i * 1000, took = (i * 37 % 100 + 1) * 1000;
		at += (size_t)snprintf(rows + at, sizeof(rows) - at, "%d,%d,%d,%d,%d,%d,%d,\n", i,
			i < 90 ? 999 : 1000, start, start, start, start + took, start + took);
	}
	struct transfer_log log = read_log(rows);
	json_t *m = measured(&log, "{\"sizes_bytes\": {\"distribution\": \"uniform\"}}", 1);
	assert_float_equal(json_number_at(m, "/all/completion_ms/p50"), 50, NEAR);
	assert_float_equal(json_number_at(m, "/all/completion_ms/p95"), 95, NEAR);
	assert_float_equal(json_number_at(m, "/all/completion_ms/p99"), 99, NEAR);
	assert_float_equal(json_number_at(m, "/all/completion_ms/mean"), 50.5, NEAR);
	assert_int_equal(json_array_size(json_pointer(m, "/all/completion_quantiles_ms")), 101);
	assert_float_equal(json_number_at(m, "/all/completion_quantiles_ms/0"), 1, NEAR);
	assert_float_equal(json_number_at(m, "/all/completion_quantiles_ms/37"), 37, NEAR);
	assert_float_equal(json_number_at(m, "/all/completion_quantiles_ms/100"), 100, NEAR);
	assert_int_equal(json_array_size(json_object_get(m, "sizes")), 2);
	assert_float_equal(json_number_at(m, "/sizes/0/to_bytes"), 999, NEAR);
	assert_float_equal(json_number_at(m, "/sizes/0/count"), 90, NEAR);
	assert_float_equal(json_number_at(m, "/sizes/1/from_bytes"), 1000, NEAR);
	json_decref(m);
	transfer_log_free(&log);
}

/* What was to begin and did not is no success. */
static void not_begun(void **state)
{
	(void)state;
	struct transfer_log log =
		read_log(TRANSFERS_HEADER "\n0,10,0,1,1,2000,2001,\n1,10,,,,,,not begun\n");
	json_t *m = measured(&log, "{\"sizes_bytes\": [10]}", 3);
	assert_float_equal(json_number_at(m, "/all/count"), 2, NEAR);
	assert_float_equal(json_number_at(m, "/all/failed"), 1, NEAR);
	assert_float_equal(
		json_number_at(m, "/all/completion_ms/max"), 1e3 * TRANSFERS_DRAIN_S, NEAR);
	json_decref(m);
	transfer_log_free(&log);

	log = read_log(TRANSFERS_HEADER "\n");
	m = measured(&log, "{\"sizes_bytes\": [10]}", 3);
	assert_float_equal(json_number_at(m, "/all/count"), 0, NEAR);
	assert_true(json_is_null(json_pointer(m, "/all/completion_ms")));
	json_decref(m);
	transfer_log_free(&log);
}

static void bad_logs(void **state)
{
	(void)state;
	static const char *const bad[][2] = {
		{"", "it is empty"},
		{"transfer,size\n", "line 1: expected transfer,"},
		{TRANSFERS_HEADER "\n1,10,0,1,1,2,3,\n", "line 2: expected transfer,"},
		{TRANSFERS_HEADER "\n0,10,0,1,1,2\n", "line 2: expected transfer,"},
		{TRANSFERS_HEADER "\n0,10,0,x,1,2,3,\n", "line 2: expected transfer,"},
		{TRANSFERS_HEADER "\n0,10,,,1,2,3,\n", "line 2: expected transfer,"},
		{TRANSFERS_HEADER "\n0,10,0,1,1,2,3,", "line 2: expected"},
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char file[] = "/tmp/transfers_test.XXXXXX", *error = NULL;
		struct transfer_log log;
		write_log(file, bad[i][0]);
		assert_int_equal(transfer_log_read(file, &log, &error), -1);
		unlink(file);
		if (!strstr(error, bad[i][1]))
			fail_msg("wanted \"%s\", got \"%s\"", bad[i][1], error);
		free(error);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(those_that_failed_count),
		cmocka_unit_test(when_one_waits),
		cmocka_unit_test(quantiles_and_decades),
		cmocka_unit_test(not_begun),
		cmocka_unit_test(bad_logs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
