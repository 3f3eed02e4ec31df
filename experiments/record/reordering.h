/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EXPERIMENTS_RECORD_REORDERING_H
#define EXPERIMENTS_RECORD_REORDERING_H

#include <stddef.h>
#include <stdint.h>

/* Packet reordering as RFC 4737 measures it. */

#define REORDERING_DEGREES 8

struct reordering {
	size_t received;    /* packets, each counted once */
	size_t duplicates;  /* left out of everything else */
	size_t reordered;   /* Type-P-Reordered: later than one with a higher number (3.3) */
	double ratio;       /* of those received (4.1); 0 when there is none */
	size_t max_extent;  /* largest reordering extent, packets (4.2); 0 without reordering */
	double mean_extent; /* over the reordered packets; 0 without reordering */
	/* n-reordering (5.3): how many packets arrived right behind at least n with higher numbers;
	 * [0] is n = 1. With n = 3 TCP's three duplicate acknowledgements would be sent. */
	size_t n_reordered[REORDERING_DEGREES];
};

/* Measures a stream: its sequence numbers in the order of arrival, in steps of 1 as sent. O(n log
 * n). Sequence numbers do not wrap. */
struct reordering reordering_of(const uint32_t *seq, size_t count);

#endif
