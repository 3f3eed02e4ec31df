// SPDX-License-Identifier: BSD-2-Clause
/*
 * A sweep on this machine.
 *
 * Theory of operation
 * -------------------
 * Each processor has a guest at work. A run's definition is made when its guest starts, and goes
 * with it, so that there are never more than there are guests.
 */

#include "experiments/sweeper/local.h"

#include "mpip/base/error.h"

#include <stdlib.h>
#include <unistd.h>

#define LOOK_US 50000

/* A guest, and what it is about. */
struct slot {
	struct guest guest;
	struct definition *definition;
	struct planned_run *run;
};

/* What its guest's end needs to know. */
struct taking {
	struct session *session;
	struct planned_run *run;
};

static int start(struct session *s, struct slot *slot, int number, size_t row, char **error)
{
	struct row what = plan_row(&s->plan, row);
	char name[RUN_TEXT];
	slot->run = plan_run(&s->plan, row);
	slot->definition = grid_definition(&s->grid, what.cell, what.seed, error);
	if (!slot->definition)
		return -1;
	run_text(slot->run->id, name);
	slot->guest = (struct guest){.setting = &s->setting,
		.definition = slot->definition,
		.contestant = &slot->definition->contestants[what.contestant],
		.rep = 1,
		.name = text_format("%s", name)};
	return guest_start(&slot->guest, number, error);
}

static void free_slot(struct slot *slot)
{
	if (slot->guest.setting)
		guest_free(&slot->guest);
	definition_free(slot->definition);
	*slot = (struct slot){0};
}

/* The result goes to its place, and into the table. */
static int take(void *argument, struct guest *g, char **error)
{
	struct taking *t = argument;
	json_t *result = guest_result(g, error);
	if (!result)
		return -1;
	char *from = guest_run_directory(g);
	int rc = rows_publish(
		t->session->place.directory, t->run->id, from, t->session->options->keep, error);
	if (rc == 0)
		rc = rows_add(&t->session->rows, t->run, result, error);
	free(from);
	json_decref(result);
	return rc;
}

static int finish(struct session *s, struct slot *slot, char **error)
{
	struct taking taking = {s, slot->run};
	char *note = NULL;
	int rc = guest_finish(&slot->guest, take, &taking, &note, error);
	s->line.running--;
	if (rc == 0) {
		s->line.done++;
	} else if (rc > 0) {
		slot->run->state = RUN_FAILED;
		s->line.failed++;
		char *cell = sweep_cell_text(
			s->sweep, plan_row(&s->plan, s->plan.by_run[slot->run->rows]).cell);
		line_say(&s->line, "%s, %s, seed %lld: %s", cell, slot->guest.contestant->name,
			(long long)slot->definition->seed, note);
		free(cell);
		rc = session_disk_is_full(s, error) ? -1 : 0;
	}
	free(note);
	return rc;
}

int local_run(struct session *s, int jobs, char **error)
{
	struct slot *slots = calloc((size_t)jobs, sizeof(*slots));
	if (!slots)
		abort();
	int rc = 0;
	bool more = true;
	while (rc == 0 && (more || s->line.running > 0)) {
		size_t row;
		for (int i = 0; rc == 0 && more && i < jobs; i++) {
			if (slots[i].guest.setting || !(more = session_next(s, &row)))
				continue;
			rc = start(s, &slots[i], i, row, error);
			s->line.queued--;
			s->line.running++;
		}
		if (rc == 0 && s->line.running > 0 &&
			child_wait(NULL, now_us() + LOOK_US) == WAIT_STOPPED)
			rc = 1;
		for (int i = 0; rc == 0 && i < jobs; i++) {
			if (!slots[i].guest.setting || !guest_is_over(&slots[i].guest))
				continue;
			rc = finish(s, &slots[i], error);
			free_slot(&slots[i]);
		}
		line_show(&s->line);
	}
	for (int i = 0; i < jobs; i++)
		free_slot(&slots[i]);
	free(slots);
	char *unfinished = place_unfinished(s->place.directory, "");
	rmdir(unfinished);
	free(unfinished);
	return rc;
}
