// SPDX-License-Identifier: BSD-2-Clause
/* Series of values; the contracts are in the header. */

#include "analysis/sweep/series.h"

#include "experiments/record/measure_list.h"
#include "mpip/base/error.h"

#include <libgen.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void *list_of(size_t count, size_t size)
{
	void *list = calloc(count + 1, size);
	if (!list)
		abort();
	return list;
}

static void take_sweep(struct series_set *set, const char *directory)
{
	const struct sweep *s = set->sweep;
	set->title = text_format("%s: %s", directory, s->title);
	set->measure = s->measure;
	set->notes = text_format("%s", s->notes);
	set->repetition_count = s->seed_count;
	set->repetitions = list_of(s->seed_count, sizeof(*set->repetitions));
	for (size_t k = 0; k < s->seed_count; k++)
		set->repetitions[k].seed = s->seeds[k];
	set->count = s->cell_count * s->contestant_count;
	set->all = list_of(set->count, sizeof(*set->all));
	for (size_t i = 0; i < set->count; i++) {
		size_t cell = i / s->contestant_count, contestant = i % s->contestant_count;
		struct series *one = &set->all[i];
		one->contestant = s->contestants[contestant].name;
		one->cell = sweep_cell_text(s, cell);
		one->values = list_of(s->seed_count, sizeof(double));
		memcpy(one->values, sweep_values(s, cell, contestant),
			s->seed_count * sizeof(double));
	}
}

/* The place of a run's repetition, which is added where it is new. */
static size_t place_of(struct series_set *set, const json_t *run)
{
	struct repetition r = {json_integer_value(json_object_get(run, "seed")),
		json_integer_value(json_object_get(run, "rep"))};
	size_t i = 0;
	while (i < set->repetition_count &&
		(set->repetitions[i].seed != r.seed || set->repetitions[i].rep != r.rep))
		i++;
	set->repetitions[i] = r;
	if (i == set->repetition_count)
		set->repetition_count++;
	return i;
}

/* An experiment has a cell for each contestant. */
static void take_experiment(struct series_set *set, const char *directory)
{
	const struct results *r = set->results;
	size_t runs = json_array_size(r->all), marked = 0;
	set->title = text_format("%s: %s", directory, r->title);
	set->repetitions = list_of(runs, sizeof(*set->repetitions));
	set->count = r->count;
	set->all = list_of(r->count, sizeof(*set->all));
	for (size_t i = 0; i < r->count; i++) {
		const struct contestant_results *c = &r->contestants[i];
		struct series *one = &set->all[i];
		one->contestant = c->name;
		one->cell = text_format("%s", "");
		one->values = list_of(runs, sizeof(double));
		for (size_t k = 0; k < runs; k++)
			one->values[k] = NAN;
		for (size_t k = 0; k < c->count; k++)
			one->values[place_of(set, c->runs[k])] =
				measure_value(c->runs[k], set->measure.name);
		marked += c->marked_count;
	}
	set->notes = marked ? text_format("%zu runs have marks and do not count", marked)
			    : text_format("%s", "");
}

/* A measure of the list of all. */
static int find_measure(const char *name, struct sweep_measure *m, char **error)
{
	const struct listed_measure *listed = name ? measure_listed(name) : &measure_list[0];
	if (listed) {
		*m = (struct sweep_measure){listed->name, listed->title, listed->unit,
			strcmp(listed->better, "lower") == 0};
		return 0;
	}
	char *known = text_format("%s", measure_list[0].name);
	for (const struct listed_measure *l = measure_list + 1; l->name; l++) {
		char *longer = text_format("%s, %s", known, l->name);
		free(known);
		known = longer;
	}
	error_set(error, "measure %s: expected one of %s", name, known);
	free(known);
	return -1;
}

static bool is_there(const char *directory, const char *name)
{
	char *file = text_format("%s/%s", directory, name);
	bool there = access(file, F_OK) == 0;
	free(file);
	return there;
}

static int load(struct series_set *set, const char *directory, const char *measure, char **error)
{
	if (is_there(directory, "sweep.json")) {
		set->sweep = sweep_load(directory, measure, error);
		if (set->sweep)
			take_sweep(set, directory);
		return set->sweep ? 0 : -1;
	}
	if (!is_there(directory, "runs.json"))
		return error_set(error,
			"%s: expected the directory of a sweep, with sweep.json, or of an "
			"experiment, with runs.json",
			directory);
	if (find_measure(measure, &set->measure, error) != 0)
		return -1;
	char *above = text_format("%s", directory);
	set->path = text_format("%s", directory);
	set->results = results_load(dirname(above), basename(set->path), NULL, error);
	free(above);
	if (set->results)
		take_experiment(set, directory);
	return set->results ? 0 : -1;
}

struct series_set *series_load(const char *directory, const char *measure, char **error)
{
	struct series_set *set = list_of(1, sizeof(*set));
	if (load(set, directory, measure, error) == 0)
		return set;
	series_free(set);
	return NULL;
}

void series_free(struct series_set *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->count; i++) {
		free(s->all[i].cell);
		free(s->all[i].values);
	}
	free(s->all);
	free(s->repetitions);
	free(s->title);
	free(s->notes);
	sweep_free(s->sweep);
	results_free(s->results);
	free(s->path);
	free(s);
}
