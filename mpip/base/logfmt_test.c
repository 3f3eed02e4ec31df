// SPDX-License-Identifier: BSD-2-Clause
/* key=value lines: what is quoted, and that nothing overflows. */

#include "mpip/base/logfmt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void quotes(void **state)
{
	(void)state;
	struct logfmt line = {0};
	logfmt_add(&line, "plain", "10.0.1.2:5280,x");
	logfmt_add(&line, "empty", "");
	logfmt_add(&line, "blank", "no feedback");
	logfmt_add(&line, "quote", "a \"b\" \\");
	logfmt_add(&line, "pair", "a=b");
	logfmt_add(&line, "control", "a\nlevel=error\t\033[2J\x7f");
	assert_string_equal(line.text,
		"plain=10.0.1.2:5280,x empty=\"\" blank=\"no feedback\" quote=\"a \\\"b\\\" \\\\\" "
		"pair=\"a=b\" control=\"a\\nlevel=error\\t\\x1b[2J\\x7f\"");
	assert_int_equal(line.length, strlen(line.text));
}

static void bounded(void **state)
{
	(void)state;
	char value[2 * LOGFMT_MAX];
	struct {
		struct logfmt line;
		char behind[16];
	} it = {.behind = "untouched"};
	memset(value, '\n', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	logfmt_add(&it.line, "long", value);
	assert_int_equal(it.line.length, strlen(it.line.text));
	assert_true(it.line.length < LOGFMT_MAX && it.line.length > LOGFMT_MAX - 8);
	assert_int_equal(it.line.text[it.line.length - 1], '"');
	for (unsigned i = 0; i < 10; i++)
		logfmt_add(&it.line, "more", "two words");
	assert_true(it.line.length < LOGFMT_MAX);
	assert_string_equal(it.behind, "untouched");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(quotes), cmocka_unit_test(bounded)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
