/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MPIP_IO_CONFINE_H
#define MPIP_IO_CONFINE_H

#include <netinet/in.h>
#include <stdbool.h>

/*
 * Gives up for good what this process needs no more once it works: all capabilities but
 * CAP_NET_ADMIN (routes, the ingress filter, marks, buffers), CAP_NET_RAW (the raw sockets of
 * addresses that come), CAP_NET_BIND_SERVICE where the wire port is below 1024, and CAP_BPF where
 * the kernel asks for it to use maps that are open (before Linux 5.19, where eBPF is not for
 * everybody; `may_use_maps` tells). What programs that it starts could have goes, too. Each thing
 * that the kernel has not got is a line in the log, and the daemon goes on.
 */
void confine(in_port_t wire_port, bool (*may_use_maps)(void *context), void *context);

/* The same for the guard (guard.h): all but CAP_NET_ADMIN. Says nothing: what it cannot give up,
 * the daemon cannot either. */
void confine_guard(void);

#endif
