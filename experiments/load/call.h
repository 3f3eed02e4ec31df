/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EXPERIMENTS_LOAD_CALL_H
#define EXPERIMENTS_LOAD_CALL_H

#include "experiments/load/workload.h"

/*
 * The call: two ends that send audio and video to each other over one UDP flow, as a call's two
 * parties do, and write down every packet.
 *
 * A datagram carries its stream, its number in it, when it was sent, and an echo: which packet of
 * the same stream came in last, when that was sent, and how long it has waited here. So the round
 * trip of a packet is known without a packet more, as with RTCP. Both ends use one machine's
 * CLOCK_MONOTONIC: one-way delays are exact.
 */

/* Where the callee listens, and the caller's own port. */
#define CALL_PORT        5401
#define CALL_CALLER_PORT 5402

struct call_end {
	struct workload_end base;
	const char *host; /* ours */
	bool calls;       /* else: is called */
	bool sets_clock;  /* the caller says when the transfer begins; else iperf3's client does */
	int64_t phase_us; /* added to the time of the first packets */
	const char *sent_file, *received_file; /* the logs, see experiments/record/call.h */
};

/* The body of a process: one end of a call, in its host's namespace. Ends by itself a second after
 * the transfer's time. The exit status: 0, or 1 after one line on standard error. */
int call_body(void *end);

#endif
