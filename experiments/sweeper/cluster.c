// SPDX-License-Identifier: BSD-2-Clause
/*
 * A sweep on a Slurm cluster.
 *
 * Theory of operation
 * -------------------
 * Runs are submitted as arrays, a task for each run (batch.c), as many as the cluster takes at a
 * time. Then Slurm is asked now and then which tasks it has. One that it does not have any more has
 * left a result, or not: a result is taken into the table; else the run is missing again, whatever
 * became of its task: it failed, was cancelled, or its node is lost. All that is known is in
 * folders and in Slurm's queue, so this program may be stopped or killed, and called again, at any
 * time: it finds the arrays by their names and goes on. A shared folder may show a result a little
 * later than Slurm the task's end, so a result is looked for twice before it is missed.
 */

#include "experiments/sweeper/cluster.h"

#include "experiments/sweeper/batch.h"
#include "experiments/sweeper/slurm.h"
#include "mpip/base/error.h"
#include "mpip/base/files.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TASKS_MAX    1000 /* of an array: none of its folders grows large */
#define SOON_S       1    /* between two questions to Slurm, where it has few tasks of ours */
#define LATER_S      5
#define FEW          200
#define CANCELLING_S 60

struct cluster {
	struct session *session;
	struct batch *batches;
	struct slurm_limits limits;
	bool silent; /* Slurm did not answer the last time */
};

/* What Slurm has said of some tasks of an array. */
static void note_tasks(void *argument, const char *name, size_t first, size_t last, bool running)
{
	struct cluster *c = argument;
	for (struct batch *b = c->batches; b; b = b->next) {
		if (strcmp(b->name, name) != 0)
			continue;
		for (size_t i = first; i <= last && i < b->count; i++) {
			b->tasks[i].listed = true;
			b->tasks[i].running = running;
		}
	}
}

/* Asks Slurm which tasks it has. 0; or -1 and *error, with nothing known. */
static int ask(struct cluster *c, char **error)
{
	for (struct batch *b = c->batches; b; b = b->next)
		for (size_t i = 0; i < b->count; i++)
			b->tasks[i].listed = b->tasks[i].running = false;
	return slurm_look(note_tasks, c, error);
}

void cluster_count(const struct cluster *c, size_t *running, size_t *waiting)
{
	*running = *waiting = 0;
	for (const struct batch *b = c->batches; b; b = b->next) {
		for (size_t i = 0; i < b->count; i++) {
			*running += b->tasks[i].listed && b->tasks[i].running;
			*waiting += b->tasks[i].listed && !b->tasks[i].running;
		}
	}
}

size_t cluster_open(const struct cluster *c)
{
	size_t count = 0;
	for (const struct batch *b = c->batches; b; b = b->next)
		for (size_t i = 0; i < b->count; i++)
			count += b->tasks[i].state != TASK_OVER && !b->tasks[i].other;
	return count;
}

/* Removes the arrays that are over. */
static void remove_over(struct cluster *c)
{
	for (struct batch **at = &c->batches; *at;) {
		struct batch *b = *at;
		bool open = false;
		for (size_t i = 0; i < b->count; i++)
			open = open || b->tasks[i].state != TASK_OVER;
		if (open) {
			at = &b->next;
			continue;
		}
		*at = b->next;
		batch_free(b, true);
	}
}

int cluster_look(struct session *s, struct cluster **out, size_t *count, char **error)
{
	struct cluster *c = *out = calloc(1, sizeof(*c));
	if (!c)
		abort();
	c->session = s;
	*count = 0;
	if (s->options->slurm && slurm_ask_limits(&c->limits, error) != 0)
		return -1;
	if (batch_load_all(s->place.directory, s->place.lock >= 0, &c->batches, error) != 0)
		return -1;
	if (c->batches && ask(c, error) != 0)
		return -1;
	for (struct batch *b = c->batches; b; b = b->next) {
		for (size_t i = 0; i < b->count; i++) {
			struct planned_run *run = plan_find(&s->plan, b->tasks[i].run);
			*count += b->tasks[i].listed;
			b->tasks[i].other = !run;
			if (!b->tasks[i].listed)
				b->tasks[i].state = TASK_OVER;
			else if (run && run->state == RUN_MISSING)
				run->state = RUN_UNDER_WAY;
		}
	}
	return 0;
}

