// SPDX-License-Identifier: BSD-2-Clause
/*
 * What labs there are.
 *
 * Theory of operation
 * -------------------
 * The directory of a lab is made first and removed last, so nothing of a lab exists without it. It
 * comes and goes whole, by one rename from and to ASIDE, so that from its first moment it has all
 * that it takes to remove the lab: the scenario, and whose it is. Files appear whole as well. Locks
 * are flock(2) on the directories themselves: the kernel drops them when their owner dies, which is
 * how a lab that is being built is told from one whose builder was killed.
 */

#include "lab/build/state.h"

#include "lab/build/call.h"
#include "lab/build/netns.h"
#include "mpip/base/error.h"
#include "mpip/base/lock.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MARKER "/.run-netns"
#define ASIDE  "/.aside" /* a lab's directory as it comes or goes */

/* How long it may take those who only look (state_of()) to give back a lock. */
#define LOOK_MS 200

static const char *const files[] = {"up.json", "up.json.new", "owner.json", "owner.json.new",
	"scenario.json", "scenario.json.new"};

static void state_path(const char *name, const char *file, char out[PATH_MAX])
{
	snprintf(out, PATH_MAX, STATE_DIR "/%s%s", name, file);
}

static int lock_all(bool create, char **error)
{
	for (;;) {
		if (create && mkdir(STATE_DIR, 0755) < 0 && errno != EEXIST)
			return error_set(error, STATE_DIR ": %s", strerror(errno));
		int fd = lock_directory(STATE_DIR, LOCK_EX);
		if (fd >= 0)
			return fd;
		if (errno != ENOENT || !create)
			return error_set(error, STATE_DIR ": %s", strerror(errno));
	}
}

static int write_whole(const char *path, json_t *value, char **error)
{
	char aside[PATH_MAX + 8];
	snprintf(aside, sizeof(aside), "%s.new", path);
	if (json_dump_file(value, aside, JSON_INDENT(1)) < 0 || rename(aside, path) < 0)
		return error_set(error, "%s: %s", path, strerror(errno));
	return 0;
}

enum state_kind state_of(const char *name)
{
	char path[PATH_MAX];
	state_path(name, "", path);
	int lock = lock_directory(path, LOCK_SH | LOCK_NB);
	if (lock < 0)
		return errno == EWOULDBLOCK ? STATE_BUSY : STATE_NONE;
	state_path(name, "/up.json", path);
	enum state_kind kind = access(path, F_OK) == 0 ? STATE_UP : STATE_BROKEN;
	close(lock);
	return kind;
}

static int fail_exists(const char *name, char **error)
{
	char *down = call_of("down", name);
	switch (state_of(name)) {
	case STATE_BUSY:
		error_set(error, "lab %s is being built or taken down right now", name);
		break;
	case STATE_BROKEN:
		error_set(error,
			"lab %s was left half built by a 'lab up' or 'lab down' that was killed; "
			"first take it down: %s",
			name, down);
		break;
	default:
		error_set(error, "lab %s is up already; to take it down: %s", name, down);
	}
	free(down);
	return -1;
}

int state_fail_none(const char *name, char **error)
{
	json_t *labs = state_list();
	char *names = call_list(labs);
	error_set(error, "there is no lab %s, %s%s", name,
		json_array_size(labs) ? "there is " : "nor any other", names);
	free(names);
	json_decref(labs);
	return -1;
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

/* Removes a lab's directory that is aside: that of one who was killed, too. With the lock on
 * STATE_DIR held. */
static int clear_aside(char **error)
{
	char path[PATH_MAX];
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(path, sizeof(path), STATE_DIR ASIDE "/%s", files[i]);
		unlink(path);
	}
	if (rmdir(STATE_DIR ASIDE) < 0 && errno != ENOENT)
		return error_set(error, STATE_DIR ASIDE ": %s", strerror(errno));
	return 0;
}

