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

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define LOOK_US       50000
#define ROOM_FOR_LOGS 4e6

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

/* What a guest takes on the disk, in bytes: what it starts with, and its logs. */
static double room_of_guest(const struct session *s)
{
	static const char *const parts[] = {"base", "programs"};
	double bytes = ROOM_FOR_LOGS;
	for (size_t i = 0; i < 2; i++) {
		struct stat st;
		char *file = text_format("%s/%s", s->image, parts[i]);
		bytes += stat(file, &st) == 0 ? (double)st.st_size : 0;
		free(file);
	}
	return bytes;
}

/* Whether so many more guests have room: a disk that is full would fail one run after the other. */
static int check_room(const struct session *s, int guests, char **error)
{
	struct statvfs fs;
	if (statvfs(s->place.directory, &fs) != 0)
		return error_set(error, "%s: %s", s->place.directory, strerror(errno));
	double has = (double)fs.f_bavail * (double)fs.f_frsize, wanted = guests * room_of_guest(s);
	if (has >= wanted)
		return 0;
	return error_set(error,
		"%s: %s: expected %.0f MB for %d guests at work, there are %.0f; what is done "
		"stays",
		s->place.directory, strerror(ENOSPC), ceil(wanted / 1e6), guests, floor(has / 1e6));
}

static int start(struct session *s, struct slot *slot, int number, size_t row, char **error)
{
	struct row what = plan_row(&s->plan, row);
	char name[RUN_TEXT];
	slot->run = plan_run(&s->plan, row);
	if (check_room(s, 1, error) != 0)
		return -1;
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
	int rc = check_room(s, jobs < (int)s->line.all ? jobs : (int)s->line.all, error);
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
