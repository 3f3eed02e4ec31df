// SPDX-License-Identifier: BSD-2-Clause
/*
 * The engine: its tables and its deadlines.
 *
 * Theory of operation: a session is found by its tuple (outbound) or by node and session ID
 * (inbound), both in O(1). No timer belongs to an idle session: sessions with user data within
 * the last second are in the list `active`, which the upkeep and Algorithm 1 walk; those whose
 * out-of-order buffer holds something are in `holding`; and all are in `oldest`, sorted by their
 * update time, whose head expires first. So the cost of a packet does not depend on how many
 * sessions there are, and an idle node has one deadline, far away.
 *
 * A departure from 3.7.1: session IDs start at a random number, not at 1, so that a restarted
 * node does not hand out the IDs of sessions that its peers still know. The two ends draw from
 * disjoint ranges: the node of the lower ID takes the odd numbers.
 */

#include "mpip/core/engine.h"

#include "mpip/core/deliver.h"
#include "mpip/core/heartbeat.h"
#include "mpip/core/icmp.h"
#include "mpip/core/inbound.h"
#include "mpip/core/input.h"
#include "mpip/core/ipchange.h"
#include "mpip/core/mesh.h"
#include "mpip/core/outbound.h"
#include "mpip/core/path.h"
#include "mpip/core/peers.h"
#include "mpip/core/pmtu.h"
#include "mpip/core/query.h"
#include "mpip/core/sched.h"
#include "mpip/core/session.h"
#include "mpip/core/state.h"
#include "mpip/core/upkeep.h"

#include <stdlib.h>
#include <utlist.h>

const char *const stat_names[STAT_COUNT] = {
#define X(identifier, name, text) [STAT_##identifier] = name,
	STATS(X)
#undef X
};
const char *const stat_texts[STAT_COUNT] = {
#define X(identifier, name, text) [STAT_##identifier] = text,
	STATS(X)
#undef X
};

struct engine *engine_new(const struct engine_setup *setup)
{
	struct engine *e = calloc(1, sizeof(*e));
	if (!e)
		return NULL;
	e->set = setup->settings;
	e->scheduler = &schedulers[e->set.scheduler];
	e->node = setup->node;
	e->wire_port = setup->wire_port;
	e->started = setup->started;
	e->observer = setup->observer;
	e->observer_context = setup->observer_context;
	e->rng.state = e->set.seed;
	for (unsigned i = 0; i < sizeof(e->node.b); i++) /* two ends of one seed still differ */
		e->rng.state = (e->rng.state ^ e->node.b[i]) * 0x100000001b3u;
	e->boot = (uint16_t)rng_next(&e->rng);
	e->list_version = (uint8_t)rng_next(&e->rng);
	e->next_fake_port = (uint16_t)rng_next(&e->rng);
	e->next_session_id = rng_next(&e->rng) & 0x3fffffff;
	e->peers.max_availability = e->set.max_addresses;
	e->peers.max_peers = e->set.max_peers;
	e->next_sweep = USEC_NEVER;
	e->mtu = 1500;

	if (!path_pool_open(e) || !reorder_pool_open(&e->pool, e->set.reorder_pool)) {
		path_pool_close(e);
		free(e);
		return NULL;
	}
	return e;
}

void engine_free(struct engine *e)
{
	if (!e)
		return;
	struct session *s, *tmp;
	HASH_CLEAR(by_id, e->sessions_by_id);
	HASH_ITER (by_tuple, e->sessions_by_tuple, s, tmp) {
		HASH_DELETE(by_tuple, e->sessions_by_tuple, s);
		free(s->mp);
		free(s);
	}
	peers_free(&e->peers);
	pmtu_free(e);
	reorder_pool_close(&e->pool);
	path_pool_close(e);
	free(e);
}

void engine_carried_out(struct engine *e)
{
	reorder_pool_recycle(&e->pool);
}

#define SECOND usec_ms(1000)

/* Addresses */

static bool has_room(const struct actions *a)
{
	return a->wires + ACTIONS_WIRE_ROOM <= a->wire_capacity &&
	       a->hosts + ACTIONS_HOST_ROOM <= a->host_capacity &&
	       a->steers + ACTIONS_STEER_ROOM <= a->steer_capacity;
}

/* Those for which there is no room yet follow with the next tick. */
static void move_sessions(struct engine *e, struct usec now, struct actions *a)
{
	struct session *s;
	e->moving = false;
	DL_FOREACH2(e->oldest, s, age_next)
	if (s->address_epoch != e->address_epoch) {
		if (!has_room(a)) {
			e->moving = true;
			return;
		}
		ipchange_local(e, s, now, a);
	}
}

void engine_set_addresses(
	struct engine *e, const struct address_list *list, struct usec now, struct actions *actions)
{
	if (address_list_equal(&e->addresses, list))
		return;
	e->addresses = *list;
	e->list_version++;
	e->address_epoch++;
	e->moving = true;
	struct peer *peer, *peer_tmp;
	HASH_ITER (hh, e->peers.peer, peer, peer_tmp) {
		peer->wants_list = true;
		peer->list_acked = false;
	}
	event_tell(e, now, .kind = EVENT_ADDRESSES, .addresses = &e->addresses);
	move_sessions(e, now, actions);
}

