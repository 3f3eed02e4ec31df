/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MPIP_CORE_ENGINE_H
#define MPIP_CORE_ENGINE_H

#include "mpip/core/actions.h"
#include "mpip/core/event.h"
#include "mpip/core/input.h"
#include "mpip/core/peers.h"
#include "mpip/core/settings.h"
#include "mpip/core/stats.h"
#include "mpip/core/tables.h"

/*
 * One node's MPIP (paper, section 3), without a clock and without I/O: bytes and the time go in,
 * actions and the next deadline come out. The daemon, the simulator and the fuzzers run the same.
 *
 * Every entry appends to `actions`, which must have ACTIONS_*_ROOM free slots of each kind. What
 * it appended may point into the bytes handed in and into the engine: carry the actions out, then
 * call engine_carried_out(), before those bytes change.
 */

struct engine;

struct engine_setup {
	struct settings settings;
	struct node_id node;
	in_port_t wire_port;      /* of this node's wire sockets, network order */
	struct usec started;      /* when its clock began to go wrong, if it does (clock.h) */
	event_observer *observer; /* of all events; NULL: none */
	void *observer_context;
};

/* NULL: out of memory. Free with engine_free(). */
struct engine *engine_new(const struct engine_setup *setup);
void engine_free(struct engine *e);

/* The host's addresses, in the order that `local_index` counts them; of IPv4, as are all packets so
 * far. Peers are told of a change. */
void engine_set_addresses(struct engine *e, const struct address_list *list, struct usec now,
	struct actions *actions);

/* A packet from an application of this host. */
void engine_from_host(
	struct engine *e, const struct host_input *in, struct usec now, struct actions *actions);

/* A datagram that came to a wire socket. */
void engine_from_wire(
	struct engine *e, const struct wire_input *in, struct usec now, struct actions *actions);

/* An IP packet that the ingress hook took off a NIC; GRO may have made a super-packet of it. What
 * turns out not to be ours is handed back as it came: a host packet with `verbatim` set. */
void engine_from_hook(
	struct engine *e, const struct host_input *in, struct usec now, struct actions *actions);

/* The peer's host says that nobody listens at this wire endpoint. */
void engine_unreachable(struct engine *e, struct endpoint remote, struct usec now);

/* What a router or the other end says of a datagram of ours: an ICMP error. */
void engine_wire_error(
	struct engine *e, const struct wire_error *error, struct usec now, struct actions *actions);

/* The smallest MTU of the host's NICs; 1500 until said. What is known of path MTUs is forgotten. */
void engine_set_mtu(struct engine *e, uint16_t mtu);

/* A router says that IP packets of more than `mtu` bytes do not pass between these addresses. */
void engine_too_big(struct engine *e, struct address local, struct address remote, uint32_t mtu,
	struct usec now);

/* Does what is due by `now`. Returns when to call again, at the latest; USEC_NEVER: not at all. */
struct usec engine_tick(struct engine *e, struct usec now, struct actions *actions);

/* This node is about to stop. It tells the peers of all sessions, as far as there is room; from now
 * on the engine only takes what comes, answers no query, and repeats to who goes on that it leaves.
 * A peer that hears of it forgets the session. engine_tick() is not to be called any more. */
void engine_leave(struct engine *e, struct usec now, struct actions *actions);

/* All actions so far were carried out: buffers they pointed to may be used again. */
void engine_carried_out(struct engine *e);

/* For those who look on: the control socket, the simulator, tests. All of it borrowed. */
const struct stats *engine_stats(const struct engine *e);
/* Table 6; may be changed at any time, by policy.h. */
struct policies *engine_policies(struct engine *e);

const struct settings *engine_settings(const struct engine *e);
const struct peers *engine_peers(const struct engine *e);
const struct address_list *engine_addresses(const struct engine *e);
/* The session after `s`, the one updated longest ago for NULL; NULL at the end. */
const struct session *engine_next_session(const struct engine *e, const struct session *s);

#endif
