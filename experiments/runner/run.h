/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EXPERIMENTS_RUNNER_RUN_H
#define EXPERIMENTS_RUNNER_RUN_H

#include "experiments/load/iperf_report.h"
#include "experiments/load/workload.h"
#include "experiments/probe/cpu.h"
#include "experiments/probe/footprint.h"
#include "experiments/probe/pairs.h"
#include "experiments/probe/proc.h"
#include "experiments/probe/sockdiag.h"
#include "experiments/probe/witness.h"
#include "experiments/record/arrivals.h"
#include "experiments/record/definition.h"
#include "experiments/record/pathlog.h"
#include "lab/build/player.h"
#include "lab/scenario/scenario.h"

#include <jansson.h>
#include <stdint.h>

/* One run: a fresh lab, one contestant, one transfer, one result. */

struct run_plan {
	const struct definition *definition;
	const struct scenario *scenario;
	const struct contestant *contestant;
	int rep;
	const char *lab;        /* the name for the lab; free to use */
	const char *directory;  /* of the experiment's results; exists */
	const char *programs;   /* build directory with mpip/mpipd and mpip/mpipctl */
	const char *ground_why; /* why this ground */
	json_t *provenance;     /* of the whole call, see provenance.h */

	/* Told about once a second; `seconds` of `of` are done. */
	void (*progress)(void *argument, double seconds, double of);
	void *progress_argument;
};

/* Runs it and leaves DIRECTORY/RUN/result.json with its logs, written aside first and renamed when
 * whole; a result of that name is replaced. `goodput_mbit` is set. Returns 0; -1 and *error, the
 * logs then being in DIRECTORY/failed/RUN; or 1 when a signal asked to stop, nothing then being
 * left. In each case the lab is down and all processes have ended. */
int run_one(const struct run_plan *plan, double *goodput_mbit, char **error);

/* What a run has gathered, for result.c. */

enum { FROM, TO, HOSTS }; /* who connects, who listens */

struct run_host {
	const char *name;
	const struct node *node; /* with the NICs that the contestant has: with_nics */
	struct node with_nics;
	struct child agent, mpipd;
	int64_t mpipd_seed;
	json_t *mib_before, *mib_after;
	json_t *sysctls;
	json_t *sessions; /* mpipctl's, in the middle of the run; NULL without mpipd */
	json_t *stats;    /* mpipctl's, at the end */
	struct path_log log;
};

struct sample {
	int64_t time_us;
	json_t *counters; /* lab_counters() */
	json_t *pairs;    /* pairs_read() */
};

struct run {
	const struct run_plan *plan;
	char *name, *aside;
	bool lab_is_up;
	struct run_host hosts[HOSTS];
	struct child server, client; /* iperf3's, or those of a call alone */
	struct child callee, caller; /* of a call beside iperf3 */
	json_t *call;                /* its measures; NULL without one */
	json_t *transfers;           /* their measures; NULL without any */
	struct transfer_row *rows;   /* of transfers, shared with their ends; NULL without any */
	json_t *quic;                /* a QUIC connection's; NULL without one */
	struct footprint footprint;  /* of many connections */
	struct workload_clock *clock;
	struct sockdiag *diag;
	struct pairs *pairs;
	struct witness witness;
	struct witness_delays witnessed; /* in the measured part */
	char digest[SHA256_TEXT];        /* of the raw logs */
	json_t *losses;                  /* losses_judge() of this run's own traffic */
	struct player *player; /* of the scenario's events and of NICs that are off; NULL: none */
	int64_t next_event_us; /* on now_us()'s clock; 0 before the first, PLAYER_DONE after the
				  last */
	json_t *events;        /* that were played: [{"at_s", "played_s", "event"}] */
	json_t *connections;   /* the last list of data connections, while there were any */
	struct sample before, after;
	struct sample *samples; /* one a second, from the start of the transfer on */
	size_t sample_count;
	struct busy busy_first, busy_last; /* around the measured part */
	double ours_first_s, ours_last_s;  /* processor time of our processes at these times */
	int64_t started_us, ended_us;      /* the client's life */
	char started_utc[32];
	struct iperf_report reports[HOSTS];
	struct arrivals
		arrivals[HOSTS]; /* what came to each, times since the measured part began */
	struct spans waiting;    /* when something was waited for; its list NULL: always */
};

/* The result of a run that is over, as experiments/result.schema.json defines it. */
json_t *result_of(const struct run *r);

/* When the measured part began: after the warm-up, CLOCK_MONOTONIC. */
int64_t run_zero_us(const struct run *r);

#endif
