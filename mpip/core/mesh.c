// SPDX-License-Identifier: BSD-2-Clause
/*
 * Which paths a session has (paper 3.3, 3.8.2).
 *
 * Theory of operation: there is a path for each pair of a local address and one that the other end
 * lists, or that the connection itself leads to. Where a middlebox has changed an address, what
 * comes has a far end that nobody listed: a path to this reflexive address is made, which, as any
 * path, carries user data only after its first feedback. So an end behind a NAT is answered at the
 * place that its packets seem to come from, and when a NAT draws another place for them, that is
 * one more path, and the one to the old place goes down. A path that is not in use follows the
 * other end: it takes the encapsulation in which a packet comes between its two addresses.
 */

#include "mpip/core/mesh.h"

#include "mpip/core/path.h"
#include "mpip/core/state.h"
#include "mpip/core/tables.h"

/* The paths of a session to far ends that are in no list: NATs may draw any number of them. */
#define REFLEXIVE_MAX 16

/* The socket's own far end may be in no list, behind a NAT; but it goes when the other end's
 * addresses change. */
static bool far_end_known(const struct session *s, struct address remote)
{
	return (!s->mp->peer_moved && address_equal(remote, s->tuple.remote_ip)) ||
	       address_list_has(&s->mp->peer->addresses, remote);
}

static bool path_wanted(const struct engine *e, const struct session *s, const struct path *p)
{
	return p->local_index < e->addresses.count &&
	       address_equal(e->addresses.ip[p->local_index], p->src.ip) &&
	       (p->reflexive || far_end_known(s, p->dst.ip));
}

struct path *mesh_add(struct engine *e, struct session *s, uint8_t local_index,
	struct address remote, struct usec now, struct actions *a)
{
	for (unsigned i = 0; i < s->paths; i++)
		if (s->mp->path[i]->local_index == local_index &&
			address_equal(s->mp->path[i]->dst.ip, remote)) {
			s->mp->path[i]->reflexive = false;
			return s->mp->path[i];
		}
	struct path *p = path_add(e, s, local_index, remote);
	if (!p)
		return NULL;
	p->probe_due = now;
	if (path_take_ends(e, s, p, a))
		return p;
	path_drop(e, s, p, a);
	return NULL;
}

void mesh_update(struct engine *e, struct session *s, struct usec now, struct actions *a)
{
	const struct address_list *far = &s->mp->peer->addresses;
	unsigned before = s->paths;
	for (unsigned i = s->paths; i-- > 0;)
		if (!path_wanted(e, s, s->mp->path[i]))
			path_remove(e, s, s->mp->path[i], "one of its addresses is gone", now, a);
	unsigned kept = s->paths;

	for (uint8_t local_index = 0; local_index < e->addresses.count; local_index++) {
		/* Private networks are alike: behind another NAT it may have an address of ours. */
		for (unsigned j = 0; j < far->count; j++)
			if (local_index_of(e, far->ip[j]) == LOCAL_ANY)
				mesh_add(e, s, local_index, far->ip[j], now, a);
		if (far_end_known(s, s->tuple.remote_ip))
			mesh_add(e, s, local_index, s->tuple.remote_ip, now, a);
	}
	s->mp->mesh_of = s->mp->peer->list_changes;
	if (kept != before || s->paths != before)
		path_start_weights(s, &e->set);
	if (s->in_use == 0)
		path_fallback(e, s, "its paths' addresses are gone", now);
}

static bool mesh_has(const struct session *s, uint8_t local_index, struct address remote)
{
	for (unsigned i = 0; i < s->paths; i++)
		if (s->mp->path[i]->local_index == local_index &&
			address_equal(s->mp->path[i]->dst.ip, remote))
			return true;
	return false;
}

bool mesh_begun(const struct engine *e, const struct session *s)
{
	if (s->encap != ENCAP_LITERAL)
		return s->paths > 0;
	return mesh_has(s, local_index_of(e, s->tuple.local_ip), s->tuple.remote_ip);
}

bool mesh_behind_nat(const struct session *s)
{
	return !s->mp->peer_moved && !address_list_has(&s->mp->peer->addresses, s->tuple.remote_ip);
}

bool mesh_short(const struct engine *e, const struct session *s)
{
	return !mesh_behind_nat(s) && !mesh_complete(e, s);
}

