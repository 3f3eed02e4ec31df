/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MPIP_IO_MONITOR_H
#define MPIP_IO_MONITOR_H

#include "mpip/core/event.h"
#include "mpip/core/types.h"

#include <jansson.h>

/*
 * Monitors: clients of the control socket that are sent each event as it happens, a JSON object a
 * line (mpipctl monitor --json). All have "time" (UTC, RFC 3339), "monotonic_us" (as in the path
 * log) and "event", its name, and what event_fields() says; `weights` has "paths".
 *
 * Who does not read fast enough loses events, and is told how many when there is room again:
 * {"time": ..., "monotonic_us": ..., "event": "lost", "lost": N}.
 */

#define MONITORS_MAX 16

struct monitor {
	bool used, waits;
	int fd;
	uint32_t kinds; /* a bit each */
	char *rest;     /* of a line that did not fit, or NULL */
	size_t rest_length;
	uint64_t lost;
};

struct monitors {
	int epoll;
	uint64_t source; /* of the first one; those of the others follow */
	struct monitor one[MONITORS_MAX];
};

/* The kinds that are named by `words`, separated by blanks, as a bit each; all but weights if there
 * are none. 0, and `*wrong` is a word (to be freed): there is no such kind. */
uint32_t monitor_kinds(const char *words, char **wrong);

/* epoll will say `source` + i when monitors_ready(i) is due. `m` is zeroed. */
void monitors_open(struct monitors *m, int epoll, uint64_t source);
void monitors_close(struct monitors *m);

/* The client behind `fd` becomes a monitor of these kinds, and owns the descriptor. Else a new
 * reference to {"error": ...}. */
json_t *monitors_add(struct monitors *m, int fd, const char *words);
unsigned monitors_count(const struct monitors *m);

/* Never blocks, and costs nothing where nobody wants to know. */
void monitors_event(struct monitors *m, const struct event *event, struct usec now);
/* The client can be written to again, has said something, or is gone. */
void monitors_ready(struct monitors *m, unsigned i, struct usec now);

#endif
