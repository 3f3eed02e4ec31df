// SPDX-License-Identifier: BSD-2-Clause
/*
 * A session's paths over its life (paper 3.5, 3.7.2).
 *
 * Theory of operation: a path carries user data only while it brings feedback. A new one is probed
 * first (a heartbeat that asks for an answer at once), or opened, where its wire form needs it. A
 * path whose packets have gone unanswered for too long is silent: it is taken out of use and probed
 * until it answers again. A session without a path in use sends on the regular connection: before
 * the first probe is answered, and as the fallback of 3.7.2. So does one whose application sends
 * again after more than `fallback` without a packet either way: what went unused may have gone dead
 * unseen, and on the regular connection nothing is lost. But not where the regular connection is
 * gone (ipchange.c), nor when a path has just gone silent: then the pause is TCP's waiting for what
 * got lost, and paths that answer are the better ones. Probes go on while the application sends, so
 * the way back to multipath is the same as the first way to it; both are ours.
 *
 * With max_active_paths (3.3) only so many are in use, the fastest: those of the lowest minimum
 * delay, since the queue of a path in use is our own doing. The others are spare: proven, and
 * probed every probe_interval, so that a change of the ranking shows and a lost path is replaced at
 * once. Once a second the slowest in use may give its place to a spare that is faster by
 * RANK_MARGIN.
 *
 * How long is too long: the other end answers within heartbeat (300 ms) even if it has nothing to
 * send, so silence_max; but where other paths brought feedback many times meanwhile, silence_min.
 * In either case at least twice what this path's answers usually take.
 */

#include "mpip/core/faketcp.h"

#define RANK_MARGIN  500 /* microseconds */
#define RANK_EVERY   usec_ms(1000)
#define SPARE_PROBES 4 /* without an answer: the spare path is silent */

static bool is_full(const struct engine *e, const struct session *s)
{
	return e->set.max_active_paths && s->in_use >= e->set.max_active_paths;
}

/* The fastest spare path, or the slowest one in use; NULL: there is none. */
static struct path *extreme(const struct session *s, enum path_state state)
{
	struct path *best = NULL;
	for (unsigned i = 0; i < s->paths; i++) {
		struct path *p = s->path[i];
		int32_t slower = best ? (int32_t)(p->min_delay - best->min_delay) : 0;
		if (p->state == state && (!best || (state == PATH_SPARE ? slower < 0 : slower > 0)))
			best = p;
	}
	return best;
}

static void put_to_use(const struct engine *e, struct session *s, struct path *p)
{
	unsigned share = e->set.max_active_paths && e->set.max_active_paths < s->paths
				 ? e->set.max_active_paths
				 : s->paths;
	if (p->state == PATH_SPARE)
		/* NOLINTNEXTLINE(clang-analyzer-core.DivideZero): p is one of its paths */
		p->weight = e->set.weight_total / (int)share;
	p->state = PATH_IN_USE;
	p->probes = 0;
	p->first_unanswered = USEC_NEVER;
	session_refresh(s);
}

/* 3.3: the fastest N paths are in use. */
static void session_rank(const struct engine *e, struct session *s, struct usec now)
{
	struct path *spare = extreme(s, PATH_SPARE), *slowest = extreme(s, PATH_IN_USE);
	if (!spare)
		return;
	if (!is_full(e, s)) {
		put_to_use(e, s, spare);
		return;
	}
	if (usec_before(now, s->next_ranking) ||
		(int32_t)(slowest->min_delay - spare->min_delay) <= RANK_MARGIN)
		return;
	s->next_ranking = usec_add(now, RANK_EVERY);
	slowest->state = PATH_SPARE;
	slowest->probe_due = now;
	slowest->probes = 0;
	put_to_use(e, s, spare);
}

void path_prove(struct engine *e, struct session *s, struct path *p)
{
	p->probes = 0;
	p->proven = true;
	p->forms_tried = 0;
	if (is_full(e, s)) {
		p->state = PATH_SPARE;
		return;
	}
	if (s->in_use == 0)
		keepalive_begin(s);
	p->state = PATH_IN_USE;
	session_refresh(s);
	s->regular_since = USEC_NEVER;
	s->regular_reason = NULL;
}