void cluster_forget(struct cluster *c)
{
	while (c && c->batches) {
		struct batch *b = c->batches;
		c->batches = b->next;
		batch_free(b, false);
	}
	free(c);
}

/* Why a task has left no result: what it has written beside its logs, or said. Allocated. */
static char *why_lost(const struct cluster *c, const struct batch *b, uint64_t id)
{
	char run[RUN_TEXT], *ignored = NULL;
	run_text(id, run);
	char *file = text_format("%s/failed/%s/why", c->session->place.directory, run);
	char *why = file_read(file, &ignored);
	char *said = why ? NULL : batch_said(b);
	if (!why)
		why = text_format(
			"its task left nothing: it was cancelled, or its node is lost%s%s",
			said ? "; one task of its array said: " : "", said ? said : "");
	free(said);
	free(ignored);
	free(file);
	return why;
}

/* A run whose task has left nothing. */
static void lose(struct cluster *c, const struct batch *b, struct planned_run *run)
{
	struct session *s = c->session;
	char *why = why_lost(c, b, run->id);
	size_t number = s->plan.by_run[run->rows];
	struct row row = plan_row(&s->plan, number);
	char *cell = sweep_cell_text(s->sweep, row.cell);
	bool last = ++run->tries >= CLUSTER_TRIES;
	line_say(&s->line, "%s, %s, seed %lld: %s%s", cell, s->plan.contestants[row.contestant],
		(long long)row.seed, last ? "" : "submitted again: ", why);
	if (last) {
		run->state = RUN_FAILED;
		s->line.failed++;
	} else {
		session_again(s, run);
	}
	free(cell);
	free(why);
}

/* Makes a network file system look again. */
static void look_again(const char *place)
{
	char *folder = text_format("%s", place);
	*strrchr(folder, '/') = '\0';
	DIR *d = opendir(folder);
	if (d)
		closedir(d);
	free(folder);
}

/* One that Slurm does not have any more. */
static int take(struct cluster *c, const struct batch *b, struct task *t, char **error)
{
	struct session *s = c->session;
	struct planned_run *run = plan_find(&s->plan, t->run);
	int rc = 0;
	if (!run || run->state != RUN_UNDER_WAY) { /* of another plan, or done by another task */
		t->state = TASK_OVER;
		return 0;
	}
	char *place = rows_place(s->place.directory, t->run);
	look_again(place);
	if (access(place, F_OK) == 0) {
		json_t *result = rows_result(s->place.directory, t->run, error);
		rc = result ? rows_add(&s->rows, run, result, error) : -1;
		json_decref(result);
		t->state = TASK_OVER;
		s->line.done++;
	} else if (t->state == TASK_LISTED) {
		t->state = TASK_GONE;
	} else {
		t->state = TASK_OVER;
		lose(c, b, run);
	}
	free(place);
	return rc;
}

/* Asks Slurm, and takes what is over. */
static int look(struct cluster *c, char **error)
{
	struct session *s = c->session;
	char *why = NULL;
	if (ask(c, &why) != 0) {
		if (!proc_stop_signal() && !c->silent)
			line_say(&s->line, "Slurm does not answer, asking again: %s", why);
		c->silent = true;
		free(why);
		return 0;
	}
	c->silent = false;
	int rc = 0;
	for (struct batch *b = c->batches; rc == 0 && b; b = b->next) {
		for (size_t i = 0; rc == 0 && i < b->count; i++) {
			struct task *t = &b->tasks[i];
			if (t->listed)
				t->state = TASK_LISTED;
			else if (t->state != TASK_OVER)
				rc = take(c, b, t, error);
		}
	}
	remove_over(c);
	return rc;
}

/* sbatch's options: those of the sweep's file, then the caller's words. NULL at the end; `words` is
 * to be freed with the list. */
static char **options_of(const struct session *s, char **words)
{
	const struct sweep *sweep = s->sweep;
	*words = text_format("%s", s->options->slurm_options ? s->options->slurm_options : "");
	char **all = calloc(sweep->slurm_option_count + strlen(*words) + 1, sizeof(*all));
	if (!all)
		abort();
	size_t n = 0;
	for (size_t i = 0; i < sweep->slurm_option_count; i++)
		all[n++] = sweep->slurm_options[i];
	char *save = NULL;
	for (char *word = strtok_r(*words, " ", &save); word; word = strtok_r(NULL, " ", &save))
		all[n++] = word;
	return all;
}

