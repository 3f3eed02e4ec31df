/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EXPERIMENTS_LOAD_QUIC_H
#define EXPERIMENTS_LOAD_QUIC_H

#include "experiments/load/workload.h"

/*
 * A bulk transfer and short requests over one QUIC connection, that is one UDP flow, by ngtcp2 and
 * GnuTLS.
 *
 * Everything is a bidirectional stream that the client opens. It begins with a header that says how
 * many bytes follow in either direction; every byte of these is checked by who receives it. The
 * server's certificate is made at run time, and the client believes any.
 */

/* Where the server listens, and the client's own port. */
#define QUIC_PORT        5403
#define QUIC_CLIENT_PORT 5404

struct quic_end {
	struct workload_end base;
	const char *host;         /* ours */
	const char *log_file;     /* what this end has seen: experiments/record/quic.h */
	const char *request_file; /* the client's: a row for each request; see there */
};

/* The bodies of the processes, each in its host's namespace. The server says in `callee_ready` of
 * the clock that it listens; the client says when the load begins, and ends some seconds after its
 * time at the latest, the server after it. The exit status: 0, or 1 after one line on standard
 * error. A connection that is lost later than its handshake is no error, but what was measured. */
int quic_client(void *end);
int quic_server(void *end);

#endif
