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

#include "mpip/core/state.h"

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

#define NO_PATH UINT16_MAX
#define SECOND  usec_ms(1000)

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

	e->paths = calloc(e->set.max_paths, sizeof(*e->paths));
	if (!e->paths || !reorder_pool_open(&e->pool, e->set.reorder_pool)) {
		free(e->paths);
		free(e);
		return NULL;
	}
	e->free_path = NO_PATH;
	for (unsigned i = e->set.max_paths; i-- > 0;) {
		e->paths[i].id.n = (uint16_t)(i + 1);
		e->paths[i].next_free = e->free_path;
		e->free_path = (uint16_t)i;
	}
	e->last_free_path = (uint16_t)(e->set.max_paths - 1);
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
		free(s);
	}
	peers_free(&e->peers);
	pmtu_free(e);
	reorder_pool_close(&e->pool);
	free(e->paths);
	free(e);
}

void engine_carried_out(struct engine *e)
{
	reorder_pool_recycle(&e->pool);
}

/* Table 7 */

struct session *session_find(struct engine *e, const struct tuple *tuple)
{
	struct session *s;
	HASH_FIND(by_tuple, e->sessions_by_tuple, tuple, sizeof(*tuple), s);
	return s;
}

struct session *session_by_id(struct engine *e, struct node_id node, struct session_id id)
{
	struct session *s = e->last_in;
	if (s && s->key.id.n == id.n && node_equal(s->key.node, node))
		return s;
	struct session probe = {.key = {.node = node, .id = id}};
	HASH_FIND(by_id, e->sessions_by_id, &probe.key, sizeof(probe.key), s);
	e->last_in = s;
	return s;
}

struct session *session_new(
	struct engine *e, const struct tuple *tuple, struct usec now, struct actions *a)
{
	if (e->sessions >= e->set.max_sessions) {
		count(e, STAT_SESSIONS_EVICTED);
		session_remove(e, e->oldest, a);
	}
	struct session *s = calloc(1, sizeof(*s));
	if (!s)
		abort();
	s->tuple = *tuple;
	s->address_epoch = e->address_epoch;
	s->update_time = s->age_time = s->next_query = s->next_confirm = now;
	s->sending_since = s->step_seen = s->confirmed = USEC_NEVER;
	s->regular_since = now;
	s->regular_reason = "handshake";
	s->last_silenced = (struct usec){now.us - (int64_t)3600 * 1000000};
	s->wire_form = e->set.wire_form;
	keepalive_new(e, s);
	HASH_ADD(by_tuple, e->sessions_by_tuple, tuple, sizeof(s->tuple), s);
	DL_APPEND2(e->oldest, s, age_prev, age_next);
	e->sessions++;
	return s;
}

static void session_leave(struct engine *e, struct session *s, struct actions *a)
{
	if (s->key.id.n == 0)
		return;
	HASH_DELETE(by_id, e->sessions_by_id, s);
	s->key.id.n = 0;
	s->peer->sessions--;
	while (s->paths > 0)
		path_drop(e, s, s->path[s->paths - 1], a);
	reorder_push_all(e, s, a);
	s->reorder.synced = false;
	if (e->last_in == s)
		e->last_in = NULL;
}

void session_remove(struct engine *e, struct session *s, struct actions *a)
{
	session_leave(e, s, a);
	HASH_DELETE(by_tuple, e->sessions_by_tuple, s);
	DL_DELETE2(e->oldest, s, age_prev, age_next);
	if (s->active)
		DL_DELETE2(e->active, s, active_prev, active_next);
	if (s->holding)
		DL_DELETE2(e->holding, s, holding_prev, holding_next);
	e->sessions--;
	free(s);
}

struct path *session_choose(struct engine *e, struct session *s, uint32_t length)
{
	const struct policies *t = &e->set.policies;
	if (s->policy_generation != t->generation) {
		s->policy_rows = policies_of(t, &s->tuple);
		s->policy_generation = t->generation;
	}
	bool respond = s->policy_rows &&
		       policies_priority(t, s->policy_rows, length) == PRIORITY_RESPONSIVENESS;
	const struct scheduler *scheduler =
		respond ? &schedulers[SCHED_LOWEST_DELAY] : e->scheduler;
	return scheduler->choose(s, &e->rng);
}

struct policies *engine_policies(struct engine *e)
{
	return &e->set.policies;
}

bool session_enter(struct engine *e, struct session *s, struct peer *peer, struct session_id id,
	struct usec now, struct actions *a)
{
	if (!address_list_has(&e->addresses, s->tuple.local_ip))
		return false;
	session_leave(e, s, a);
	struct session *older = session_by_id(e, peer->node, id);
	if (older)
		session_remove(e, older, a);

	s->key.node = peer->node;
	s->key.id = id;
	s->peer = peer;
	peer->sessions++;
	HASH_ADD(by_id, e->sessions_by_id, key, sizeof(s->key), s);
	s->arrivals = 0;
	s->moving = s->peer_moved = false;
	s->confirmed = USEC_NEVER;
	s->list_seen = s->list_acked = 0;
	s->owes_ack = false;
	s->step = 0;
	s->step_seen = USEC_NEVER;
	s->last_received = now;
	s->regular_since = now;
	s->regular_reason = "no path proven yet";
	session_mesh(e, s, now, a);
	if (!mesh_begun(e, s)) {
		session_leave(e, s, a);
		return false;
	}
	count(e, STAT_SESSIONS_CREATED);
	return true;
}

