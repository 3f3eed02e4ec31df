// SPDX-License-Identifier: BSD-2-Clause
/*
 * The results of a sweep.
 *
 * Theory of operation
 * -------------------
 * Which runs are there is asked of the file system once: the 256 folders of runs/ are listed, which
 * is cheap also for 100,000. What each of them has measured is in rows.jsonl, which is read line by
 * line, and never held. It belongs to the sweep.json that is beside it: where that would be
 * another, or a line is torn, of no run, or there twice, the file is written again, from what runs/
 * has.
 */

#include "experiments/sweeper/rows.h"

#include "experiments/record/measure_list.h"
#include "experiments/record/resultfile.h"
#include "experiments/sweeper/about.h"
#include "mpip/base/files.h"
#include "mpip/base/output.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

char *rows_place(const char *directory, uint64_t id)
{
	char text[RUN_TEXT];
	run_text(id, text);
	return text_format("%s/runs/%.2s/%s", directory, text, text);
}

/* Marks the runs of one of the folders. */
static int look_in(struct plan *p, const char *folder, char **error)
{
	DIR *d = opendir(folder);
	if (!d)
		return errno == ENOENT ? 0 : error_set(error, "%s: %s", folder, strerror(errno));
	for (struct dirent *e; (e = readdir(d)) != NULL;) {
		uint64_t id;
		struct planned_run *run = run_of_text(e->d_name, &id) ? plan_find(p, id) : NULL;
		if (run)
			run->state = RUN_THERE;
	}
	closedir(d);
	return 0;
}

int rows_look(struct plan *p, const char *directory, char **error)
{
	int rc = 0;
	for (int i = 0; rc == 0 && i < 256; i++) {
		char *folder = text_format("%s/runs/%02x", directory, i);
		rc = look_in(p, folder, error);
		free(folder);
	}
	return rc;
}

static const char *text_at(const json_t *result, const char *pointer)
{
	const char *text = json_string_value(json_pointer(result, pointer));
	return text ? text : "";
}

json_t *rows_result(const char *directory, uint64_t id, char **error)
{
	char text[RUN_TEXT], *place = rows_place(directory, id);
	char *file = text_format("%s/result.json", place);
	json_t *result = result_read(file, error);
	run_text(id, text);
	const char *definition = text_at(result, "/provenance/digests/definition");
	if (result && strncmp(definition, text, RUN_TEXT - 1) != 0) {
		error_set(error,
			"%s: provenance.digests.definition: expected %s..., got \"%s\"; without "
			"%s it is run again",
			file, text, definition, place);
		json_decref(result);
		result = NULL;
	}
	free(file);
	free(place);
	return result;
}

static json_t *measures_of(const struct sweep *s, const json_t *result)
{
	json_t *all = json_object();
	for (size_t i = 0; i < s->measure_count; i++) {
		double value = measure_value(result, s->measures[i]);
		if (!isnan(value))
			json_object_set_new(all, s->measures[i], json_real(value));
	}
	return all;
}

/* One line. */
static void write_row(struct rows *r, size_t number, const json_t *result)
{
	const struct plan *p = r->plan;
	const struct sweep *s = p->grid->sweep;
	struct row row = plan_row(p, number);
	char run[RUN_TEXT];
	run_text(p->ids[number], run);
	json_t *line = json_pack("{s:s, s:o, s:s, s:I, s:s, s:s, s:s, s:O, s:f, s:o}", "run", run,
		"cell", sweep_cell_json(s, row.cell), "contestant", p->contestants[row.contestant],
		"seed", (json_int_t)row.seed, "definition",
		text_at(result, "/provenance/digests/definition"), "digest",
		text_at(result, "/digest"), "image", text_at(result, "/vm/hash"), "marks",
		json_object_get(result, "marks"), "wall_s",
		json_number_value(json_pointer(result, "/vm/wall_s")), "measures",
		measures_of(s, result));
	json_dumpf(line, r->file, JSON_COMPACT | JSON_REAL_PRECISION(15));
	fputc('\n', r->file);
	json_decref(line);
}

static int write_rows(
	struct rows *r, const struct planned_run *run, const json_t *result, char **error)
{
	for (size_t i = 0; i < run->count; i++)
		write_row(r, r->plan->by_run[run->rows + i], result);
	const char *why = output_failure(r->file);
	return why ? error_set(error, "%s: %s", r->name, why) : 0;
}

int rows_add(struct rows *r, struct planned_run *run, const json_t *result, char **error)
{
	run->state = RUN_THERE;
	return write_rows(r, run, result, error);
}

