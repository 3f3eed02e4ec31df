// SPDX-License-Identifier: BSD-2-Clause
/*
 * Where the results of an experiment are.
 *
 * Theory of operation
 * -------------------
 * One runner at a time writes in the directory: who has the lock on it. The kernel drops the lock
 * when its owner dies, and what such a runner had under way is all in one place, so that it can be
 * told from anything else, and goes as a whole. Its children are killed with it, but a moment
 * later: they may write for some milliseconds into what is already being removed.
 */

#include "experiments/runner/place.h"

#include "lab/build/lab.h"
#include "mpip/base/files.h"
#include "mpip/base/lock.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define UNFINISHED "/.unfinished"
#define DYING_MS   5000

char *place_unfinished(const char *directory, const char *name)
{
	return text_format("%s" UNFINISHED "/%s", directory, name);
}

static int remove_unfinished(const struct place *p, char **error)
{
	char *unfinished = text_format("%s" UNFINISHED, p->directory), *why = NULL;
	int rc = directory_remove(unfinished, &why);
	for (int ms = 0; rc != 0 && errno == ENOTEMPTY && ms < DYING_MS; ms += 10) {
		free(why);
		why = NULL;
		usleep(10000);
		rc = directory_remove(unfinished, &why);
	}
	if (rc != 0)
		error_set(error, "%s", why);
	free(why);
	free(unfinished);
	return rc;
}

/* The lock; -1 and *error. */
static int claim(struct place *p, char **error)
{
	for (;;) {
		p->made_out = p->made_out || access(p->out, F_OK) != 0;
		int rc = directory_make(p->directory, error);
		int lock = rc == 0 ? lock_directory(p->directory, LOCK_EX | LOCK_NB) : -1;
		if (lock >= 0 || rc != 0)
			return lock;
		if (errno == EWOULDBLOCK)
			return error_set(error, "%s: another runner is at work on this experiment",
				p->directory);
		/* ENOENT: one who had it has removed it, having made no run. */
		if (errno != ENOENT)
			return error_set(error, "%s: %s", p->directory, strerror(errno));
	}
}

int place_open(struct place *p, const char *out, const char *experiment, char **error)
{
	*p = (struct place){.out = out, .directory = text_format("%s/%s", out, experiment)};
	p->lock = claim(p, error);
	if (p->lock < 0 || remove_unfinished(p, error) != 0)
		return -1;
	if (give_to_caller(p->directory, error) != 0 ||
		(p->made_out && give_one_to_caller(out, error) != 0))
		return -1;
	return geteuid() == 0 ? lab_sweep(NULL, error) : 0;
}

/* Removes what is not worth keeping without any run: all; with logs of failed ones, the list of
 * runs. */
static void leave_if_empty(const struct place *p)
{
	bool has = false, failed = false;
	char *ignored = NULL, *list = text_format("%s/" RUNS_FILE, p->directory);
	DIR *dir = opendir(p->directory);
	for (struct dirent *e; dir && !has && (e = readdir(dir)) != NULL;) {
		bool is_failed = strcmp(e->d_name, "failed") == 0;
		failed = failed || is_failed;
		has = !is_failed && strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 &&
		      strncmp(e->d_name, RUNS_FILE, strlen(RUNS_FILE)) != 0 &&
		      strncmp(e->d_name, "calibration", 11) != 0;
	}
	if (dir)
		closedir(dir);
	if (!has && failed)
		unlink(list);
	else if (!has)
		directory_remove(p->directory, &ignored);
	free(list);
	free(ignored);
}

void place_close(struct place *p)
{
	char *ignored = NULL;
	if (p->directory && p->lock >= 0) {
		remove_unfinished(p, &ignored);
		leave_if_empty(p);
		if (p->made_out)
			rmdir(p->out);
		close(p->lock);
	}
	free(ignored);
	free(p->directory);
	*p = (struct place){.lock = -1};
}

int place_publish(const char *directory, const char *run, const char *from, char **error)
{
	char *place = text_format("%s/%s", directory, run);
	char *failures = text_format("%s/failed", directory);
	char *failed = text_format("%s/%s", failures, run);
	int rc = directory_replace(from, place, error);
	if (rc == 0)
		rc = directory_remove(failed, error);
	rmdir(failures);
	free(failed);
	free(failures);
	free(place);
	return rc;
}

void place_keep_failed(const char *directory, const char *run, const char *from)
{
	char *ignored = NULL;
	char *failures = text_format("%s/failed", directory);
	char *place = text_format("%s/%s", failures, run);
	if (directory_make(failures, &ignored) != 0 ||
		directory_replace(from, place, &ignored) != 0)
		directory_remove(from, &ignored);
	give_to_caller(failures, &ignored);
	free(ignored);
	free(place);
	free(failures);
}
