/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EXPERIMENTS_LOAD_QUIC_STREAM_H
#define EXPERIMENTS_LOAD_QUIC_STREAM_H

#include "experiments/record/definition.h"

#include <ngtcp2/ngtcp2.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A stream of ours: a header from the client, content from either end. */

#define QUIC_NO_END UINT64_MAX

struct quic_stream {
	struct quic_stream *next;
	int64_t id;
	bool server, bulk;
	bool blocked;  /* by the peer's window */
	bool all_sent; /* the stream's end, too */
	unsigned char header[QUIC_HEADER_BYTES];
	/* In bytes of the stream, the client's header counted; QUIC_NO_END: as long as it goes. */
	uint64_t to_send, sent, to_get, got;
	size_t number;                        /* a request's */
	int64_t opened_us, first_us, done_us; /* the client's: when opened, its first and last byte
						 here */
};

/* A client's stream with so many bytes of content from either end. */
struct quic_stream *quic_stream_new(bool bulk, uint64_t up, uint64_t down);
/* A server's, which gets to know by the header what it is. */
struct quic_stream *quic_stream_answering(int64_t id);

/* Whether it has something to send, be it only its end: a server answers when it has everything. */
bool quic_stream_may_send(const struct quic_stream *s);
/* So many bytes were taken of what quic_stream_next() gave, and its *last. */
void quic_stream_sent(struct quic_stream *s, uint64_t bytes, bool last);

/* The next bytes to be sent, at most two pieces, which stay as they are until the program ends, or
 * the stream does. How many pieces; *last: the stream ends with them. */
size_t quic_stream_next(const struct quic_stream *s, ngtcp2_vec pieces[2], bool *last);

/* Takes what has come. The bytes of content in it; -1: it is not what was sent, of which standard
 * error has a line. */
int64_t quic_stream_take(struct quic_stream *s, const unsigned char *data, size_t bytes);

#endif