bool mesh_complete(const struct engine *e, const struct session *s)
{
	const struct address_list *far = &s->mp->peer->addresses;
	bool all = !mesh_behind_nat(s);
	for (uint8_t local_index = 0; local_index < e->addresses.count; local_index++)
		for (unsigned j = 0; j < far->count; j++)
			all &= local_index_of(e, far->ip[j]) != LOCAL_ANY ||
			       mesh_has(s, local_index, far->ip[j]);
	return all || s->encap != ENCAP_LITERAL;
}

bool mesh_lists_agreed(const struct engine *e, const struct session *s)
{
	return s->mp->list_acked == 1u + e->list_version &&
	       s->mp->list_seen == 1u + s->mp->peer->list_version;
}

bool mesh_ends_known(const struct engine *e, const struct session *s)
{
	return local_index_of(e, s->tuple.local_ip) != LOCAL_ANY &&
	       (!s->mp->peer_moved ||
		       address_list_has(&s->mp->peer->addresses, s->tuple.remote_ip));
}

/* What came from where */

/* Room among the reflexive paths, if need be at the cost of one that does not work. */
static bool reflexive_room(struct engine *e, struct session *s, struct usec now, struct actions *a)
{
	unsigned reflexive = 0;
	struct path *useless = NULL;
	for (unsigned i = 0; i < s->paths; i++) {
		reflexive += s->mp->path[i]->reflexive;
		if (s->mp->path[i]->reflexive && s->mp->path[i]->state != PATH_IN_USE)
			useless = s->mp->path[i];
	}
	if (reflexive < REFLEXIVE_MAX)
		return true;
	if (useless)
		path_remove(e, s, useless, "newer paths behind a NAT take its place", now, a);
	return useless != NULL;
}

/* A path that has never answered, the one that was asked most: where the other end is behind a NAT,
 * those to the addresses that it lists lead nowhere. */
static struct path *least_likely(const struct session *s)
{
	struct path *worst = NULL;
	for (unsigned i = 0; i < s->paths; i++) {
		struct path *p = s->mp->path[i];
		bool silent = p->state != PATH_IN_USE && p->state != PATH_STANDBY && !p->feedbacks;
		if (silent && (!worst || p->probes > worst->probes))
			worst = p;
	}
	return worst;
}

/* A row of Table 3 for where something came from. A packet that has come counts more than an
 * address that is only listed: if need be, a path to one of those makes room. */
static struct path *reflexive_row(struct engine *e, struct session *s, uint8_t local_index,
	struct address remote, struct usec now, struct actions *a)
{
	struct path *p = path_add(e, s, local_index, remote);
	struct path *useless = p ? NULL : least_likely(s);
	if (!useless)
		return p;
	path_remove(e, s, useless, "a packet came from an address that needs its row", now, a);
	return path_add(e, s, local_index, remote);
}

struct path *mesh_add_reflexive(struct engine *e, struct session *s, uint8_t local_index,
	enum encapsulation encap, struct endpoint remote, in_port_t local, struct usec now,
	struct actions *a)
{
	/* At an address that is no longer ours nothing can be answered. */
	bool room = local_index != LOCAL_ANY && reflexive_room(e, s, now, a);
	struct path *p = room ? reflexive_row(e, s, local_index, remote.ip, now, a) : NULL;
	if (!p)
		return NULL;
	p->reflexive = true;
	path_move(e, s, p, encap, remote, local, now, a);
	path_start_weights(s, &e->set);
	event_tell(e, now, .kind = EVENT_PATH_REFLEXIVE, .session = s, .path = p);
	count(e, STAT_PATHS_REFLEXIVE);
	return p;
}

bool mesh_arrival(struct engine *e, struct session *s, const struct cm *cm,
	const struct arrived_at *at, struct actions *a)
{
	struct path *p = path_at(s, at->local_index, at->from, at->port);
	if (!p && at->encap != ENCAP_FAKE_TCP) { /* a fake connection begins with a SYN */
		p = path_idle(s, at->local_index, at->from.ip, cm->path);
		if (p)
			path_move(e, s, p, at->encap, at->from, at->port, at->time, a);
		else
			p = mesh_add_reflexive(
				e, s, at->local_index, at->encap, at->from, at->port, at->time, a);
	}
	if (p)
		p->reverse = cm->path;
	return p || far_end_known(s, at->from.ip);
}
