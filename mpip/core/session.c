// SPDX-License-Identifier: BSD-2-Clause
/*
 * Table 7: sessions (paper 3.7.1), and connections whose handshake is not done.
 *
 * Theory of operation: a session is found by its tuple (outbound) or by node and session ID
 * (inbound), both in O(1). Those with user data within the last second are in the list `active`,
 * which the upkeep and Algorithm 1 walk; all are in `oldest`, sorted by their update time, whose
 * head expires first.
 */

#include "mpip/core/session.h"

#include "mpip/core/deliver.h"
#include "mpip/core/keepalive.h"
#include "mpip/core/mesh.h"
#include "mpip/core/path.h"
#include "mpip/core/peers.h"
#include "mpip/core/state.h"
#include "mpip/core/tables.h"

#include <stdlib.h>
#include <utlist.h>

#define SECOND usec_ms(1000)

struct session *session_find(struct engine *e, const struct tuple *tuple)
{
	struct session *s;
	HASH_FIND_BYHASHVALUE(
		by_tuple, e->sessions_by_tuple, tuple, sizeof(*tuple), tuple_hash(tuple), s);
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
	s->last_down = (struct usec){now.us - (int64_t)3600 * 1000000};
	s->encap = e->set.encap;
	keepalive_new(e, s);
	HASH_ADD_BYHASHVALUE(
		by_tuple, e->sessions_by_tuple, tuple, sizeof(s->tuple), tuple_hash(tuple), s);
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
		path_drop(e, s, s->mp->path[s->paths - 1], a);
	deliver_held(e, s, a);
	s->arrivals = 0;
	free(s->mp);
	s->mp = NULL;
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

bool session_enter(struct engine *e, struct session *s, struct peer *peer, struct session_id id,
	struct usec now, struct actions *a)
{
	if (!address_list_has(&e->addresses, s->tuple.local_ip))
		return false;
	session_leave(e, s, a);
	struct session *older = session_by_id(e, peer->node, id);
	if (older)
		session_remove(e, older, a);

	s->mp = calloc(1, sizeof(*s->mp));
	if (!s->mp)
		abort();
	s->key.node = peer->node;
	s->key.id = id;
	s->peer = peer;
	peer->sessions++;
	HASH_ADD(by_id, e->sessions_by_id, key, sizeof(s->key), s);
	s->moving = s->peer_moved = false;
	s->confirmed = USEC_NEVER;
	s->list_seen = s->list_acked = 0;
	s->owes_ack = false;
	s->step = 0;
	s->step_seen = USEC_NEVER;
	s->last_received = now;
	s->regular_since = now;
	s->regular_reason = "no path validated yet";
	mesh_update(e, s, now, a);
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

bool session_ended(const struct session *s, struct usec now)
{
	bool quiet = s->in_use == 0 && usec_sub(now, s->update_time).us >= SECOND.us;
	return s->reset || (s->fin_sent && (s->fin_received || quiet));
}
