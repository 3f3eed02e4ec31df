/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EXPERIMENTS_LOAD_WORKLOAD_H
#define EXPERIMENTS_LOAD_WORKLOAD_H

#include "experiments/record/definition.h"

#include <netinet/in.h>
#include <stdint.h>

/* The load: iperf3 through libiperf, one process per end. */

/* Where the server listens, and the local port of the first data connection, by which the data is
 * told from iperf3's own control connection. */
#define WORKLOAD_SERVER_PORT 5201
#define WORKLOAD_DATA_PORT   5301

/* Shared between the runner and an end (mmap, MAP_SHARED). */
struct workload_clock {
	/* CLOCK_MONOTONIC when the last data socket was made, or a call alone began; 0: not yet */
	volatile int64_t data_socket_us;
	volatile int callee_ready; /* it listens */
	/* Of many connections: who opens them is ready to, and may. */
	volatile int caller_ready, go;
	volatile int caller_done; /* of transfers: none will come any more */
};

struct workload_end {
	const struct definition *definition;
	const struct contestant *contestant;
	const char *lab;         /* the lab's name; entered by the process itself */
	struct in_addr server;   /* its address; for the client */
	int64_t start_jitter_us; /* the client waits this long first */
	struct workload_clock *clock;
	/* Where this end writes when data came in, see record/arrivals.h; NULL: none is to come. */
	const char *arrivals_file;
};

/* The socket buffers that a UDP load asks for. With the usual 200 KiB a receiver that has to wait
 * 10 ms for a processor loses datagrams, which says nothing about the paths. Up to what the machine
 * allows, which can be seen only outside of the hosts: iperf3 refuses to run with less than it
 * asked for. */
int workload_udp_buffer_bytes(void);

/* The body of a process: one end of one test, in its host's namespace. Standard output becomes
 * iperf3's JSON report. Returns the exit status: 0, or 1 after one line on standard error. */
int workload_client(void *end);
int workload_server(void *end);

#endif
