/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MPIP_IO_GUARD_H
#define MPIP_IO_GUARD_H

#include <sys/types.h>

/*
 * A process that outlives the daemon by a moment, and takes its routes and rules away when it was
 * killed. How is told in guard.c.
 */
struct guard {
	pid_t process; /* 0: there is none */
	int fd;        /* readable when it has ended */
};

/* To be called before there is a TUN: it lives for as long as somebody has it open. `tun` is its
 * name. 0, or -1 with errno. */
int guard_start(struct guard *g, const char *tun);

/* Ends it; the caller has cleaned up. */
void guard_end(struct guard *g);

#endif
