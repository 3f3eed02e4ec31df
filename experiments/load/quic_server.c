// SPDX-License-Identifier: BSD-2-Clause
/*
 * The server of a QUIC connection: it answers until the client has closed it, or until its time is
 * long over.
 */

#include "experiments/load/quic_connection.h"
#include "experiments/probe/proc.h"

#include <stdio.h>

/* Longer than the client waits for its last responses, shorter than the runner for us. */
#define PATIENCE_US 7000000
#define LOOK_US     100000

int quic_server(void *argument)
{
	const struct quic_end *e = argument;
	static struct quic q;
	if (quic_begin(&q, e, true) != 0)
		return quic_end(&q, 1);
	q.socket.local.sin_addr = e->base.server;
	e->base.clock->callee_ready = 1;
	int64_t start;
	do {
		start = e->base.clock->data_socket_us;
	} while (quic_step(&q, now_us() + LOOK_US) &&
		 (!start || now_us() < quic_ends_us(&q) + PATIENCE_US));
	if (!q.conn) {
		fprintf(stderr, "no client came\n");
		q.failed = true;
	}
	quic_close(&q);
	return quic_end(&q, q.failed);
}
