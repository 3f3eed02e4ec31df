/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EXPERIMENTS_LOAD_TRANSFERS_H
#define EXPERIMENTS_LOAD_TRANSFERS_H

#include "experiments/load/workload.h"

#include <stddef.h>
#include <stdint.h>

/*
 * Transfers: each opens a connection, moves so many bytes one way, and closes it. So many at a
 * time, each after a pause the next one in its place.
 */

/* What both ends know of a transfer, in memory that they share; all 0 before it begins. Times are
 * now_us()'s; 0: not yet. */
struct transfer_row {
	volatile int64_t size_bytes;
	volatile int64_t start_us, connected_us, ended_us; /* who connects */
	volatile int64_t first_us, done_us;                /* who receives */
	volatile int error; /* an errno, or TRANSFER_NOT_DONE; 0: it has not failed */
};

#define TRANSFER_NOT_DONE (-1)

struct transfers_end {
	struct workload_end base;
	const char *host;          /* ours */
	uint64_t seed;             /* sizes and pauses are drawn from it */
	struct transfer_row *rows; /* TRANSFERS_MOST of them */
	const char *log_file;      /* of who connects: every transfer, see record/transfers.h */
};

/* The bodies of the processes, each in its host's namespace. Who connects begins after the start's
 * jitter and says so in `data_socket_us`; who listens says so in `callee_ready`. Every byte is
 * checked. The exit status: 0, or 1 after one line on standard error: also where a byte is not what
 * was sent. A transfer that does not succeed is no failure of these. */
int transfers_connect(void *end);
int transfers_listen(void *end);

#endif
