// SPDX-License-Identifier: BSD-2-Clause
/*
 * A host's addresses change while its sessions go on (paper 3.4, end: Flags_IP_Change).
 *
 * Theory of operation: a session keeps its socket addresses, whatever happens to them: they are
 * what the application's kernel knows it by (3.7). All its other entries go, at both ends, in
 * Tables 3 and 5; one path is left, and the others come back as they came at first: probed,
 * validated, used.
 *
 * The end whose addresses changed keeps a path in use from an address that is still there, else it
 * takes its first address to where it sent last. It says Flags_IP_Change together with its new
 * address list, at once and again until that list is acknowledged in this session, each time on
 * another path. The other end resets itself once for each version of the list, keeps the path with
 * the ends of the packet that said so, and acknowledges on it. That packet may come from an address
 * not heard of before: it is believed if node and session are those of a live session, and no more
 * often than every IP_CHANGE_EVERY.
 *
 * A limit: in the encapsulation `literal` the other end's ingress hook knows flows by their
 * addresses; a packet from an unknown address would pass to the application. So there a change is
 * only said on a path that was in use before it; if none is left, the session waits until an old
 * address is back.
 */

#include "mpip/core/ipchange.h"

#include "mpip/core/heartbeat.h"
#include "mpip/core/mesh.h"
#include "mpip/core/path.h"
#include "mpip/core/state.h"
#include "mpip/core/tables.h"

#define IP_CHANGE_EVERY usec_ms(200) /* at most, that a peer may reset a session */
#define IP_CHANGE_AGAIN usec_ms(100) /* until it is acknowledged */

/* Removes all paths but `keep`, which may be NULL, and what was measured of the other end's. */
static void reset(struct engine *e, struct session *s, struct path *keep, const char *reason,
	struct usec now, struct actions *a)
{
	for (unsigned i = s->paths; i-- > 0;)
		if (s->mp->path[i] != keep)
			path_remove(e, s, s->mp->path[i], reason, now, a);
	s->arrivals = 0;
	s->mp->step = 0;
	s->mp->step_seen = USEC_NEVER;
	path_changed(s);
}

static void use_at_once(const struct engine *e, struct session *s, struct path *p, struct usec now)
{
	bool activates = p->state != PATH_IN_USE;
	p->state = PATH_IN_USE;
	path_start_weights(s, &e->set);
	if (activates) {
		enum event_kind kind = p->was_down ? EVENT_PATH_UP : EVENT_PATH_ACTIVE;
		event_tell(e, now, .kind = kind, .session = s, .path = p);
		p->was_down = false;
	}
	path_multipath(e, s, now);
}

/* The fastest path in use whose local address is still there. */
static struct path *survivor(const struct engine *e, const struct session *s)
{
	struct path *best = NULL;
	for (unsigned i = 0; i < s->paths; i++) {
		struct path *p = s->mp->path[i];
		if (p->state == PATH_IN_USE && local_index_of(e, p->src.ip) != LOCAL_ANY &&
			(!best || (int32_t)(p->delay - best->delay) < 0))
			best = p;
	}
	return best;
}

static void say(
	struct engine *e, struct session *s, struct path *p, struct usec now, struct actions *a)
{
	s->mp->peer->wants_list = true;
	s->mp->next_move = usec_add(now, IP_CHANGE_AGAIN);
	count(e, STAT_IP_CHANGES_SENT);
	heartbeat_send(e, s, p, CM_FLAG_IP_CHANGE | CM_FLAG_PROBE, now, a);
}

/* A datagram gets through from any address; a fake connection would have to be opened first, and
 * maybe by the other end. */
static bool speaks_udp(const struct engine *e, const struct session *s)
{
	return s->encap == ENCAP_UDP || (s->encap == ENCAP_FAKE_TCP && e->set.wire_fallback);
}

static struct path *over_udp(struct engine *e, struct session *s, struct address remote,
	struct usec now, struct actions *a)
{
	struct path *p = mesh_add(e, s, 0, remote, now, a);
	if (p && p->encap != ENCAP_UDP)
		path_move(e, s, p, ENCAP_UDP, (struct endpoint){remote, s->mp->peer->wire_port},
			e->wire_port, now, a);
	return p;
}

void ipchange_local(struct engine *e, struct session *s, struct usec now, struct actions *a)
{
	s->address_epoch = e->address_epoch;
	if (!s->mp)
		return;
	struct path *keep = survivor(e, s);
	struct address remote = s->mp->peer->addresses.ip[0];
	if (s->paths > 0 && !keep)
		remote = s->mp->path[0]->dst.ip;
	for (unsigned i = 0; i < s->paths && !keep; i++)
		if (s->mp->path[i]->state == PATH_IN_USE)
			remote = s->mp->path[i]->dst.ip;
	reset(e, s, keep, "addresses of this host changed", now, a);
	if (keep)
		keep->local_index = local_index_of(e, keep->src.ip);
	else if (speaks_udp(e, s) && s->peer_knows && e->addresses.count > 0)
		keep = over_udp(e, s, remote, now, a);
	if (keep)
		use_at_once(e, s, keep, now);
	mesh_update(e, s, now, a);
	s->mp->moving = s->peer_knows;
	if (s->mp->moving && keep)
		say(e, s, keep, now, a);
}

void ipchange_repeat(struct engine *e, struct session *s, struct usec now, struct actions *a)
{
	if (usec_before(now, s->mp->next_move) || s->paths == 0)
		return;
	for (unsigned i = 0; i < s->paths; i++) {
		struct path *p = s->mp->path[s->mp->move_turn++ % s->paths];
		if (p->state == PATH_IN_USE || (p->encap != ENCAP_LITERAL && path_is_open(s, p))) {
			say(e, s, p, now, a);
			return;
		}
	}
}

void ipchange_remote(struct engine *e, struct session *s, const struct cm *cm,
	const struct arrived_at *at, struct usec now, struct actions *a)
{
	if (s->mp->peer_moved && s->mp->peer_list == cm->list_version)
		return; /* said again */
	if (usec_before(now, s->mp->move_allowed)) {
		count(e, STAT_IP_CHANGES_IGNORED);
		return;
	}
	count(e, STAT_IP_CHANGES_RECEIVED);
	s->mp->peer_moved = true;
	s->mp->peer_list = cm->list_version;
	s->mp->move_allowed = usec_add(now, IP_CHANGE_EVERY);
	s->mp->list_seen = 0; /* its paths are made anew, even if the list came before */

	/* Noted, and made if need be, when this CM came. */
	struct path *keep = path_at(s, at->local_index, at->from, at->port);
	reset(e, s, keep, "addresses of the other end changed", now, a);
	if (keep && path_is_open(s, keep))
		use_at_once(e, s, keep, now);
	if (s->in_use == 0)
		path_fallback(e, s, "addresses of the other end changed", now);
}
