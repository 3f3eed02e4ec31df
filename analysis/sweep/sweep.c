// SPDX-License-Identifier: BSD-2-Clause
/*
 * Reading a sweep's results.
 *
 * Theory of operation
 * -------------------
 * sweep.json says what is planned, rows.jsonl has a line for each run that is done, in any order.
 * Rows are read one by one, and of each only one number is kept, at its place in a dense table: so
 * a hundred thousand runs are a few megabytes.
 *
 * Rows outlive plans. A runner that is killed leaves half a line at the end. Axes shrink and grow,
 * and an experiment changes, which leaves rows that are planned no more and several rows of one
 * cell, contestant and seed. None of that makes the others wrong; it is left out, and said. What no
 * runner writes is an error.
 */

#include "analysis/sweep/sweep.h"

#include "experiments/record/lines.h"
#include "experiments/record/names.h"
#include "mpip/base/error.h"
#include "mpip/base/jsonfile.h"

#include <dirent.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SCHEMA    1
#define RUNS_MOST 100000000 /* what the table may have room for */

static void *list_of(size_t count, size_t size)
{
	void *list = calloc(count + 1, size);
	if (!list)
		abort();
	return list;
}

/* Adds a line to the notes. Frees it. */
static void note(struct sweep *s, char *line)
{
	char *longer = text_format("%s%s%s", s->notes, *s->notes ? "\n" : "", line);
	free(s->notes);
	free(line);
	s->notes = longer;
}

/* ---- The plan ---- */

static void read_axis(struct jat at, struct sweep_axis *axis)
{
	struct jat values = jat_key(at, "values");
	axis->name = jat_string(jat_key(at, "name"));
	axis->title = jat_string_or(jat_key(at, "title"), axis->name);
	axis->unit = jat_string_or(jat_key(at, "unit"), "");
	axis->values = values.value;
	axis->count = jat_length(values);
	if (!json_is_array(values.value) || axis->count == 0)
		jat_fail(values, "expected a list of values");
	bool numbers = axis->count && json_is_number(json_array_get(values.value, 0));
	for (size_t i = 0; i < axis->count; i++) {
		const json_t *value = json_array_get(values.value, i);
		if (numbers ? !json_is_number(value) : !json_is_string(value))
			jat_fail(jat_item(values, i), "expected %s, as the first value is",
				numbers ? "a number" : "a text");
	}
}

static void read_contestants(struct jat list, struct sweep *s)
{
	s->contestant_count = jat_length(list);
	s->contestants = list_of(s->contestant_count, sizeof(*s->contestants));
	if (s->contestant_count == 0)
		jat_fail(list, "expected contestants");
	for (size_t i = 0; i < s->contestant_count; i++) {
		struct jat at = jat_item(list, i);
		s->contestants[i] = (struct sweep_contestant){
			.name = jat_string(jat_key(at, "name")),
			.plain = jat_bool_or(jat_key(at, "plain"), false),
			.alone = json_is_object(json_object_get(at.value, "nics")),
			.of = -1,
		};
	}
	for (size_t i = 0; i < s->contestant_count; i++) {
		const json_t *of = json_object_get(json_array_get(list.value, i), "of");
		for (size_t k = 0; json_is_string(of) && k < s->contestant_count; k++)
			if (strcmp(s->contestants[k].name, json_string_value(of)) == 0)
				s->contestants[i].of = (long)k;
	}
}

/* "goodput_mbit, gap_ms". Allocated. */
static char *names_of(struct jat list)
{
	char *text = text_format("%s", "");
	for (size_t i = 0; i < jat_length(list); i++) {
		char *longer = text_format("%s%s%s", text, i ? ", " : "",
			jat_string(jat_key(jat_item(list, i), "name")));
		free(text);
		text = longer;
	}
	return text;
}

static void read_measure(struct jat list, const char *name, struct sweep_measure *m)
{
	static const char *const better[] = {"higher", "lower", NULL};
	for (size_t i = 0; i < jat_length(list); i++) {
		struct jat at = jat_item(list, i);
		struct sweep_measure one = {.name = jat_string(jat_key(at, "name"))};
		one.title = jat_string_or(jat_key(at, "title"), one.name);
		one.unit = jat_string_or(jat_key(at, "unit"), "");
		one.lower = jat_choice_or(jat_key(at, "better"), better, 0) == 1;
		if (!m->name && (!name || strcmp(one.name, name) == 0))
			*m = one;
	}
	char *known = names_of(list);
	if (!m->name && name)
		jat_fail(list, "expected one of %s, got %s", known, name);
	else if (!m->name)
		jat_fail(list, "expected measures");
	free(known);
}

