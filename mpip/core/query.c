// SPDX-License-Identifier: BSD-2-Clause
/*
 * Whether an address or port speaks MPIP (paper 3.2, Table 2), as far as the handshake knows.
 *
 * Limits: at most query_threshold questions to an IP address that has never shown MPIP; then its
 * traffic is excluded from the daemon until no_expiry. An address that has shown it is never given
 * up, only its silent ports are no longer asked.
 */

#include "mpip/core/query.h"

#include "mpip/core/peers.h"
#include "mpip/core/session.h"
#include "mpip/core/state.h"

/* FNV-1a (public domain), of the tuple's bytes. Ports that follow each other, as one client's do,
 * get places of their own. */
static uint32_t hash_of(const struct tuple *tuple)
{
	const uint8_t *bytes = (const void *)tuple;
	uint32_t hash = 0x811c9dc5;
	for (size_t i = 0; i < sizeof(*tuple); i++)
		hash = (hash ^ bytes[i]) * 0x01000193;
	return hash;
}

void query_accepted_note(struct engine *e, const struct tuple *tuple)
{
	uint32_t hash = hash_of(tuple);
	e->accepted[hash % ACCEPTED] = hash;
}

bool query_accepted_has(const struct engine *e, const struct tuple *tuple)
{
	uint32_t hash = hash_of(tuple);
	return e->accepted[hash % ACCEPTED] == hash;
}

struct availability *query_row(
	struct engine *e, struct address ip, in_port_t port, struct actions *a)
{
	struct availability evicted;
	struct availability *row = availability_get(&e->peers, ip, port, &evicted);
	if (!address_is_none(evicted.key.ip) && evicted.key.port == 0 && evicted.mpip == MPIP_FALSE)
		a->steer[a->steers++] = (struct steer){
			.kind = STEER_INCLUDE, .tuple = {.remote_ip = evicted.key.ip}};
	return row;
}

void query_address_shows_mpip(struct engine *e, struct address ip, struct actions *a)
{
	struct availability *row = query_row(e, ip, 0, a);
	if (row->mpip == MPIP_FALSE)
		a->steer[a->steers++] =
			(struct steer){.kind = STEER_INCLUDE, .tuple = {.remote_ip = ip}};
	row->mpip = MPIP_TRUE;
	row->queries = 0;
}

/* Believes an old "no" no longer. */
void query_sweep(struct engine *e, struct usec now, struct actions *a)
{
	e->next_sweep = USEC_NEVER;
	struct availability *row, *tmp;
	HASH_ITER (hh, e->peers.availability, row, tmp) {
		if (row->mpip != MPIP_FALSE)
			continue;
		bool room = a->steers + ACTIONS_STEER_ROOM <= a->steer_capacity;
		if (usec_before(now, row->no_until) || !room) {
			e->next_sweep = usec_min(e->next_sweep, room ? row->no_until : now);
			continue;
		}
		row->mpip = MPIP_UNKNOWN;
		row->queries = 0;
		if (row->key.port == 0)
			a->steer[a->steers++] = (struct steer){
				.kind = STEER_INCLUDE, .tuple = {.remote_ip = row->key.ip}};
	}
}

static void give_up(struct engine *e, struct availability *row, struct usec now, struct actions *a)
{
	row->mpip = MPIP_FALSE;
	row->no_until = usec_add(now, e->set.no_expiry);
	e->next_sweep = usec_min(e->next_sweep, row->no_until);
	if (row->key.port == 0)
		a->steer[a->steers++] =
			(struct steer){.kind = STEER_EXCLUDE, .tuple = {.remote_ip = row->key.ip}};
}

static bool spent(const struct engine *e, const struct availability *row, struct usec now)
{
	return row->queries >= e->set.query_threshold &&
	       usec_sub(now, row->last_query).us >= e->set.query_grace.us;
}

/* Whether a session leads to the address. Table 2 is bounded, and may have forgotten that it has
 * shown MPIP; to exclude it would take the session's own packets from the daemon. Walks all
 * sessions, but only where an address would be given up. */
static bool leads_to(const struct engine *e, struct address ip)
{
	for (const struct session *s = e->oldest; s; s = s->age_next)
		if (s->mp && address_equal(s->tuple.remote_ip, ip))
			return true;
	return false;
}

bool query_due(struct engine *e, struct session *s, struct usec now, struct actions *a)
{
	s->next_query = usec_add(now, e->set.query_interval);

	struct availability *address = query_row(e, s->tuple.remote_ip, 0, a);
	struct availability *socket = query_row(e, s->tuple.remote_ip, s->tuple.remote_port, a);
	if (address->mpip == MPIP_FALSE || socket->mpip == MPIP_FALSE)
		return false;
	if (address->mpip == MPIP_UNKNOWN && spent(e, address, now)) {
		if (!leads_to(e, address->key.ip)) {
			give_up(e, address, now, a);
			session_stays_regular(e, s, "the other end has no MPIP", now);
			return false;
		}
		address->mpip = MPIP_TRUE;
		address->queries = 0;
	}
	if (address->mpip == MPIP_TRUE && spent(e, socket, now)) {
		give_up(e, socket, now, a);
		session_stays_regular(e, s, "this port of the other end does not answer", now);
		return false;
	}
	struct availability *limit = address->mpip == MPIP_UNKNOWN ? address : socket;
	if (limit == address && limit->queries == 0)
		s->queries = 0; /* nobody has asked since the last "no" expired */
	if (limit->queries >= e->set.query_threshold || s->queries >= e->set.query_threshold ||
		(limit == address && limit->queries &&
			usec_sub(now, limit->last_query).us < e->set.query_interval.us))
		return false;
	s->queries++;
	address->queries++;
	socket->queries++;
	address->last_query = socket->last_query = now;
	return true;
}
