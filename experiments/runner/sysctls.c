// SPDX-License-Identifier: BSD-2-Clause
/*
 * Trying sysctls.
 *
 * Theory of operation
 * -------------------
 * What a network namespace has under /proc/sys/net shows only from inside, and which values the
 * kernel takes only when they are set. So a child moves into a new namespace, sets them there, and
 * hands back what the kernel said. What is not the namespace's own is read-only in it. Without root
 * the child makes itself a user namespace first, where it may.
 */

#include "experiments/runner/sysctls.h"

#include "mpip/base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int set(const struct sysctl_try *t, bool inside)
{
	char *file = text_format("/proc/sys/%s", t->path);
	int rc = 0;
	if (!inside) {
		rc = access(file, F_OK) == 0 ? 0 : errno;
	} else {
		int fd = open(file, O_WRONLY | O_CLOEXEC);
		rc = fd >= 0 && write(fd, t->value, strlen(t->value)) >= 0 ? 0 : errno;
		if (fd >= 0)
			close(fd);
		if (rc ==
			EROFS) /* a container's /proc/sys: the name is known, no more can be told */
			rc = 0;
	}
	free(file);
	return rc;
}

static void in_child(const struct sysctl_try *all, size_t count, int out)
{
	bool inside = unshare(CLONE_NEWNET) == 0 || unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0;
	for (size_t i = 0; i < count; i++) {
		int error = set(&all[i], inside);
		if (write(out, &error, sizeof(error)) != (ssize_t)sizeof(error))
			_exit(1);
	}
	_exit(0);
}

int sysctls_try(struct sysctl_try *all, size_t count, char **error)
{
	int ends[2], rc = 0;
	if (pipe2(ends, O_CLOEXEC) != 0)
		return error_set(error, "pipe: %s", strerror(errno));
	pid_t pid = fork();
	if (pid == 0)
		in_child(all, count, ends[1]);
	if (pid < 0)
		rc = error_set(error, "fork: %s", strerror(errno));
	close(ends[1]);
	for (size_t i = 0; rc == 0 && i < count; i++)
		if (read(ends[0], &all[i].error, sizeof(all[i].error)) !=
			(ssize_t)sizeof(all[i].error))
			rc = error_set(error, "sysctls could not be tried in a new namespace");
	close(ends[0]);
	if (pid > 0)
		waitpid(pid, NULL, 0);
	return rc;
}