static void check_schema(struct jat at)
{
	if (!json_is_integer(at.value) || json_integer_value(at.value) != SCHEMA)
		jat_fail(at, "expected %d, got %lld: a sweep of another version of this program",
			SCHEMA, (long long)json_integer_value(at.value));
}

static void read_plan(struct jdoc *doc, struct sweep *s, const char *measure)
{
	struct jat root = jdoc_root(doc), axes = jat_key(root, "axes");
	struct jat seeds = jat_key(root, "seeds");
	check_schema(jat_key(root, "schema"));
	s->name = jat_string(jat_key(root, "name"));
	s->title = jat_string_or(jat_key(root, "title"), s->name);
	s->axis_count = jat_length(axes);
	s->axes = list_of(s->axis_count, sizeof(*s->axes));
	double runs = 1;
	for (size_t i = 0; i < s->axis_count; i++) {
		read_axis(jat_item(axes, i), &s->axes[i]);
		runs *= (double)s->axes[i].count;
	}
	read_contestants(jat_key(root, "contestants"), s);
	s->seed_count = jat_length(seeds);
	s->seeds = list_of(s->seed_count, sizeof(*s->seeds));
	if (s->seed_count == 0)
		jat_fail(seeds, "expected seeds");
	for (size_t i = 0; i < s->seed_count; i++)
		s->seeds[i] = jat_integer(jat_item(seeds, i), 0, INT64_MAX);
	read_measure(jat_key(root, "measures"), measure, &s->measure);
	runs *= (double)s->contestant_count * (double)s->seed_count;
	if (runs > RUNS_MOST)
		jat_fail(axes, "expected at most %d runs, they make %.0f", RUNS_MOST, runs);
	if (jdoc_error(doc))
		return;
	s->count = (size_t)runs;
	/* NOLINTNEXTLINE(clang-analyzer-core.DivideZero): there is one of each at least */
	s->cell_count = s->count / (s->contestant_count * s->seed_count);
}

/* ---- Rows ---- */

/* The rows, while they are read. */
struct reader {
	struct sweep *sweep;
	struct lines lines;
	struct seen {
		uint64_t run, digest; /* their first 16 digits */
		bool there, marked;
	} * seen; /* of each run */
	size_t rows, others, again, differing;
	char *why_not; /* of the first row that is not planned */
};

static int bad_row(const struct reader *r, char **error, const char *what, const char *expected)
{
	return error_set(error, "%s: line %zu: %s: expected %s", r->lines.file, r->lines.number,
		what, expected);
}

/* Remembers why the first row is not of the plan. Frees the reason. */
static long not_planned(struct reader *r, char *why)
{
	if (!r->why_not)
		r->why_not = text_format("line %zu: %s", r->lines.number, why);
	free(why);
	return -1;
}

static bool is_value(const json_t *planned, const json_t *value)
{
	if (json_is_string(planned))
		return json_is_string(value) &&
		       strcmp(json_string_value(planned), json_string_value(value)) == 0;
	return json_is_number(value) && json_number_value(planned) == json_number_value(value);
}

/* The place of a row's value on an axis; its count: it is not there. */
static size_t find_place(const struct sweep_axis *axis, const json_t *value)
{
	size_t i = 0;
	while (i < axis->count && !is_value(json_array_get(axis->values, i), value))
		i++;
	return i;
}

/* The cell of a row; -1: none of the plan. */
static long find_cell(struct reader *r, const json_t *cell)
{
	const struct sweep *s = r->sweep;
	size_t number = 0;
	for (size_t i = 0; i < s->axis_count; i++) {
		const struct sweep_axis *axis = &s->axes[i];
		const json_t *value = json_object_get(cell, axis->name);
		size_t place = find_place(axis, value);
		if (place == axis->count) {
			char *text = value ? json_dumps(value, JSON_ENCODE_ANY) : NULL;
			char *why =
				text_format("cell: %s is %s", axis->name, text ? text : "absent");
			free(text);
			return not_planned(r, why);
		}
		number = number * axis->count + place;
	}
	if (json_object_size(cell) != s->axis_count)
		return not_planned(r, text_format("cell: it has %zu axes, not %zu",
					      json_object_size(cell), s->axis_count));
	return (long)number;
}

