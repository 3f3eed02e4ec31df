// SPDX-License-Identifier: BSD-2-Clause
/*
 * A session's paths over its life (paper 3.5, 3.7.2).
 *
 * Theory of operation: a path carries user data only while it brings feedback. A new one is probed
 * first (a heartbeat that asks for an answer at once), or opened, where its encapsulation needs it.
 * A path whose packets have gone unanswered for too long is down: it is taken out of use and probed
 * until it answers again. A session without a path in use sends on the regular connection: before
 * the first probe is answered, and as the fallback of 3.7.2. So does one whose application sends
 * again after more than `fallback` without a packet either way: what went unused may have gone dead
 * unseen, and on the regular connection nothing is lost. But not where the regular connection is
 * gone (ipchange.c), nor when a path has just gone down: then the pause is TCP's waiting for what
 * got lost, and paths that answer are the better ones. And what TCP sends once more after a pause
 * goes the other way than after the last one, lest a dead regular connection takes all of it.
 * Probes go on while the application sends, so the way back to multipath is the same as the first
 * way to it; both are ours.
 *
 * How long is too long: the other end answers within heartbeat (300 ms) even if it has nothing to
 * send, so silence_max; but where other paths brought feedback many times meanwhile, silence_min.
 * In either case at least twice what this path's answers usually take.
 */

#include "mpip/core/upkeep.h"

#include "mpip/core/encap.h"
#include "mpip/core/faketcp_open.h"
#include "mpip/core/heartbeat.h"
#include "mpip/core/ipchange.h"
#include "mpip/core/keepalive.h"
#include "mpip/core/measure.h"
#include "mpip/core/mesh.h"
#include "mpip/core/path.h"
#include "mpip/core/path_state.h"
#include "mpip/core/pmtu.h"
#include "mpip/core/pmtu_search.h"
#include "mpip/core/sched.h"
#include "mpip/core/state.h"
#include "mpip/core/tables.h"
#include "mpip/core/wire.h"

#define STANDBY_PROBES 4 /* without an answer: the path on standby is down */

#define TROUBLE usec_ms(5000) /* for so long after a path went down a pause may be TCP's */

void upkeep_after_pause(
	struct engine *e, struct session *s, bool again, struct usec now, struct actions *a)
{
	if (!mesh_ends_known(e, s) || usec_sub(now, s->mp->last_down).us < TROUBLE.us)
		return;
	/* What went the regular way after the last pause has not come: now the paths' turn. */
	s->mp->tried_regular = !(again && s->mp->tried_regular);
	if (!s->mp->tried_regular)
		return;
	for (unsigned i = 0; i < s->paths; i++) {
		if (s->mp->path[i]->state == PATH_REMOVED)
			continue;
		s->mp->path[i]->state = PATH_UNVALIDATED;
		s->mp->path[i]->first_unanswered = USEC_NEVER;
		s->mp->path[i]->probe_due = now;
		s->mp->path[i]->probes = 0;
	}
	path_changed(s);
	s->mp->regular_since = now;
	s->regular_reason = "idle until just now";
	s->mp->multipath = false;
	event_tell(
		e, now, .kind = EVENT_SESSION_RESUMED, .session = s, .reason = s->regular_reason);
	count(e, STAT_FALLBACKS);
	upkeep_session(e, s, now, a);
}

/* So many bytes on a fake connection on which nothing went back: a middlebox counts on its window.
 */
#define UNACKNOWLEDGED (16u << 20)

/* So many feedbacks of other paths show that the other end talks a lot. */
#define TALKATIVE 8

static bool path_is_dead(const struct engine *e, const struct path *p, struct usec now)
{
	if (p->first_unanswered.us == USEC_NEVER.us)
		return false;
	bool talkative = p->session->mp->feedbacks - p->feedbacks_before >= TALKATIVE;
	struct usec limit = talkative ? e->set.silence_min : e->set.silence_max;
	if (limit.us < 2 * p->response_time.us)
		limit.us = 2 * p->response_time.us;
	return usec_sub(now, p->first_unanswered).us >= limit.us;
}

/* A handshake is taken by the other end's ingress hook for its encap, a datagram by its wire
 * socket; but the session's own header from or to an address that a hook does not know would pass
 * to a kernel: an unknown one of the other end's, or, behind a NAT, that of somebody else. */
static bool may_probe(
	const struct engine *e, const struct session *s, const struct path *p, struct usec now)
{
	/* Behind a NAT the first to reach the other end must be we. */
	bool may_know = s->mp->confirmed.us != USEC_NEVER.us && p->encap != ENCAP_LITERAL &&
			usec_sub(now, s->mp->confirmed).us >= e->set.probe_interval.us;
	if (!s->peer_knows && !may_know)
		return false;
	if (p->encap != ENCAP_LITERAL || encaps[p->encap].opens(s, p) || p->feedbacks > 0)
		return true;
	bool original = address_equal(p->src.ip, s->tuple.local_ip) &&
			address_equal(p->dst.ip, s->tuple.remote_ip);
	return original || (mesh_lists_agreed(e, s) && !mesh_behind_nat(s));
}

/* Probes that may stay unanswered before the path takes another encapsulation. One that has worked
 * in its form gets longer, and so does one that the other end is to open. */
