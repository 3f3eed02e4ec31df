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
#define LEARNED_MAX 16

/* The socket's own far end may be in no list, behind a NAT; but it goes when the other end's
 * addresses change. */
static bool far_end_known(const struct session *s, struct in_addr remote)
{
	return (!s->peer_moved && remote.s_addr == s->tuple.remote_ip.s_addr) ||
	       address_list_has(&s->peer->addresses, remote);
}

static bool path_wanted(const struct engine *e, const struct session *s, const struct path *p)
{
	return p->nic < e->addresses.count && e->addresses.ip[p->nic].s_addr == p->src.ip.s_addr &&
	       (p->learned || far_end_known(s, p->dst.ip));
}

struct path *mesh_add(struct engine *e, struct session *s, uint8_t nic, struct in_addr remote,
	struct usec now, struct actions *a)
{
	for (unsigned i = 0; i < s->paths; i++)
		if (s->path[i]->nic == nic && s->path[i]->dst.ip.s_addr == remote.s_addr) {
			s->path[i]->learned = false;
			return s->path[i];
		}
	struct path *p = path_add(e, s, nic, remote);
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
	const struct address_list *far = &s->peer->addresses;
	unsigned before = s->paths;
	for (unsigned i = s->paths; i-- > 0;)
		if (!path_wanted(e, s, s->path[i]))
			path_drop(e, s, s->path[i], a);
	unsigned kept = s->paths;

	for (uint8_t nic = 0; nic < e->addresses.count; nic++) {
		/* Private networks are alike: behind another NAT it may have an address of ours. */
		for (unsigned j = 0; j < far->count; j++)
			if (nic_of(e, far->ip[j]) == NIC_ANY)
				mesh_add(e, s, nic, far->ip[j], now, a);
		if (far_end_known(s, s->tuple.remote_ip))
			mesh_add(e, s, nic, s->tuple.remote_ip, now, a);
	}
	s->mesh_of = s->peer->list_changes;
	if (kept != before || s->paths != before)
		path_start_weights(s, &e->set);
	if (s->in_use == 0 && s->regular_since.us == USEC_NEVER.us) {
		s->regular_since = now;
		s->regular_reason = "its paths' addresses are gone";
	}
}

static bool mesh_has(const struct session *s, uint8_t nic, struct in_addr remote)
{
	for (unsigned i = 0; i < s->paths; i++)
		if (s->path[i]->nic == nic && s->path[i]->dst.ip.s_addr == remote.s_addr)
			return true;
	return false;
}

bool mesh_begun(const struct engine *e, const struct session *s)
{
	if (s->wire_form != WIRE_LITERAL)
		return s->paths > 0;
	return mesh_has(s, nic_of(e, s->tuple.local_ip), s->tuple.remote_ip);
}

bool mesh_behind_nat(const struct session *s)
{
	return !s->peer_moved && !address_list_has(&s->peer->addresses, s->tuple.remote_ip);
}

bool mesh_short(const struct engine *e, const struct session *s)
{
	return !mesh_behind_nat(s) && !mesh_complete(e, s);
}

bool mesh_complete(const struct engine *e, const struct session *s)
{
	const struct address_list *far = &s->peer->addresses;
	bool all = !mesh_behind_nat(s);
	for (uint8_t nic = 0; nic < e->addresses.count; nic++)
		for (unsigned j = 0; j < far->count; j++)
			all &= nic_of(e, far->ip[j]) != NIC_ANY || mesh_has(s, nic, far->ip[j]);
	return all || s->wire_form != WIRE_LITERAL;
}

bool mesh_lists_agreed(const struct engine *e, const struct session *s)
{
	return s->list_acked == 1u + e->list_version && s->list_seen == 1u + s->peer->list_version;
}

bool mesh_ends_known(const struct engine *e, const struct session *s)
{
	return nic_of(e, s->tuple.local_ip) != NIC_ANY &&
	       (!s->peer_moved || address_list_has(&s->peer->addresses, s->tuple.remote_ip));
}

/* What came from where */

/* Room among the learned paths, if need be at the cost of one that does not work. */
static bool learned_room(struct engine *e, struct session *s, struct actions *a)
{
	unsigned learned = 0;
	struct path *useless = NULL;
	for (unsigned i = 0; i < s->paths; i++) {
		learned += s->path[i]->learned;
		if (s->path[i]->learned && s->path[i]->state != PATH_IN_USE)
			useless = s->path[i];
	}
	if (learned < LEARNED_MAX)
		return true;
	if (useless)
		path_drop(e, s, useless, a);
	return useless != NULL;
}

struct path *mesh_add_reflexive(struct engine *e, struct session *s, uint8_t nic,
	enum wire_form form, struct endpoint remote, in_port_t local, struct actions *a)
{
	/* At an address that is no longer ours nothing can be answered. */
	bool room = nic != NIC_ANY && learned_room(e, s, a);
	struct path *p = room ? path_add(e, s, nic, remote.ip) : NULL;
	if (!p)
		return NULL;
	p->learned = true;
	path_move(e, s, p, form, remote, local, a);
	path_start_weights(s, &e->set);
	count(e, STAT_PATHS_LEARNED);
	return p;
}

bool mesh_arrival(struct engine *e, struct session *s, const struct cm *cm,
	const struct arrived_at *at, struct actions *a)
{
	struct path *p = path_at(s, at->nic, at->from, at->port);
	if (!p && at->form != WIRE_FAKE_TCP) { /* a fake connection begins with a SYN */
		p = path_idle(s, at->nic, at->from.ip, cm->path);
		if (p)
			path_move(e, s, p, at->form, at->from, at->port, a);
		else
			p = mesh_add_reflexive(e, s, at->nic, at->form, at->from, at->port, a);
	}
	if (p)
		p->reverse = cm->path;
	return p || far_end_known(s, at->from.ip);
}
