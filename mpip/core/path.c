// SPDX-License-Identifier: BSD-2-Clause
/*
 * Rows of Table 3 (paper 3.3): the pool they come from, their two ends and encapsulation.
 *
 * Theory of operation: a path begins in the session's preferred encapsulation. When its probes stay
 * unanswered there, it takes the next one; and when none is left, it is removed, as the paper says
 * of an address that is not public, and tried again after path_retry. One that has worked before is
 * never removed.
 */

#include "mpip/core/path.h"

#include "mpip/core/encap.h"
#include "mpip/core/pmtu.h"
#include "mpip/core/state.h"

#include <stdlib.h>

#define NO_PATH UINT16_MAX
#define SECOND  usec_ms(1000)

bool path_pool_open(struct engine *e)
{
	e->paths = calloc(e->set.max_paths, sizeof(*e->paths));
	if (!e->paths)
		return false;
	e->free_path = NO_PATH;
	for (unsigned i = e->set.max_paths; i-- > 0;) {
		e->paths[i].id.n = (uint16_t)(i + 1);
		e->paths[i].next_free = e->free_path;
		e->free_path = (uint16_t)i;
	}
	e->last_free_path = (uint16_t)(e->set.max_paths - 1);
	return true;
}

void path_pool_close(struct engine *e)
{
	free(e->paths);
}

struct path *path_row(struct engine *e, struct path_id id)
{
	if (id.n == 0 || id.n > e->set.max_paths || !e->paths[id.n - 1].session)
		return NULL;
	return &e->paths[id.n - 1];
}

static struct path *path_take(struct engine *e)
{
	if (e->free_path == NO_PATH)
		return NULL;
	struct path *p = &e->paths[e->free_path];
	e->free_path = p->next_free;
	struct path_id id = p->id;
	*p = (struct path){.id = id, .first_unanswered = USEC_NEVER};
	return p;
}

static void path_give_back(struct engine *e, struct path *p)
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

void path_start_weights(struct session *s, const struct settings *set)
{
	unsigned used = s->paths;
	if (set->max_active_paths && set->max_active_paths < used)
		used = set->max_active_paths;
	for (unsigned i = 0; i < s->paths; i++)
		s->mp->path[i]->weight = set->weight_total / (int)used;
	path_changed(s);
}

void path_changed(struct session *s)
{
	s->in_use = 0;
	s->mp->weight_sum = 0;
	for (unsigned i = 0; i < s->paths; i++)
		if (s->mp->path[i]->state == PATH_IN_USE) {
			s->in_use++;
			s->mp->weight_sum += (uint32_t)s->mp->path[i]->weight;
		}
}

void path_multipath(const struct engine *e, struct session *s, struct usec now)
{
	bool was_regular = s->mp->regular_since.us != USEC_NEVER.us;
	s->mp->regular_since = USEC_NEVER;
	s->regular_reason = NULL;
	if (was_regular)
		event_tell(e, now, .kind = EVENT_SESSION_MULTIPATH, .session = s);
}

void path_fallback(const struct engine *e, struct session *s, const char *reason, struct usec now)
{
	if (s->mp->regular_since.us != USEC_NEVER.us)
		return;
	s->mp->regular_since = now;
	s->regular_reason = reason;
	event_tell(e, now, .kind = EVENT_SESSION_FALLBACK, .session = s, .reason = reason);
}

static void steer_flow(struct session *s, const struct path *p, int kind, struct actions *a)
{
	uint32_t protocol = encaps[p->encap].flow(s);
	if (protocol && p->dst.port && a->steers < a->steer_capacity)
		a->steer[a->steers++] = (struct steer){.kind = kind,
			.tuple = {p->src.ip, p->dst.ip, p->src.port, p->dst.port, protocol}};
}

/* The path's ends are no longer its own. */
static void leave_ends(struct engine *e, struct session *s, struct path *p, struct actions *a)
{
	steer_flow(s, p, STEER_FLOW_REMOVE, a);
	encaps[p->encap].close(e, s, p, a);
	p->tcp = (struct fake_tcp){.state = FAKE_CLOSED};
	p->src.port = p->dst.port = 0;
}

bool path_take_ends(struct engine *e, struct session *s, struct path *p, struct actions *a)
{
	if (!encaps[p->encap].ends(e, s, p))
		return false;
	steer_flow(s, p, STEER_FLOW_ADD, a);
	return true;
}

void path_renew_ends(struct engine *e, struct session *s, struct path *p, struct actions *a)
{
	leave_ends(e, s, p, a);
	path_take_ends(e, s, p, a);
}

void path_drop(struct engine *e, struct session *s, struct path *p, struct actions *a)
{
	leave_ends(e, s, p, a);
	for (unsigned i = 0; i < s->paths; i++)
		if (s->mp->path[i] == p)
			s->mp->path[i] = s->mp->path[--s->paths];
	path_give_back(e, p);
	path_changed(s);
}

