/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MPIP_IO_INGRESS_INGRESS_H
#define MPIP_IO_INGRESS_INGRESS_H

#ifdef __bpf__
#include <linux/in.h>
#include <linux/types.h>
typedef __u8 uint8_t;
typedef __u32 uint32_t;
typedef __u64 uint64_t;
typedef __be16 in_port_t;
#else
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#endif

/*
 * The ingress hook: an eBPF program at each NIC's clsact ingress that takes MPIP's packets out of
 * the kernel's hands and gives them, whole, to the daemon's receive TUN. What it takes and what it
 * does when the daemon is gone is told in ingress.bpf.c.
 *
 * Filter and maps outlive the daemon; the next one inherits flows and stale counters from the
 * filters it finds in its network namespace, and replaces these in place.
 */

/* A wire flow as its packets look on arrival: the source is the remote end. Addresses and ports in
 * network order. It is a hash key: `zero` must be 0. */
struct ingress_flow {
	struct in_addr remote, local;
	in_port_t remote_port, local_port;
	uint8_t protocol; /* IPPROTO_TCP or IPPROTO_UDP */
	uint8_t zero[3];
};

#define INGRESS_FLOWS_MAX 65536

/* Packets (a super-packet is one), by what became of them. "Stale": without a sign of life from
 * the daemon for longer than the limit. Names and texts in ingress_counter_names[], _texts[]. */
enum ingress_counter {
	INGRESS_TAKEN_FLOW,          /* to the daemon, by 5-tuple */
	INGRESS_TAKEN_FORM,          /* to the daemon, by form */
	INGRESS_PASSED_STALE_FLOW,   /* of a flow, without CM, to the kernel */
	INGRESS_PASSED_STALE_FORM,   /* a query that a plain stack ignores, to the kernel */
	INGRESS_DROPPED_STALE_CM,    /* of a flow, with a CM */
	INGRESS_DROPPED_STALE_EMPTY, /* a query on an empty datagram, which an application would see
				      */
	INGRESS_DROPPED_LOCAL,       /* written into the receive TUN by something of this host */
	INGRESS_TAKEN_ERROR,         /* to the daemon, an ICMP error about a packet of a flow */
	INGRESS_COUNTERS
};

/* What program and loader share besides; not for callers. */
#define INGRESS_NICS_MAX 64

struct ingress_flow_state {
	uint64_t created_ns; /* CLOCK_MONOTONIC */
};

struct ingress_nic_state {
	uint32_t made_clsact; /* ours to remove */
};

struct ingress_setup {
	uint64_t stale_ns;
	uint32_t rx_ifindex, pad;
};

#ifndef __bpf__

struct ingress;

struct ingress_counters {
	uint64_t value[INGRESS_COUNTERS];
};
extern const char *const ingress_counter_names[INGRESS_COUNTERS];
extern const char *const ingress_counter_texts[INGRESS_COUNTERS];

/*
 * Errors: a function with `error` returns 0, or -1 and sets *error to one line without a newline,
 * to be freed by the caller. The others return 0 or a negative errno.
 */

/* Loads program and maps; packets go to the TUN `rx_ifindex` (Linux TUN without an address, up,
 * in this namespace), which from now on takes packets from NICs only. Takes over the flows of a
 * predecessor in this namespace. The first sign of life is now; the limit is `stale_ns` (0: the
 * default of 300 ms). At most one per network namespace: the caller makes sure of that. */
int ingress_open(struct ingress **in, int rx_ifindex, uint64_t stale_ns, char **error);

/* Detaches from every NIC, those of a predecessor included, and frees. NULL is allowed. */
void ingress_close(struct ingress *in);

/* Puts the filter at the NIC, in the place of a predecessor's if there is one, with no instant
 * without a filter. Again: puts it back should somebody have taken it off. Error: no such NIC, or
 * the place is taken by a foreign filter. */
int ingress_attach(struct ingress *in, int ifindex, char **error);

/* Takes it off, and clsact too if we put it there and nobody else uses it. Never attached, or a
 * NIC that is gone, is no error. */
int ingress_detach(struct ingress *in, int ifindex);

/* Packets of this flow go to the daemon from now on. Again: its time of creation is now. -E2BIG:
 * INGRESS_FLOWS_MAX are there. One system call. */
int ingress_add_flow(struct ingress *in, const struct ingress_flow *flow);

/* -ENOENT: there was none. */
int ingress_remove_flow(struct ingress *in, const struct ingress_flow *flow);

/* Calls `each` for every flow, with its time of creation (CLOCK_MONOTONIC, ns) and whether a
 * predecessor made it and nobody renewed it. `each` may remove that flow. Returns their number. */
size_t ingress_each_flow(struct ingress *in,
	void (*each)(void *context, const struct ingress_flow *flow, uint64_t created_ns,
		bool inherited),
	void *context);

/* Removes inherited flows created before `older_than_ns` (CLOCK_MONOTONIC; UINT64_MAX: all of
 * them). A daemon calls it when the sessions of its predecessor must have expired. Returns how
 * many it removed. */
size_t ingress_expire(struct ingress *in, uint64_t older_than_ns);

/* The daemon lives at `now_ns` (CLOCK_MONOTONIC). No system call: call it on every wake-up, and
 * wake up often enough. */
void ingress_alive(struct ingress *in, uint64_t now_ns);

/* Counts since ingress_open(); the stale ones since a predecessor first attached. */
int ingress_counters(struct ingress *in, struct ingress_counters *counters);

#endif
#endif
