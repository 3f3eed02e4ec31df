/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EXPERIMENTS_LOAD_IPERF_REPORT_H
#define EXPERIMENTS_LOAD_IPERF_REPORT_H

#include <jansson.h>

/* What one end's report says. */
struct iperf_report {
	json_t *series;        /* Mbit/s received in each whole second after the warm-up */
	double bytes, seconds; /* received in those */
	json_int_t datagrams;  /* UDP: sent in those, lost ones included; 0 for TCP */
	double jitter_ms;      /* UDP, RFC 3550, at the end */
};

/* Reads a report, taking in what this end received. `seconds` is how long the test was to last; a
 * shorter or longer series than that is cut or kept as it is. 0, or -1 and *error, also when iperf3
 * itself reports an error. */
int iperf_report_read(const char *file, int seconds, struct iperf_report *report, char **error);
void iperf_report_free(struct iperf_report *report);

#endif
