// SPDX-License-Identifier: BSD-2-Clause
/*
 * Named network namespaces.
 *
 * Theory of operation
 * -------------------
 * unshare(2) gives the calling thread a fresh namespace; mounting /proc/thread-self/ns/net on a
 * file keeps it alive and names it; the thread then goes back where it came from.
 *
 * NETNS_DIR is first made a mount point with shared propagation. ip-netns(8) does that too, and it
 * has to be done by whoever comes first: mounting the directory onto itself later would copy every
 * namespace mount below it, and none of the files could be removed any more. Sharing lets the
 * removal of a name reach the private mount namespaces of `lab exec` and `ip netns exec`. The lock
 * on the directory is the one that ip-netns(8) takes for the same purpose.
 */

#include "lab/build/netns.h"

#include "mpip/base/error.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define SELF "/proc/thread-self/ns/net"

static void netns_path(const char *name, char *out, size_t size)
{
	snprintf(out, size, NETNS_DIR "/%s", name);
}

static int lock_dir(void)
{
	int fd = open(NETNS_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0 && flock(fd, LOCK_EX) < 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

int netns_prepare(int (*record)(bool directory, void *arg, char **error), void *arg, char **error)
{
	bool directory = access(NETNS_DIR, F_OK) < 0;
	if (directory) {
		if (record(true, arg, error) < 0)
			return -1;
		if (mkdir(NETNS_DIR, 0755) < 0 && errno != EEXIST)
			return error_set(error, NETNS_DIR ": %s", strerror(errno));
	}

	int lock = lock_dir();
	if (lock < 0)
		return error_set(error, NETNS_DIR ": %s", strerror(errno));
	int result = 0;
	if (mount("", NETNS_DIR, "none", MS_SHARED | MS_REC, NULL) < 0) {
		/* EINVAL: it is no mount point yet. */
		if (errno != EINVAL)
			result = error_set(error, NETNS_DIR ": %s", strerror(errno));
		else if (!directory && record(false, arg, error) < 0)
			result = -1;
		else if (mount(NETNS_DIR, NETNS_DIR, "none", MS_BIND | MS_REC, NULL) < 0 ||
			 mount("", NETNS_DIR, "none", MS_SHARED | MS_REC, NULL) < 0)
			result = error_set(error, NETNS_DIR ": mount: %s", strerror(errno));
	}
	close(lock);
	return result;
}

static bool is_empty(const char *directory)
{
	DIR *d = opendir(directory);
	bool empty = d != NULL;
	for (struct dirent *e; empty && (e = readdir(d));)
		empty = !strcmp(e->d_name, ".") || !strcmp(e->d_name, "..");
	if (d)
		closedir(d);
	return empty;
}

bool netns_unprepare(bool directory)
{
	int lock = lock_dir();
	if (lock < 0)
		return errno == ENOENT;

	/* The lock itself keeps the mount busy, so it is detached, and only when nothing is in it.
	 * EINVAL: it is no mount point, we were killed before it became one. */
	bool done = is_empty(NETNS_DIR) &&
		    (umount2(NETNS_DIR, MNT_DETACH | UMOUNT_NOFOLLOW) == 0 || errno == EINVAL) &&
		    (!directory || rmdir(NETNS_DIR) == 0);
	close(lock);
	return done;
}

bool netns_exists(const char *name)
{
	char path[PATH_MAX];
	struct stat st;
	netns_path(name, path, sizeof(path));
	return lstat(path, &st) == 0;
}

/* Gives the calling thread a fresh namespace; returns a descriptor of the old one. */
static int leave_for_fresh(char **error)
{
	int home = open(SELF, O_RDONLY | O_CLOEXEC);
	if (home < 0)
		return error_set(error, SELF ": %s", strerror(errno));
	if (unshare(CLONE_NEWNET) < 0) {
		error_set(error, "cannot make a network namespace: %s", strerror(errno));
		close(home);
		return -1;
	}
	return home;
}

int netns_add(const char *name, char **error)
{
	char path[PATH_MAX];
	netns_path(name, path, sizeof(path));
	int file = open(path, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
	if (file < 0)
		return error_set(error, "%s: %s", path, strerror(errno));
	close(file);

	int home = leave_for_fresh(error);
	int fd = home < 0 ? -1 : open(SELF, O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && mount(SELF, path, "none", MS_BIND, NULL) < 0) {
		error_set(error, "%s: mount: %s", path, strerror(errno));
		close(fd);
		fd = -1;
	}
	if (home >= 0)
		netns_leave(home);
	if (fd < 0) {
		unlink(path);
		return error_set(error, "%s: %s", path, strerror(errno));
	}
	return fd;
}

int netns_scratch(char **error)
{
	int home = leave_for_fresh(error);
	if (home < 0)
		return -1;
	int fd = open(SELF, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		error_set(error, SELF ": %s", strerror(errno));
	netns_leave(home);
	return fd;
}

int netns_open(const char *name, char **error)
{
	char path[PATH_MAX];
	netns_path(name, path, sizeof(path));
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return error_set(error, "%s: %s", path, strerror(errno));
	if (!netns_id(fd)) {
		close(fd);
		return error_set(error, "%s: expected a network namespace", path);
	}
	return fd;
}

int netns_remove(const char *name, char **error)
{
	char path[PATH_MAX];
	netns_path(name, path, sizeof(path));
	/* EINVAL: no namespace is mounted on it, its maker was killed in between. */
	if (umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) < 0 && errno != EINVAL && errno != ENOENT)
		return error_set(error, "%s: umount: %s", path, strerror(errno));
	if (unlink(path) < 0 && errno != ENOENT)
		return error_set(error, "%s: %s", path, strerror(errno));
	return 0;
}

ino_t netns_id(int fd)
{
	struct statfs fs;
	struct stat st;
	if (fstatfs(fd, &fs) < 0 || fs.f_type != NSFS_MAGIC || fstat(fd, &st) < 0)
		return 0;
	return st.st_ino;
}

int netns_visit(int fd, char **error)
{
	int home = open(SELF, O_RDONLY | O_CLOEXEC);
	if (home < 0)
		return error_set(error, SELF ": %s", strerror(errno));
	if (setns(fd, CLONE_NEWNET) < 0) {
		error_set(error, "cannot enter a network namespace: %s", strerror(errno));
		close(home);
		return -1;
	}
	return home;
}

void netns_leave(int home)
{
	/* In a namespace that is not its own the thread could only do harm. */
	if (setns(home, CLONE_NEWNET) < 0)
		abort();
	close(home);
}