void path_silence(
	struct engine *e, struct session *s, struct path *p, const char *reason, struct usec now)
{
	if (p->state == PATH_SPARE)
		p->state = PATH_SILENT;
	if (p->state != PATH_IN_USE)
		return;
	p->state = PATH_SILENT;
	p->first_unanswered = USEC_NEVER;
	p->probe_due = now;
	count(e, STAT_PATHS_SILENCED);
	s->last_silenced = now;
	session_refresh(s);
	session_rank(e, s, now);
	if (s->in_use == 0) {
		s->keepalive.due = s->keepalive.on;
		s->regular_since = now;
		s->regular_reason = reason;
		count(e, STAT_FALLBACKS);
	}
}

void session_silence(struct engine *e, struct session *s, const char *reason, struct usec now)
{
	for (unsigned i = 0; i < s->paths; i++)
		if (s->path[i]->state == PATH_SPARE)
			s->path[i]->state = PATH_SILENT;
	for (unsigned i = 0; i < s->paths; i++)
		path_silence(e, s, s->path[i], reason, now);
}

#define TROUBLE usec_ms(5000) /* for so long after a path went silent a pause may be TCP's */

void session_rest(struct engine *e, struct session *s, struct usec now, struct actions *a)
{
	if (!session_can_start_over(e, s) || usec_sub(now, s->last_silenced).us < TROUBLE.us)
		return;
	for (unsigned i = 0; i < s->paths; i++) {
		if (s->path[i]->state == PATH_REMOVED)
			continue;
		s->path[i]->state = PATH_UNPROVEN;
		s->path[i]->first_unanswered = USEC_NEVER;
		s->path[i]->probe_due = now;
		s->path[i]->probes = 0;
	}
	session_refresh(s);
	s->regular_since = now;
	s->regular_reason = "idle until just now";
	count(e, STAT_FALLBACKS);
	session_upkeep(e, s, now, a);
}

/* So many bytes on a fake connection on which nothing went back: a box counts on its window. */
#define UNACKNOWLEDGED (16u << 20)

/* So many feedbacks of other paths show that the other end talks a lot. */
#define TALKATIVE 8

static bool path_is_silent(const struct engine *e, const struct path *p, struct usec now)
{
	if (p->first_unanswered.us == USEC_NEVER.us)
		return false;
	bool talkative = p->session->feedbacks - p->feedbacks_before >= TALKATIVE;
	struct usec limit = talkative ? e->set.silence_min : e->set.silence_max;
	if (limit.us < 2 * p->answer.us)
		limit.us = 2 * p->answer.us;
	return usec_sub(now, p->first_unanswered).us >= limit.us;
}

bool lists_agreed(const struct engine *e, const struct session *s)
{
	return s->list_acked == 1u + e->list_version && s->list_seen == 1u + s->peer->list_version;
}

/* A handshake is taken by the other end's ingress hook for its form, a datagram by its wire socket;
 * but the session's own header from or to an address that a hook does not know would pass to a
 * kernel: an unknown one of the other end's, or, behind a NAT, that of somebody else. */
static bool may_probe(
	const struct engine *e, const struct session *s, const struct path *p, struct usec now)
{
	/* Behind a NAT the first to reach the other end must be we. */
	bool may_know = s->confirmed.us != USEC_NEVER.us && p->form != WIRE_LITERAL &&
			usec_sub(now, s->confirmed).us >= e->set.probe_interval.us;
	if (!s->peer_knows && !may_know)
		return false;
	if (p->form != WIRE_LITERAL || forms[p->form].opens(s, p) || p->feedbacks > 0)
		return true;
	bool original = p->src.ip.s_addr == s->tuple.local_ip.s_addr &&
			p->dst.ip.s_addr == s->tuple.remote_ip.s_addr;
	return original || (lists_agreed(e, s) && !behind_nat(s));
}

/* Probes that may stay unanswered before the path takes another form. One that has worked in its
 * form gets longer, and so does one that the other end is to open. */
static unsigned probes_allowed(
	const struct engine *e, const struct session *s, const struct path *p)
{
	bool waits = s->accepts && !path_open(s, p);
	return e->set.wire_probes * (p->proven ? 4 : 1) * (waits ? 2 : 1);
}

/* After so many unanswered ones on a connection that worked, it is opened anew: boxes may have
 * forgotten it, or know it at another place. */
#define REOPEN 2

