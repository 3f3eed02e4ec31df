// SPDX-License-Identifier: BSD-2-Clause
/* The lists of tasks that squeue prints. */

#include "experiments/sweeper/slurm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void add(void *argument, size_t first, size_t last)
{
	char *all = argument;
	sprintf(all + strlen(all), "%zu-%zu ", first, last);
}

static void is(const char *text, const char *expected)
{
	char all[256] = "";
	assert_true(slurm_tasks(text, add, all));
	assert_string_equal(all, expected);
}

static void test_tasks(void **state)
{
	(void)state;
	is("7", "7-7 ");
	is("[3]", "3-3 ");
	is("[0-3,5,8-9]", "0-3 5-5 8-9 ");
	is("[0-999%4]", "0-999 ");
	char all[64] = "";
	assert_false(slurm_tasks("", add, all));
	assert_false(slurm_tasks("[1-2,...]", add, all));
	assert_false(slurm_tasks("[1-2", add, all));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tasks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