/* Which row of the plan a line is; p->row_count: none. */
static size_t row_of_line(const struct plan *p, const char *text)
{
	json_t *line = json_loads(text, 0, NULL);
	const char *run = text_at(line, "/run"), *contestant = text_at(line, "/contestant");
	json_int_t seed = json_integer_value(json_object_get(line, "seed"));
	size_t cell = sweep_find_cell(p->grid->sweep, json_object_get(line, "cell"));
	size_t row = plan_find_row(p, cell, contestant, seed);
	uint64_t id = 0;
	bool good = json_is_object(json_object_get(line, "measures")) && run_of_text(run, &id) &&
		    row < p->row_count && p->ids[row] == id && plan_find(p, id)->state == RUN_THERE;
	json_decref(line);
	return good ? row : p->row_count;
}

/* Whether rows.jsonl has one line for each row whose run is there, and nothing else. */
static bool file_is_right(const struct rows *r)
{
	const struct plan *p = r->plan;
	FILE *f = fopen(r->name, "r");
	bool *seen = calloc(p->row_count, sizeof(*seen));
	char *line = NULL;
	size_t room = 0, count = 0, wanted = 0;
	bool right = f != NULL;
	if (!seen)
		abort();
	for (ssize_t n; right && (n = getline(&line, &room, f)) > 0;) {
		size_t row = line[n - 1] == '\n' ? row_of_line(p, line) : p->row_count;
		right = row < p->row_count && !seen[row];
		if (right)
			seen[row] = true;
		count += right;
	}
	for (size_t i = 0; i < p->run_count; i++)
		wanted += p->runs[i].state == RUN_THERE ? p->runs[i].count : 0;
	free(line);
	free(seen);
	if (f)
		fclose(f);
	return right && count == wanted;
}

/* Writes rows.jsonl again. */
static int write_again(struct rows *r, bool (*tell)(size_t done, size_t of), char **error)
{
	struct plan *p = r->plan;
	char *aside = text_format("%s.new", r->name);
	r->file = fopen(aside, "we");
	int rc = r->file ? 0 : error_set(error, "%s: %s", aside, strerror(errno));
	for (size_t i = 0; rc == 0 && i < p->run_count; i++) {
		if (p->runs[i].state != RUN_THERE)
			continue;
		json_t *result = rows_result(r->directory, p->runs[i].id, error);
		rc = result ? write_rows(r, &p->runs[i], result, error) : -1;
		json_decref(result);
		if (rc == 0 && tell && tell(i + 1, p->run_count))
			rc = 1;
	}
	if (rc == 0 && rename(aside, r->name) != 0)
		rc = error_set(error, "%s: %s", r->name, strerror(errno));
	if (rc != 0)
		unlink(aside);
	free(aside);
	return rc;
}

int rows_open(struct rows *r, struct plan *p, const char *directory, bool again,
	bool (*tell)(size_t done, size_t of), char **error)
{
	*r = (struct rows){
		.plan = p, .directory = directory, .name = text_format("%s/rows.jsonl", directory)};
	char *file = text_format("%s/sweep.json", directory);
	json_t *about = about_sweep(p);
	bool same = false;
	int rc = about_check(file, about, &same, error);
	if (rc == 0)
		rc = rows_look(p, directory, error);
	if (rc == 0 && same && !again && file_is_right(r)) {
		r->file = fopen(r->name, "ae");
		rc = r->file ? 0 : error_set(error, "%s: %s", r->name, strerror(errno));
	} else if (rc == 0) {
		rc = write_again(r, tell, error);
	}
	if (rc == 0 && !same)
		rc = file_write_json(file, about, error);
	json_decref(about);
	free(file);
	return rc;
}

void rows_close(struct rows *r)
{
	if (r->file)
		fclose(r->file);
	free(r->name);
	*r = (struct rows){0};
}

/* Removes from a run's directory all but its result. */
static int keep_result(const char *directory, char **error)
{
	int rc = 0;
	DIR *d = opendir(directory);
	for (struct dirent *e; d && rc == 0 && (e = readdir(d)) != NULL;) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 ||
			strcmp(e->d_name, "result.json") == 0)
			continue;
		char *one = text_format("%s/%s", directory, e->d_name);
		rc = directory_remove(one, error);
		free(one);
	}
	if (d)
		closedir(d);
	return rc;
}

int rows_publish(const char *directory, uint64_t id, const char *from, bool keep, char **error)
{
	char text[RUN_TEXT];
	run_text(id, text);
	char *place = rows_place(directory, id);
	char *folder = text_format("%s/runs/%.2s", directory, text);
	char *failures = text_format("%s/failed", directory);
	char *failed = text_format("%s/%s", failures, text);
	int rc = keep ? 0 : keep_result(from, error);
	if (rc == 0)
		rc = directory_make(folder, error);
	if (rc == 0)
		rc = directory_replace(from, place, error);
	if (rc == 0)
		rc = directory_remove(failed, error);
	rmdir(failures);
	free(failed);
	free(failures);
	free(folder);
	free(place);
	return rc;
}
