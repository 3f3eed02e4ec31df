/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EXPERIMENTS_WORKLOAD_H
#define EXPERIMENTS_WORKLOAD_H

#include "experiments/definition.h"

#include <netinet/in.h>
#include <stdint.h>

/* The load: iperf3 through libiperf, one process per end, and what its reports say. */

/* Where the server listens, and the local port of the first data connection, by which the data is
 * told from iperf3's own control connection. */
#define WORKLOAD_SERVER_PORT 5201
#define WORKLOAD_DATA_PORT   5301

/* Shared between the runner and an end (mmap, MAP_SHARED). */
struct workload_clock {
	int64_t data_socket_us; /* CLOCK_MONOTONIC when the last data socket was made; 0: not yet */
};

struct workload_end {
	const struct definition *definition;
	const struct contestant *contestant;
	const char *lab;         /* the lab's name; entered by the process itself */
	struct in_addr server;   /* its address; for the client */
	int64_t start_jitter_us; /* the client waits this long first */
	struct workload_clock *clock;
};

/* The body of a process: one end of one test, in its host's namespace. Standard output becomes
 * iperf3's JSON report. Returns the exit status: 0, or 1 after one line on standard error. */
int workload_client(void *end);
int workload_server(void *end);

/* What one end's report says. */
struct workload_report {
	json_t *series;         /* bytes received in each whole second after the warm-up, or NULL */
	double bytes, seconds;  /* received in those */
	json_int_t lost, total; /* UDP datagrams of those; 0 for TCP */
	double jitter_ms;       /* UDP, RFC 3550, at the end */
	char *congestion_control; /* of the sending side as iperf3 saw it; NULL: not told */
	char *version;
};

/* Reads a report, taking in what this end received. `seconds` is how long the test was to last; a
 * shorter or longer series than that is cut or kept as it is. 0, or -1 and *error, also when iperf3
 * itself reports an error. */
int workload_read_report(
	const char *file, int seconds, struct workload_report *report, char **error);
void workload_report_free(struct workload_report *report);

#endif
