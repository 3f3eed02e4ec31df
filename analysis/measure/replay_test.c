// SPDX-License-Identifier: BSD-2-Clause
/* The replay of Algorithm 1 on small logs: right ones, and wrong ones that it must notice. */

#include "analysis/measure/replay.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define ROW(t, s, p, q, w, u)                                                                      \
	{                                                                                          \
		.time_us = (t), .session = (s), .path = (p), .queuing_us = (q), .weight = (w),     \
		.usable = (u)                                                                      \
	}

/* Two paths of session 1, two of session 2 in between. */
static const struct path_row right[] = {
	ROW(100, 1, 1, 30, 490, 1),
	ROW(100, 1, 2, 10, 510, 1), /* from 500 each */
	ROW(150, 2, 3, 7, 510, 1),
	ROW(150, 2, 4, 7, 510, 1), /* equal: both grow */
	ROW(200, 1, 1, 10, 500, 1),
	ROW(200, 1, 2, 11, 500, 1), /* 10 <= 10.5 < 11 */
	ROW(250, 2, 3, 7, 520, 1),
	ROW(250, 2, 4, 900, 510, 0), /* unusable: stays, not averaged */
	ROW(300, 1, 1, 5, 510, 1),
	ROW(300, 1, 2, 6, 490, 1),
};
#define COUNT (sizeof(right) / sizeof(right[0]))

static struct replay_verdict replay_changed(size_t index, int64_t weight, int64_t queuing)
{
	struct path_row rows[COUNT];
	memcpy(rows, right, sizeof(rows));
	rows[index].weight += weight;
	rows[index].queuing_us += queuing;
	struct path_log log = {rows, COUNT};
	return replay(&log, replay_settings_default());
}

static void right_log(void **state)
{
	(void)state;
	struct replay_verdict v = replay_changed(0, 0, 0);
	assert_null(v.first);
	assert_int_equal(v.wrong, 0);
	assert_int_equal(v.sessions, 2);
	assert_int_equal(v.steps, 5);
	assert_int_equal(v.weights, COUNT);
}

static void every_wrong_weight_is_noticed(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT; i++) {
		struct replay_verdict v = replay_changed(i, 10, 0);
		assert_true(v.wrong > 0);
		assert_non_null(v.first);
		free(v.first);
	}
}

static void wrong_queuing_delay_is_noticed(void **state)
{
	(void)state;
	struct replay_verdict v = replay_changed(4, 0, 5); /* 15 is more than the average */
	assert_int_equal(v.wrong, 2);                      /* 11 is then less */
	assert_string_equal(v.first,
		"time_us 200, session 1, path 1: the weight is 500, Algorithm 1 gives 480");
	free(v.first);
}

static void bounds_and_new_paths(void **state)
{
	(void)state;
	struct path_row rows[] = {
		ROW(1, 1, 1, 5, 1000, 1),
		ROW(1, 1, 2, 9, 1, 1), /* wrong: must start near 500 */
		ROW(2, 1, 1, 5, 1000, 1),
		ROW(2, 1, 2, 9, 1, 1), /* at the bounds both stay */
		ROW(3, 1, 1, 4, 343, 1),
		ROW(3, 1, 2, 9, 323, 1),
		ROW(3, 1, 3, 0, 343, 1),
	};
	struct path_log log = {rows, sizeof(rows) / sizeof(rows[0])};
	struct replay_verdict v = replay(&log, replay_settings_default());
	assert_int_equal(v.wrong, 2);
	free(v.first);
}

static void logs_are_read(void **state)
{
	(void)state;
	char name[] = "/tmp/replay_test.XXXXXX", *error = NULL;
	int fd = mkstemp(name);
	FILE *f = fdopen(fd, "w");
	assert_non_null(f);
	fputs("session,time_us,path,src,dst,delay_us,min_delay_us,queuing_us,max_queuing_us,"
	      "usable,weight,sent_packets,sent_bytes\n"
	      "7,123456789012,1,10.0.1.2,10.0.3.2,-5,-9,4,8,1,250,3,4500\n",
		f);
	fclose(f);
	struct path_log log;
	assert_int_equal(path_log_read(name, &log, &error), 0);
	assert_int_equal(log.count, 1);
	assert_int_equal(log.rows[0].time_us, 123456789012);
	assert_int_equal(log.rows[0].session, 7);
	assert_int_equal(log.rows[0].delay_us, -5);
	assert_string_equal(log.rows[0].dst, "10.0.3.2");
	assert_int_equal(log.rows[0].weight, 250);
	assert_true(log.rows[0].usable);
	path_log_free(&log);

	f = fopen(name, "a");
	assert_non_null(f);
	fputs("7,1234567", f);
	fclose(f);
	assert_int_equal(path_log_read(name, &log, &error), -1);
	assert_non_null(strstr(error, ": line 3: expected a whole line; the log is cut"));
	free(error);
	error = NULL;

	f = fopen(name, "w");
	assert_non_null(f);
	fputs("time_us,session\n1,2\n", f);
	fclose(f);
	assert_int_equal(path_log_read(name, &log, &error), -1);
	assert_non_null(strstr(error, ": line 1: expected a column path"));
	free(error);
	unlink(name);
}

static void rows_that_are_no_rows_are_noticed(void **state)
{
	(void)state;
	static const struct {
		const char *row, *error;
		size_t length;
	} wrong[] = {
#define WRONG(row, error) {row, error, sizeof(row) - 1}
		WRONG("\0,1,1,1,a,b,1,1,1,1,1,1,1,1\n",
			": line 2: expected text, it has a NUL byte"),
		WRONG("1,1,1,a,b,1,1,1,1,1,1,1,1\0\n",
			": line 2: expected text, it has a NUL byte"),
		WRONG("99999999999999999999,1,1,a,b,1,1,1,1,1,1,1,1\n",
			": line 2: expected a value for time_us"),
		WRONG("1,1,1,a,b,1,1,1,1,1,1\n", ": line 2: expected a value for sent_packets"),
	};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		char name[] = "/tmp/replay_test.XXXXXX", *error = NULL;
		FILE *f = fdopen(mkstemp(name), "w");
		assert_non_null(f);
		fputs("time_us,session,path,src,dst,delay_us,min_delay_us,queuing_us,"
		      "max_queuing_us,weight,usable,sent_packets,sent_bytes\n",
			f);
		fwrite(wrong[i].row, 1, wrong[i].length, f);
		fclose(f);
		struct path_log log;
		assert_int_equal(path_log_read(name, &log, &error), -1);
		assert_non_null(strstr(error, wrong[i].error));
		free(error);
		unlink(name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(right_log),
		cmocka_unit_test(every_wrong_weight_is_noticed),
		cmocka_unit_test(wrong_queuing_delay_is_noticed),
		cmocka_unit_test(bounds_and_new_paths),
		cmocka_unit_test(logs_are_read),
		cmocka_unit_test(rows_that_are_no_rows_are_noticed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
