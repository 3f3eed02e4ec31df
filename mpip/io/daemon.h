/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MPIP_IO_DAEMON_H
#define MPIP_IO_DAEMON_H

#include "mpip/io/config.h"
#include "mpip/io/control.h"
#include "mpip/io/flows.h"
#include "mpip/io/guard.h"
#include "mpip/io/hostnet/hostnet.h"
#include "mpip/io/ingress/ingress.h"
#include "mpip/io/log.h"
#include "mpip/io/pathlog.h"
#include "mpip/io/tun.h"
#include "mpip/io/wirelink.h"

#include <stdio.h>

/*
 * The daemon as a whole: all of mpip/io around one engine. daemon.c is its life, turn.c what it
 * does all the time. There is one per process, and it has one thread.
 */

#define HOOK_BATCH  32 /* packets from the hook per turn */
#define WIRE_SLOTS  2048
#define HOST_SLOTS  4096
#define STEER_SLOTS 1024

struct daemon {
	struct config config;
	struct hostnet *hostnet;
	struct tun tun, hook;
	struct wirelink wire;
	bool wire_missing;      /* some address has no hook or no socket: left out */
	struct usec wire_retry; /* then it is tried again, or NEVER */
	struct ingress *ingress;
	struct flows flows;
	struct control control;
	struct guard guard;
	struct engine *engine;
	struct address_list addresses; /* those that serve */
	unsigned mtu;                  /* the smallest of the NICs' */
	char *warning;                 /* said last */
	struct {
		char name[IFNAMSIZ];
		const char *why;
	} nic_said[2 * HOSTNET_NICS_MAX]; /* the same of each NIC */
	size_t nics_said;
	struct pathlog *path_log;
	int epoll, signals;
	struct usec started, now;
	struct usec leave_at; /* USEC_NEVER until a signal came */
	struct usec leave_last;
	struct usec keep_next; /* when addresses kept on the TUN are looked at again, or NEVER */
	uint64_t came;         /* CMs, when it was last looked whether the peers are quiet */
	bool keep_filter;      /* they were not: the filter stays, and drops what has a CM */
	struct usec
		inherited_until; /* then no peer knows a killed predecessor's sessions any more */
	uint64_t turns, steer_errors;
	struct usec window;    /* the millisecond that packets are being counted in */
	uint64_t window_start; /* d.wire.received_packets at its start */
	bool busy;
	struct node_id node;

	struct actions actions;
	struct wire_packet wire_slots[WIRE_SLOTS];
	struct host_packet host_slots[HOST_SLOTS];
	struct steer steer_slots[STEER_SLOTS];
	struct tun_frame frames[HOOK_BATCH];
};

/* Where an epoll event comes from; SOURCE_MONITOR + i is monitor i, SOURCE_WIRE + i the wire socket
 * of local address i. */
enum source {
	SOURCE_TUN,
	SOURCE_HOOK,
	SOURCE_HOSTNET,
	SOURCE_CONTROL,
	SOURCE_SIGNAL,
	SOURCE_GUARD,
	SOURCE_MONITOR,
	SOURCE_WIRE = SOURCE_MONITOR + MONITORS_MAX
};

/* Sets everything up, in an order in which nothing is touched before a second daemon has found the
 * first. `d` is zeroed but for `config`, which it then owns. Blocks SIGINT, SIGTERM and SIGHUP. 0,
 * or -1 with one line in `*error` (to be freed) or errno; daemon_close() is due in either case. */
int daemon_open(struct daemon *d, const char *path_log, char **error);
void daemon_close(struct daemon *d);

/* Works until a signal ends it. */
void daemon_serve(struct daemon *d);

/* Internal to daemon.c and turn.c. */

struct usec daemon_clock(void);
/* Does what the engine wants done, and empties the batch. */
void daemon_carry_out(struct daemon *d);
/* NICs, addresses or routes have changed. */
void daemon_host_changed(struct daemon *d);
/* The guard has ended, which it should not. */
void daemon_lost_guard(struct daemon *d);
/* At wire_retry: tries again what could not be had. */
void daemon_retry_wire(struct daemon *d);
/* Keeps the addresses that sessions have and no NIC has any more, and gives up the others. */
void daemon_keep_addresses(struct daemon *d);
/* The first signal ends the multipath, a second one the waiting for what is under way. */
void daemon_leave(struct daemon *d);
/* At leave_at: whether the peers are quiet or have had long enough; else leave_at moves on. */
bool daemon_may_end(struct daemon *d);

#endif
