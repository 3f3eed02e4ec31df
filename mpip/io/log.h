/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MPIP_IO_LOG_H
#define MPIP_IO_LOG_H

#include "mpip/core/event.h"
#include "mpip/core/types.h"

/*
 * The daemon's log: standard error, a line of key=value pairs each, written by one call:
 *
 *     level=info event=path-down session=12 path=3 src=... dst=... encapsulation=udp reason="no
 * feedback" level=warning message="eth1 is not used: no carrier"
 *
 * Where journald reads it, each line begins with its priority (sd-daemon(3)). There is one log per
 * process.
 */

enum log_level { LEVEL_ERROR, LEVEL_WARNING, LEVEL_INFO, LEVEL_DEBUG };
extern const char *const log_level_names[]; /* NULL-terminated */

/* Lines up to this level are written from now on; LEVEL_INFO until told. */
void log_open(enum log_level most);

/* A sentence. */
void log_say(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A line for an event, if it is worth one. Of each kind LOG_PER_SECOND lines at most; how many more
 * there were is said when the second is over, at the latest by log_tick(). */
void log_event(const struct event *event, struct usec now);
#define LOG_PER_SECOND 50

/* To be called now and then. */
void log_tick(struct usec now);

#endif
