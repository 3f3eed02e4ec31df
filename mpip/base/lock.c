// SPDX-License-Identifier: BSD-2-Clause
/* Locks on directories; the contract is in the header. */

#include "mpip/base/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

int lock_directory(const char *path, int how)
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
		if (fstat(fd, &locked) == 0 && stat(path, &now) == 0 &&
			locked.st_ino == now.st_ino && locked.st_dev == now.st_dev)
			return fd;
		close(fd);
	}
}
