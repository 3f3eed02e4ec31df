/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EXPERIMENTS_LOAD_TRANSFER_END_H
#define EXPERIMENTS_LOAD_TRANSFER_END_H

#include "experiments/load/content.h"
#include "experiments/load/transfers.h"
#include "experiments/record/arrivals.h"

#include <netinet/in.h>
#include <stdbool.h>

/* What the two ends of transfers (transfers.c, transfer_server.c) have in common: moving the bytes
 * of one. */

#define TRANSFER_BUFFER 65536

/* One direction of one transfer at one end. */
struct stream {
	int fd;
	uint32_t number;
	int64_t size, bytes; /* of its data, and so far */
};

enum moved {
	MOVED_ON,     /* all that goes now */
	MOVED_ALL,    /* the last byte, or who sends has closed */
	MOVED_FAILED, /* errno says why: this transfer has failed */
	MOVED_WRONG,  /* a line is on standard error: what came is not what was sent */
};

/* Sends what the socket takes. */
enum moved transfer_send(struct stream *s);

/* Takes what is there, checks it, and notes it in the row and among the arrivals. MOVED_ALL when
 * all has come; what closes before that has failed. */
enum moved transfer_receive(struct stream *s, struct transfer_row *row, struct arrivals *arrivals);

/* A TCP or MPTCP socket as the contestant wants it, with its congestion control; -1 and errno. */
int transfer_socket(const struct workload_end *e);

/* Enters the host, with enough descriptors. 0, or -1 after a line. */
int transfer_begin(const struct transfers_end *e);

/* Writes the receiver's arrivals. 0, or 1 after a line. */
int transfer_write_arrivals(const struct transfers_end *e, const struct arrivals *arrivals);

/* When the measured part begins and ends; before the first transfer 0 and 0. */
int64_t transfer_zero_us(const struct workload_end *e);
int64_t transfer_over_us(const struct workload_end *e);

/* A line "WHAT: why" by errno; 1. */
int transfer_fail(const char *what);

#endif
