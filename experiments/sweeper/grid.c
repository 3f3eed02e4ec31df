// SPDX-License-Identifier: BSD-2-Clause
/*
 * Cells as experiments.
 *
 * Theory of operation
 * -------------------
 * The experiment is read once and made whole: the scenarios' files take the place of their names,
 * with what these name in turn. A cell is a copy of it in which each axis has set its value; it is
 * then read and checked as any experiment is, so that a value that a scenario cannot have is told
 * by the words that the scenario's own reader has. What is for people or for the paper alone is
 * taken out. The links of a cell are not calibrated: that would cost as much as the run, and in
 * virtual time they are what the scenario says; each run's own traffic is judged all the same
 * ("losses" in its result).
 */

#include "experiments/sweeper/grid.h"

#include "experiments/runner/check.h"
#include "experiments/sweeper/pointer.h"
#include "mpip/base/error.h"

#include <libgen.h>
#include <stdlib.h>
#include <string.h>

#define FAULTS_MAX 20 /* lines that are told */
#define SCENARIO   "/scenario/"

/* Puts the scenario that `at` names in the place of its name. */
static int put_scenario(json_t *at, const char *experiment, char **error)
{
	const char *name = json_string_value(json_object_get(at, "scenario"));
	if (!name)
		return 0; /* none, or wrong: the experiment's reader tells */
	char *own = text_format("%s", experiment);
	char *file =
		name[0] == '/' ? text_format("%s", name) : text_format("%s/%s", dirname(own), name);
	json_t *content = scenario_content(file, error);
	if (content)
		json_object_set_new(at, "scenario", content);
	int rc = content ? 0 : -1;
	free(file);
	free(own);
	return rc;
}

static void override(json_t *experiment, const char *key, int value)
{
	if (value >= 0)
		json_object_set_new(experiment, key, json_integer(value));
}

int grid_open(struct grid *g, const struct sweep *s, char **error)
{
	*g = (struct grid){.sweep = s};
	/* Its own faults are told with its own name. */
	struct definition *d = definition_load(s->experiment, error);
	g->base = d ? json_read(s->experiment, 0, error) : NULL;
	g->experiment = d ? text_format("%s", d->name) : NULL;
	definition_free(d);
	if (!g->base || put_scenario(g->base, s->experiment, error) != 0)
		return -1;
	json_object_set_new(g->base, "repeats", json_integer(1));
	json_object_set_new(g->base, "seed", json_integer(0));
	json_object_del(g->base, "paper_duration_s");
	json_object_del(g->base, "paper_warm_up_s");
	override(g->base, "duration_s", s->duration_s);
	override(g->base, "warm_up_s", s->warm_up_s);
	json_t *contestants = json_object_get(g->base, "contestants"), *contestant;
	size_t i;
	json_array_foreach (contestants, i, contestant) {
		json_object_del(contestant, "paper");
		if (put_scenario(contestant, s->experiment, error) != 0)
			return -1;
	}
	return 0;
}

void grid_close(struct grid *g)
{
	json_decref(g->base);
	free(g->experiment);
	*g = (struct grid){0};
}

/* How many places the pointer has reached: with /scenario, each contestant's own, too. */
static int set_everywhere(json_t *experiment, const char *pointer, json_t *value)
{
	int reached = pointer_set(experiment, pointer, value) == 0;
	if (strncmp(pointer, SCENARIO, strlen(SCENARIO)) != 0)
		return reached;
	json_t *contestants = json_object_get(experiment, "contestants"), *contestant;
	size_t i;
	json_array_foreach (contestants, i, contestant)
		reached += pointer_set(contestant, pointer, value) == 0;
	return reached;
}

/* Sets one axis' value. 0, or -1 and *error. */
static int set_value(const struct grid *g, json_t *experiment, size_t axis,
	const struct axis_value *v, char **error)
{
	const char *pointer;
	json_t *value;
	json_object_foreach (v->set, pointer, value) {
		json_t *own = json_deep_copy(value);
		int reached = set_everywhere(experiment, pointer, own);
		json_decref(own);
		if (reached == 0)
			return error_set(error,
				"%s: axes[%zu] (%s): expected a pointer into the experiment, "
				"which has nothing at %s",
				g->sweep->file, axis, g->sweep->axes[axis].name, pointer);
	}
	return 0;
}