/* With the lock on STATE_DIR held. */
static void tidy_locked(void)
{
	clear_aside(NULL);
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

/* Makes the directory of a lab aside, with all that is in it from the first moment on. Returns its
 * lock, or -1. */
static int make_aside(const struct scenario *s, const struct lab_owner *owner, char **error)
{
	if (clear_aside(error) < 0)
		return -1;
	if (mkdir(STATE_DIR ASIDE, 0755) < 0)
		return error_set(error, STATE_DIR ASIDE ": %s", strerror(errno));
	int lock = lock_directory(STATE_DIR ASIDE, LOCK_EX);
	if (lock < 0)
		return error_set(error, STATE_DIR ASIDE ": %s", strerror(errno));
	json_t *whose = owner ? owner_describe(owner, error) : NULL;
	int result = owner && !whose ? -1 : 0;
	if (result == 0 && whose)
		result = write_whole(STATE_DIR ASIDE "/owner.json", whose, error);
	json_decref(whose);
	if (result == 0)
		result = write_whole(STATE_DIR ASIDE "/scenario.json", s->source, error);
	if (result == 0)
		result = netns_prepare(record_netns_dir, NULL, error);
	if (result == 0)
		return lock;
	close(lock);
	return -1;
}

int state_claim(
	const char *name, const struct scenario *s, const struct lab_owner *owner, char **error)
{
	int all = lock_all(true, error);
	if (all < 0)
		return -1;

	char path[PATH_MAX];
	state_path(name, "", path);
	int lock = -1;
	if (access(path, F_OK) == 0)
		fail_exists(name, error);
	else
		lock = make_aside(s, owner, error);
	if (lock >= 0 && rename(STATE_DIR ASIDE, path) < 0) {
		error_set(error, "%s: %s", path, strerror(errno));
		close(lock);
		lock = -1;
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
	for (int ms = 0; lock < 0 && errno == EWOULDBLOCK && ms < LOOK_MS; ms++) {
		usleep(1000);
		lock = lock_directory(path, LOCK_EX | LOCK_NB);
	}
	if (lock < 0 && errno == EWOULDBLOCK)
		return fail_exists(name, error);
	return lock < 0 ? state_fail_none(name, error) : lock;
}

static bool is_ours(const char *file)
{
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		if (strcmp(file, files[i]) == 0)
			return true;
	return !strcmp(file, ".") || !strcmp(file, "..");
}

/* Somebody else's file in the directory of a lab is not removed with it. */
static int check_files(const char *path, char **error)
{
	DIR *d = opendir(path);
	int result = 0;
	for (struct dirent *e; d && result == 0 && (e = readdir(d));)
		if (!is_ours(e->d_name))
			result = error_set(error,
				"%s/%s is not the lab's, so it stays; remove it first", path,
				e->d_name);
	if (d)
		closedir(d);
	return result;
}

int state_forget(const char *name, char **error)
{
	int all = lock_all(false, error);
	if (all < 0)
		return -1;
	char path[PATH_MAX];
	state_path(name, "", path);
	int result = check_files(path, error);
	if (result == 0)
		result = clear_aside(error);
	if (result == 0 && rename(path, STATE_DIR ASIDE) < 0)
		result = error_set(error, "%s: %s", path, strerror(errno));
	if (result == 0)
		result = clear_aside(error);
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
		names[n++] = text_format("%s", e->d_name);
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
		state_fail_none(name, error);
		return NULL;
	}
	state_path(name, "/scenario.json", path);
	return scenario_load(path, error);
}

json_t *state_owner(const char *name)
{
	char path[PATH_MAX];
	state_path(name, "/owner.json", path);
	if (access(path, F_OK) < 0)
		return NULL;
	json_t *owner = json_load_file(path, 0, NULL);
	return owner ? owner : json_object();
}

json_t *state_up(const char *name)
{
	char path[PATH_MAX];
	state_path(name, "/up.json", path);
	return json_load_file(path, 0, NULL);
}
