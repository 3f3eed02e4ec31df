// SPDX-License-Identifier: BSD-2-Clause
/*
 * Arrays of tasks.
 *
 * Theory of operation
 * -------------------
 * What a task needs is written down whole when it is made: the sweep's file may be another one when
 * it runs at last. The folder appears under its name when it is complete.
 */

#include "experiments/sweeper/batch.h"

#include "mpip/base/files.h"
#include "mpip/base/output.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

static struct batch *new_batch(const char *name, const char *directory, size_t count)
{
	struct batch *b = calloc(1, sizeof(*b));
	if (!b || !(b->tasks = calloc(count ? count : 1, sizeof(*b->tasks))))
		abort();
	b->name = text_format("%s", name);
	b->directory = text_format("%s/slurm/%s", directory, name);
	b->count = count;
	return b;
}

void batch_free(struct batch *b, bool remove)
{
	char *ignored = NULL;
	if (remove && directory_remove(b->directory, &ignored) == 0) {
		*strrchr(b->directory, '/') = '\0';
		rmdir(b->directory); /* slurm/, if it was the last one */
	}
	free(ignored);
	free(b->tasks);
	free(b->directory);
	free(b->name);
	free(b);
}

static int write_task(const struct session *s, FILE *f, size_t number, char **error)
{
	struct row row = plan_row(&s->plan, number);
	char run[RUN_TEXT];
	json_t *experiment = grid_experiment(&s->grid, row.cell, error);
	if (!experiment)
		return -1;
	run_text(s->plan.ids[number], run);
	json_t *task = json_pack("{s:s, s:s, s:I, s:s, s:o}", "run", run, "contestant",
		s->plan.contestants[row.contestant], "seed", (json_int_t)row.seed, "name",
		s->grid.experiment, "experiment", experiment);
	json_dumpf(task, f, JSON_COMPACT);
	fputc('\n', f);
	json_decref(task);
	return 0;
}

static int write_tasks(
	const struct session *s, const struct batch *b, const size_t *rows, char **error)
{
	char *file = text_format("%s/tasks.jsonl", b->directory);
	FILE *f = fopen(file, "we");
	int rc = f ? 0 : error_set(error, "%s: %s", file, strerror(errno));
	for (size_t i = 0; rc == 0 && i < b->count; i++)
		rc = write_task(s, f, rows[i], error);
	const char *why = f ? output_close(f) : NULL;
	if (why)
		rc = error_set(error, "%s: %s", file, why);
	free(file);
	return rc;
}

/* A word for the shell. Allocated. */
static char *quoted(const char *word)
{
	size_t n = 0;
	char *out = malloc(4 * strlen(word) + 3);
	if (!out)
		abort();
	out[n++] = '\'';
	for (; *word; word++) {
		if (*word == '\'') {
			memcpy(out + n, "'\\''", 4);
			n += 4;
		} else {
			out[n++] = *word;
		}
	}
	out[n++] = '\'';
	out[n] = '\0';
	return out;
}

static int write_script(const struct session *s, const struct batch *b, char **error)
{
	char *real = realpath(s->programs, NULL), *program = NULL, *directory = NULL;
	char *file = text_format("%s/task.sh", b->directory);
	char *plain = text_format("%s/experiments/sweep", real ? real : s->programs);
	program = quoted(plain);
	directory = quoted(b->directory);
	char *script = text_format("#!/bin/sh\nexec %s task %s\n", program, directory);
	int rc = file_write(file, script, error);
	free(script);
	free(directory);
	free(program);
	free(plain);
	free(file);
	free(real);
	return rc;
}

static int write_batch(const struct session *s, const struct batch *b, char **error)
{
	json_t *json = json_pack("{s:s, s:s, s:b}", "image", s->image, "results",
		s->place.directory, "keep", s->options->keep);
	char *file = text_format("%s/batch.json", b->directory);
	int rc = file_write_json(file, json, error);
	free(file);
	json_decref(json);
	return rc;
}

