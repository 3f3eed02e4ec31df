/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EXPERIMENTS_RUNNER_PROGRESS_H
#define EXPERIMENTS_RUNNER_PROGRESS_H

#include <stdbool.h>

/* The one progress line: on a terminal it is rewritten about once a second, elsewhere each run has
 * one line when it is over. Written to standard error. */
struct progress {
	const char *experiment;
	int runs;           /* to be done in this call */
	double run_seconds; /* how long one should take; corrected by those that are over */
	bool terminal;

	/* the rest is the progress line's own */
	int done;
	double spent_seconds;
	char run[96];
	long long run_started_us, began_us;
	double part_done; /* of the runs in guests, the parts that are done */
	double ending_s;  /* how long one of them has been at its end */
};

void progress_begin(struct progress *p);
void progress_run(struct progress *p, const char *run);
void progress_tick(struct progress *p, double seconds, double of);
/* A run is over; `note` says how. On a terminal its line stays only when it is `worth_keeping`. */
void progress_run_over(struct progress *p, const char *note, bool worth_keeping);

/* The same for runs that go on at the same time, in guests: `seconds` of `of` virtual seconds are
 * done in the `running` ones; one of them has done all of its own and not ended for `ending_s` real
 * seconds (0: none). */
void progress_guests(struct progress *p, int running, double seconds, double of, double ending_s);
/* One of them is over, after so many seconds of real time. */
void progress_guest_over(struct progress *p, const char *run, const char *note, bool worth_keeping,
	double wall_seconds);

/* Takes the line off the terminal, before something else is written. */
void progress_clear(const struct progress *p);

/* What is left of a run or several that are not done: "4 min 5 s left", never 0, and once it has
 * taken longer than was thought "12 s more than estimated", for negative ones. Written to `out`,
 * returned. */
const char *progress_left(double seconds, char out[48]);

/* "4 min 5 s". Written to `out`, returned. */
const char *progress_time(double seconds, char out[32]);

#endif
