// SPDX-License-Identifier: BSD-2-Clause
/*
 * A session's paths over its life (paper 3.3, 3.5, 3.7.2).
 *
 * Theory of operation: there is a path for each pair of a local and a remote address. A path
 * carries user data only while it brings feedback. A new one is probed first (a heartbeat that
 * asks for an answer at once); but one from an address that the other end may not know yet only
 * after our address list was acknowledged, since its ingress hook would let the probe pass to the
 * kernel. A path whose packets have gone unanswered for too long is silent: it is taken out of use
 * and probed until it answers again. A session without a path in use sends
 * on the regular connection: before the first probe is answered, and as the fallback of 3.7.2.
 * So does one whose application sends again after more than `fallback` without a packet either way:
 * what went unused may have gone dead unseen, and on the regular connection nothing is lost.
 * But not where the regular connection is gone (ipchange.c), nor when a path has just gone silent:
 * then the pause is TCP's waiting for what got lost, and paths that answer are the better ones.
 * Probes go on while the application sends, so the way back to multipath is the same as the first
 * way to it; both are ours.
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

#include "mpip/core/state.h"

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
	if (is_full(e, s)) {
		p->state = PATH_SPARE;
		return;
	}
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

static bool path_wanted(const struct engine *e, const struct session *s, const struct path *p)
{
	return p->nic < e->addresses.count && e->addresses.ip[p->nic].s_addr == p->src.ip.s_addr &&
	       address_list_has(&s->peer->addresses, p->dst.ip);
}

void steer_flow(struct session *s, const struct path *p, int kind, struct actions *a)
{
	if (s->wire_form == WIRE_LITERAL && a->steers < a->steer_capacity)
		a->steer[a->steers++] = (struct steer){.kind = kind,
			.tuple = {
				p->src.ip, p->dst.ip, p->src.port, p->dst.port, s->tuple.protocol}};
}

void path_remove(struct engine *e, struct session *s, struct path *p, struct actions *a)
{
	steer_flow(s, p, STEER_FLOW_REMOVE, a);
	path_give_back(e, p);
}

static bool mesh_has(const struct session *s, uint8_t nic, struct in_addr remote)
{
	for (unsigned i = 0; i < s->paths; i++)
		if (s->path[i]->nic == nic && s->path[i]->dst.ip.s_addr == remote.s_addr)
			return true;
	return false;
}

struct path *mesh_add(struct engine *e, struct session *s, uint8_t nic, struct in_addr remote,
	struct usec now, struct actions *a)
{
	struct path *p = s->paths < MAX_PATHS ? path_take(e) : NULL;
	if (!p)
		return NULL;
	bool udp = s->wire_form == WIRE_UDP;
	p->session = s;
	p->nic = nic;
	p->src = (struct endpoint){e->addresses.ip[nic], udp ? e->wire_port : s->tuple.local_port};
	p->dst = (struct endpoint){remote, udp ? s->peer->wire_port : s->tuple.remote_port};
	p->pmtu = pmtu_get(e, p->src.ip, p->dst.ip);
	p->probe_due = now;
	s->path[s->paths++] = p;
	steer_flow(s, p, STEER_FLOW_ADD, a);
	return p;
}

void session_mesh(struct engine *e, struct session *s, struct usec now, struct actions *a)
{
	unsigned before = s->paths, kept = 0;
	for (unsigned i = 0; i < before; i++) {
		struct path *p = s->path[i];
		if (path_wanted(e, s, p)) {
			s->path[kept++] = p;
			continue;
		}
		path_remove(e, s, p, a);
	}
	s->paths = (uint8_t)kept;

	for (uint8_t nic = 0; nic < e->addresses.count; nic++)
		for (unsigned j = 0; j < s->peer->addresses.count; j++)
			if (!mesh_has(s, nic, s->peer->addresses.ip[j]))
				mesh_add(e, s, nic, s->peer->addresses.ip[j], now, a);
	if (kept != before || s->paths != before)
		session_start_weights(s, &e->set);
	if (s->in_use == 0 && s->regular_since.us == USEC_NEVER.us) {
		s->regular_since = now;
		s->regular_reason = "its paths' addresses are gone";
	}
}

bool mesh_begun(const struct engine *e, const struct session *s)
{
	if (s->wire_form != WIRE_LITERAL)
		return s->paths > 0;
	return mesh_has(s, nic_of(e, s->tuple.local_ip), s->tuple.remote_ip);
}

bool mesh_complete(const struct engine *e, const struct session *s)
{
	return s->wire_form != WIRE_LITERAL ||
	       s->paths == e->addresses.count * s->peer->addresses.count;
}

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

static bool may_probe(const struct engine *e, const struct session *s, const struct path *p)
{
	if (!s->peer_knows)
		return false;
	bool ours = p->src.ip.s_addr == s->tuple.local_ip.s_addr;
	if (s->wire_form != WIRE_LITERAL)
		return s->peer->list_acked || ours;
	return (ours && p->dst.ip.s_addr == s->tuple.remote_ip.s_addr) || p->feedbacks > 0 ||
	       lists_agreed(e, s);
}

/* A path in use that no packet has been put on for a while, as with lowest-delay. */
static bool is_unmeasured(
	const struct engine *e, const struct session *s, const struct path *p, struct usec now)
{
	return p->first_unanswered.us == USEC_NEVER.us && may_probe(e, s, p) &&
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
	for (unsigned i = 0; i < s->paths; i++) {
		struct path *p = s->path[i];
		if (p->state == PATH_IN_USE) {
			if (path_is_silent(e, p, now))
				path_silence(e, s, p, "no feedback on any path", now);
			else if (is_unmeasured(e, s, p, now)) {
				p->probe_due = usec_add(now, e->set.heartbeat);
				send_heartbeat(e, s, p, CM_FLAG_PROBE, now, a);
			} else {
				pmtu_upkeep(e, s, p, now, a);
			}
		} else if (p->state == PATH_SPARE && p->probes >= SPARE_PROBES) {
			p->state = PATH_SILENT;
		} else if (may_probe(e, s, p) && !usec_before(now, p->probe_due)) {
			/* Probes of a path that stays silent get rarer: up to four intervals apart.
			 */
			unsigned rarer = p->probes++ / 8;
			p->probe_due = usec_add(now,
				(struct usec){e->set.probe_interval.us << (rarer < 2 ? rarer : 2)});
			send_heartbeat(e, s, p, CM_FLAG_PROBE, now, a);
			pmtu_upkeep(e, s, p, now, a);
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

	/* The other end has not used the session yet: our confirmation may be lost. */
	if (s->generated_here && !s->peer_knows && s->tuple.protocol == IPPROTO_TCP &&
		s->confirms < e->set.query_threshold && !usec_before(now, s->next_confirm))
		s->confirm_due = true;
}

void engine_unreachable(struct engine *e, struct endpoint remote, struct usec now)
{
	for (struct session *s = e->oldest; s; s = s->age_next)
		for (unsigned i = 0; i < s->paths; i++)
			if (s->wire_form == WIRE_UDP && endpoint_equal(s->path[i]->dst, remote))
				path_silence(
					e, s, s->path[i], "nobody listens at the other end", now);
}
