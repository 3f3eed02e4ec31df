// SPDX-License-Identifier: BSD-2-Clause
/*
 * Reading a sweep.
 *
 * Theory of operation
 * -------------------
 * As an experiment, it is read by the readers of mpip/base/jsonfile.h, and what it names is
 * relative to its own place. A cell is a number: the digits of it, in a system whose bases are the
 * lengths of the axes, say which value each axis has. So there is no list of cells, however many
 * there are.
 */

#include "experiments/sweeper/sweepfile.h"

#include "experiments/record/definition.h"
#include "experiments/record/measure_list.h"
#include "experiments/record/names.h"
#include "mpip/base/error.h"

#include <libgen.h>
#include <stdlib.h>
#include <string.h>

#define CELLS_MAX 1000000
#define SEED_MAX  1000000000

size_t sweep_cells(const struct sweep *s)
{
	size_t cells = 1;
	for (size_t i = 0; i < s->axis_count; i++)
		cells *= s->axes[i].count;
	return cells;
}

const struct axis_value *sweep_value(const struct sweep *s, size_t cell, size_t axis)
{
	for (size_t i = s->axis_count - 1; i > axis; i--)
		cell /= s->axes[i].count;
	return &s->axes[axis].values[cell % s->axes[axis].count];
}

json_t *sweep_cell_json(const struct sweep *s, size_t cell)
{
	json_t *values = json_object();
	for (size_t i = 0; i < s->axis_count; i++)
		json_object_set(values, s->axes[i].name, sweep_value(s, cell, i)->shown);
	return values;
}

char *sweep_cell_text(const struct sweep *s, size_t cell)
{
	char *all = text_format("%s", "");
	for (size_t i = 0; i < s->axis_count; i++) {
		char *value = axis_value_text(sweep_value(s, cell, i)), *before = all;
		all = text_format("%s%s%s=%s", before, i > 0 ? ", " : "", s->axes[i].name, value);
		free(before);
		free(value);
	}
	return all;
}

static int by_size(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return x < y ? -1 : x > y;
}

size_t sweep_find_cell(const struct sweep *s, const json_t *values)
{
	size_t cell = 0;
	if (json_object_size(values) != s->axis_count)
		return sweep_cells(s);
	for (size_t i = 0; i < s->axis_count; i++) {
		const struct axis *a = &s->axes[i];
		const json_t *value = json_object_get(values, a->name);
		size_t k = 0;
		while (k < a->count && !json_equal(a->values[k].shown, value))
			k++;
		if (k == a->count)
			return sweep_cells(s);
		cell = cell * a->count + k;
	}
	return cell;
}

bool sweep_find_seed(const struct sweep *s, int64_t seed, size_t *index)
{
	const int64_t *found = bsearch(&seed, s->seeds, s->seed_count, sizeof(*s->seeds), by_size);
	*index = found ? (size_t)(found - s->seeds) : 0;
	return found != NULL;
}

static void read_axes(struct sweep *s, struct jat list)
{
	size_t count = jat_length(list);
	if (count == 0)
		jat_fail(list, "expected a list of at least one axis");
	s->axes = calloc(count ? count : 1, sizeof(*s->axes));
	if (!s->axes)
		abort();
	for (size_t i = 0; i < count && !jdoc_error(list.doc); i++) {
		struct jat at = jat_item(list, i);
		s->axes[i] = axis_read(at);
		s->axis_count = i + 1;
		for (size_t k = 0; k < i; k++)
			if (strcmp(s->axes[k].name, s->axes[i].name) == 0)
				jat_fail(jat_key(at, "name"),
					"expected a name that no other axis has");
		if (!jdoc_error(list.doc) && sweep_cells(s) > CELLS_MAX)
			jat_fail(list, "expected at most %d cells", CELLS_MAX);
	}
}

/* Takes the list. */
static void set_seeds(struct sweep *s, int64_t *seeds, size_t count)
{
	free(s->seeds);
	qsort(seeds, count, sizeof(*seeds), by_size);
	s->seeds = seeds;
	s->seed_count = count;
}

static int64_t *make_seeds(size_t count)
{
	int64_t *seeds = calloc(count ? count : 1, sizeof(*seeds));
	if (!seeds)
		abort();
	return seeds;
}

static void read_seeds(struct sweep *s, struct jat at)
{
	static const char *const keys[] = {"from", "count", NULL};
	if (json_is_object(at.value)) {
		jat_only(at, keys);
		int64_t from = jat_integer(jat_key(at, "from"), 0, SEED_MAX - SEEDS_MAX);
		int64_t count = jat_integer(jat_key(at, "count"), 1, SEEDS_MAX);
		if (jdoc_error(at.doc))
			return;
		set_seeds(s, make_seeds((size_t)count), (size_t)count);
		for (int64_t i = 0; i < count; i++)
			s->seeds[i] = from + i;
		return;
	}
	size_t count = jat_length(at);
	if (!jat_present(at))
		jat_fail(at, "missing, expected a list of seeds, or {\"from\": 1, \"count\": 5}");
	else if (count == 0 || count > SEEDS_MAX)
		jat_fail(at, "expected a list of 1 to %d seeds", SEEDS_MAX);
	if (jdoc_error(at.doc))
		return;
	int64_t *seeds = make_seeds(count);
	for (size_t i = 0; i < count; i++)
		seeds[i] = jat_integer(jat_item(at, i), 0, SEED_MAX);
	set_seeds(s, seeds, count);
	for (size_t i = 1; i < count; i++)
		if (seeds[i - 1] == seeds[i])
			jat_fail(at, "expected seeds that differ, %lld is there twice",
				(long long)seeds[i]);
}

