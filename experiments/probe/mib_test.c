// SPDX-License-Identifier: BSD-2-Clause
/* Taking /proc/net/snmp and netstat apart. */

#include "experiments/probe/mib.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static void pairs_of_lines(void **state)
{
	(void)state;
	json_t *before = json_object(), *after = json_object();
	assert_int_equal(mib_parse("Tcp: MaxConn RetransSegs\nTcp: -1 5\n"
				   "Udp: InErrors\nUdp: 7\n",
				 before),
		0);
	assert_int_equal(mib_parse("Tcp: MaxConn RetransSegs\nTcp: -1 12\n"
				   "MPTcpExt: MPJoinAckRx\nMPTcpExt: 3\n",
				 after),
		0);
	assert_int_equal(mib_difference(before, after, "Tcp", "RetransSegs"), 7);
	assert_int_equal(mib_difference(before, after, "Tcp", "MaxConn"), 0);
	/* a group that came up later counts from 0 */
	assert_int_equal(mib_difference(before, after, "MPTcpExt", "MPJoinAckRx"), 3);
	assert_int_equal(mib_difference(before, after, "None", "None"), 0);
	json_decref(before);
	json_decref(after);
}

static void other_forms_are_refused(void **state)
{
	(void)state;
	static const char *const wrong[] = {
		"Tcp: A B\nTcp: 1\n", /* a value is missing */
		"Tcp: A\nTcp: 1 2\n", /* one too many */
		"Tcp: A\nUdp: 1\n",   /* another group's values */
		"Tcp: A\nTcp: one\n", /* no number */
		"Tcp: A\n",           /* no values */
		"no colon\nno colon\n",
	};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		json_t *into = json_object();
		assert_int_equal(mib_parse(wrong[i], into), -1);
		json_decref(into);
	}
}

static void our_own_namespace(void **state)
{
	(void)state;
	char *error = NULL;
	json_t *mib = mib_read(getpid(), &error);
	assert_non_null(mib);
	assert_true(json_is_integer(json_object_get(json_object_get(mib, "Tcp"), "RetransSegs")));
	assert_true(json_is_object(json_object_get(mib, "TcpExt")));
	json_decref(mib);
	assert_null(mib_read(-1, &error));
	assert_non_null(error);
	free(error);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pairs_of_lines),
		cmocka_unit_test(other_forms_are_refused),
		cmocka_unit_test(our_own_namespace),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
