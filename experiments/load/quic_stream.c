// SPDX-License-Identifier: BSD-2-Clause
/*
 * What is in the streams.
 *
 * Theory of operation
 * -------------------
 * ngtcp2 keeps pointers to what was sent until it is acknowledged. So content is not made for each
 * stream: all of it is one table of load/content.h's bytes, from which each direction of each
 * stream reads from a place of its own, round and round. The table's length is prime, so that
 * pieces that were moved by a round size, or that belong to another stream, do not match.
 */

#include "experiments/load/quic_stream.h"

#include "experiments/load/content.h"

#include <endian.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC  0x51756931u /* "Qui1" */
#define PERIOD 65521u      /* a prime */
#define PIECE  PERIOD

/* As on the wire, in network order. */
struct header {
	uint32_t magic;
	uint32_t bulk;
	uint64_t up, down;
} __attribute__((packed));
_Static_assert(sizeof(struct header) == QUIC_HEADER_BYTES, "the header's size is documented");

static unsigned char table[PERIOD + PIECE];

static void fill_table(void)
{
	static bool filled;
	if (!filled)
		content_fill(table, PERIOD, MAGIC, 0);
	if (!filled)
		memcpy(table + PERIOD, table, PIECE);
	filled = true;
}

/* The content of a stream's direction from `at` on: a piece of PIECE bytes. */
static const unsigned char *content(const struct quic_stream *s, bool down, uint64_t at)
{
	uint64_t start = (uint64_t)s->id * 7919u + (down ? 31u : 0u);
	return table + (start + at) % PERIOD;
}

static struct quic_stream *new_stream(void)
{
	struct quic_stream *s = calloc(1, sizeof(*s));
	if (!s)
		abort();
	fill_table();
	return s;
}

static uint64_t with_header(uint64_t bytes)
{
	return bytes == QUIC_NO_END ? bytes : bytes + QUIC_HEADER_BYTES;
}

struct quic_stream *quic_stream_new(bool bulk, uint64_t up, uint64_t down)
{
	struct quic_stream *s = new_stream();
	struct header h = {htobe32(MAGIC), htobe32(bulk), htobe64(up), htobe64(down)};
	memcpy(s->header, &h, sizeof(h));
	s->bulk = bulk;
	s->to_send = with_header(up);
	s->to_get = down;
	return s;
}

struct quic_stream *quic_stream_answering(int64_t id)
{
	struct quic_stream *s = new_stream();
	s->id = id;
	s->server = true;
	s->to_get = QUIC_NO_END;
	return s;
}

size_t quic_stream_next(const struct quic_stream *s, ngtcp2_vec pieces[2], bool *last)
{
	size_t count = 0;
	uint64_t at = s->sent;
	uint64_t before = s->server ? 0 : QUIC_HEADER_BYTES;
	if (at < before) {
		pieces[count].base = (unsigned char *)s->header + at;
		pieces[count++].len = before - at;
		at = before;
	}
	uint64_t left = s->to_send - at;
	uint64_t length = left < PIECE ? left : PIECE;
	if (length > 0) {
		pieces[count].base = (unsigned char *)content(s, s->server, at - before);
		pieces[count++].len = length;
	}
	*last = at + length == s->to_send;
	return count;
}

/* The server's: the header that is whole now. */
static bool read_header(struct quic_stream *s)
{
	struct header h;
	memcpy(&h, s->header, sizeof(h));
	if (be32toh(h.magic) != MAGIC || be32toh(h.bulk) > 1)
		return false;
	s->bulk = be32toh(h.bulk);
	s->to_get = with_header(be64toh(h.up));
	s->to_send = be64toh(h.down);
	return true;
}

bool quic_stream_may_send(const struct quic_stream *s)
{
	return !s->all_sent && !s->blocked && (!s->server || s->got == s->to_get);
}

void quic_stream_sent(struct quic_stream *s, uint64_t bytes, bool last)
{
	s->sent += bytes;
	s->all_sent = last && s->sent == s->to_send;
}

/* Compares with the content, which may be longer than a piece. */
static bool is_content(
	const struct quic_stream *s, uint64_t at, const unsigned char *data, size_t bytes)
{
	while (bytes > 0) {
		size_t some = bytes < PIECE ? bytes : PIECE;
		if (memcmp(content(s, !s->server, at), data, some) != 0)
			return false;
		at += some;
		data += some;
		bytes -= some;
	}
	return true;
}

int64_t quic_stream_take(struct quic_stream *s, const unsigned char *data, size_t bytes)
{
	uint64_t before = s->server ? QUIC_HEADER_BYTES : 0;
	bool good = true;
	for (; bytes > 0 && s->got < before; bytes--)
		s->header[s->got++] = *data++;
	if (s->server && s->got == before)
		good = read_header(s);
	good = good && s->got <= s->to_get && bytes <= s->to_get - s->got &&
	       is_content(s, s->got - (s->got < before ? s->got : before), data, bytes);
	if (!good) {
		fprintf(stderr, "stream %" PRId64 ", from byte %" PRIu64 " on: not what was sent\n",
			s->id, s->got);
		return -1;
	}
	s->got += bytes;
	return (int64_t)bytes;
}