/* The place of a row's value in the table; -1: it is not of the plan. */
static long find_slot(struct reader *r, const json_t *row)
{
	const struct sweep *s = r->sweep;
	const char *name = json_string_value(json_object_get(row, "contestant"));
	json_int_t seed = json_integer_value(json_object_get(row, "seed"));
	size_t c = 0, k = 0;
	long cell = find_cell(r, json_object_get(row, "cell"));
	if (cell < 0)
		return cell;
	while (c < s->contestant_count && strcmp(s->contestants[c].name, name) != 0)
		c++;
	if (c == s->contestant_count)
		return not_planned(r, text_format("contestant: it is %s", name));
	while (k < s->seed_count && s->seeds[k] != seed)
		k++;
	if (k == s->seed_count)
		return not_planned(r, text_format("seed: it is %lld", (long long)seed));
	return (long)(((size_t)cell * s->contestant_count + c) * s->seed_count + k);
}

/* What every row has. */
static int check_row(const struct reader *r, const json_t *row, char **error)
{
	static const char *const texts[] = {"run", "contestant", "digest"};
	if (!json_is_object(row))
		return bad_row(r, error, "row", "an object");
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (!json_is_string(json_object_get(row, texts[i])))
			return bad_row(r, error, texts[i], "a text");
	if (!json_is_object(json_object_get(row, "cell")))
		return bad_row(r, error, "cell", "an object");
	if (!json_is_integer(json_object_get(row, "seed")))
		return bad_row(r, error, "seed", "a whole number");
	if (!json_is_array(json_object_get(row, "marks")))
		return bad_row(r, error, "marks", "a list");
	if (!json_is_object(json_object_get(row, "measures")))
		return bad_row(r, error, "measures", "an object");
	return 0;
}

static uint64_t first_digits(const json_t *row, const char *key)
{
	char digits[17];
	snprintf(digits, sizeof(digits), "%s", json_string_value(json_object_get(row, key)));
	return strtoull(digits, NULL, 16);
}

/* Keeps a row's value; what an earlier one of the same run had is gone. */
static int add_row(struct reader *r, const json_t *row, char **error)
{
	struct sweep *s = r->sweep;
	const json_t *value = json_object_get(json_object_get(row, "measures"), s->measure.name);
	if (value && !json_is_number(value)) {
		char *what = text_format("measures.%s", s->measure.name);
		int rc = bad_row(r, error, what, "a number");
		free(what);
		return rc;
	}
	long slot = find_slot(r, row);
	if (slot < 0) {
		r->others++;
		return 0;
	}
	struct seen now = {first_digits(row, "run"), first_digits(row, "digest"), true,
		json_array_size(json_object_get(row, "marks")) > 0};
	struct seen *before = &r->seen[slot];
	if (before->there && before->run != now.run)
		r->again++;
	else if (before->there && before->digest != now.digest)
		r->differing++;
	*before = now;
	s->known[slot] = !now.marked;
	s->values[slot] = value && !now.marked ? json_number_value(value) : NAN;
	return 0;
}

static int read_row(struct reader *r, char **error)
{
	json_error_t e;
	json_t *row = json_loads(r->lines.text, JSON_REJECT_DUPLICATES, &e);
	int rc = row ? check_row(r, row, error)
		     : error_set(error, "%s: line %zu: expected JSON: %s", r->lines.file,
			       r->lines.number, e.text);
	if (rc == 0)
		rc = add_row(r, row, error);
	r->rows++;
	json_decref(row);
	return rc;
}

/* What is to be said of the rows. */
static void note_rows(struct reader *r)
{
	struct sweep *s = r->sweep;
	for (size_t i = 0; i < s->count; i++) {
		s->done += r->seen[i].there;
		s->marked += r->seen[i].marked;
		s->lacking += r->seen[i].there && !r->seen[i].marked && isnan(s->values[i]);
	}
	if (s->done < s->count)
		note(s, text_format(
				"%zu of %zu runs are not done yet", s->count - s->done, s->count));
	if (s->marked)
		note(s, text_format("%zu runs have marks and do not count", s->marked));
	if (s->lacking)
		note(s, text_format("%zu runs have no %s", s->lacking, s->measure.name));
	if (r->lines.cut)
		note(s, text_format("%s: line %zu: left out, it is cut", r->lines.file,
				r->lines.number));
	if (r->others)
		note(s, text_format(
				"%zu rows are of runs that are not planned any more", r->others));
	if (r->again)
		note(s, text_format("%zu rows are of an earlier definition of a run that is there "
				    "again: the last counts",
				r->again));
	if (r->differing)
		note(s, text_format("%zu runs are there again with another digest: the last counts",
				r->differing));
}

