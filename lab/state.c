// SPDX-License-Identifier: BSD-2-Clause
/*
 * What labs there are.
 *
 * Theory of operation
 * -------------------
 * The directory of a lab is made first and removed last, so nothing of a lab exists without it.
 * Files appear whole, by rename. Locks are flock(2) on the directories themselves: the kernel
 * drops them when their owner dies, which is how a lab that is being built is told from one whose
 * builder was killed.
 */

#include "lab/state.h"

#include "lab/error.h"
#include "lab/netns.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MARKER "/.run-netns"

static const char *const files[] = {
	"/up.json", "/up.json.new", "/scenario.json", "/scenario.json.new"};

static void state_path(const char *name, const char *file, char out[PATH_MAX])
{
	snprintf(out, PATH_MAX, STATE_DIR "/%s%s", name, file);
}

/* An open and locked directory; -1 with errno. Whoever had the lock before may have removed it. */
static int lock_directory(const char *path, int how)
{
	for (;;) {
		int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			return -1;
		if (flock(fd, how) < 0) {
			int why = errno;
			close(fd);
			errno = why;
			return -1;
		}
		struct stat locked, now;
		if (fstat(fd, &locked) == 0 && stat(path, &now) == 0 && locked.st_ino == now.st_ino)
			return fd;
		close(fd);
	}
}

static int lock_all(bool create, char **error)
{
	for (;;) {
		if (create && mkdir(STATE_DIR, 0755) < 0 && errno != EEXIST)
			return lab_fail(error, STATE_DIR ": %s", strerror(errno));
		int fd = lock_directory(STATE_DIR, LOCK_EX);
		if (fd >= 0)
			return fd;
		if (errno != ENOENT || !create)
			return lab_fail(error, STATE_DIR ": %s", strerror(errno));
	}
}

static int write_whole(const char *path, json_t *value, char **error)
{
	char aside[PATH_MAX + 8];
	snprintf(aside, sizeof(aside), "%s.new", path);
	if (json_dump_file(value, aside, JSON_INDENT(1)) < 0 || rename(aside, path) < 0)
		return lab_fail(error, "%s: %s", path, strerror(errno));
	return 0;
}

enum state_kind state_of(const char *name)
{
	char path[PATH_MAX];
	state_path(name, "", path);
	int lock = lock_directory(path, LOCK_EX | LOCK_NB);
	if (lock < 0)
		return errno == EWOULDBLOCK ? STATE_BUSY : STATE_NONE;
	state_path(name, "/up.json", path);
	enum state_kind kind = access(path, F_OK) == 0 ? STATE_UP : STATE_BROKEN;
	close(lock);
	return kind;
}

static int fail_exists(const char *name, char **error)
{
	switch (state_of(name)) {
	case STATE_BUSY:
		return lab_fail(error, "lab %s is being built or taken down right now", name);
	case STATE_BROKEN:
		return lab_fail(error,
			"lab %s was left half built by a 'lab up' or 'lab down' that was killed; "
			"first "
			"take it down: lab down --name %s",
			name, name);
	default:
		return lab_fail(error, "lab %s is up already; to take it down: lab down --name %s",
			name, name);
	}
}

/* Remembers what netns_prepare() is about to make. */
static int record_netns_dir(bool directory, void *unused, char **error)
{
	(void)unused;
	json_t *made = json_pack("{s:b}", "directory", directory);
	int result = write_whole(STATE_DIR MARKER, made, error);
	json_decref(made);
	return result;
}

static bool any_lab(void)
{
	json_t *labs = state_list();
	bool any = json_array_size(labs) > 0;
	json_decref(labs);
	return any;
}

/* With the lock on STATE_DIR held. */
static void tidy_locked(void)
{
	if (any_lab())
		return;
	json_t *made = json_load_file(STATE_DIR MARKER, 0, NULL);
	/* When others have names in /run/netns by now, it is theirs as well and stays. */
	if (made)
		netns_unprepare(json_is_true(json_object_get(made, "directory")));
	json_decref(made);
	unlink(STATE_DIR MARKER);
	unlink(STATE_DIR MARKER ".new");
	rmdir(STATE_DIR);
}

void state_tidy(void)
{
	int all = lock_all(false, NULL);
	if (all < 0)
		return;
	tidy_locked();
	close(all);
}

int state_claim(const char *name, const struct scenario *s, char **error)
{
	int all = lock_all(true, error);
	if (all < 0)
		return -1;

	char path[PATH_MAX];
	state_path(name, "", path);
	int lock = -1;
	if (mkdir(path, 0755) < 0) {
		if (errno == EEXIST)
			fail_exists(name, error);
		else
			lab_fail(error, "%s: %s", path, strerror(errno));
	} else if ((lock = lock_directory(path, LOCK_EX)) < 0) {
		lab_fail(error, "%s: %s", path, strerror(errno));
	} else {
		state_path(name, "/scenario.json", path);
		if (write_whole(path, s->source, error) < 0 ||
			netns_prepare(record_netns_dir, NULL, error) < 0) {
			close(lock);
			close(all);
			state_forget(name, error);
			return -1;
		}
	}
	if (lock < 0)
		tidy_locked();
	close(all);
	return lock;
}

int state_mark_up(const char *name, const struct scenario *s, char **error)
{
	char path[PATH_MAX], *file = realpath(s->file, NULL);
	json_t *up = json_pack("{s:s, s:I}", "scenario_file", file ? file : s->file, "since",
		(json_int_t)time(NULL));
	state_path(name, "/up.json", path);
	int result = write_whole(path, up, error);
	json_decref(up);
	free(file);
	return result;
}

int state_lock(const char *name, char **error)
{
	char path[PATH_MAX];
	state_path(name, "", path);
	int lock = lock_directory(path, LOCK_EX | LOCK_NB);
	if (lock < 0 && errno == EWOULDBLOCK)
		return fail_exists(name, error);
	if (lock < 0)
		return lab_fail(error, "there is no lab %s", name);
	return lock;
}

int state_forget(const char *name, char **error)
{
	int all = lock_all(false, error);
	if (all < 0)
		return -1;
	char path[PATH_MAX];
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		state_path(name, files[i], path);
		unlink(path);
	}
	state_path(name, "", path);
	int result = 0;
	if (rmdir(path) < 0)
		result = lab_fail(error, "%s: %s", path, strerror(errno));
	tidy_locked();
	close(all);
	return result;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

json_t *state_list(void)
{
	json_t *list = json_array();
	char **names = NULL;
	size_t n = 0;
	DIR *d = opendir(STATE_DIR);
	for (struct dirent *e; d && (e = readdir(d));) {
		if (e->d_name[0] == '.')
			continue;
		names = realloc(names, (n + 1) * sizeof(*names));
		if (!names)
			abort();
		names[n++] = lab_text("%s", e->d_name);
	}
	if (d)
		closedir(d);
	if (n > 0)
		qsort(names, n, sizeof(*names), by_text);
	for (size_t i = 0; i < n; i++) {
		json_array_append_new(list, json_string(names[i]));
		free(names[i]);
	}
	free(names);
	return list;
}

struct scenario *state_scenario(const char *name, char **error)
{
	char path[PATH_MAX];
	state_path(name, "", path);
	if (access(path, F_OK) < 0) {
		lab_fail(error, "there is no lab %s", name);
		return NULL;
	}
	state_path(name, "/scenario.json", path);
	if (access(path, F_OK) < 0)
		return NULL;
	return scenario_load(path, error);
}

json_t *state_up(const char *name)
{
	char path[PATH_MAX];
	state_path(name, "/up.json", path);
	return json_load_file(path, 0, NULL);
}
