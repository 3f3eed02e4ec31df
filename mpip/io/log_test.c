// SPDX-License-Identifier: BSD-2-Clause
/* The log: of each kind of event only so many lines a second, and how many more there were. */

#include "mpip/io/log.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

/* Calls `f` with standard error in a file. Returns what it has written, valid until the next call.
 */
static char *said_by(void (*f)(void))
{
	static char text[1 << 16];
	int saved = dup(STDERR_FILENO), file = memfd_create("log", MFD_CLOEXEC);
	assert_true(saved >= 0 && file >= 0 && dup2(file, STDERR_FILENO) >= 0);
	f();
	assert_true(dup2(saved, STDERR_FILENO) >= 0);
	ssize_t n = pread(file, text, sizeof(text) - 1, 0);
	assert_true(n >= 0);
	text[n] = '\0';
	close(saved);
	close(file);
	return text;
}

static unsigned lines_with(const char *text, const char *part)
{
	unsigned n = 0;
	for (const char *at = text; (at = strstr(at, part)); at++)
		n++;
	return n;
}

static void tell(enum event_kind kind, unsigned times, int64_t ms)
{
	struct address_list list = {.count = 1};
	address_parse("10.0.0.1", &list.ip[0]);
	const struct event event = {.kind = kind, .addresses = &list};
	for (unsigned i = 0; i < times; i++)
		log_event(&event, usec_ms(ms));
}

static void storm(void)
{
	log_open(LEVEL_INFO);
	tell(EVENT_ADDRESSES, LOG_PER_SECOND + 70, 10000);
	tell(EVENT_PATH_DOWN, 1, 10000);
	log_tick(usec_ms(10999));
	fputs("|", stderr);
	log_tick(usec_ms(11000));
	log_tick(usec_ms(13000));
	tell(EVENT_ADDRESSES, 1, 13000);
}

static void a_storm_is_counted(void **state)
{
	(void)state;
	char *said = said_by(storm), *then = strchr(said, '|');
	assert_non_null(then);
	*then++ = '\0';
	assert_int_equal(lines_with(said, "event=addresses addresses=10.0.0.1\n"), LOG_PER_SECOND);
	assert_int_equal(lines_with(said, "event=path-down"), 1);
	assert_int_equal(lines_with(said, "left_out"), 0);
	assert_string_equal(then, "level=info event=addresses left_out=70\n"
				  "level=info event=addresses addresses=10.0.0.1\n");
}

static void quiet(void)
{
	log_open(LEVEL_WARNING);
	tell(EVENT_ADDRESSES, 1, 20000);
	log_say(LEVEL_INFO, "no");
	log_say(LEVEL_WARNING, "one \"%d\"", 1);
	log_say(LEVEL_ERROR, "two\nlines");
}

static void levels(void **state)
{
	(void)state;
	assert_string_equal(said_by(quiet), "level=warning message=\"one \\\"1\\\"\"\n"
					    "level=error message=\"two\\nlines\"\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_storm_is_counted), cmocka_unit_test(levels)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
