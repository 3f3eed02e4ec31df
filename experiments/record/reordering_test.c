// SPDX-License-Identifier: BSD-2-Clause
/* Reordering against the examples of RFC 4737, section 7, and against the definitions taken
 * literally. */

#include "experiments/record/reordering.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* 7.1: packet 4 comes behind 8: extent 4, and 4-reordered. */
static void packet_4_reordered(void **state)
{
	(void)state;
	const uint32_t seq[] = {1, 2, 3, 5, 6, 7, 8, 4, 9, 10};
	struct reordering r = reordering_of(seq, COUNT(seq));
	assert_int_equal(r.received, 10);
	assert_int_equal(r.reordered, 1);
	assert_true(fabs(r.ratio - 0.1) < 1e-12);
	assert_int_equal(r.max_extent, 4);
	for (size_t n = 1; n <= REORDERING_DEGREES; n++)
		assert_int_equal(r.n_reordered[n - 1], n <= 4);
}

/* 7.2: packets 5 and 6 come behind 7: extents 1 and 2, 5 is 1-reordered, 6 is not n-reordered. */
static void packets_5_and_6_reordered(void **state)
{
	(void)state;
	const uint32_t seq[] = {1, 2, 3, 4, 7, 5, 6, 8, 9, 10};
	struct reordering r = reordering_of(seq, COUNT(seq));
	assert_int_equal(r.reordered, 2);
	assert_int_equal(r.max_extent, 2);
	assert_true(fabs(r.mean_extent - 1.5) < 1e-12);
	assert_int_equal(r.n_reordered[0], 1);
	assert_int_equal(r.n_reordered[1], 0);
}

/* 7.3: packets 4, 5 and 6 come behind 10: extents 4, 5 and 6; 4 is 4-reordered. */
static void packets_4_5_6_reordered(void **state)
{
	(void)state;
	const uint32_t seq[] = {1, 2, 3, 7, 8, 9, 10, 4, 5, 6, 11};
	struct reordering r = reordering_of(seq, COUNT(seq));
	assert_int_equal(r.reordered, 3);
	assert_int_equal(r.max_extent, 6);
	assert_true(fabs(r.mean_extent - 5) < 1e-12);
	assert_int_equal(r.n_reordered[3], 1);
	assert_int_equal(r.n_reordered[4], 0);
}

static void losses_and_duplicates_are_no_reordering(void **state)
{
	(void)state;
	const uint32_t seq[] = {0, 1, 1, 4, 5, 5, 1, 9};
	struct reordering r = reordering_of(seq, COUNT(seq));
	assert_int_equal(r.received, 5);
	assert_int_equal(r.duplicates, 3);
	assert_int_equal(r.reordered, 0);
	assert_int_equal(reordering_of(NULL, 0).received, 0);
}

/* Shuffled streams, with the definitions written down as the RFC has them. */
static void as_the_definitions_say(void **state)
{
	(void)state;
	for (int round = 0; round < 200; round++) {
		uint32_t seq[60];
		unsigned seed = (unsigned)round + 1;
		for (size_t i = 0; i < COUNT(seq); i++)
			seq[i] = (uint32_t)i;
		for (size_t i = 0; i + 1 < COUNT(seq); i++) {
			size_t reach = 1 + (size_t)round % 9;
			size_t k = i + (size_t)rand_r(&seed) % reach;
			if (k < COUNT(seq)) {
				uint32_t swapped = seq[i];
				seq[i] = seq[k];
				seq[k] = swapped;
			}
		}
		struct reordering r = reordering_of(seq, COUNT(seq));
		size_t reordered = 0, extents = 0, degrees[REORDERING_DEGREES] = {0};
		for (size_t i = 0; i < COUNT(seq); i++) {
			size_t first = i, n = 0;
			for (size_t j = i; j-- > 0;)
				first = seq[j] > seq[i] ? j : first;
			reordered += first < i;
			extents += i - first;
			while (n < i && seq[i - 1 - n] > seq[i])
				n++;
			for (size_t k = 0; k < n && k < REORDERING_DEGREES; k++)
				degrees[k]++;
		}
		assert_int_equal(r.reordered, reordered);
		assert_true(fabs(r.mean_extent * (double)reordered - (double)extents) < 1e-6);
		assert_memory_equal(r.n_reordered, degrees, sizeof(degrees));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packet_4_reordered),
		cmocka_unit_test(packets_5_and_6_reordered),
		cmocka_unit_test(packets_4_5_6_reordered),
		cmocka_unit_test(losses_and_duplicates_are_no_reordering),
		cmocka_unit_test(as_the_definitions_say),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