static int read_rows(struct sweep *s, const char *file, char **error)
{
	struct reader r = {.sweep = s, .seen = list_of(s->count, sizeof(*r.seen))};
	int more = 0, rc = lines_open(&r.lines, file, error);
	r.lines.growing = true;
	while (rc == 0 && (more = lines_next(&r.lines, error)) > 0)
		rc = read_row(&r, error);
	rc = rc == 0 && more < 0 ? -1 : rc;
	if (rc == 0 && r.rows == 0)
		rc = error_set(error, "%s: expected a row for each run, it has none", file);
	else if (rc == 0 && r.others == r.rows)
		rc = error_set(error, "%s: %s, which sweep.json does not plan, nor any other row",
			file, r.why_not);
	if (rc == 0)
		note_rows(&r);
	lines_close(&r.lines);
	free(r.why_not);
	free(r.seen);
	return rc;
}

struct sweep *sweep_load(const char *directory, const char *measure, char **error)
{
	struct sweep *s = list_of(1, sizeof(*s));
	char *plan = text_format("%s/sweep.json", directory);
	char *rows = text_format("%s/rows.jsonl", directory);
	s->directory = text_format("%s", directory);
	s->notes = text_format("%s", "");
	int rc = access(plan, F_OK) == 0
			 ? 0
			 : error_set(error, "%s: not there: make sweep makes it", plan);
	struct jdoc *doc = jdoc_load(plan);
	if (!jdoc_error(doc))
		read_plan(doc, s, measure);
	if (jdoc_error(doc))
		rc = error_set(error, "%s", jdoc_error(doc));
	s->plan = json_incref(jdoc_root(doc).value);
	jdoc_free(doc);
	if (rc == 0) {
		s->values = list_of(s->count, sizeof(*s->values));
		s->known = list_of(s->count, sizeof(*s->known));
		for (size_t i = 0; i < s->count; i++)
			s->values[i] = NAN;
		rc = read_rows(s, rows, error);
	}
	free(plan);
	free(rows);
	if (rc == 0)
		return s;
	sweep_free(s);
	return NULL;
}

void sweep_free(struct sweep *s)
{
	if (!s)
		return;
	json_decref(s->plan);
	free(s->directory);
	free(s->axes);
	free(s->contestants);
	free(s->seeds);
	free(s->values);
	free(s->known);
	free(s->notes);
	free(s);
}

json_t *sweep_names(const char *out)
{
	json_t *list = json_array();
	char *directory = text_format("%s/sweeps", out);
	struct dirent **found = NULL;
	int count = scandir(directory, &found, NULL, alphasort);
	for (int i = 0; i < count; i++) {
		char *plan = text_format("%s/%s/sweep.json", directory, found[i]->d_name);
		if (name_is_plain(found[i]->d_name) && access(plan, R_OK) == 0)
			json_array_append_new(list, json_string(found[i]->d_name));
		free(plan);
		free(found[i]);
	}
	free(found);
	free(directory);
	return list;
}

/* ---- Cells ---- */

static size_t first_slot(const struct sweep *s, size_t cell, size_t contestant)
{
	return (cell * s->contestant_count + contestant) * s->seed_count;
}

const double *sweep_values(const struct sweep *s, size_t cell, size_t contestant)
{
	return s->values + first_slot(s, cell, contestant);
}

const bool *sweep_known(const struct sweep *s, size_t cell, size_t contestant)
{
	return s->known + first_slot(s, cell, contestant);
}

size_t sweep_place(const struct sweep *s, size_t cell, size_t axis)
{
	for (size_t i = s->axis_count - 1; i > axis; i--)
		cell /= s->axes[i].count;
	return cell % s->axes[axis].count;
}

size_t sweep_cell(const struct sweep *s, const size_t *places)
{
	size_t cell = 0;
	for (size_t i = 0; i < s->axis_count; i++)
		cell = cell * s->axes[i].count + places[i];
	return cell;
}

char *axis_text(const struct sweep_axis *axis, size_t place)
{
	const json_t *value = json_array_get(axis->values, place);
	return json_is_string(value) ? text_format("%s", json_string_value(value))
				     : text_format("%.10g", json_number_value(value));
}

char *sweep_cell_text(const struct sweep *s, size_t cell)
{
	char *text = text_format("%s", "");
	for (size_t i = 0; i < s->axis_count; i++) {
		char *value = axis_text(&s->axes[i], sweep_place(s, cell, i));
		char *longer =
			text_format("%s%s%s = %s", text, i ? ", " : "", s->axes[i].name, value);
		free(value);
		free(text);
		text = longer;
	}
	return text;
}

char *titled(const char *title, const char *unit)
{
	return text_format("%s%s%s", title, *unit ? ", " : "", unit);
}
