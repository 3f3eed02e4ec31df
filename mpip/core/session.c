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
	struct multipath *mp = e->last_in, probe;
	if (mp && mp->key.id.n == id.n && node_equal(mp->key.node, node))
		return mp->session;
	memset(&probe.key, 0, sizeof(probe.key));
	probe.key.node = node;
	probe.key.id = id;
	HASH_FIND(by_id, e->sessions_by_id, &probe.key, sizeof(probe.key), mp);
	e->last_in = mp;
	return mp ? mp->session : NULL;
}

struct session *session_new(
	struct engine *e, const struct tuple *tuple, struct usec now, struct actions *a)
{
	if (e->sessions >= e->set.max_sessions) {
		count(e, STAT_SESSIONS_EVICTED);
		session_remove(e, e->oldest, "session table full", now, a);
	}
	struct session *s = calloc(1, sizeof(*s));
	if (!s)
		abort();
	s->tuple = *tuple;
	s->address_epoch = e->address_epoch;
	s->update_time = s->age_time = s->next_query = now;
	s->regular_reason = "handshake";
	s->encap = e->set.encap;
	keepalive_new(e, s);
	HASH_ADD_BYHASHVALUE(
		by_tuple, e->sessions_by_tuple, tuple, sizeof(s->tuple), tuple_hash(tuple), s);
	DL_APPEND2(e->oldest, s, age_prev, age_next);
	e->sessions++;
	return s;
}

/* Its session ID goes, with its paths and what they have brought. */
static void forget_id(
	struct engine *e, struct session *s, const char *reason, struct usec now, struct actions *a)
{
	struct multipath *mp = s->mp;
	event_tell(e, now, .kind = EVENT_SESSION_ENDED, .session = s, .reason = reason);
	HASH_DELETE(by_id, e->sessions_by_id, mp);
	mp->multipath = false;
	mp->peer->sessions--;
	while (s->paths > 0)
		path_drop(e, s, mp->path[s->paths - 1], a);
	deliver_held(e, s, a);
	s->arrivals = 0;
	if (e->last_in == mp)
		e->last_in = NULL;
}

static void session_leave(
	struct engine *e, struct session *s, const char *reason, struct usec now, struct actions *a)
{
	struct multipath *mp = s->mp;
	if (!mp)
		return;
	forget_id(e, s, reason, now, a);
	if (mp->active)
		DL_DELETE2(e->active, mp, active_prev, active_next);
	free(mp);
	s->mp = NULL;
	s->confirm_due = false;
}

void session_remove(
	struct engine *e, struct session *s, const char *reason, struct usec now, struct actions *a)
{
	session_leave(e, s, reason, now, a);
	HASH_DELETE(by_tuple, e->sessions_by_tuple, s);
	DL_DELETE2(e->oldest, s, age_prev, age_next);
	e->sessions--;
	free(s);
}

static struct multipath *multipath_new(struct session *s, struct usec now)
{
	struct multipath *mp = calloc(1, sizeof(*mp));
	if (!mp)
		abort();
	mp->session = s;
	mp->sending_since = USEC_NEVER;
	mp->next_confirm = now;
	mp->last_down = (struct usec){now.us - (int64_t)3600 * 1000000};
	return mp;
}

/* Of the ID that it had before, where queries have crossed, only what was counted stays. */
static void take_id(struct engine *e, struct session *s, struct peer *peer, struct session_id id,
	struct usec now)
{
	struct multipath *mp = s->mp;
	mp->key.node = peer->node;
	mp->key.id = id;
	mp->peer = peer;
	peer->sessions++;
	HASH_ADD(by_id, e->sessions_by_id, key, sizeof(mp->key), mp);
	memset(&mp->reorder, 0, sizeof(mp->reorder));
	mp->moving = mp->peer_moved = mp->owes_ack = false;
	mp->confirms = 0;
	mp->list_seen = mp->list_acked = 0;
	mp->step = 0;
	mp->step_seen = mp->confirmed = USEC_NEVER;
	mp->last_received = mp->regular_since = now;
	s->regular_reason = "no path validated yet";
}

bool session_enter(struct engine *e, struct session *s, struct peer *peer, struct session_id id,
	struct usec now, struct actions *a)
{
	if (!address_list_has(&e->addresses, s->tuple.local_ip))
		return false;
	if (s->mp)
		forget_id(e, s, "the two ends agreed on another session ID", now, a);
	else
		s->mp = multipath_new(s, now);
	struct session *older = session_by_id(e, peer->node, id);
	if (older)
		session_remove(e, older, "its session ID is another connection's", now, a);
	take_id(e, s, peer, id, now);
	event_tell(e, now, .kind = EVENT_SESSION_BEGUN, .session = s);
	mesh_update(e, s, now, a);
	if (!mesh_begun(e, s)) {
		session_leave(e, s, "no path to be had", now, a);
		return false;
	}
	count(e, STAT_SESSIONS_CREATED);
	return true;
}

void session_stays_regular(
	const struct engine *e, struct session *s, const char *reason, struct usec now)
{
	s->regular_reason = reason;
	event_tell(e, now, .kind = EVENT_SESSION_REGULAR, .session = s, .reason = reason);
}

void session_touch(struct engine *e, struct session *s, struct usec now)
{
	if (s->mp && !s->mp->active) {
		s->mp->active = true;
		s->mp->next_upkeep = usec_add(now, e->set.maintenance);
		s->mp->next_weights = usec_add(now, e->set.weight_period);
		DL_APPEND2(e->active, s->mp, active_prev, active_next);
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
