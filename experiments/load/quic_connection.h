/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EXPERIMENTS_LOAD_QUIC_CONNECTION_H
#define EXPERIMENTS_LOAD_QUIC_CONNECTION_H

#include "experiments/load/quic.h"
#include "experiments/load/quic_measure.h"
#include "experiments/load/quic_socket.h"
#include "experiments/load/quic_stream.h"
#include "experiments/load/quic_tls.h"

#include <ngtcp2/ngtcp2.h>
#include <stdbool.h>

/* One end of the QUIC connection: what client and server have in common. */
struct quic {
	const struct quic_end *end;
	bool server;
	struct quic_socket socket;
	struct quic_tls tls;
	ngtcp2_conn *conn; /* NULL: the server has not heard of the client yet */
	ngtcp2_crypto_conn_ref ref;
	struct quic_stream *streams, *turn; /* those that are open; whose turn it is to send */
	struct quic_measure measure;
	int64_t now_us; /* when the packet at hand came */
	bool over;      /* the connection is: closed by the other end, or lost */
	bool failed;    /* this end cannot go on; standard error has a line */
	/* The client's, about its streams: all has come; it is gone. May be NULL. */
	void (*stream_done)(struct quic *q, struct quic_stream *s);
	void *owner;
};

/* Enters the host and opens the socket. 0, or -1 after a line. */
int quic_begin(struct quic *q, const struct quic_end *end, bool server);
/* Makes the connection: the client's to the server; the server's by the client's first packet. 0,
 * or -1 after a line. */
int quic_connect(struct quic *q);
int quic_accept(struct quic *q, const ngtcp2_pkt_hd *first, const struct sockaddr_in *from);

/* Opens a stream. False: the server allows no more of them for now, and `s` is as before. */
bool quic_open_stream(struct quic *q, struct quic_stream *s);

/* Takes all packets that are there, does what is due and sends what may be sent; then waits for the
 * next of these, until `until_us` at the latest. False: the connection is over, or the end has
 * failed. */
bool quic_step(struct quic *q, int64_t until_us);

/* Tells the other end that it is over, if that may not know. */
void quic_close(struct quic *q);
/* Writes the log and frees all. 0, or 1 after a line. */
int quic_end(struct quic *q, int rc);

/* The end of the measured part, CLOCK_MONOTONIC; INT64_MAX before the load has begun. */
int64_t quic_ends_us(const struct quic *q);

#endif
