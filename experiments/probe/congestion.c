// SPDX-License-Identifier: BSD-2-Clause
/*
 * Whether the kernel has a congestion control.
 *
 * Theory of operation
 * -------------------
 * It is tried on a socket. The kernel's list, tcp_available_congestion_control, has a module only
 * after it was loaded, and the try loads it. What only root may choose
 * (tcp_allowed_congestion_control) is there.
 */

#include "experiments/probe/congestion.h"

#include "mpip/base/error.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int congestion_try(const char *name, char **error)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return error_set(error, "a TCP socket: %s", strerror(errno));
	int rc = setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, (socklen_t)strlen(name));
	int why = errno;
	close(fd);
	if (rc == 0 || why == EPERM)
		return 0;
	if (why == ENOENT)
		return error_set(error,
			"expected a kernel with the congestion control \"%s\", this one has none "
			"of this name",
			name);
	return error_set(error, "congestion control \"%s\": %s", name, strerror(why));
}