/* What comes in */

void engine_from_host(
	struct engine *e, const struct host_input *in, struct usec now, struct actions *actions)
{
	outbound_packet(e, in, now, actions);
}

void engine_from_wire(
	struct engine *e, const struct wire_input *in, struct usec now, struct actions *actions)
{
	inbound_wire(e, in, now, actions);
}

void engine_from_hook(
	struct engine *e, const struct host_input *in, struct usec now, struct actions *actions)
{
	inbound_hook(e, in, now, actions);
}

void engine_unreachable(struct engine *e, struct endpoint remote, struct usec now)
{
	upkeep_unreachable(e, remote, now);
}

void engine_wire_error(
	struct engine *e, const struct wire_error *error, struct usec now, struct actions *actions)
{
	icmp_wire_error(e, error, now, actions);
}

void engine_set_mtu(struct engine *e, uint16_t mtu)
{
	pmtu_set_mtu(e, mtu);
}

void engine_too_big(struct engine *e, struct address local, struct address remote, uint32_t mtu,
	struct usec now)
{
	pmtu_too_big(e, local, remote, mtu, now);
}

/* Time */

static void tick_session(struct engine *e, struct session *s, struct usec now, struct actions *a)
{
	if (!usec_before(now, s->mp->next_weights)) {
		s->mp->next_weights = usec_add(s->mp->next_weights, e->set.weight_period);
		if (usec_before(s->mp->next_weights, now))
			s->mp->next_weights = usec_add(now, e->set.weight_period);
		if (s->in_use > 0) {
			e->scheduler->period(s, &e->set);
			event_tell(e, now, .kind = EVENT_WEIGHTS, .session = s);
		}
	}
	if (!usec_before(now, s->mp->next_upkeep)) {
		s->mp->next_upkeep = usec_add(now, e->set.maintenance);
		upkeep_session(e, s, now, a);
	}
}

struct usec engine_tick(struct engine *e, struct usec now, struct actions *a)
{
	struct usec next = USEC_NEVER;
	struct multipath *mp, *tmp;

	if (e->moving) {
		move_sessions(e, now, a);
		if (e->moving)
			return now;
	}

	DL_FOREACH_SAFE2(e->holding, mp, tmp, holding_next)
	{
		if (!has_room(a))
			return now;
		if (!usec_before(now, mp->reorder.deadline)) {
			count(e, STAT_REORDER_TIMEOUT);
			deliver_held(e, mp->session, a);
		} else {
			next = usec_min(next, mp->reorder.deadline);
		}
	}

	DL_FOREACH_SAFE2(e->active, mp, tmp, active_next)
	{
		struct session *s = mp->session;
		if (!has_room(a))
			return now;
		if (usec_sub(now, s->update_time).us >= SECOND.us && mp->reorder.held == 0) {
			DL_DELETE2(e->active, mp, active_prev, active_next);
			mp->active = false;
			continue;
		}
		tick_session(e, s, now, a);
		next = usec_min(next, usec_min(s->mp->next_upkeep, s->mp->next_weights));
		if (s->in_use == 0 && s->peer_knows &&
			usec_sub(now, s->mp->regular_since).us >= e->set.session_retry.us &&
			mesh_ends_known(e, s)) {
			/* Nothing brings it back: the handshake starts over. */
			count(e, STAT_SESSIONS_EXPIRED);
			session_remove(
				e, s, "regular for too long: the handshake starts over", now, a);
		}
	}

	while (e->oldest && has_room(a) &&
		usec_sub(now, e->oldest->update_time).us >= e->set.session_expiry.us) {
		count(e, STAT_SESSIONS_EXPIRED);
		session_remove(e, e->oldest, "no data for too long", now, a);
	}
	if (e->oldest)
		next = usec_min(next, usec_add(e->oldest->update_time, e->set.session_expiry));

	if (!usec_before(now, e->next_sweep))
		query_sweep(e, now, a);
	return usec_min(next, e->next_sweep);
}

void engine_leave(struct engine *e, struct usec now, struct actions *a)
{
	struct session *s;
	e->leaving = true;
	DL_FOREACH2(e->oldest, s, age_next)
	for (unsigned i = 0; i < s->paths && has_room(a); i++)
		if (s->mp->path[i]->state == PATH_IN_USE)
			heartbeat_send(e, s, s->mp->path[i], CM_FLAG_LEAVE, now, a);
}

/* Looking on */

const struct stats *engine_stats(const struct engine *e)
{
	return &e->stats;
}

struct policies *engine_policies(struct engine *e)
{
	return &e->set.policies;
}

const struct settings *engine_settings(const struct engine *e)
{
	return &e->set;
}

const struct peers *engine_peers(const struct engine *e)
{
	return &e->peers;
}

const struct address_list *engine_addresses(const struct engine *e)
{
	return &e->addresses;
}

const struct session *engine_next_session(const struct engine *e, const struct session *s)
{
	return s ? s->age_next : e->oldest;
}
