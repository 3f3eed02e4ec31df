// SPDX-License-Identifier: BSD-2-Clause
/* Which processor: a name of an abstract socket can be had once on a machine, leaves no file, and
 * is free again when its owner dies, however. */

#include "experiments/sweeper/slot.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define SLOTS_MAX 4096

int slot_take(void)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	for (int slot = 0; fd >= 0 && slot < SLOTS_MAX; slot++) {
		struct sockaddr_un name = {.sun_family = AF_UNIX};
		int n = snprintf(
			name.sun_path + 1, sizeof(name.sun_path) - 1, "mpip-sweep-%d", slot);
		socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + n);
		if (bind(fd, (struct sockaddr *)&name, length) == 0)
			return slot; /* it stays open to our end */
	}
	if (fd >= 0)
		close(fd);
	return (int)getpid() % SLOTS_MAX;
}
