/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MPIP_SIM_HOST_H
#define MPIP_SIM_HOST_H

#include "mpip/sim/sim.h"

/*
 * A host: its addresses, the ingress hook, and the daemon around the real engine. A host whose
 * engine is NULL is plain, or its daemon is dead; `hooked` tells the two apart, as the hook
 * outlives the daemon.
 */

#define SIM_WIRES        2048
#define SIM_HOST_PACKETS 2048
#define SIM_STEERS       1024
#define SIM_FLOWS        2048

/* What an engine was given, to be compared with its counters. */
struct sim_ledger {
	uint64_t segments;     /* of applications, super-packets as so many */
	uint64_t asking_along; /* of them: datagrams that took a question along */
	uint64_t too_big;      /* of the segments: dropped, and their kernel was told */
	uint64_t from_networks, asked_along; /* packets; those of them with a question to UDP */
	uint64_t wires, hosts;               /* actions carried out */
};

struct sim_host {
	struct sim *w;
	unsigned index;
	char name;
	struct engine *engine;
	bool hooked;     /* has or had a daemon */
	unsigned lives;  /* of its daemon */
	bool leaving;    /* its daemon has said that it stops */
	bool ever_plain; /* has no daemon, and had none */
	struct settings settings;
	struct node_id node;
	in_port_t wire_port;
	struct address_list addresses;
	int64_t clock_offset; /* its clock - ours, at time 0, microseconds */
	int64_t clock_ppm;    /* what it gains on ours */
	struct usec deadline; /* ours */
	struct usec stalled_until;
	bool touched; /* its engine has run since the laws were checked */
	struct sim_ledger ledger;
	struct stats traced;
	uint64_t sessions_gone; /* see laws.c */
	/* By what its engine has said: so many sessions are multipath. */
	int64_t told_multipath;

	struct address excluded[64];
	unsigned excludes;
	struct tuple flow[SIM_FLOWS];
	unsigned flows;

	uint64_t carriers_seen, wrapped_seen; /* by its kernel */

	struct actions actions;
	struct wire_packet wire[SIM_WIRES];
	struct host_packet host[SIM_HOST_PACKETS];
	struct steer steer[SIM_STEERS];
};

/* A plain host; with host_start() it is one with MPIP. */
struct sim_host *host_new(struct sim *w);
void host_free(struct sim_host *h);

/* Starts a daemon with the host's settings and addresses, whose random numbers come from the sim.
 */
void host_start(struct sim_host *h);
/* It is killed. */
void host_kill(struct sim_host *h);
/* It is asked to stop; host_kill() ends it later. */
void host_leave(struct sim_host *h);

/* The host's clock now. */
struct usec host_clock(const struct sim_host *h);

/* The host's addresses have changed: those of its NICs that have one. */
void host_addresses(struct sim_host *h);

/* The kernel sends a packet, or a super-packet with gso_size. `packet`: its serial number. */
void host_send(struct sim_host *h, uint8_t *bytes, uint32_t length, uint16_t gso_size,
	bool checksum_partial, uint32_t packet);
/* Whether what goes there passes the daemon. */
bool host_through_daemon(const struct sim_host *h, struct address remote);

/* A packet arrives; takes it over. */
void host_receive(struct sim_host *h, struct sim_flight *f);

/* Its sessions and their paths, in the trace. */
void host_trace(const struct sim_host *h);

/* The engine's time has come. */
void host_tick(struct sim_host *h);

#endif
