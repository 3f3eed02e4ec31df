/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef LAB_BUILD_NETNS_H
#define LAB_BUILD_NETNS_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * Network namespaces with names, in the way of ip-netns(8): a name is a file in /run/netns on
 * which the namespace is mounted, so `ip netns exec NAME ...` works on ours too.
 *
 * Every function returns -1 with `*error` set on failure (error.h), unless it says otherwise.
 */

#define NETNS_DIR "/run/netns"

/* Makes NETNS_DIR a mount of its own with shared propagation, as ip-netns(8) does, unless it is
 * one. Before anything is done, `record` is called with what is about to be made, for whoever has
 * to undo it: it returns -1 to stop. */
int netns_prepare(int (*record)(bool directory, void *arg, char **error), void *arg, char **error);

/* Undoes netns_prepare() if no namespace has a name any more; `directory` as it was recorded.
 * True when nothing of it is left to undo. */
bool netns_unprepare(bool directory);

/* Makes a namespace with this name, with nothing in it but a loopback interface that is down.
 * Returns a file descriptor of it. A name that exists is an error and stays as it is. */
int netns_add(const char *name, char **error);

/* Whether a file has this name, of a namespace or not. */
bool netns_exists(const char *name);

/* A file descriptor of a named namespace. */
int netns_open(const char *name, char **error);

/* Takes the name away; the namespace itself ends with the last process or descriptor in it.
 * A name that does not exist is no error. */
int netns_remove(const char *name, char **error);

/* Which namespace a descriptor is of, to compare with others; 0 when it is of none. */
ino_t netns_id(int fd);

/* Makes a namespace without a name that ends with the last descriptor of it. */
int netns_scratch(char **error);

/* Takes the calling thread into a namespace; returns a descriptor of the one it came from, for
 * netns_leave(), which closes it. */
int netns_visit(int fd, char **error);
void netns_leave(int home);

#endif
