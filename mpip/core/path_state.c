// SPDX-License-Identifier: BSD-2-Clause
/*
 * A path's state (paper 3.3, 3.5, 3.7.2): in use, down, standby.
 *
 * Theory of operation: a path carries user data only while it brings feedback. One whose packets
 * have gone unanswered for too long is down: out of use, and probed (upkeep.c) until it answers
 * again. A session without a path in use sends on the regular connection.
 *
 * With max_active_paths (3.3) only so many are in use, the fastest: those of the lowest minimum
 * delay, since the queue of a path in use is our own doing. The others are on standby: validated,
 * and probed every probe_interval, so that a change of the ranking shows and a lost path is
 * replaced at once. Once a second the slowest in use may give its place to one on standby that is
 * faster by RANK_MARGIN.
 */

#include "mpip/core/path_state.h"

#include "mpip/core/keepalive.h"
#include "mpip/core/path.h"
#include "mpip/core/state.h"
#include "mpip/core/tables.h"

#define RANK_MARGIN 500 /* microseconds */
#define RANK_EVERY  usec_ms(1000)

static bool is_full(const struct engine *e, const struct session *s)
{
	return e->set.max_active_paths && s->in_use >= e->set.max_active_paths;
}

/* The fastest path on standby, or the slowest one in use; NULL: there is none. */
static struct path *extreme(const struct session *s, enum path_state state)
{
	struct path *best = NULL;
	for (unsigned i = 0; i < s->paths; i++) {
		struct path *p = s->mp->path[i];
		int32_t slower = best ? (int32_t)(p->min_delay - best->min_delay) : 0;
		if (p->state == state &&
			(!best || (state == PATH_STANDBY ? slower < 0 : slower > 0)))
			best = p;
	}
	return best;
}

static void put_to_use(const struct engine *e, struct session *s, struct path *p, struct usec now)
{
	unsigned share = e->set.max_active_paths && e->set.max_active_paths < s->paths
				 ? e->set.max_active_paths
				 : s->paths;
	if (p->state == PATH_STANDBY)
		/* NOLINTNEXTLINE(clang-analyzer-core.DivideZero): p is one of its paths */
		p->weight = e->set.weight_total / (int)share;
	p->state = PATH_IN_USE;
	p->probes = 0;
	p->first_unanswered = USEC_NEVER;
	path_changed(s);
	event_tell(e, now, .kind = EVENT_PATH_ACTIVE, .session = s, .path = p);
	path_multipath(e, s, now);
}

static void set_down(const struct engine *e, struct path *p, const char *reason, struct usec now)
{
	p->state = PATH_DOWN;
	p->was_down = true;
	event_tell(e, now, .kind = EVENT_PATH_DOWN, .session = p->session, .path = p,
		.reason = reason);
}

static void set_standby(const struct engine *e, struct path *p, struct usec now)
{
	p->state = PATH_STANDBY;
	event_tell(e, now, .kind = EVENT_PATH_STANDBY, .session = p->session, .path = p);
}

void path_state_rank(const struct engine *e, struct session *s, struct usec now)
{
	struct path *standby = extreme(s, PATH_STANDBY), *slowest = extreme(s, PATH_IN_USE);
	if (!standby)
		return;
	if (!is_full(e, s)) {
		put_to_use(e, s, standby, now);
		return;
	}
	if (usec_before(now, s->mp->next_ranking) ||
		(int32_t)(slowest->min_delay - standby->min_delay) <= RANK_MARGIN)
		return;
	s->mp->next_ranking = usec_add(now, RANK_EVERY);
	slowest->probe_due = now;
	slowest->probes = 0;
	set_standby(e, slowest, now);
	put_to_use(e, s, standby, now);
}

/* Whether it was down or is new, it is answered. */
static void tell_up(const struct engine *e, struct path *p, struct usec now)
{
	enum event_kind kind = p->was_down ? EVENT_PATH_UP : EVENT_PATH_VALIDATED;
	p->was_down = false;
	event_tell(e, now, .kind = kind, .session = p->session, .path = p);
}

void path_state_up(struct engine *e, struct session *s, struct path *p, struct usec now)
{
	bool standby = p->state == PATH_STANDBY;
	p->probes = 0;
	p->validated = true;
	p->encaps_tried = 0;
	if (is_full(e, s)) {
		if (standby)
			return;
		tell_up(e, p, now);
		set_standby(e, p, now);
		return;
	}
	if (s->in_use == 0)
		keepalive_begin(s);
	p->state = PATH_IN_USE;
	path_changed(s);
	s->mp->regular_since = USEC_NEVER;
	if (standby)
		event_tell(e, now, .kind = EVENT_PATH_ACTIVE, .session = s, .path = p);
	else
		tell_up(e, p, now);
	path_multipath(e, s, now);
}

void path_state_down(
	struct engine *e, struct session *s, struct path *p, const char *reason, struct usec now)
{
	if (p->state == PATH_STANDBY)
		set_down(e, p, reason, now);
	if (p->state != PATH_IN_USE)
		return;
	set_down(e, p, reason, now);
	p->first_unanswered = USEC_NEVER;
	p->probe_due = now;
	count(e, STAT_PATHS_DOWN);
	s->mp->last_down = now;
	path_changed(s);
	path_state_rank(e, s, now);
	if (s->in_use == 0) {
		s->mp->keepalive.due = s->mp->keepalive.on;
		s->mp->regular_since = now;
		count(e, STAT_FALLBACKS);
		path_fallback(e, s, reason, now);
	}
}

void path_state_all_down(struct engine *e, struct session *s, const char *reason, struct usec now)
{
	for (unsigned i = 0; i < s->paths; i++)
		if (s->mp->path[i]->state == PATH_STANDBY)
			set_down(e, s->mp->path[i], reason, now);
	for (unsigned i = 0; i < s->paths; i++)
		path_state_down(e, s, s->mp->path[i], reason, now);
}