void path_remove(struct engine *e, struct session *s, struct path *p, const char *reason,
	struct usec now, struct actions *a)
{
	event_tell(e, now, .kind = EVENT_PATH_REMOVED, .session = s, .path = p, .reason = reason);
	path_drop(e, s, p, a);
}

struct path *path_add(
	struct engine *e, struct session *s, uint8_t local_index, struct address remote)
{
	struct path *p = s->paths < MAX_PATHS ? path_take(e) : NULL;
	if (!p)
		return NULL;
	p->session = s;
	p->local_index = local_index;
	p->src.ip = e->addresses.ip[local_index];
	p->dst.ip = remote;
	p->pmtu = pmtu_get(e, p->src.ip, remote);
	p->encap = s->encap;
	s->mp->path[s->paths++] = p;
	return p;
}

static void tell_encap(struct engine *e, const struct session *s, const struct path *p,
	enum encapsulation before, struct usec now)
{
	if (p->encap == before)
		return;
	count(e, STAT_ENCAP_CHANGES);
	event_tell(e, now, .kind = EVENT_PATH_ENCAPSULATION, .session = s, .path = p,
		.before = before);
}

void path_move(struct engine *e, struct session *s, struct path *p, enum encapsulation encap,
	struct endpoint remote, in_port_t local, struct usec now, struct actions *a)
{
	leave_ends(e, s, p, a);
	if (p->state == PATH_REMOVED)
		p->state = PATH_UNVALIDATED;
	enum encapsulation before = p->encap;
	p->encap = encap;
	p->probes = 0;
	p->encaps_tried = 0;
	p->src.port = local;
	if (!address_equal(p->dst.ip, remote.ip)) {
		pmtu_put(e, p->pmtu);
		p->pmtu = pmtu_get(e, p->src.ip, remote.ip);
	}
	p->dst = remote;
	steer_flow(s, p, STEER_FLOW_ADD, a);
	tell_encap(e, s, p, before, now);
}

/* Forms */

static bool path_form(struct engine *e, struct session *s, struct path *p, enum encapsulation encap,
	struct usec now, struct actions *a)
{
	leave_ends(e, s, p, a);
	enum encapsulation before = p->encap;
	p->encap = encap;
	p->probes = 0;
	p->probe_due = now;
	bool has_ends = path_take_ends(e, s, p, a);
	tell_encap(e, s, p, before, now);
	return has_ends;
}

bool path_next_encap(
	struct engine *e, struct session *s, struct path *p, struct usec now, struct actions *a)
{
	/* After the preferred one; `literal` is only taken where it is wished for. */
	static const enum encapsulation order[] = {ENCAP_FAKE_TCP, ENCAP_UDP};
	if (p->reflexive) {
		path_remove(e, s, p, "it was not answered", now, a);
		return false;
	}
	p->encaps_tried |= (uint8_t)(1 << p->encap);
	for (unsigned i = 0; e->set.wire_fallback && i < sizeof(order) / sizeof(order[0]); i++)
		if (!(p->encaps_tried & 1 << order[i]) && path_form(e, s, p, order[i], now, a))
			return true;
	p->encaps_tried = 0;
	bool again = path_form(e, s, p, s->encap, now, a);
	if (p->validated && again)
		return true;
	leave_ends(e, s, p, a);
	p->state = PATH_REMOVED;
	p->probe_due = usec_add(now, e->set.path_retry);
	count(e, STAT_PATHS_REMOVED);
	event_tell(e, now, .kind = EVENT_PATH_REMOVED, .session = s, .path = p,
		.reason = "it was not answered in any encapsulation");
	return false;
}

/* Looking up */

struct path *path_reverse(
	const struct session *s, uint8_t local_index, enum encapsulation encap, struct path_id id)
{
	for (unsigned i = 0; i < s->paths; i++) {
		struct path *p = s->mp->path[i];
		if (p->local_index == local_index && p->encap == encap && p->reverse.n == id.n)
			return p;
	}
	return NULL;
}

struct path *path_idle(
	const struct session *s, uint8_t local_index, struct address remote, struct path_id id)
{
	for (unsigned i = 0; i < s->paths; i++) {
		struct path *p = s->mp->path[i];
		if (p->local_index == local_index && p->state != PATH_IN_USE &&
			p->state != PATH_STANDBY && !p->reflexive &&
			address_equal(p->dst.ip, remote) &&
			(p->reverse.n == 0 || p->reverse.n == id.n))
			return p;
	}
	return NULL;
}

/* What it carries */

bool path_is_open(const struct session *s, const struct path *p)
{
	return p->state != PATH_REMOVED &&
	       (p->tcp.state == FAKE_OPEN || !encaps[p->encap].opens(s, p));
}
