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
 * Probes go on while the application sends, so the way back to multipath is the same as the first
 * way to it; both are ours.
 *
 * How long is too long: the other end answers within heartbeat (300 ms) even if it has nothing to
 * send, so silence_max; but where other paths brought feedback many times meanwhile, silence_min.
 * In either case at least twice what this path's answers usually take.
 */

#include "mpip/core/state.h"

void path_prove(struct session *s, struct path *p)
{
	p->state = PATH_IN_USE;
	p->probes = 0;
	session_refresh(s);
	s->regular_since = USEC_NEVER;
	s->regular_reason = NULL;
}

void path_silence(
	struct engine *e, struct session *s, struct path *p, const char *reason, struct usec now)
{
	if (p->state != PATH_IN_USE)
		return;
	p->state = PATH_SILENT;
	p->first_unanswered = USEC_NEVER;
	p->probe_due = now;
	count(e, STAT_PATHS_SILENCED);
	session_refresh(s);
	if (s->in_use == 0) {
		s->regular_since = now;
		s->regular_reason = reason;
		count(e, STAT_FALLBACKS);
	}
}

void session_silence(struct engine *e, struct session *s, const char *reason, struct usec now)
{
	for (unsigned i = 0; i < s->paths; i++)
		path_silence(e, s, s->path[i], reason, now);
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

static bool mesh_has(const struct session *s, uint8_t nic, struct in_addr remote)
{
	for (unsigned i = 0; i < s->paths; i++)
		if (s->path[i]->nic == nic && s->path[i]->dst.ip.s_addr == remote.s_addr)
			return true;
	return false;
}

static void mesh_add(struct engine *e, struct session *s, uint8_t nic, struct in_addr remote,
	struct usec now, struct actions *a)
{
	struct path *p = s->paths < MAX_PATHS ? path_take(e) : NULL;
	if (!p)
		return;
	bool udp = s->wire_form == WIRE_UDP;
	p->session = s;
	p->nic = nic;
	p->src = (struct endpoint){e->addresses.ip[nic], udp ? e->wire_port : s->tuple.local_port};
	p->dst = (struct endpoint){remote, udp ? s->peer->wire_port : s->tuple.remote_port};
	p->pmtu = pmtu_get(e, p->src.ip, p->dst.ip);
	p->probe_due = now;
	s->path[s->paths++] = p;
	steer_flow(s, p, STEER_FLOW_ADD, a);
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
		steer_flow(s, p, STEER_FLOW_REMOVE, a);
		path_give_back(e, p);
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

static bool may_probe(const struct session *s, const struct path *p)
{
	return s->peer_knows &&
	       (s->peer->list_acked || p->src.ip.s_addr == s->tuple.local_ip.s_addr);
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
			else
				pmtu_upkeep(e, s, p, now, a);
		} else if (may_probe(s, p) && !usec_before(now, p->probe_due)) {
			/* Probes of a path that stays silent get rarer: up to four intervals apart.
			 */
			unsigned rarer = p->probes++ / 8;
			p->probe_due = usec_add(now,
				(struct usec){e->set.probe_interval.us << (rarer < 2 ? rarer : 2)});
			send_heartbeat(e, s, p, CM_FLAG_PROBE, now, a);
			pmtu_upkeep(e, s, p, now, a);
		}
	}

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
			send_heartbeat(e, s, e->scheduler->choose(s, &e->rng), 0, now, a);
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
