// SPDX-License-Identifier: BSD-2-Clause
/* Streams from one end to the other, in pieces of odd lengths; and what must be noticed on the way.
 */

#include "experiments/load/quic_stream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#define UP   300000 /* several times round the table */
#define DOWN 200000

static unsigned char wire[UP + QUIC_HEADER_BYTES];

/* Everything that `s` has to send, as ngtcp2 takes it: `step` bytes at a time. */
static size_t drain(struct quic_stream *s, size_t step)
{
	size_t all = 0;
	while (quic_stream_may_send(s)) {
		ngtcp2_vec pieces[2];
		bool last;
		size_t count = quic_stream_next(s, pieces, &last), took = 0, offered = 0;
		for (size_t i = 0; i < count; i++) {
			for (size_t k = 0; k < pieces[i].len && took < step; k++, took++)
				wire[all + took] = pieces[i].base[k];
			offered += pieces[i].len;
		}
		quic_stream_sent(s, took, last && took == offered);
		all += took;
	}
	return all;
}

/* Takes it in pieces of `step` bytes. The bytes of content; -1: it was not as sent. */
static int64_t take(struct quic_stream *s, size_t bytes, size_t step)
{
	int64_t content = 0;
	for (size_t at = 0; at < bytes; at += step) {
		int64_t n = quic_stream_take(s, wire + at, bytes - at < step ? bytes - at : step);
		if (n < 0)
			return -1;
		content += n;
	}
	return content;
}

static struct quic_stream *new_client(int64_t id, bool bulk, uint64_t up, uint64_t down)
{
	struct quic_stream *c = quic_stream_new(bulk, up, down);
	c->id = id;
	return c;
}

static void there_and_back(void **state)
{
	(void)state;
	static const size_t steps[] = {1, 23, 24, 25, 1452, 65521, 70000, UP};
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct quic_stream *c = new_client((int64_t)i * 4, true, UP, DOWN);
		struct quic_stream *s = quic_stream_answering(c->id);
		assert_false(quic_stream_may_send(s));
		size_t sent = drain(c, steps[i]);
		assert_int_equal(sent, UP + QUIC_HEADER_BYTES);
		assert_int_equal(
			take(s, sent, steps[sizeof(steps) / sizeof(steps[0]) - 1 - i]), UP);
		assert_true(s->bulk && s->got == s->to_get && quic_stream_may_send(s));
		sent = drain(s, steps[i]);
		assert_int_equal(sent, DOWN);
		assert_int_equal(take(c, sent, 1000), DOWN);
		assert_int_equal(c->got, c->to_get);
		assert_true(c->all_sent && s->all_sent);
		free(c);
		free(s);
	}
}

/* An upload has no content back, but its end. */
static void nothing_back(void **state)
{
	(void)state;
	struct quic_stream *c = new_client(0, true, 10, 0), *s = quic_stream_answering(0);
	assert_int_equal(take(s, drain(c, 100), 5), 10);
	ngtcp2_vec pieces[2];
	bool last = false;
	assert_true(quic_stream_may_send(s));
	assert_int_equal(quic_stream_next(s, pieces, &last), 0);
	assert_true(last);
	free(c);
	free(s);
}

/* What did not come from the same place of the same stream is noticed. */
static void wrong_bytes(void **state)
{
	(void)state;
	struct quic_stream *c = new_client(8, false, 5000, 0);
	size_t sent = drain(c, 1000);
	static unsigned char right[sizeof(wire)];
	memcpy(right, wire, sent);
	for (int kind = 0; kind < 6; kind++) {
		struct quic_stream *s = quic_stream_answering(kind == 0 ? 12 : 8);
		memcpy(wire, right, sent);
		if (kind == 1)
			wire[sent - 1] ^= 1;
		if (kind == 2)
			wire[0] ^= 1; /* of the header */
		if (kind == 3)        /* a piece in another's place */
			memcpy(wire + 2000, right + 1000, 1000);
		if (kind == 4) /* a round distance away */
			memcpy(wire + QUIC_HEADER_BYTES, right + QUIC_HEADER_BYTES + 256, 256);
		size_t more = kind == 5; /* more than the header says */
		assert_int_equal(take(s, sent + more, 100), -1);
		free(s);
	}
	struct quic_stream *s = quic_stream_answering(8);
	memcpy(wire, right, sent);
	assert_int_equal(take(s, sent, 100), 5000);
	free(s);
	free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(nothing_back),
		cmocka_unit_test(wrong_bytes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
