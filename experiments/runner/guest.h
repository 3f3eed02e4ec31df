/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EXPERIMENTS_RUNNER_GUEST_H
#define EXPERIMENTS_RUNNER_GUEST_H

#include "experiments/probe/proc.h"
#include "experiments/record/definition.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* One run in a guest of its own. */

/* What the guests of a call have in common; lives longer than they. */
struct guest_setting {
	const char *image;      /* see guest_image() */
	const char *directory;  /* of the results, see place.h; exists */
	const char *programs;   /* build directory */
	const char *ground_why; /* goes into the results */
	const json_t
		*provenance; /* of the whole call: what a guest cannot know is taken from here */
};

struct guest {
	const struct guest_setting *setting; /* NULL: there is none here */
	const struct definition *definition;
	const struct contestant *contestant;
	int rep;     /* 0: not a run, but the calibration of the links of its scenario */
	char *name;  /* of its directory aside */
	char *aside; /* where all of it is, until it is over */
	struct child child;
	double seconds, of;          /* of virtual time, as the guest says */
	int64_t started_us, over_us; /* over: when all its seconds were done; 0: not yet */
};

/* The directory of the image that guests boot, built if need be, which may take a while; it stays
 * as long as we are there. Allocated; NULL and *error, or NULL alone when asked to stop. */
char *guest_image(const char *programs, int gips, char **error);

/* Holds an image that is there, for as long as we are. 0, or -1 and *error. */
int guest_hold_image(const char *image, char **error);

/* Sends a guest on its way, on this machine's processor `slot`. `g->setting`, definition,
 * contestant, rep and name (allocated, the guest's from now on) are set by the caller. 0, or -1 and
 * *error; in both cases to be freed. */
int guest_start(struct guest *g, int slot, char **error);

/* Takes note of its progress. Whether it has ended, by itself or, long after its time, by us. */
bool guest_is_over(struct guest *g);

/* How long it has been at its end, in seconds; 0: it is not there yet. */
double guest_ending_s(const struct guest *g);

/* Puts what the guest has left where it belongs. 0, or -1 and *error. */
typedef int guest_take(void *argument, struct guest *g, char **error);

/* Of one that is over: calls `take` where its job was done, and else keeps what it has left under
 * failed/. 0 when it was good; 1 when it failed, *note then being the line that says why
 * (allocated); -1 and *error: so would any other. */
int guest_finish(struct guest *g, guest_take *take, void *argument, char **note, char **error);

/* For `take`: the result of a run, completed by what only the world outside knows, in the run's
 * directory too; the caller's own. NULL and *error. */
json_t *guest_result(const struct guest *g, char **error);

/* For `take`: the run's directory, still aside. Allocated. */
char *guest_run_directory(const struct guest *g);

/* Ends it, where it is still running, and removes what it had begun. */
void guest_free(struct guest *g);

#endif
