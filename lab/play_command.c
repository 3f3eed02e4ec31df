// SPDX-License-Identifier: BSD-2-Clause
/*
 * `lab play` and `lab link`: what changes in a lab while it is up.
 *
 * Theory of operation
 * -------------------
 * Both open the lab's player (lab/build/player.h). `play` sleeps until the next event is due, and
 * lets the player take the step; a signal ends the sleep, and the lab stays as it is then. `link`
 * makes one change at once.
 */

#include "lab/build/lab.h"
#include "lab/build/player.h"
#include "lab/command.h"
#include "lab/scenario/scenario.h"
#include "lab/which.h"
#include "mpip/base/error.h"

#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void print_played(void *player, const struct lab_event *e)
{
	char *text = event_text(player_scenario(player), e);
	printf("%9.3f s  %s\n", (double)e->at_us / 1e6, text);
	fflush(stdout);
	free(text);
}

static int64_t microseconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000) + t.tv_nsec / 1000;
}

/* Sleeps until `deadline`; a signal ends it early. */
static void sleep_until(int64_t deadline)
{
	struct timespec t = {deadline / 1000000, deadline % 1000000 * 1000};
	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

static int play_all(struct player *p, char **error)
{
	int64_t start = microseconds(), next = 0;
	int result = 0;
	while (result == 0 && next != PLAYER_DONE && !lab_stop) {
		sleep_until(start + next);
		if (!lab_stop)
			result = player_step(
				p, microseconds() - start, &next, print_played, p, error);
	}
	if (result == 0 && next != PLAYER_DONE)
		return error_set(error, "interrupted, the lab stays as it is now");
	return result;
}

int run_play(const struct options *o, char **error)
{
	expect_arguments(o, 0, "lab play wants no argument but --name");
	if (need_root("play", error) < 0)
		return -1;
	char *name = which_lab(o->name, o->command, error);
	struct player *p = name ? player_open(name, error) : NULL;
	int result = -1;
	if (p && !player_needed(player_scenario(p))) {
		error_set(error, "lab %s has no events or changing rates to play", name);
	} else if (p) {
		catch_signals();
		/* On a busy machine too; without the right to it, as well as it goes. */
		sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){.sched_priority = 1});
		result = play_all(p, error);
	}
	player_close(p);
	free(name);
	return result;
}

int run_link(const struct options *o, char **error)
{
	expect_arguments(o, 2, "lab link wants an end of a link, and down or up");
	const char *end_name = o->arguments[0], *state = o->arguments[1];
	bool up = strcmp(state, "up") == 0;
	if (!up && strcmp(state, "down") != 0)
		return error_set(error, "link %s %s: expected down or up", end_name, state);
	if (need_root("link", error) < 0)
		return -1;
	char *name = which_lab(o->name, o->command, error), *why = NULL;
	struct player *p = name ? player_open(name, error) : NULL;
	struct end end;
	int result = -1;
	if (p && scenario_find_end(player_scenario(p), end_name, &end, &why) < 0)
		error_set(error, "link %s: %s", end_name, why);
	else if (p)
		result = player_link(p, scenario_nic(player_scenario(p), end)->link, up, error);
	if (result == 0)
		printf("the cable of %s is %s\n", end_name, up ? "plugged in" : "pulled");
	free(why);
	player_close(p);
	free(name);
	return result;
}
