// SPDX-License-Identifier: BSD-2-Clause
/* Delays (paper 3.4), Algorithm 1 and Equation 1 (3.6.1), and the other schedulers. */

#include "mpip/core/measure.h"
#include "mpip/core/path.h"
#include "mpip/core/sched.h"
#include "mpip/core/tables.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static struct settings set;
static struct path path[4];
static struct multipath mp;
static struct session s;

static int setup(void **state)
{
	(void)state;
	set = settings_default();
	memset(path, 0, sizeof(path));
	memset(&mp, 0, sizeof(mp));
	memset(&s, 0, sizeof(s));
	s.mp = &mp;
	for (unsigned i = 0; i < 4; i++) {
		path[i].state = PATH_IN_USE;
		mp.path[i] = &path[i];
	}
	s.paths = 4;
	path_start_weights(&s, &set);
	return 0;
}

/* "Initially, every path has the same path weight of 1000/N." */
static void weights_start_at_1000_over_n(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(path[i].weight, 250);
	assert_int_equal(s.mp->weight_sum, 1000);
}

static void algorithm_1_moves_by_s(void **state)
{
	(void)state;
	const uint32_t q[4] = {0, 100, 200, 300}; /* Q_avg = 150 */
	for (unsigned i = 0; i < 4; i++)
		path[i].queuing = q[i];
	schedulers[SCHED_ALGORITHM_1].period(&s, &set);
	const int w[4] = {260, 260, 240, 240};
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(path[i].weight, w[i]);

	path[1].queuing = path[2].queuing = path[3].queuing =
		0; /* Q_i <= Q_avg holds for all: equal */
	schedulers[SCHED_ALGORITHM_1].period(&s, &set);
	assert_int_equal(path[3].weight, 250);
}

static void weights_stay_in_1_to_1000(void **state)
{
	(void)state;
	path[3].queuing = 1000;
	for (unsigned i = 0; i < 200; i++)
		schedulers[SCHED_ALGORITHM_1].period(&s, &set);
	assert_int_equal(path[0].weight, 1000);
	assert_int_equal(path[3].weight, 1);
}

static void silent_paths_do_not_count(void **state)
{
	(void)state;
	path[0].state = PATH_DOWN;
	path[0].queuing = 1000000;
	path[1].queuing = 10;
	path_changed(&s);
	assert_int_equal(s.in_use, 3);
	schedulers[SCHED_ALGORITHM_1].period(&s, &set);
	assert_int_equal(path[0].weight, 250);
	assert_int_equal(path[1].weight, 240); /* Q_avg over the three in use is 3.3 */
	struct rng rng = {1};
	for (unsigned k = 0; k < SCHED_BURST + 1; k++)
		for (unsigned i = 0; i < 1000; i++)
			assert_ptr_not_equal(schedulers[k].choose(&s, &rng), &path[0]);
}

/* Equation 1: P(k) = W_k / sum of W; chi-squared with 3 degrees of freedom, p = 0.0001. */
static void choice_follows_equation_1(void **state)
{
	(void)state;
	const int w[4] = {1, 99, 300, 600};
	unsigned n[4] = {0};
	struct rng rng = {12345};
	for (unsigned i = 0; i < 4; i++)
		path[i].weight = w[i];
	path_changed(&s);
	const unsigned all = 1000000;
	for (unsigned i = 0; i < all; i++)
		n[schedulers[SCHED_ALGORITHM_1].choose(&s, &rng) - path]++;
	double chi = 0;
	for (unsigned i = 0; i < 4; i++) {
		double want = all * w[i] / 1000.0;
		chi += (n[i] - want) * (n[i] - want) / want;
	}
	assert_true(chi < 21.1);
}

