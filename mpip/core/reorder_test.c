// SPDX-License-Identifier: BSD-2-Clause
/* The out-of-order buffer against paper 3.8.3, Figure 3 and Equation 2. */

#include "mpip/core/reorder.h"

#include "mpip/core/rng.h"
#include "mpip/core/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define LIMIT 10

struct bench {
	struct reorder r;
	struct reorder_pool pool;
	uint32_t up[1000]; /* sequence numbers in the order in which they went up */
	unsigned ups;
};

static int setup(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));
	*state = b;
	return b && reorder_pool_open(&b->pool, 32) ? 0 : -1;
}

static int teardown(void **state)
{
	struct bench *b = *state;
	reorder_pool_close(&b->pool);
	free(b);
	return 0;
}

static enum reorder_verdict feed(struct bench *b, uint32_t seq, uint16_t length, uint8_t flags)
{
	uint8_t bytes[20 + 1400] = {0};
	struct tcp_header *t = (void *)bytes;
	t->seq = put32(seq);
	t->flags = TCP_ACK | flags;
	const struct reorder_slot *s;
	enum reorder_verdict v = reorder_in(
		&b->r, &b->pool, bytes, 20, (uint16_t)(20 + length), TOS_TTL_PLAIN, LIMIT);
	if (v == REORDER_DELIVER) {
		b->up[b->ups++] = seq;
		while ((s = reorder_next(&b->r, &b->pool)))
			b->up[b->ups++] = s->seq;
	} else if (v != REORDER_HELD) {
		while ((s = reorder_push(&b->r, &b->pool)))
			b->up[b->ups++] = s->seq;
		if (v == REORDER_NO_SLOT)
			b->up[b->ups++] = seq;
	}
	reorder_pool_recycle(&b->pool);
	return v;
}

static void forget(struct reorder *r, struct reorder_pool *pool)
{
	while (reorder_push(r, pool))
		;
	r->synced = false;
}

static void assert_up(const struct bench *b, unsigned n, const uint32_t *seq)
{
	assert_int_equal(b->ups, n);
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(b->up[i], seq[i]);
}

static void in_sequence_goes_up_at_once(void **state)
{
	struct bench *b = *state;
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(feed(b, 100 + 10 * i, 10, 0), REORDER_DELIVER);
	assert_int_equal(b->r.expected, 150); /* Equation 2 */
}

static void late_packet_releases_the_others(void **state)
{
	struct bench *b = *state;
	feed(b, 100, 10, 0);
	assert_int_equal(feed(b, 130, 10, 0), REORDER_HELD);
	assert_int_equal(feed(b, 120, 10, 0), REORDER_HELD);
	assert_int_equal(feed(b, 110, 10, 0), REORDER_DELIVER);
	assert_up(b, 4, (uint32_t[]){100, 110, 120, 130});
}

/* "all the packets in the buffer will be forcefully pushed up once it is full ... 10" */
static void full_buffer_is_pushed_up(void **state)
{
	struct bench *b = *state;
	feed(b, 100, 10, 0);
	for (unsigned i = 0; i < LIMIT - 1; i++)
		assert_int_equal(feed(b, 120 + 10 * i, 10, 0), REORDER_HELD);
	assert_int_equal(b->ups, 1);
	assert_int_equal(feed(b, 120 + 10 * (LIMIT - 1), 10, 0), REORDER_PUSH);
	assert_int_equal(b->ups, 1 + LIMIT);
	assert_int_equal(feed(b, 120 + 10 * LIMIT, 10, 0), REORDER_DELIVER); /* S is behind them */
	assert_int_equal(feed(b, 110, 10, 0), REORDER_DELIVER); /* the lost one, again */
}

/* S knows nothing of what came over the regular connection. */
static void what_comes_again_is_pushed_up(void **state)
{
	struct bench *b = *state;
	feed(b, 100, 10, 0);
	assert_int_equal(feed(b, 150, 10, 0), REORDER_HELD);
	assert_int_equal(feed(b, 130, 10, 0), REORDER_HELD);
	assert_int_equal(feed(b, 130, 10, 0), REORDER_PUSH);
	assert_up(b, 4, (uint32_t[]){100, 130, 130, 150});
	assert_int_equal(b->r.expected, 160);
}