static unsigned probes_allowed(
	const struct engine *e, const struct session *s, const struct path *p)
{
	bool waits = s->accepts && !path_is_open(s, p);
	return e->set.wire_probes * (p->validated ? 4 : 1) * (waits ? 2 : 1);
}

/* After so many unanswered ones on a connection that worked, it is opened anew: middleboxes may
 * have forgotten it, or know it at another place. */
#define REOPEN 2

/* What is due for a path that is not in use. */
static void path_probe(
	struct engine *e, struct session *s, struct path *p, struct usec now, struct actions *a)
{
	if (p->state == PATH_REMOVED) {
		p->state = PATH_UNVALIDATED;
		path_renew_ends(e, s, p, a);
	}
	if (p->probes >= probes_allowed(e, s, p) && !path_next_encap(e, s, p, now, a))
		return;
	/* Probes of a path that stays down get rarer: up to four intervals apart. */
	unsigned rarer = p->probes++ / 8;
	p->probe_due =
		usec_add(now, (struct usec){e->set.probe_interval.us << (rarer < 2 ? rarer : 2)});
	if (p->validated && p->probes > REOPEN && encaps[p->encap].opens(s, p) && !s->accepts &&
		p->tcp.state == FAKE_OPEN)
		path_renew_ends(e, s, p, a);
	if (!path_is_open(s, p)) {
		faketcp_syn(e, s, p, now, a);
		return;
	}
	heartbeat_send(e, s, p, CM_FLAG_PROBE, now, a);
	pmtu_upkeep(e, s, p, now, a);
}

/* A path in use that no packet has been put on for a while, as with lowest-delay. */
static bool is_unmeasured(
	const struct engine *e, const struct session *s, const struct path *p, struct usec now)
{
	return p->first_unanswered.us == USEC_NEVER.us && may_probe(e, s, p, now) &&
	       !usec_before(now, p->probe_due) &&
	       usec_sub(now, p->last_feedback).us >= 2 * e->set.heartbeat.us;
}

void upkeep_session(struct engine *e, struct session *s, struct usec now, struct actions *a)
{
	if (e->leaving)
		return;
	if (s->sent_large && (s->resent || s->tuple.protocol == IPPROTO_UDP))
		pmtu_suspect(s, now);
	s->sent_large = s->resent = false;
	if (s->mp->keepalive.on)
		keepalive_upkeep(e, s, now, a);
	for (unsigned i = s->paths; i-- > 0;) { /* the last may take a dropped one's place */
		struct path *p = s->mp->path[i];
		if (p->state == PATH_IN_USE) {
			if (path_is_dead(e, p, now))
				path_state_down(e, s, p, "no feedback", now);
			else if (is_unmeasured(e, s, p, now) ||
				 p->tcp.expected - p->tcp.acked > UNACKNOWLEDGED) {
				p->probe_due = usec_add(now, e->set.heartbeat);
				heartbeat_send(e, s, p, CM_FLAG_PROBE, now, a);
			} else {
				pmtu_upkeep(e, s, p, now, a);
			}
		} else if (p->state == PATH_STANDBY && p->probes >= STANDBY_PROBES) {
			path_state_down(e, s, p, "no answer to probes on standby", now);
		} else if (may_probe(e, s, p, now) && !usec_before(now, p->probe_due)) {
			path_probe(e, s, p, now, a);
		}
	}

	if (s->mp->moving)
		ipchange_repeat(e, s, now, a);
	if (e->set.max_active_paths)
		path_state_rank(e, s, now);
	if (e->set.min_delay == MIN_DELAY_WINDOWED)
		measure_judge_step(s, &e->set, now);

	/* 3.7.2: we send, and nothing comes. */
	if (s->in_use > 0 && s->mp->sending_since.us != USEC_NEVER.us &&
		usec_sub(now, s->mp->sending_since).us > e->set.fallback.us &&
		usec_sub(now, s->mp->last_received).us > e->set.fallback.us)
		path_state_all_down(e, s, "nothing came for too long", now);

	/* 3.5: feedback that nobody's user data takes along. */
	for (unsigned i = 0; i < s->arrivals && s->in_use > 0; i++) {
		struct arrival *row = &s->mp->arrival[i];
		if (row->fresh && usec_sub(now, row->feedback_time).us >=
					  e->set.heartbeat.us - e->set.maintenance.us)
			heartbeat_send(
				e, s, sched_choose(e, s, sizeof(struct ip_header)), 0, now, a);
	}

	/* The other end has not used the session yet: our confirmation may be lost; or it is to
	 * open the paths, and does not know yet that we have its confirmation. */
	bool waits = s->accepts && s->arrivals == 0 && s->encap == ENCAP_FAKE_TCP;
	if (((s->generated_here && !s->peer_knows) || waits) && s->tuple.protocol == IPPROTO_TCP &&
		s->mp->confirms < e->set.query_threshold && !usec_before(now, s->mp->next_confirm))
		s->confirm_due = true;
}

void upkeep_unreachable(struct engine *e, struct endpoint remote, struct usec now)
{
	for (struct session *s = e->oldest; s; s = s->age_next)
		for (unsigned i = 0; i < s->paths; i++)
			if (s->mp->path[i]->encap == ENCAP_UDP &&
				endpoint_equal(s->mp->path[i]->dst, remote))
				path_state_down(e, s, s->mp->path[i],
					"nobody listens at the other end", now);
}
