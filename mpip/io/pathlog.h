/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MPIP_IO_PATHLOG_H
#define MPIP_IO_PATHLOG_H

#include "mpip/core/event.h"
#include "mpip/core/types.h"

/*
 * The path log: what Algorithm 1 saw and did, so that it can be replayed. CSV with a header line;
 * at each run over a session one row per path, with the weight after the run:
 *
 * time_us,session,path,src,dst,delay_us,min_delay_us,queuing_us,max_queuing_us,weight,usable,
 * sent_packets,sent_bytes
 *
 * Times are microseconds of CLOCK_MONOTONIC, delays microseconds (delay and min_delay include the
 * clocks' offset), counters are sums since the path was made.
 */

struct pathlog;

/* NULL and one line in `*error` if the file cannot be made or written. */
struct pathlog *pathlog_open(const char *file, char **error);
/* NULL is allowed. */
void pathlog_close(struct pathlog *log);

/* Writes down what it is made of (EVENT_WEIGHTS), and nothing else. Says in the daemon's log when
 * it cannot be written: once, and once when it is again, with how many runs are missing. */
void pathlog_event(struct pathlog *log, const struct event *event, struct usec now);

#endif
