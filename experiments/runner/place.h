/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EXPERIMENTS_RUNNER_PLACE_H
#define EXPERIMENTS_RUNNER_PLACE_H

#include <stdbool.h>

/* The directory of an experiment's results, OUT/EXPERIMENT, and the right to write in it:
 *
 *      RUN/              a result, whole from the moment that it is there
 *      failed/RUN/       what a run that failed has left
 *      .unfinished/      what is under way; nothing in it outlives the call
 *      runs.json, calibration*.json
 *
 * Every function that can fail takes `char **error` and reports as mpip/base/error.h says. */

#define RUNS_FILE "runs.json"

struct place {
	char *directory;
	int lock; /* -1: we do not have it, and must not change anything here */
	const char *out;
	bool made_out;
};

/* Makes the directory, takes the right to it for as long as we live, and removes what a runner that
 * was killed has left: unfinished runs here, and where we are root, labs. 0; or -1 and *error, with
 * nothing changed where another runner is at work. */
int place_open(struct place *p, const char *out, const char *experiment, char **error);

/* Gives it back. A directory without any run is not worth keeping, nor an OUT that we have made.
 * Also for a place that could not be opened. */
void place_close(struct place *p);

/* "DIRECTORY/.unfinished/NAME". Allocated. */
char *place_unfinished(const char *directory, const char *name);

/* Puts a whole result in its place: directory `from` becomes DIRECTORY/RUN, in one step, whether
 * there was one before or not; what was left of a try that failed goes. 0, or -1 and *error. */
int place_publish(const char *directory, const char *run, const char *from, char **error);

/* Keeps the logs in `from`, of a run that failed, as DIRECTORY/failed/RUN. */
void place_keep_failed(const char *directory, const char *run, const char *from);

#endif
