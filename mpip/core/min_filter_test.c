// SPDX-License-Identifier: BSD-2-Clause
/* Clocks that are wrong, and the minimum delay that stands it. */

#include "mpip/core/measure.h"
#include "mpip/core/path.h"
#include "mpip/core/rng.h"
#include "mpip/core/tables.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define PATHS 4

static struct settings set;
static struct path path[PATHS];
static struct multipath mp;
static struct session s;
static struct rng rng;
static struct usec now;

static int setup(void **state)
{
	(void)state;
	set = settings_default();
	memset(path, 0, sizeof(path));
	memset(&mp, 0, sizeof(mp));
	memset(&s, 0, sizeof(s));
	s.mp = &mp;
	for (unsigned i = 0; i < PATHS; i++) {
		path[i] = (struct path){
			.id = {(uint16_t)(i + 1)}, .session = &s, .state = PATH_IN_USE};
		mp.path[i] = &path[i];
	}
	s.paths = PATHS;
	mp.step_seen = USEC_NEVER;
	path_start_weights(&s, &set);
	rng.state = 1;
	now = usec_ms(1000);
	return 0;
}

/* Traffic for `seconds`: each path takes 5 ms and up to 400 us of noise, and `queue` (by path and
 * time) on the way out; the other end's clock is what `ahead` says. */
static void traffic(unsigned seconds, int64_t (*ahead)(struct usec now),
	int64_t (*queue)(unsigned path, struct usec now))
{
	struct usec until = usec_add(now, usec_ms(1000 * (int64_t)seconds));
	for (; usec_before(now, until); now = usec_add(now, usec_ms(10))) {
		for (unsigned i = 0; i < PATHS; i++) {
			int64_t clock = ahead(now);
			int64_t out = 5000 + rng_below(&rng, 400) + (queue ? queue(i, now) : 0);
			int64_t back = 5000 + rng_below(&rng, 400);
			measure_feedback(&path[i], (uint32_t)(out + clock), &set, now);
			measure_arrival(&s, path[i].id, (uint32_t)(back - clock), 100, &set, now);
		}
		measure_judge_step(&s, &set, now);
	}
}

static int64_t right(struct usec t)
{
	(void)t;
	return 0;
}

/* Microseconds that the minimum is above what it should be. */
static int64_t error_of(unsigned i, int64_t clock)
{
	return (int32_t)(path[i].min_delay - (uint32_t)(5000 + clock));
}

static int64_t ppm;

static int64_t drifting(struct usec t)
{
	return t.us / 1000 * ppm / 1000;
}

static void drift_is_followed(void **state)
{
	(void)state;
	static const int64_t rates[] = {200, 50, 4, 1, -1, -4, -50, -200};
	for (unsigned r = 0; r < sizeof(rates) / sizeof(rates[0]); r++) {
		setup(NULL);
		ppm = rates[r];
		traffic(120, drifting, NULL);
		for (unsigned k = 0; k < 60; k++) {
			traffic(3, drifting, NULL);
			for (unsigned i = 0; i < PATHS; i++) {
				assert_in_range(error_of(i, drifting(now)) + 1000, 0, 2000);
				assert_in_range(path[i].queuing, 0, 1500);
			}
		}
	}
}

/* The paper's figures: D_min never rises, so a drift of 200 ppm for a minute shows as queuing. */
static void plain_minimum_shows_the_drift(void **state)
{
	(void)state;
	set.min_delay = MIN_DELAY_PLAIN;
	ppm = 200;
	traffic(60, drifting, NULL);
	for (unsigned i = 0; i < PATHS; i++)
		assert_in_range(path[i].queuing, 11000, 13000);
}

static void a_bad_sample_is_forgotten(void **state)
{
	(void)state;
	for (int kind = 0; kind < 2; kind++) {
		setup(NULL);
		set.min_delay = kind ? MIN_DELAY_PLAIN : MIN_DELAY_WINDOWED;
		measure_feedback(&path[0], 1000, &set, now); /* 4 ms too low, the first one */
		now = usec_add(now, usec_ms(200));
		traffic(5, right, NULL);
		assert_in_range(path[0].queuing, 3500, 5000);
		traffic(65, right, NULL);
		if (kind)
			assert_in_range(path[0].queuing, 3500, 5000);
		else
			assert_in_range(path[0].queuing, 0, 500);
	}
}

/* A queue that never drains for less than a window is not taken for the path; path 0 has one. */
static int64_t standing(unsigned i, struct usec t)
{
	(void)t;
	return i == 0 ? 30000 : 0;
}

