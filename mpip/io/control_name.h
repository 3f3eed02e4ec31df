/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MPIP_IO_CONTROL_NAME_H
#define MPIP_IO_CONTROL_NAME_H

#include <sys/socket.h>
#include <sys/un.h>

/*
 * Where the control socket is, for mpipd and mpipctl: /run/mpipd/NETNS.sock, NETNS being the number
 * of the network namespace (the inode of /proc/self/ns/net), as /run is common to several of them.
 * Only root may make something there; a name in the abstract namespace anybody could take first.
 */

#define CONTROL_FOLDER "/run/mpipd"
#define CONTROL_NAME   CONTROL_FOLDER "/NETNS.sock" /* for help texts */

struct control_name {
	char text[100];
};

/* The name of this network namespace's socket. */
struct control_name control_own_name(void);

/* An address from the name of a socket: a path, or "@NAME" in the abstract namespace, which every
 * network namespace has its own of. Returns its length, 0: the name is too long. */
socklen_t control_address(const char *name, struct sockaddr_un *address);

#endif
