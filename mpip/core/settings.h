/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MPIP_CORE_SETTINGS_H
#define MPIP_CORE_SETTINGS_H

#include "mpip/core/clock.h"
#include "mpip/core/policy.h"
#include "mpip/core/types.h"

/* Every number of the protocol. The defaults are the paper's where it names one. */

/* How a packet looks on the wire (mpip/README.md). */
enum encapsulation { ENCAP_UDP, ENCAP_LITERAL, ENCAP_FAKE_TCP };
#define ENCAPS 3
extern const char *const encap_names[];

enum scheduler_kind {
	SCHED_ALGORITHM_1,
	SCHED_UNCOUPLED,
	SCHED_FIXED,
	SCHED_LOWEST_DELAY,
	SCHED_BURST,
};
extern const char *const scheduler_names[];

enum min_delay_kind { MIN_DELAY_WINDOWED, MIN_DELAY_PLAIN };
extern const char *const min_delay_names[];

struct settings {
	enum encapsulation encap;
	bool wire_fallback; /* ours: another encapsulation on a path where this one does not work */
	unsigned wire_probes;   /* ours: unanswered ones after which it does not */
	struct usec path_retry; /* ours: a removed path is tried again */
	enum scheduler_kind scheduler;
	uint64_t seed;

	unsigned query_threshold;   /* 3.2: queries to a silent peer */
	struct usec query_interval; /* ours: between two of them */
	struct usec query_grace;    /* ours: from the last one to the verdict */
	struct usec no_expiry;      /* ours: how long a "no" is believed */

	struct usec session_expiry; /* 3.7.1 */
	struct usec fallback;       /* 3.7.2 */
	struct usec session_retry;  /* ours: regular this long: the handshake starts over */

	struct usec heartbeat;         /* 3.5 */
	unsigned delay_gain_shift;     /* 3.4: moving average, gain 1/2^shift */
	enum min_delay_kind min_delay; /* 3.6.1: D_min; plain is the paper's */
	struct usec min_delay_window;  /* ours: of the windowed one */

	unsigned max_active_paths; /* 3.3: the fastest N; 0: all */

	int weight_step;           /* 3.6.1: S */
	struct usec weight_period; /* 3.6.1: T */
	int weight_total;          /* 3.6.1: every path starts with total/N */
	int weight_min, weight_max;

	struct usec silence_min, silence_max; /* ours: a path without feedback is not used */
	struct usec probe_interval;           /* ours: of a path that is not in use */
	struct usec maintenance;              /* ours: how often active sessions are looked at */

	unsigned reorder_packets; /* 3.8.3: 0 turns it off */
	struct usec reorder_hold; /* ours: longest hold; 0: only a full buffer ends it */

	unsigned max_sessions, max_paths, max_peers, max_addresses, reorder_pool; /* bounds */

	struct policies policies;      /* 3.6.2, Table 6 */
	struct clock_distortion clock; /* 4.1: for experiments */
};

/* The paper's settings. */
struct settings settings_default(void);

#endif