struct batch *batch_make(const struct session *s, const size_t *rows, size_t count, char **error)
{
	unsigned chance = 0;
	if (getrandom(&chance, sizeof(chance), 0) != sizeof(chance)) {
		error_set(error, "getrandom: %s", strerror(errno));
		return NULL;
	}
	char *name = text_format("mpip-%s-%08x", s->sweep->name, chance);
	struct batch *b = new_batch(name, s->place.directory, count);
	free(name);
	for (size_t i = 0; i < count; i++)
		b->tasks[i].run = s->plan.ids[rows[i]];
	/* batch.json comes last: without it, it is none. */
	if (directory_make(b->directory, error) == 0 && write_tasks(s, b, rows, error) == 0 &&
		write_script(s, b, error) == 0 && write_batch(s, b, error) == 0)
		return b;
	batch_free(b, true);
	return NULL;
}

json_t *batch_task(const char *directory, size_t index, char **error)
{
	char *file = text_format("%s/tasks.jsonl", directory), *line = NULL;
	FILE *f = fopen(file, "re");
	size_t room = 0;
	json_t *task = NULL;
	if (f) {
		ssize_t got = 0;
		for (size_t i = 0; i <= index && got >= 0; i++)
			got = getline(&line, &room, f);
		task = got > 0 ? json_loads(line, 0, NULL) : NULL;
		fclose(f);
	}
	if (!task)
		error_set(error, "%s: line %zu: expected a task", file, index + 1);
	free(line);
	free(file);
	return task;
}

/* The tasks of one. NULL and *error. */
static struct batch *load(const char *directory, const char *name, char **error)
{
	char *file = text_format("%s/slurm/%s/tasks.jsonl", directory, name), *line = NULL;
	FILE *f = fopen(file, "re");
	struct batch *b = new_batch(name, directory, 0);
	size_t room = 0;
	if (!f)
		error_set(error, "%s: %s", file, strerror(errno));
	while (f && getline(&line, &room, f) > 0) {
		json_t *task = json_loads(line, 0, NULL);
		const char *run = json_string_value(json_object_get(task, "run"));
		uint64_t id = 0;
		if (run)
			run_of_text(run, &id);
		b->tasks = reallocarray(b->tasks, b->count + 1, sizeof(*b->tasks));
		if (!b->tasks)
			abort();
		b->tasks[b->count++] = (struct task){.run = id};
		json_decref(task);
	}
	free(line);
	free(file);
	if (f) {
		fclose(f);
		return b;
	}
	batch_free(b, false);
	return NULL;
}

int batch_load_all(const char *directory, bool clean, struct batch **all, char **error)
{
	char *place = text_format("%s/slurm", directory);
	DIR *d = opendir(place);
	int rc = d || errno == ENOENT ? 0 : error_set(error, "%s: %s", place, strerror(errno));
	*all = NULL;
	for (struct dirent *e; d && rc == 0 && (e = readdir(d)) != NULL;) {
		if (e->d_name[0] == '.')
			continue;
		char *file = text_format("%s/%s/batch.json", place, e->d_name);
		bool whole = access(file, F_OK) == 0;
		free(file);
		struct batch *b = whole ? load(directory, e->d_name, error) : NULL;
		if (b) {
			b->next = *all;
			*all = b;
		} else if (whole) {
			rc = -1;
		} else if (clean) { /* somebody was killed while making it */
			batch_free(new_batch(e->d_name, directory, 0), true);
		}
	}
	if (d)
		closedir(d);
	free(place);
	return rc;
}

char *batch_said(const struct batch *b)
{
	char *file = text_format("%s/said", b->directory), *ignored = NULL;
	char *said = file_read(file, &ignored), *line = NULL;
	free(ignored);
	free(file);
	if (said) {
		size_t length = strlen(said);
		while (length > 0 && said[length - 1] == '\n')
			said[--length] = '\0';
		const char *last = strrchr(said, '\n');
		last = last ? last + 1 : said;
		line = *last ? text_format("%s", last) : NULL;
	}
	free(said);
	return line;
}