void session_touch(struct engine *e, struct session *s, struct usec now)
{
	if (s->key.id.n && !s->active) {
		s->active = true;
		s->next_upkeep = usec_add(now, e->set.maintenance);
		s->next_weights = usec_add(now, e->set.weight_period);
		DL_APPEND2(e->active, s, active_prev, active_next);
	}
	/* Sorted to the second is sorted enough, and most packets then move nothing. */
	if (usec_sub(now, s->age_time).us >= SECOND.us) {
		s->age_time = now;
		DL_DELETE2(e->oldest, s, age_prev, age_next);
		DL_APPEND2(e->oldest, s, age_prev, age_next);
	}
	s->update_time = now;
}

void session_set_holding(struct engine *e, struct session *s, struct usec now)
{
	bool holds = s->reorder.held > 0;
	if (holds && !s->holding)
		DL_APPEND2(e->holding, s, holding_prev, holding_next);
	if (!holds && s->holding)
		DL_DELETE2(e->holding, s, holding_prev, holding_next);
	s->holding = holds;
	if (holds)
		s->reorder.deadline =
			e->set.reorder_hold.us ? usec_add(now, e->set.reorder_hold) : USEC_NEVER;
}

/* Table 3's pool */

struct path *path_row(struct engine *e, struct path_id id)
{
	if (id.n == 0 || id.n > e->set.max_paths || !e->paths[id.n - 1].session)
		return NULL;
	return &e->paths[id.n - 1];
}

struct path *path_take(struct engine *e)
{
	if (e->free_path == NO_PATH)
		return NULL;
	struct path *p = &e->paths[e->free_path];
	e->free_path = p->next_free;
	struct path_id id = p->id;
	*p = (struct path){.id = id, .first_unanswered = USEC_NEVER};
	return p;
}

void path_give_back(struct engine *e, struct path *p)
{
	pmtu_put(e, p->pmtu);
	p->session = NULL;
	uint16_t row = (uint16_t)(p->id.n - 1);
	p->next_free = NO_PATH;
	if (e->free_path == NO_PATH)
		e->free_path = row;
	else
		e->paths[e->last_free_path].next_free = row;
	e->last_free_path = row;
}

/* Addresses */

uint8_t nic_of(const struct engine *e, struct in_addr ip)
{
	for (uint8_t i = 0; i < e->addresses.count; i++)
		if (e->addresses.ip[i].s_addr == ip.s_addr)
			return i;
	return NIC_ANY;
}

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
		session_move(e, s, now, a);
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
	move_sessions(e, now, actions);
}

/* Time */

static void tick_session(struct engine *e, struct session *s, struct usec now, struct actions *a)
{
	if (!usec_before(now, s->next_weights)) {
		s->next_weights = usec_add(s->next_weights, e->set.weight_period);
		if (usec_before(s->next_weights, now))
			s->next_weights = usec_add(now, e->set.weight_period);
		if (s->in_use > 0) {
			e->scheduler->period(s, &e->set);
			if (e->observer)
				e->observer(e->observer_context, s, now);
		}
	}
	if (!usec_before(now, s->next_upkeep)) {
		s->next_upkeep = usec_add(now, e->set.maintenance);
		session_upkeep(e, s, now, a);
	}
}

struct usec engine_tick(struct engine *e, struct usec now, struct actions *a)
{
	struct usec next = USEC_NEVER;
	struct session *s, *tmp;

	if (e->moving) {
		move_sessions(e, now, a);
		if (e->moving)
			return now;
	}

	DL_FOREACH_SAFE2(e->holding, s, tmp, holding_next)
	{
		if (!has_room(a))
			return now;
		if (!usec_before(now, s->reorder.deadline)) {
			count(e, STAT_REORDER_TIMEOUT);
			reorder_push_all(e, s, a);
			session_set_holding(e, s, now);
		} else {
			next = usec_min(next, s->reorder.deadline);
		}
	}

	DL_FOREACH_SAFE2(e->active, s, tmp, active_next)
	{
		if (!has_room(a))
			return now;
		if (usec_sub(now, s->update_time).us >= SECOND.us && s->reorder.held == 0) {
			DL_DELETE2(e->active, s, active_prev, active_next);
			s->active = false;
			continue;
		}
		tick_session(e, s, now, a);
		next = usec_min(next, usec_min(s->next_upkeep, s->next_weights));
		if (s->key.id.n && s->in_use == 0 && s->peer_knows &&
			usec_sub(now, s->regular_since).us >= e->set.session_retry.us &&
			session_can_start_over(e, s)) {
			/* Nothing brings it back: the handshake starts over. */
			count(e, STAT_SESSIONS_EXPIRED);
			session_remove(e, s, a);
		}
	}

	while (e->oldest && has_room(a) &&
		usec_sub(now, e->oldest->update_time).us >= e->set.session_expiry.us) {
		count(e, STAT_SESSIONS_EXPIRED);
		session_remove(e, e->oldest, a);
	}
	if (e->oldest)
		next = usec_min(next, usec_add(e->oldest->update_time, e->set.session_expiry));

	if (!usec_before(now, e->next_sweep))
		handshake_sweep(e, now, a);
	return usec_min(next, e->next_sweep);
}

void engine_leave(struct engine *e, struct usec now, struct actions *a)
{
	struct session *s;
	e->leaving = true;
	DL_FOREACH2(e->oldest, s, age_next)
	for (unsigned i = 0; i < s->paths && has_room(a); i++)
		if (s->path[i]->state == PATH_IN_USE)
			send_heartbeat(e, s, s->path[i], CM_FLAG_LEAVE, now, a);
}

/* Looking on */

const struct stats *engine_stats(const struct engine *e)
{
	return &e->stats;
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