json_t *grid_experiment(const struct grid *g, size_t cell, char **error)
{
	json_t *experiment = json_deep_copy(g->base);
	for (size_t i = 0; i < g->sweep->axis_count; i++) {
		if (set_value(g, experiment, i, sweep_value(g->sweep, cell, i), error) == 0)
			continue;
		json_decref(experiment);
		return NULL;
	}
	return experiment;
}

struct definition *grid_define(
	const char *file, const char *name, json_t *experiment, int64_t seed, char **faults)
{
	struct definition *d = definition_of(file, name, experiment, faults);
	d->ground = GROUND_VM;
	d->seed = seed;
	return d;
}

/* "FILE: delay_2=25", the experiment's name in messages. Allocated. */
static char *cell_file(const struct grid *g, size_t cell)
{
	char *text = sweep_cell_text(g->sweep, cell);
	char *file = text_format("%s: %s", g->sweep->file, text);
	free(text);
	return file;
}

/* Faults of its form are added. NULL and *faults: it is not even one. */
static struct definition *define(const struct grid *g, size_t cell, int64_t seed, char **faults)
{
	json_t *experiment = grid_experiment(g, cell, faults);
	if (!experiment)
		return NULL;
	char *file = cell_file(g, cell);
	struct definition *d = grid_define(file, g->experiment, experiment, seed, faults);
	free(file);
	json_decref(experiment);
	return d;
}

struct definition *grid_definition(const struct grid *g, size_t cell, int64_t seed, char **error)
{
	char *faults = NULL;
	struct definition *d = define(g, cell, seed, &faults);
	if (faults) {
		error_set(error, "%s", faults);
		definition_free(d);
		d = NULL;
	}
	free(faults);
	return d;
}

/* Adds the lines of `more`, to FAULTS_MAX; counts them all. */
static void add_faults(char **faults, size_t *count, const char *more)
{
	for (const char *at = more; at && *at;) {
		size_t length = strcspn(at, "\n");
		if (++*count <= FAULTS_MAX)
			definition_fault(faults, text_format("%.*s", (int)length, at));
		at += length + (at[length] == '\n');
	}
}

/* Whether every axis reaches something with every value. */
static void check_pointers(const struct grid *g, char **faults, size_t *count)
{
	for (size_t axis = 0; axis < g->sweep->axis_count; axis++) {
		const struct axis *a = &g->sweep->axes[axis];
		for (size_t i = 0; i < a->count; i++) {
			char *own = NULL;
			json_t *experiment = json_deep_copy(g->base);
			set_value(g, experiment, axis, &a->values[i], &own);
			json_decref(experiment);
			add_faults(faults, count, own);
			free(own);
		}
	}
}

static void check_cell(
	const struct grid *g, const char *programs, size_t cell, char **faults, size_t *count)
{
	char *own = NULL, *notes = NULL;
	struct definition *d = define(g, cell, 1, &own);
	/* The kernel's opinion of sysctls costs a process each time: once is enough. */
	definition_check(d, programs, false, &own, cell == 0 ? &notes : NULL);
	add_faults(faults, count, own);
	definition_free(d);
	free(notes);
	free(own);
}

int grid_check(const struct grid *g, const char *programs, bool (*tell)(size_t done, size_t of),
	char **error)
{
	char *faults = NULL;
	size_t cells = sweep_cells(g->sweep), count = 0;
	bool stop = false;
	check_pointers(g, &faults, &count);
	bool reaches = count == 0;
	for (size_t cell = 0; reaches && cell < cells && !stop; cell++) {
		check_cell(g, programs, cell, &faults, &count);
		stop = tell && tell(cell + 1, cells);
	}
	if (count > FAULTS_MAX)
		definition_fault(&faults, text_format("and %zu more", count - FAULTS_MAX));
	int rc = faults ? error_set(error, "%s", faults) : 0;
	free(faults);
	return stop ? 1 : rc;
}
