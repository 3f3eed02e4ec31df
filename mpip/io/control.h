/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MPIP_IO_CONTROL_H
#define MPIP_IO_CONTROL_H

#include "mpip/core/engine.h"
#include "mpip/io/control_name.h"
#include "mpip/io/monitor.h"

#include <jansson.h>
#include <sys/types.h>

/*
 * The control socket: mpipctl writes one command with its words and a newline, mpipd answers with
 * one JSON object and closes; only `monitor [KIND...]` goes on (monitor.h). Only root and the
 * daemon's own user are answered.
 */

#define CONTROL_CLIENTS 8 /* at a time; one more, and the oldest has to go */

struct control_client {
	int fd; /* -1: a free place */
	char command[512];
	size_t have; /* of the command */
	char *text;  /* the answer; NULL: the command is not complete */
	size_t size, sent;
	struct usec until; /* then it is dropped */
};

struct control {
	int fd;
	int epoll; /* readable when control_serve() has something to do */
	struct sockaddr_un address;
	dev_t device; /* of the socket's file, with its number, to know it again */
	ino_t inode;
	struct control_client client[CONTROL_CLIENTS];
	struct usec expires; /* when the first client is to be dropped, or USEC_NEVER */
	/* What the daemon answers besides the engine's state; both return new references. */
	json_t *(*status)(void *context);
	json_t *(*io_stats)(void *context, json_t *about);
	void *context;
	struct monitors monitors;
};

/* 0, or -1 and one line in `*error`. NULL as name: the one of this network namespace. The socket of
 * a daemon that is no more is replaced, nothing else. */
int control_open(struct control *c, const char *name, char **error);
void control_close(struct control *c);

/* Takes and answers as far as that goes without waiting, and drops whose time is over. To be called
 * when `epoll` is readable, and at `expires`. */
void control_serve(struct control *c, struct engine *e, struct usec now);

#endif
