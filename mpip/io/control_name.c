// SPDX-License-Identifier: BSD-2-Clause
/* Where the control socket is. */

#include "mpip/io/control_name.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

struct control_name control_own_name(void)
{
	struct control_name name;
	struct stat self = {0};
	(void)stat("/proc/self/ns/net", &self); /* without /proc it is 0 for both ends */
	snprintf(name.text, sizeof(name.text), "%s/%llu.sock", CONTROL_FOLDER,
		(unsigned long long)self.st_ino);
	return name;
}

socklen_t control_address(const char *name, struct sockaddr_un *address)
{
	size_t length = strlen(name);
	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (length == 0 || length >= sizeof(address->sun_path))
		return 0;
	memcpy(address->sun_path, name, length + 1);
	if (name[0] != '@')
		return sizeof(*address);
	address->sun_path[0] = '\0';
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
}