/* Submits an array of the runs that come next, if there are any; *made is how many. */
static int submit_one(struct cluster *c, size_t most, size_t *made, char **error)
{
	struct session *s = c->session;
	size_t *rows = calloc(most + 1, sizeof(*rows)), count = 0;
	if (!rows)
		abort();
	while (count < most && session_next(s, &rows[count]))
		count++;
	*made = count;
	struct batch *b = count ? batch_make(s, rows, count, error) : NULL;
	int rc = count && !b ? -1 : 0;
	if (b) {
		char *words, **options = options_of(s, &words);
		char *script = text_format("%s/task.sh", b->directory);
		char *said = text_format("%s/said", b->directory);
		rc = slurm_submit(b->name, script, said, count, options, error);
		free(said);
		free(script);
		free(options);
		free(words);
	}
	if (rc == 0 && b) {
		b->next = c->batches;
		c->batches = b;
	} else if (b) {
		/* When we were stopped in between Slurm may have it: then the next call sees. */
		batch_free(b, !proc_stop_signal());
	}
	for (size_t i = 0; rc != 0 && i < count; i++)
		session_again(s, plan_run(&s->plan, rows[i]));
	free(rows);
	return rc;
}

/* As much as the cluster takes. Where it takes no more while it has some of ours, that is for
 * later. */
static int submit(struct cluster *c, char **error)
{
	size_t half = c->limits.jobs / 2 > 0 ? c->limits.jobs / 2 : 1, made = 1;
	for (size_t open = cluster_open(c); made > 0 && open < half; open += made) {
		size_t most = c->limits.array < TASKS_MAX ? c->limits.array : TASKS_MAX;
		char *why = NULL;
		if (submit_one(c, most < half - open ? most : half - open, &made, &why) == 0)
			continue;
		int rc = open > 0 || proc_stop_signal() ? 0 : error_set(error, "%s", why);
		free(why);
		return rc;
	}
	return 0;
}

/* What the progress line has. */
static void count(struct cluster *c)
{
	struct session *s = c->session;
	size_t waiting, running;
	cluster_count(c, &running, &waiting);
	size_t over = s->line.done + s->line.failed;
	s->line.running = running;
	s->line.queued = s->line.all > over + running ? s->line.all - over - running : 0;
}

int cluster_run(struct session *s, struct cluster *c, char **error)
{
	int rc = 0;
	remove_over(c);
	while (rc == 0) {
		rc = submit(c, error);
		if (rc != 0 || cluster_open(c) == 0)
			break;
		int64_t wait_s = cluster_open(c) > FEW ? LATER_S : SOON_S;
		if (child_wait(NULL, now_us() + wait_s * 1000000) == WAIT_STOPPED) {
			rc = 1;
			break;
		}
		rc = look(c, error);
		count(c);
		line_show(&s->line);
	}
	return proc_stop_signal() ? 1 : rc;
}

int cluster_cancel(struct cluster *c, char **error)
{
	for (struct batch *b = c->batches; b; b = b->next)
		if (slurm_cancel(b->name, error) != 0)
			return -1;
	size_t running = c->batches ? 1 : 0, waiting = 0; /* without any Slurm need not be there */
	int64_t until = now_us() + CANCELLING_S * 1000000LL;
	while (running + waiting > 0 && now_us() < until) {
		if (ask(c, error) != 0)
			return proc_stop_signal() ? 1 : -1;
		cluster_count(c, &running, &waiting);
		if (running + waiting > 0 &&
			child_wait(NULL, now_us() + SOON_S * 1000000) == WAIT_STOPPED)
			return 1;
	}
	if (running + waiting > 0)
		return error_set(error, "%zu tasks have not ended %d s after scancel",
			running + waiting, CANCELLING_S);
	for (struct batch *b = c->batches; b; b = b->next)
		for (size_t i = 0; i < b->count; i++)
			b->tasks[i].state = TASK_OVER;
	remove_over(c);
	return 0;
}
