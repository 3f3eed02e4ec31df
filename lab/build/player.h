/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef LAB_BUILD_PLAYER_H
#define LAB_BUILD_PLAYER_H

#include "lab/scenario/events.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * Plays a scenario's events in a lab that is up, by netlink and nftables. It has no clock: whoever
 * plays says how much time has gone by, and is told when to come again. A lab does not go back to
 * its beginning by itself: play it once.
 *
 * Functions return 0, or -1 (NULL) with `*error` set (error.h).
 */

struct player;

#define PLAYER_DONE INT64_MAX

/* The lab must be up, and as it was built. */
struct player *player_open(const char *lab, char **error);
void player_close(struct player *p);

const struct scenario *player_scenario(const struct player *p);

/* Pulls the cable of a link, or plugs it in again, as an event does. */
int player_link(struct player *p, size_t link, bool up, char **error);

/* Switches a host's NIC off, and leaves it off whatever events say of it. */
int player_keep_off(struct player *p, struct end nic, char **error);

/* Whether a scenario has anything to play. */
bool player_needed(const struct scenario *s);

/* Plays every event that is due `elapsed_us` microseconds after the start, in order. `*next_us`
 * becomes the time of the next one, on the same scale, or PLAYER_DONE. `played` (may be NULL) is
 * told of each event, after it. Rates that
 * follow a list or a trace are played besides, and told to nobody; those that repeat have no end.
 */
int player_step(struct player *p, int64_t elapsed_us, int64_t *next_us,
	void (*played)(void *context, const struct lab_event *event), void *context, char **error);

#endif
