// SPDX-License-Identifier: BSD-2-Clause
/*
 * Who is at work on a sweep.
 *
 * Theory of operation
 * -------------------
 * Who has the lock on the directory (place.h) is at work, and says in the file .runner who that is.
 * What the file says counts only while somebody has the lock: who was killed leaves the file, but
 * not the lock.
 */

#include "experiments/sweeper/control.h"

#include "experiments/sweeper/cluster.h"
#include "mpip/base/files.h"
#include "mpip/base/jsonfile.h"
#include "mpip/base/lock.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define ENDING_S 60 /* that a runner takes to end its guests, at most */
#define HOST_MAX 256

/* OUT/sweeps, whole, as a cluster's nodes have to find it. Allocated; NULL and *error. */
static char *sweeps_directory(const struct session *s, char **error)
{
	char *out = text_format("%s/sweeps", s->options->out), *real = NULL;
	if (directory_make(out, error) == 0 && !(real = realpath(out, NULL)))
		error_set(error, "%s: %s", out, strerror(errno));
	free(out);
	return real;
}

static char *runner_file(const char *directory)
{
	return text_format("%s/.runner", directory);
}

static void our_host(char host[HOST_MAX])
{
	if (gethostname(host, HOST_MAX - 1) != 0)
		snprintf(host, HOST_MAX, "?");
}

int control_open(struct session *s, char **error)
{
	char host[HOST_MAX] = "";
	if (!s->sweeps)
		s->sweeps = sweeps_directory(s, error);
	if (!s->sweeps || place_open(&s->place, s->sweeps, s->sweep->name, error) != 0)
		return -1;
	our_host(host);
	json_t *us = json_pack("{s:i, s:s}", "process", (int)getpid(), "host", host);
	char *file = runner_file(s->place.directory);
	int rc = file_write_json(file, us, error);
	json_decref(us);
	free(file);
	return rc;
}

/* What is not worth keeping where there is no result. */
static void leave_nothing(const struct session *s)
{
	static const char *const files[] = {"sweep.json", "rows.jsonl"};
	char *runs = text_format("%s/runs", s->place.directory);
	rmdir(runs);
	bool empty = access(runs, F_OK) != 0;
	for (size_t i = 0; empty && i < sizeof(files) / sizeof(files[0]); i++) {
		char *file = text_format("%s/%s", s->place.directory, files[i]);
		unlink(file);
		free(file);
	}
	free(runs);
}

void control_close(struct session *s)
{
	if (s->place.directory && s->place.lock >= 0) {
		char *file = runner_file(s->place.directory);
		unlink(file);
		free(file);
		leave_nothing(s);
	}
	place_close(&s->place);
	free(s->sweeps);
	s->sweeps = NULL;
}

/* Whether somebody has the lock on a directory. */
static bool is_at_work(const char *directory)
{
	int lock = lock_directory(directory, LOCK_EX | LOCK_NB);
	bool busy = lock < 0 && errno == EWOULDBLOCK;
	if (lock >= 0)
		close(lock);
	return busy;
}

/* Who that is: a line's end. Allocated. *process is 0 where it is on another machine. */
static char *who(const char *directory, pid_t *process)
{
	char *file = runner_file(directory), host[HOST_MAX] = "";
	json_t *runner = json_load_file(file, 0, NULL);
	const char *its = json_string_value(json_object_get(runner, "host"));
	json_int_t number = json_integer_value(json_object_get(runner, "process"));
	our_host(host);
	*process = its && !strcmp(its, host) ? (pid_t)number : 0;
	char *text = its ? text_format("process %lld on %s", (long long)number, its)
			 : text_format("unknown");
	json_decref(runner);
	free(file);
	return text;
}

int control_take_over(struct session *s, char **error)
{
	s->sweeps = sweeps_directory(s, error);
	if (!s->sweeps)
		return -1;
	char *directory = text_format("%s/%s", s->sweeps, s->sweep->name);
	int rc = 0;
	if (is_at_work(directory)) {
		pid_t process;
		char *runner = who(directory, &process);
		if (process <= 0 || kill(process, SIGINT) != 0)
			rc = error_set(error,
				"%s: another runner is at work, and is to be ended there: %s",
				directory, runner);
		else
			fprintf(stderr, "%s: ending the runner, %s\n", s->sweep->name, runner);
		int64_t until = now_us() + ENDING_S * 1000000LL;
		while (rc == 0 && is_at_work(directory) && now_us() < until)
			if (child_wait(NULL, now_us() + 100000) == WAIT_STOPPED)
				rc = 1;
		free(runner);
	}
	free(directory);
	return rc == 0 ? control_open(s, error) : rc;
}

/* Of the plan's runs, those that have failed the last time. */
static size_t count_failed(const struct session *s, const char *directory)
{
	char *failures = text_format("%s/failed", directory);
	DIR *d = opendir(failures);
	size_t count = 0;
	for (struct dirent *e; d && (e = readdir(d)) != NULL;) {
		uint64_t id;
		const struct planned_run *run =
			run_of_text(e->d_name, &id) ? plan_find(&s->plan, id) : NULL;
		count += run && run->state != RUN_THERE;
	}
	if (d)
		closedir(d);
	free(failures);
	return count;
}

/* What Slurm has of it. */
static int tell_cluster(struct session *s, const char *directory, char **error)
{
	struct cluster *c = NULL;
	size_t count = 0, running, waiting;
	char *slurm = text_format("%s/slurm", directory);
	bool any = access(slurm, F_OK) == 0;
	free(slurm);
	if (!any)
		return 0;
	s->place.directory = text_format("%s", directory);
	int rc = cluster_look(s, &c, &count, error);
	if (rc == 0) {
		cluster_count(c, &running, &waiting);
		printf("with Slurm: %zu running, %zu queued\n", running, waiting);
	}
	cluster_forget(c);
	free(s->place.directory);
	s->place.directory = NULL;
	return rc;
}

int control_status(struct session *s, char **error)
{
	char *directory = text_format("%s/sweeps/%s", s->options->out, s->sweep->name);
	int rc = rows_look(&s->plan, directory, error);
	if (rc == 0) {
		size_t there = plan_count(&s->plan, RUN_THERE);
		size_t failed = count_failed(s, directory);
		printf("%s: %zu runs: %zu done, %zu failed, %zu missing\n", s->sweep->name,
			s->plan.run_count, there, failed, s->plan.run_count - there - failed);
		pid_t process;
		char *runner = is_at_work(directory) ? who(directory, &process) : NULL;
		printf("%s%s\n", runner ? "a runner is at work: " : "no runner is at work",
			runner ? runner : "");
		free(runner);
		rc = tell_cluster(s, directory, error);
	}
	free(directory);
	return rc;
}