static void a_standing_queue_is_a_queue(void **state)
{
	(void)state;
	traffic(70, right, NULL);
	for (unsigned k = 0; k < 45; k++) {
		traffic(1, right, standing);
		if (k > 1)
			assert_in_range(path[0].queuing, 29000, 31000);
		assert_in_range(path[1].queuing, 0, 500);
	}
}

/* One packet that seems to have come back 20 ms too early is no step, since nothing takes longer
 * out. */
static void one_early_packet_is_no_step(void **state)
{
	(void)state;
	traffic(70, right, NULL);
	traffic(5, right, standing);
	measure_arrival(&s, path[1].id, 5000u - 20000u, 100, &set, now);
	traffic(5, right, standing);
	assert_in_range(path[0].queuing, 29000, 31000);
}

/* One that grows slowly on one path is not taken for drift: the other paths do not show it. */
static int64_t growing(unsigned i, struct usec t)
{
	return i == 0 ? t.us / 1000 * 300 / 1000 : 0;
}

static void a_growing_queue_is_no_drift(void **state)
{
	(void)state;
	traffic(70, right, growing);
	for (unsigned k = 0; k < 10; k++) {
		traffic(5, right, growing);
		assert_in_range(path[0].queuing, 15000, 22000); /* 60 s of 300 ppm, and noise */
	}
}

static int64_t step_us;

static int64_t stepping(struct usec t)
{
	return usec_before(t, usec_ms(100 * 1000)) ? 0 : step_us;
}

static void a_step_is_followed(void **state)
{
	(void)state;
	static const int64_t steps[] = {20000, 1000000, 3600000000, -20000, -3600000000};
	for (unsigned r = 0; r < sizeof(steps) / sizeof(steps[0]); r++) {
		setup(NULL);
		step_us = steps[r];
		traffic(99, stepping, NULL);
		traffic(2, stepping, NULL);
		for (unsigned i = 0; i < PATHS; i++) {
			assert_in_range(error_of(i, step_us) + 500, 0, 1000);
			assert_in_range(path[i].queuing, 0, 800);
		}
	}
}

/* All paths' delays rise at once, but what comes back takes as long as before: no step. */
static int64_t burst(unsigned i, struct usec t)
{
	(void)i;
	return usec_before(t, usec_ms(100 * 1000)) ? 0 : 50000;
}

static void a_queue_on_all_paths_is_no_step(void **state)
{
	(void)state;
	traffic(105, right, burst);
	for (unsigned i = 0; i < PATHS; i++)
		assert_in_range(path[i].queuing, 49000, 51000);
}

static void the_clock_knob(void **state)
{
	(void)state;
	struct clock_distortion c = {.offset = {-7000}, .skew_ppb = 4170, .steps = 1};
	c.step[0] = (struct clock_step){usec_ms(60 * 1000), {-1000000}};
	struct usec start = usec_ms(5000), t = usec_ms(15000);
	assert_int_equal(clock_reading(&c, start, t).us, t.us); /* it is off */
	c.any = true;
	assert_int_equal(clock_reading(&c, start, start).us, start.us - 7000);
	assert_int_equal(clock_reading(&c, start, t).us, t.us - 7000 + 41); /* 10 s x 4.17 ppm */
	t = usec_ms(65000);
	assert_int_equal(clock_reading(&c, start, t).us, t.us - 7000 - 1000000 + 250);
	/* The paper's day: 350 ms in 1400 min. */
	t = usec_add(start, usec_ms(1400 * 60 * 1000));
	int64_t day = clock_reading(&c, start, t).us - t.us + 7000 + 1000000;
	assert_in_range(day, 349000, 351000);
}

int main(void)
{
/* Named by the sentence of the paper (mpip/README.md). */
#define PAPER(name, f)                                                                             \
	{                                                                                          \
		name, f, setup, NULL, NULL                                                         \
	}
	const struct CMUnitTest tests[] = {
		PAPER("3.6-2: windowed: drift is followed", drift_is_followed),
		PAPER("3.6-2: plain: the drift shows", plain_minimum_shows_the_drift),
		PAPER("3.6-2: windowed: a bad sample is forgotten", a_bad_sample_is_forgotten),
		PAPER("3.6-2: windowed: a standing queue is a queue", a_standing_queue_is_a_queue),
		PAPER("3.6-2: windowed: a growing queue is no drift", a_growing_queue_is_no_drift),
		PAPER("3.6-2: windowed: a step is followed", a_step_is_followed),
		PAPER("3.6-2: windowed: one early packet is no step", one_early_packet_is_no_step),
		PAPER("3.6-2: windowed: a queue on all paths is no step",
			a_queue_on_all_paths_is_no_step),
		PAPER("3.4-3: the clock of an experiment", the_clock_knob),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