static void sequence_numbers_wrap(void **state)
{
	struct bench *b = *state;
	feed(b, 0xfffffff0, 10, 0);
	feed(b, 14, 10, 0);
	feed(b, 4, 10, 0);
	feed(b, 0xfffffffa, 10, 0);
	assert_up(b, 4, (uint32_t[]){0xfffffff0, 0xfffffffa, 4, 14});
}

static void acks_syn_rst_and_old_never_wait(void **state)
{
	struct bench *b = *state;
	feed(b, 100, 10, 0);
	assert_int_equal(feed(b, 500, 0, 0), REORDER_DELIVER);
	assert_int_equal(feed(b, 600, 10, TCP_RST), REORDER_DELIVER);
	assert_int_equal(feed(b, 50, 10, 0), REORDER_DELIVER);
	assert_int_equal(b->r.expected, 110);
	assert_int_equal(feed(b, 105, 20, 0), REORDER_DELIVER); /* overlaps S */
	assert_int_equal(b->r.expected, 125);
}

static void fin_takes_one_number(void **state)
{
	struct bench *b = *state;
	feed(b, 100, 10, 0);
	assert_int_equal(feed(b, 120, 0, TCP_FIN), REORDER_HELD);
	feed(b, 110, 10, 0);
	assert_up(b, 3, (uint32_t[]){100, 110, 120});
	assert_int_equal(b->r.expected, 121);
}

static void empty_pool_pushes_up(void **state)
{
	struct bench *b = *state;
	struct reorder other[4] = {{0}};
	uint8_t bytes[30] = {0};
	struct tcp_header *t = (void *)bytes;
	for (unsigned i = 0; i < 4; i++)
		for (unsigned k = 0; k < 9; k++) {
			t->seq = put32(100 + 20 * k);
			reorder_in(&other[i], &b->pool, bytes, 20, 30, TOS_TTL_PLAIN, LIMIT);
		}
	assert_int_equal(b->pool.free, UINT16_MAX);
	feed(b, 100, 10, 0);
	assert_int_equal(feed(b, 120, 10, 0), REORDER_NO_SLOT);
	assert_up(b, 2, (uint32_t[]){100, 120});
	for (unsigned i = 0; i < 4; i++)
		forget(&other[i], &b->pool);
	reorder_pool_recycle(&b->pool);
	feed(b, 140, 10, 0);
	assert_int_equal(b->r.held, 1);
}

/* Whatever the order: each packet goes up once, and in order if none is further than the buffer. */
static void shuffled_comes_out_sorted(void **state)
{
	struct bench *b = *state;
	struct rng rng = {1};
	for (unsigned round = 0; round < 200; round++) {
		uint32_t base = rng_next(&rng), order[60];
		b->ups = 0;
		forget(&b->r, &b->pool);
		reorder_pool_recycle(&b->pool);
		for (uint32_t i = 0; i < 60; i++)
			order[i] = i;
		for (uint32_t i = 1; i + 1 < 60; i++) { /* within windows of 8, the first stays */
			uint32_t k = i + rng_below(&rng, 8);
			if (k < 60 && k / 8 == i / 8) {
				uint32_t t = order[i];
				order[i] = order[k];
				order[k] = t;
			}
		}
		for (uint32_t i = 0; i < 60; i++)
			feed(b, base + 100 * order[i], 100, 0);
		assert_int_equal(b->ups, 60);
		for (uint32_t i = 0; i < 60; i++)
			assert_int_equal(b->up[i], base + 100 * i);
	}
}

int main(void)
{
/* Named by the sentence of the paper (mpip/README.md). */
#define PAPER(name, f)                                                                             \
	{                                                                                          \
		name, f, setup, teardown, NULL                                                     \
	}
	const struct CMUnitTest tests[] = {
		PAPER("3.8-8: in sequence goes up at once", in_sequence_goes_up_at_once),
		PAPER("3.8-8: a late packet releases those that waited",
			late_packet_releases_the_others),
		PAPER("3.8-11: a full buffer is pushed up", full_buffer_is_pushed_up),
		PAPER("3.8-11: what waits and comes again is pushed up",
			what_comes_again_is_pushed_up),
		PAPER("3.8-10: sequence numbers wrap", sequence_numbers_wrap),
		PAPER("3.8-8: ACK, SYN, RST and what is old never wait",
			acks_syn_rst_and_old_never_wait),
		PAPER("3.8-10: FIN takes one number", fin_takes_one_number),
		PAPER("3.8-11: an empty pool pushes up", empty_pool_pushes_up),
		PAPER("3.8-9: shuffled comes out sorted", shuffled_comes_out_sorted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
