/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EXPERIMENTS_RUNNER_PROCESSES_H
#define EXPERIMENTS_RUNNER_PROCESSES_H

#include "experiments/runner/run.h"

/* Starting the processes of a run and asking mpipd. What can be asked to stop returns one of these;
 * with FAILED *error is set. */
enum { GO_ON = 0, STOP = 1, FAILED = -1 };

#define SECOND 1000000 /* us */

/* A file in the run's directory: `format` has one %s for `word`. Allocated. */
char *run_file(const struct run *r, const char *format, const char *word);

/* Reports a child that has ended: "WHERE: NAME ended with status 1: the last line of its log",
 * which is the run's file LOG_WORD.log. Returns FAILED. */
int run_fail_child(const struct run *r, const struct child *c, const char *where,
	const char *log_word, char **error);

/* Something that a child does when it is ready. */
struct readiness {
	bool (*is_there)(const void *argument);
	const void *argument;
	const char *where, *log_word; /* as for run_fail_child() */
	const char *not_yet;          /* "WHERE: NOT_YET after 10 s" */
};

/* Waits for it, for 10 s at most. */
int run_wait(const struct run *r, struct child *c, const struct readiness *ready, char **error);
/* Whether the int at `flag`, which a child shares with us, is set: an is_there(). */
bool run_flag_is_set(const void *flag);

/* Each starts its process for host `i` and waits until it is ready. */
int run_start_agent(struct run *r, int i, char **error);
int run_start_mpipd(struct run *r, int i, char **error);
int run_start_server(struct run *r, struct workload_end *end, char **error);

/* Notes when the transfer is started. */
void run_note_start(struct run *r);

/* Starts the transfer; does not wait. */
int run_start_client(struct run *r, struct workload_end *end, char **error);

/* mpipctl --json TABLE on a host; its output stays as mpipctl-HOST-TABLE.json. NULL: *error is set,
 * or we are to stop. */
json_t *run_ask_mpipctl(struct run *r, struct run_host *h, const char *table, char **error);
/* The same for a table that is only to be kept. */
int run_keep_table(struct run *r, struct run_host *h, const char *table, char **error);

#endif
