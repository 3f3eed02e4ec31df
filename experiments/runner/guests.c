// SPDX-License-Identifier: BSD-2-Clause
/*
 * Cells in guests.
 *
 * Theory of operation
 * -------------------
 * Each cell is a guest of its own (guest.c), several at a time. What they say of their progress is
 * added up over all of them.
 */

#include "experiments/runner/guests.h"

#include "experiments/runner/calibration.h"
#include "experiments/runner/place.h"
#include "mpip/base/error.h"
#include "mpip/base/jsonfile.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

static char *cell_name(const struct guests_plan *plan, const struct guest_cell *cell)
{
	return cell->rep ? definition_run_name(plan->definition, cell->contestant, cell->rep)
			 : text_format("calibration-of-%s", cell->contestant->name);
}

static int take_calibration(const struct guests_plan *plan, const struct guest *g, char **error)
{
	struct definition own = definition_for(plan->definition, g->contestant);
	char *file = text_format("%s/out/calibration.json", g->aside);
	json_t *calibration = json_read(file, 0, error);
	int rc = calibration ? 0 : -1;
	progress_clear(plan->progress);
	if (rc == 0)
		rc = calibration_keep(
			plan->setting.directory, plan->definition, &own, calibration, error);
	json_decref(calibration);
	free(file);
	return rc;
}

/* One that is over, and what it has measured. */
struct taking {
	const struct guests_plan *plan;
	double goodput;
};

/* A guest whose job is done: its result goes to its place. */
static int take_result(void *argument, struct guest *g, char **error)
{
	struct taking *t = argument;
	if (!g->rep)
		return take_calibration(t->plan, g, error);
	json_t *result = guest_result(g, error);
	if (!result)
		return -1;
	t->goodput = json_number_value(json_object_get(result, "goodput_mbit"));
	json_decref(result);
	char *from = guest_run_directory(g);
	int rc = place_publish(t->plan->setting.directory, g->name, from, error);
	free(from);
	return rc;
}

/* A guest has ended. -1 and *error: so would any other. */
static int finish(const struct guests_plan *plan, struct guest *g, int *failed, char **error)
{
	struct taking taking = {.plan = plan};
	char *note = NULL;
	int rc = guest_finish(g, take_result, &taking, &note, error);
	if (rc < 0)
		return rc;
	*failed += rc;
	if (rc == 0)
		note = g->rep ? text_format("%.1f Mbit/s", taking.goodput)
			      : text_format("measured");
	progress_guest_over(
		plan->progress, g->name, note, rc != 0, (double)(now_us() - g->started_us) / 1e6);
	free(note);
	return 0;
}

static void show(const struct guests_plan *plan, const struct guest *guests)
{
	double seconds = 0, of = 0, ending = 0;
	int running = 0;
	for (int i = 0; i < plan->jobs; i++) {
		if (!guests[i].setting)
			continue;
		running++;
		seconds += fmin(guests[i].seconds, guests[i].of);
		of += guests[i].of;
		ending = fmax(ending, guest_ending_s(&guests[i]));
	}
	progress_guests(plan->progress, running, seconds, of, ending);
}

int guests_run(const struct guests_plan *plan, const struct guest_cell *cells, size_t count,
	int *failed, char **error)
{
	struct guest *guests = calloc((size_t)plan->jobs, sizeof(*guests));
	if (!guests)
		abort();
	size_t next = 0, running = 0;
	int rc = 0;
	while (rc == 0 && (next < count || running > 0)) {
		for (int i = 0; rc == 0 && i < plan->jobs && next < count; i++) {
			if (guests[i].setting)
				continue;
			const struct guest_cell *cell = &cells[next++];
			guests[i] = (struct guest){.setting = &plan->setting,
				.definition = plan->definition,
				.contestant = cell->contestant,
				.rep = cell->rep,
				.name = cell_name(plan, cell)};
			rc = guest_start(&guests[i], i, error);
			running++;
		}
		if (rc == 0 && child_wait(NULL, now_us() + 300000) == WAIT_STOPPED)
			rc = 1;
		for (int i = 0; rc == 0 && i < plan->jobs; i++) {
			if (!guests[i].setting || !guest_is_over(&guests[i]))
				continue;
			rc = finish(plan, &guests[i], failed, error);
			guest_free(&guests[i]);
			running--;
		}
		show(plan, guests);
	}
	for (int i = 0; i < plan->jobs; i++)
		if (guests[i].setting)
			guest_free(&guests[i]);
	char *unfinished = place_unfinished(plan->setting.directory, "");
	rmdir(unfinished);
	free(unfinished);
	free(guests);
	return rc;
}
