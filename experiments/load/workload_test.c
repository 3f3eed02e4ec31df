// SPDX-License-Identifier: BSD-2-Clause
/*
 * Tests of what libiperf calls in the place of the C library's: while no test runs, which has no
 * time-out, its client waits for words and not for room to send; while one runs it is told of that.
 */

#include "experiments/load/workload.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define LATER_US 50000

static void test_select(void **state)
{
	(void)state;
	int words[2], data[2];
	assert_int_equal(pipe(words), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, data), 0);
	fd_set reading, writing;
	FD_ZERO(&reading);
	FD_ZERO(&writing);
	FD_SET(words[0], &reading);
	FD_SET(data[0], &writing);

	struct timeval patience = {.tv_sec = 10};
	fd_set r = reading, w = writing;
	assert_int_equal(select(data[1] + 1, &r, &w, NULL, &patience), 1);
	assert_true(FD_ISSET(data[0], &w) && !FD_ISSET(words[0], &r));

	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		usleep(LATER_US);
		_exit(write(words[1], "", 1) != 1);
	}
	r = reading;
	w = writing;
	assert_int_equal(select(data[1] + 1, &r, &w, NULL, NULL), 1);
	assert_true(FD_ISSET(words[0], &r) && !FD_ISSET(data[0], &w));
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	for (int i = 0; i < 2; i++) {
		close(words[i]);
		close(data[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_select)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
