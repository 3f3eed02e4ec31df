/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MPIP_SIM_SIM_H
#define MPIP_SIM_SIM_H

#include "mpip/core/engine.h"
#include "mpip/core/rng.h"
#include "mpip/core/types.h"

/*
 * The protocol simulator: hosts with the real core, the networks between them and the kernels and
 * applications around them, in virtual time and all from one seed (issue: "How it is validated").
 *
 *   sim.c       time: what happens next
 *   network.c   NICs, links, NATs; what a network does to packets
 *   host.c      a host: its daemon around the engine, the ingress hook, its addresses
 *   kernel.c    packets of applications: made, and looked at when they come out again
 *   tcp.c, udp.c   applications and their transport protocols
 *   faults.c    what goes wrong
 *   laws.c      what must hold nevertheless, after every event
 *   scenario.c  draws all of it from a seed, and runs it
 */

struct sim;
struct sim_host;
struct sim_flight;
struct sim_connection;

/* Something that happens at a time; `arg` is its own. */
typedef void sim_action(struct sim *w, void *arg);

struct sim_event {
	struct usec at;
	uint64_t order; /* of those at the same time, the one asked for first */
	sim_action *action;
	void *arg;
};

/* What goes wrong. X(identifier, name) */
#define SIM_FAULTS(X)                                                                              \
	X(LOSS, "loss")                                                                            \
	X(DUPLICATE, "duplicate")                                                                  \
	X(REORDER, "reorder")                                                                      \
	X(CORRUPT, "corrupt")                                                                      \
	X(REPLAY, "replay")                                                                        \
	X(FORGE, "forge")                                                                          \
	X(DELAY_STEP, "delay-step")                                                                \
	X(BLACKHOLE, "blackhole")                                                                  \
	X(DEAD_PATH, "dead-path")                                                                  \
	X(WIRE_BLOCK, "wire-block")                                                                \
	X(ADDRESS_GONE, "address-gone")                                                            \
	X(ADDRESS_CHANGE, "address-change")                                                        \
	X(NAT_REBIND, "nat-rebind")                                                                \
	X(NAT_TIMEOUT, "nat-timeout")                                                              \
	X(RESTART, "restart")                                                                      \
	X(LEAVE, "leave")                                                                          \
	X(STALL, "stall")

enum sim_fault {
#define X(identifier, name) SIM_FAULT_##identifier,
	SIM_FAULTS(X)
#undef X
		SIM_FAULT_KINDS
};
extern const char *const sim_fault_names[SIM_FAULT_KINDS];

/* The first law that did not hold. */
struct sim_broken {
	const char *law; /* NULL: none */
	uint64_t event;
	char what[240];
};

/* Why a network or a kernel, not an engine, ended a packet's way. X(identifier, name) */
#define SIM_ENDS(X)                                                                                \
	X(LOST, "lost")                                                                            \
	X(BLOCKED, "blocked")                                                                      \
	X(NAT, "nat")                                                                              \
	X(NO_ADDRESS, "no-address")                                                                \
	X(CHECKSUM, "checksum")                                                                    \
	X(NO_SOCKET, "no-socket")                                                                  \
	X(PORT_CLOSED, "port-closed")                                                              \
	X(HOOK_STALE, "hook-stale")                                                                \
	X(ENGINE, "engine")                                                                        \
	X(KERNEL, "kernel")

enum sim_end {
#define X(identifier, name) SIM_END_##identifier,
	SIM_ENDS(X)
#undef X
		SIM_END_KINDS
};
extern const char *const sim_end_names[SIM_END_KINDS];

#define SIM_HOSTS 3
#define SIM_NICS  12 /* of all hosts */

/* `from` to `to`: a direction of a pair of NICs. */
struct sim_link {
	struct usec last_arrival;
	struct usec blocked_until;      /* all packets are lost silently; NEVER: for good */
	struct usec wire_blocked_until; /* a firewall drops what is not a raw packet */
	int64_t step;                   /* delay added by a fault, microseconds */
};

struct sim_nat;

struct sim_nic {
	struct address ip; /* none: gone for now */
	unsigned host;
	int64_t delay, jitter; /* microseconds, one way, of this NIC's half of a link */
	struct sim_nat *nat;   /* NULL: directly on the net */
};

struct sim {
	uint64_t seed;
	struct rng rng;
	struct usec now;
	bool trace;

	struct sim_event *event; /* a binary heap */
	unsigned events_waiting, event_capacity;
	uint64_t order;

	struct sim_host *host[SIM_HOSTS];
	unsigned hosts;
	struct sim_nic nic[SIM_NICS];
	unsigned nics;
	struct sim_link link[SIM_NICS][SIM_NICS];
	struct sim_nat *nat[SIM_NICS];
	unsigned nats;
	bool draw_nat;                   /* the client is to be behind one */
	unsigned armed[SIM_FAULT_KINDS]; /* faults that wait for a packet */
	struct sim_flight *flights_free, *flights_all;
	struct sim_flight *remembered[16]; /* for replays */

	struct sim_connection *connection;
	unsigned connections;
	struct sim_packet *packet; /* of applications, by serial number from 1 on */
	unsigned packets, packet_capacity;
	struct usec apps_until; /* no new data of applications from then on */
	struct usec faults_until;
	struct usec late_from; /* nothing goes wrong any more, and all have had time to see it */
	bool damaged;          /* what arrives now was damaged, forged or replayed */

	uint64_t digest; /* over all that left a host or reached a kernel, and when */
	uint64_t events, launched, in_flight, ended[SIM_END_KINDS], faults[SIM_FAULT_KINDS];
	void (*after_event)(struct sim *w);
	int64_t *reached_us; /* where the time of the last event goes, for who looks on; NULL:
				nowhere */
	struct sim_broken broken;
};

/* Never NULL. Free with sim_free(). */
struct sim *sim_new(uint64_t seed);
void sim_free(struct sim *w);

void sim_at(struct sim *w, struct usec at, sim_action *action, void *arg);

/* Takes `bytes` into the digest, and the time. What differs between two builds for one seed differs
 * in what they put on the networks, or hand to applications, or when. */
void sim_digest(struct sim *w, const void *bytes, size_t length);

/* Lets everything happen that is due before `until`, or until a law is broken. */
void sim_run(struct sim *w, struct usec until);

/* Notes that `law` does not hold. Only the first one is kept; the run then ends. */
__attribute__((format(printf, 3, 4))) void sim_break(
	struct sim *w, const char *law, const char *format, ...);

/* A line of the trace. */
__attribute__((format(printf, 2, 3))) void sim_trace(struct sim *w, const char *format, ...);
#define SIM_TRACE(w, ...)                                                                          \
	do {                                                                                       \
		if ((w)->trace)                                                                    \
			sim_trace((w), __VA_ARGS__);                                               \
	} while (0)

static inline uint32_t sim_below(struct sim *w, uint32_t bound)
{
	return rng_below(&w->rng, bound);
}

static inline bool sim_one_in(struct sim *w, uint32_t n)
{
	return sim_below(w, n) == 0;
}

/* Uniform in [low, high]. */
static inline int64_t sim_between(struct sim *w, int64_t low, int64_t high)
{
	return low + sim_below(w, (uint32_t)(high - low + 1));
}

/* Memory or the end. */
void *sim_alloc(size_t bytes);

#endif
