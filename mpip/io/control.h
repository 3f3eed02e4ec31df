/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MPIP_IO_CONTROL_H
#define MPIP_IO_CONTROL_H

#include "mpip/core/engine.h"
#include "mpip/io/monitor.h"

#include <jansson.h>
#include <sys/socket.h>
#include <sys/un.h>

/*
 * The control socket: mpipctl writes one command with its words and a newline, mpipd answers with
 * one JSON object and closes; only `monitor [KIND...]` goes on (monitor.h). Only root and the
 * daemon's own user are answered.
 */

/* An address from the name of a socket: a path, or "@NAME" in the abstract namespace, which every
 * network namespace has its own of. Returns its length, 0: the name is too long. */
socklen_t control_address(const char *name, struct sockaddr_un *address);

struct control {
	int fd;
	struct sockaddr_un address;
	/* What the daemon answers besides the engine's state; both return new references. */
	json_t *(*status)(void *context);
	json_t *(*io_stats)(void *context, json_t *about);
	void *context;
	struct monitors monitors;
};

/* 0, or -1 and one line in `*error`. A path that no daemon listens at any more is taken over. */
int control_open(struct control *c, const char *name, char **error);
void control_close(struct control *c);

/* Answers one waiting client, if there is one. Never blocks for long: a client that does not read
 * is cut off. */
void control_serve(struct control *c, struct engine *e, struct usec now);

#endif