static void lowest_delay_takes_the_lowest(void **state)
{
	(void)state;
	struct rng rng = {1};
	for (unsigned i = 0; i < 4; i++)
		path[i].delay = 0xfffffff0u + 10 * i; /* wraps */
	assert_ptr_equal(schedulers[SCHED_LOWEST_DELAY].choose(&s, &rng), &path[0]);
	path[2].delay = 0xffffff00u;
	assert_ptr_equal(schedulers[SCHED_LOWEST_DELAY].choose(&s, &rng), &path[2]);
}

/* D is a moving average, D_min its minimum, Q = D - D_min, Q_max the largest Q. */
static void delays_follow_3_4(void **state)
{
	(void)state;
	struct path *p = &path[0];
	int64_t clock = 1;
	const uint32_t offset = 0xffffff00u; /* the clocks differ, and the difference wraps */
	measure_feedback(p, offset + 1000, &set, usec_ms(clock++));
	assert_int_equal(p->queuing, 0);
	measure_feedback(p, offset + 1800, &set, usec_ms(clock++));
	assert_int_equal(p->delay, offset + 1100);
	assert_int_equal(p->min_delay, offset + 1000);
	assert_int_equal(p->queuing, 100);
	for (unsigned i = 0; i < 100; i++)
		measure_feedback(p, offset + 600, &set, usec_ms(clock++));
	assert_in_range(p->delay - offset, 600, 607);
	assert_int_equal(p->queuing, 0);
	assert_int_equal(p->max_queuing, 100);
	/* After a pause the average starts anew. */
	measure_feedback(p, offset + 5000, &set, usec_ms(clock + 200));
	assert_int_equal(p->delay, offset + 5000);
}

/* 3.4: "it chooses the record with the earliest feedback time". */
static void feedback_goes_oldest_first(void **state)
{
	(void)state;
	measure_arrival(&s, (struct path_id){1}, 11, 100, &set, usec_ms(1));
	measure_arrival(&s, (struct path_id){2}, 22, 100, &set, usec_ms(2));
	measure_arrival(&s, (struct path_id){1}, 19, 100, &set, usec_ms(3));
	struct arrival *a = measure_oldest_news(&s);
	assert_int_equal(a->path.n, 1);
	assert_int_equal(a->delay, 12); /* a moving average, gain 1/8 */
	a->fresh = false;
	a = measure_oldest_news(&s);
	assert_int_equal(a->path.n, 2);
	a->fresh = false;
	assert_null(measure_oldest_news(&s));
}

static void table_5_is_bounded(void **state)
{
	(void)state;
	for (unsigned i = 1; i <= MAX_PATHS; i++)
		assert_non_null(
			measure_arrival(&s, (struct path_id){(uint16_t)i}, 0, 0, &set, usec_ms(1)));
	assert_null(measure_arrival(&s, (struct path_id){MAX_PATHS + 1}, 0, 0, &set, usec_ms(1)));
}

int main(void)
{
/* Named by the sentence of the paper (mpip/README.md). */
#define PAPER(name, f)                                                                             \
	{                                                                                          \
		name, f, setup, NULL, NULL                                                         \
	}
	const struct CMUnitTest tests[] = {
		PAPER("3.6-6: weights start at 1000/N", weights_start_at_1000_over_n),
		PAPER("3.6-5: Algorithm 1 moves weights by S", algorithm_1_moves_by_s),
		PAPER("3.6-5: weights stay in 1 to 1000", weights_stay_in_1_to_1000),
		PAPER("3.3-3: silent paths do not count and are not chosen",
			silent_paths_do_not_count),
		PAPER("3.6-1: the choice follows Equation 1", choice_follows_equation_1),
		PAPER("3.6-9: lowest delay takes the lowest", lowest_delay_takes_the_lowest),
		PAPER("3.4-5, 3.4-6, 3.6-2, 3.6-3, 3.6-4: D, D_min, Q and Q_max",
			delays_follow_3_4),
		PAPER("3.4-4: feedback goes oldest first", feedback_goes_oldest_first),
		PAPER("3.4-2: Table 5 is bounded", table_5_is_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
