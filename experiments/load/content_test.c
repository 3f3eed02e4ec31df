// SPDX-License-Identifier: BSD-2-Clause
/* The bytes of a numbered stream: in pieces as in one, and no piece in another's place. */

#include "experiments/load/content.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define LENGTH 20000

static unsigned char whole[LENGTH];

static void in_pieces(void **state)
{
	(void)state;
	unsigned char got[LENGTH];
	uint64_t wrong;
	content_fill(whole, LENGTH, 77, 0);
	assert_int_equal(content_number(whole), 77);
	for (size_t step = 1; step < 40; step += 3) {
		for (size_t at = 0; at < LENGTH; at += step) {
			size_t n = at + step < LENGTH ? step : LENGTH - at;
			content_fill(got + at, n, 77, at);
			assert_true(content_is_whole(whole + at, n, 77, at, &wrong));
		}
		assert_memory_equal(got, whole, LENGTH);
	}
}

/* Whatever the length of segments: one that comes too early, twice or for another is seen. */
static void no_piece_elsewhere(void **state)
{
	(void)state;
	uint64_t wrong;
	content_fill(whole, LENGTH, 77, 0);
	for (size_t at = 8; at + 64 <= LENGTH; at += 8) {
		wrong = LENGTH;
		assert_false(content_is_whole(whole + at, 64, 77, at - 8, &wrong));
		assert_true(wrong < at);
		assert_false(content_is_whole(whole + at, 64, 77, at & 255, &wrong) && at > 255);
		assert_false(content_is_whole(whole + at, 64, 78, at, &wrong));
	}
}

static void one_byte_is_named(void **state)
{
	(void)state;
	uint64_t wrong = 0;
	content_fill(whole, LENGTH, 5, 0);
	whole[1234] ^= 1;
	assert_false(content_is_whole(whole, LENGTH, 5, 0, &wrong));
	assert_int_equal(wrong, 1234);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_pieces),
		cmocka_unit_test(no_piece_elsewhere),
		cmocka_unit_test(one_byte_is_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
