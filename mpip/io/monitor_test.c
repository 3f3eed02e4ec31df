// SPDX-License-Identifier: BSD-2-Clause
/* Monitors: who does not read blocks nobody, and lines are whole. */

#include "mpip/io/monitor.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define EVENTS_TOLD 10000

static void tell(struct monitors *m, unsigned times)
{
	struct address_list list = {.count = 1};
	address_parse("10.0.0.1", &list.ip[0]);
	const struct event event = {.kind = EVENT_ADDRESSES, .addresses = &list};
	for (unsigned i = 0; i < times; i++)
		monitors_event(m, &event, usec_ms(i));
}

/* Reads what is there; returns the lines, and adds up what they say was lost. */
static unsigned read_lines(int fd, long long *lost)
{
	static char text[1 << 20];
	size_t length = 0;
	ssize_t n;
	unsigned lines = 0;
	while ((n = recv(fd, text + length, sizeof(text) - 1 - length, MSG_DONTWAIT)) > 0)
		length += (size_t)n;
	assert_true(n < 0 && errno == EAGAIN);
	text[length] = '\0';
	for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1) {
		json_error_t error;
		json_t *event = json_loadb(line, (size_t)(end - line), 0, &error);
		assert_non_null(event);
		assert_non_null(json_object_get(event, "time"));
		json_t *missing = json_object_get(event, "lost");
		*lost += json_integer_value(missing);
		lines += missing == NULL;
		json_decref(event);
	}
	assert_true(length == 0 || text[length - 1] == '\n');
	return lines;
}

static void who_does_not_read(void **state)
{
	(void)state;
	struct monitors m = {0};
	struct epoll_event ready;
	int end[2], epoll = epoll_create1(EPOLL_CLOEXEC);
	long long lost = 0;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, end), 0);
	monitors_open(&m, epoll, 7);
	assert_null(monitors_add(&m, end[0], " addresses"));
	assert_int_equal(monitors_count(&m), 1);
	alarm(20); /* waiting for it would be for ever */
	tell(&m, EVENTS_TOLD);
	alarm(0);
	assert_true(m.one[0].lost > 0);
	assert_int_equal(epoll_wait(epoll, &ready, 1, 0), 0);

	unsigned lines = read_lines(end[1], &lost);
	assert_true(lines > 0 && lost == 0);
	assert_int_equal(epoll_wait(epoll, &ready, 1, 1000), 1);
	assert_int_equal(ready.data.u64, 7);
	monitors_ready(&m, 0, usec_ms(0));
	tell(&m, 3);
	lines += read_lines(end[1], &lost);
	assert_int_equal(lines + lost, EVENTS_TOLD + 3);
	assert_int_equal(epoll_wait(epoll, &ready, 1, 0), 0); /* and no turn for nothing */

	close(end[1]);
	assert_int_equal(epoll_wait(epoll, &ready, 1, 1000), 1);
	monitors_ready(&m, 0, usec_ms(0));
	assert_int_equal(monitors_count(&m), 0);
	close(epoll);
}

static void kinds(void **state)
{
	(void)state;
	char *wrong;
	assert_int_equal(monitor_kinds(" path-up  path-down", &wrong),
		1u << EVENT_PATH_UP | 1u << EVENT_PATH_DOWN);
	assert_null(wrong);
	uint32_t all = monitor_kinds("", &wrong);
	assert_true(all & 1u << EVENT_PEER_MET && !(all & 1u << EVENT_WEIGHTS));
	assert_int_equal(monitor_kinds("path-up path", &wrong), 0);
	assert_string_equal(wrong, "path");
	free(wrong);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_does_not_read), cmocka_unit_test(kinds)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