/* A list of texts; `fallback` where it is absent and not NULL. */
static char **read_texts(struct jat at, const char *fallback, size_t *count)
{
	bool have = jat_present(at);
	*count = have ? jat_length(at) : fallback != NULL;
	char **texts = calloc(*count + 1, sizeof(*texts));
	if (!texts)
		abort();
	for (size_t i = 0; i < *count; i++) {
		const char *text = have ? jat_string(jat_item(at, i)) : fallback;
		texts[i] = text_format("%s", text ? text : "");
	}
	return texts;
}

static void read_measures(struct sweep *s, struct jat at)
{
	s->measures = read_texts(at, "goodput_mbit", &s->measure_count);
	if (jat_present(at) && s->measure_count == 0)
		jat_fail(at, "expected a list of at least one measure");
	for (size_t i = 0; jat_present(at) && i < s->measure_count; i++) {
		if (measure_listed(s->measures[i]))
			continue;
		char *names = text_format("%s", "");
		for (const struct listed_measure *m = measure_list; m->name; m++) {
			char *before = names;
			names = text_format("%s%s%s", before, *before ? ", " : "", m->name);
			free(before);
		}
		jat_fail(jat_item(at, i), "expected one of %s, got \"%s\"", names, s->measures[i]);
		free(names);
	}
}

/* "experiments/sweeps/unequal.json" is the sweep unequal. */
static char *name_of(const char *file)
{
	const char *slash = strrchr(file, '/');
	const char *base = slash ? slash + 1 : file;
	const char *end = strstr(base, ".json");
	return end && !end[5] ? text_format("%.*s", (int)(end - base), base)
			      : text_format("%s", base);
}

static void read_sweep(struct sweep *s, struct jat root)
{
	static const char *const keys[] = {"about", "title", "experiment", "axes", "seeds",
		"measures", "warm_up_s", "duration_s", "slurm_options", NULL};
	name_check(root, s->name);
	jat_only(root, keys);
	jat_string_or(jat_key(root, "about"), "");
	s->title = text_format("%s", jat_string_or(jat_key(root, "title"), s->name));
	const char *experiment = jat_string(jat_key(root, "experiment"));
	char *own = text_format("%s", s->file);
	s->experiment = !experiment            ? NULL
			: experiment[0] == '/' ? text_format("%s", experiment)
					       : text_format("%s/%s", dirname(own), experiment);
	free(own);
	read_axes(s, jat_key(root, "axes"));
	read_seeds(s, jat_key(root, "seeds"));
	read_measures(s, jat_key(root, "measures"));
	s->duration_s = (int)jat_integer_or(jat_key(root, "duration_s"), 1, DURATION_MAX_S, -1);
	s->warm_up_s = (int)jat_integer_or(jat_key(root, "warm_up_s"), 0, 600, -1);
	s->slurm_options = read_texts(jat_key(root, "slurm_options"), NULL, &s->slurm_option_count);
}

struct sweep *sweep_load(const char *file, char **error)
{
	struct jdoc *doc = jdoc_load(file);
	struct sweep *s = calloc(1, sizeof(*s));
	if (!s)
		abort();
	s->file = text_format("%s", file);
	s->name = name_of(file);
	if (!jdoc_error(doc))
		read_sweep(s, jdoc_root(doc));
	if (jdoc_error(doc)) {
		error_set(error, "%s", jdoc_error(doc));
		sweep_free(s);
		s = NULL;
	}
	jdoc_free(doc);
	return s;
}

/* A number from 0 on; -1: there is none, or it is too large. */
static int64_t take_number(const char **at)
{
	int64_t n = 0;
	size_t digits = strspn(*at, "0123456789");
	for (size_t i = 0; i < digits && n <= SEED_MAX; i++)
		n = n * 10 + (*at)[i] - '0';
	*at += digits;
	return digits > 0 && n <= SEED_MAX ? n : -1;
}

int sweep_take_seeds(struct sweep *s, const char *text, char **error)
{
	int64_t *seeds = make_seeds(SEEDS_MAX);
	size_t count = 0;
	bool good = true;
	for (const char *at = text; good; at++) {
		int64_t from = take_number(&at), to = from;
		if (from >= 0 && *at == '-') {
			at++;
			to = take_number(&at);
		}
		good = from >= 0 && to >= from && to - from < (int64_t)(SEEDS_MAX - count) &&
		       (*at == ',' || !*at) && (count == 0 || from > seeds[count - 1]);
		for (int64_t seed = from; good && seed <= to; seed++)
			seeds[count++] = seed;
		if (!*at)
			break;
	}
	if (good) {
		set_seeds(s, seeds, count);
		return 0;
	}
	free(seeds);
	return error_set(error,
		"--seeds %s: expected seeds that rise, at most %d, such as 1-20 or 1,3,5-9", text,
		SEEDS_MAX);
}

static void free_texts(char **texts, size_t count)
{
	for (size_t i = 0; texts && i < count; i++)
		free(texts[i]);
	free(texts);
}

void sweep_free(struct sweep *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->axis_count; i++)
		axis_free(&s->axes[i]);
	free(s->axes);
	free(s->seeds);
	free_texts(s->measures, s->measure_count);
	free_texts(s->slurm_options, s->slurm_option_count);
	free(s->experiment);
	free(s->title);
	free(s->name);
	free(s->file);
	free(s);
}