/* What is due for a path that is not in use. */
static void path_probe(
	struct engine *e, struct session *s, struct path *p, struct usec now, struct actions *a)
{
	if (p->state == PATH_REMOVED) {
		p->state = PATH_UNPROVEN;
		path_ends(e, s, p, a);
	}
	if (p->probes >= probes_allowed(e, s, p) && !path_next_form(e, s, p, now, a))
		return;
	/* Probes of a path that stays silent get rarer: up to four intervals apart. */
	unsigned rarer = p->probes++ / 8;
	p->probe_due =
		usec_add(now, (struct usec){e->set.probe_interval.us << (rarer < 2 ? rarer : 2)});
	if (p->proven && p->probes > REOPEN && forms[p->form].opens(s, p) && !s->accepts &&
		p->tcp.state == FAKE_OPEN)
		path_ends(e, s, p, a);
	if (!path_open(s, p)) {
		faketcp_syn(e, s, p, now, a);
		return;
	}
	send_heartbeat(e, s, p, CM_FLAG_PROBE, now, a);
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

void session_upkeep(struct engine *e, struct session *s, struct usec now, struct actions *a)
{
	if (e->leaving)
		return;
	if (s->sent_large && (s->resent || s->tuple.protocol == IPPROTO_UDP))
		pmtu_suspect(s, now);
	s->sent_large = s->resent = false;
	if (s->keepalive.on)
		keepalive_upkeep(e, s, now, a);
	for (unsigned i = s->paths; i-- > 0;) { /* the last may take a dropped one's place */
		struct path *p = s->path[i];
		if (p->state == PATH_IN_USE) {
			if (path_is_silent(e, p, now))
				path_silence(e, s, p, "no feedback on any path", now);
			else if (is_unmeasured(e, s, p, now) ||
				 p->tcp.expected - p->tcp.acked > UNACKNOWLEDGED) {
				p->probe_due = usec_add(now, e->set.heartbeat);
				send_heartbeat(e, s, p, CM_FLAG_PROBE, now, a);
			} else {
				pmtu_upkeep(e, s, p, now, a);
			}
		} else if (p->state == PATH_SPARE && p->probes >= SPARE_PROBES) {
			p->state = PATH_SILENT;
		} else if (may_probe(e, s, p, now) && !usec_before(now, p->probe_due)) {
			path_probe(e, s, p, now, a);
		}
	}

	if (s->moving)
		session_move_again(e, s, now, a);
	if (e->set.max_active_paths)
		session_rank(e, s, now);
	if (e->set.min_delay == MIN_DELAY_WINDOWED)
		session_judge_step(s, &e->set, now);

	/* 3.7.2: we send, and nothing comes. */
	if (s->in_use > 0 && s->sending_since.us != USEC_NEVER.us &&
		usec_sub(now, s->sending_since).us > e->set.fallback.us &&
		usec_sub(now, s->last_received).us > e->set.fallback.us)
		session_silence(e, s, "nothing came for too long", now);

	/* 3.5: feedback that nobody's user data takes along. */
	for (unsigned i = 0; i < s->arrivals && s->in_use > 0; i++) {
		struct arrival *row = &s->arrival[i];
		if (row->fresh && usec_sub(now, row->feedback_time).us >=
					  e->set.heartbeat.us - e->set.maintenance.us)
			send_heartbeat(
				e, s, session_choose(e, s, sizeof(struct ip_header)), 0, now, a);
	}

	/* The other end has not used the session yet: our confirmation may be lost; or it is to
	 * open the paths, and does not know yet that we have its confirmation. */
	bool waits = s->accepts && s->arrivals == 0 && s->wire_form == WIRE_FAKE_TCP;
	if (((s->generated_here && !s->peer_knows) || waits) && s->tuple.protocol == IPPROTO_TCP &&
		s->confirms < e->set.query_threshold && !usec_before(now, s->next_confirm))
		s->confirm_due = true;
}

void engine_unreachable(struct engine *e, struct endpoint remote, struct usec now)
{
	for (struct session *s = e->oldest; s; s = s->age_next)
		for (unsigned i = 0; i < s->paths; i++)
			if (s->path[i]->form == WIRE_UDP && endpoint_equal(s->path[i]->dst, remote))
				path_silence(
					e, s, s->path[i], "nobody listens at the other end", now);
}
