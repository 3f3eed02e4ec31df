// SPDX-License-Identifier: BSD-2-Clause
/*
 * Theory of operation: the counters of an engine are compared with what went into it and came out
 * of it (a ledger that host.c keeps), its tables are walked, and the session IDs that the two ends
 * of each connection have are noted, so that only a new one needs to be compared with all others.
 * Only hosts whose engine has run in this event are looked at.
 */

#include "mpip/sim/laws.h"

#include "mpip/core/peers.h"
#include "mpip/sim/host.h"
#include "mpip/sim/kernel.h"
#include "mpip/sim/network.h"

#include <arpa/inet.h>

static bool is_drop(unsigned counter)
{
	return strncmp(stat_names[counter], "drop_", 5) == 0;
}

/* What may become of a packet from a network, besides being held or dropped. */
static const enum counter ends_of_inbound[] = {STAT_HOST_OUT, STAT_PUT_BACK,
	STAT_HEARTBEATS_RECEIVED, STAT_QUERIES_RECEIVED, STAT_CONFIRMS_RECEIVED,
	STAT_HANDSHAKES_RECEIVED, STAT_RESETS_RECEIVED, STAT_KEEPALIVES_RECEIVED};

/* What goes up to a kernel. */
static const enum counter to_kernel[] = {STAT_HOST_OUT, STAT_PUT_BACK, STAT_ICMP_TOO_BIG_TX};

/* What becomes of a segment from an application, and what else leaves. */
static const enum counter ends_of_outbound[] = {
	STAT_SENT_MULTIPATH, STAT_SENT_REGULAR, STAT_SENT_FRAGMENT};
static const enum counter own_packets[] = {STAT_QUERIES_SENT, STAT_CONFIRMS_SENT,
	STAT_HEARTBEATS_SENT, STAT_SIZE_PROBES_SENT, STAT_HANDSHAKES_SENT, STAT_RESETS_SENT,
	STAT_KEEPALIVES_SENT};

#define SUM(stats, list) sum(stats, list, sizeof(list) / sizeof((list)[0]))

static uint64_t sum(const struct stats *s, const enum counter *list, size_t n)
{
	uint64_t all = 0;
	for (size_t i = 0; i < n; i++)
		all += s->n[list[i]];
	return all;
}

static uint64_t inbound_drops(const struct stats *s)
{
	static enum counter list[STAT_COUNT]; /* found by name, once */
	static size_t n;
	static bool known;
	for (unsigned i = 0; i < STAT_COUNT && !known; i++)
		if (is_drop(i) && i != STAT_DROP_NOT_IPV4 && i != STAT_DROP_NO_ROOM &&
			i != STAT_DROP_TOO_BIG)
			list[n++] = (enum counter)i;
	known = true;
	return sum(s, list, n);
}

static void conservation(struct sim *w, struct sim_host *h, uint64_t held)
{
	const struct stats *s = engine_stats(h->engine);
	uint64_t in = h->ledger.from_networks + h->ledger.asked_along;
	uint64_t out = SUM(s, ends_of_inbound) + held + inbound_drops(s);
	if (in != out)
		sim_break(w, "conservation",
			"%c: %llu packets from networks, but %llu delivered, held or dropped",
			h->name, (unsigned long long)in, (unsigned long long)out);

	out = SUM(s, ends_of_outbound) + s->n[STAT_DROP_NOT_IPV4] + h->ledger.too_big;
	if (h->ledger.segments != out)
		sim_break(w, "conservation",
			"%c: %llu segments from applications, but %llu sent or dropped", h->name,
			(unsigned long long)h->ledger.segments, (unsigned long long)out);

	/* A question to UDP travels with a datagram of the application. */
	out = SUM(s, ends_of_outbound) + SUM(s, own_packets) - h->ledger.asking_along;
	if (h->ledger.wires != out)
		sim_break(w, "conservation", "%c: %llu packets left, but %llu were counted",
			h->name, (unsigned long long)h->ledger.wires, (unsigned long long)out);
	out = SUM(s, to_kernel);
	if (h->ledger.hosts != out)
		sim_break(w, "conservation", "%c: %llu packets went up, but %llu were counted",
			h->name, (unsigned long long)h->ledger.hosts, (unsigned long long)out);
	if (s->n[STAT_DROP_NO_ROOM])
		sim_break(w, "conservation", "%c: no room in a batch", h->name);
}

static void weights(struct sim *w, struct sim_host *h, const struct session *s)
{
	uint64_t weight = 0;
	unsigned in_use = 0;
	for (unsigned i = 0; i < s->paths; i++) {
		/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): it has paths */
		const struct path *p = s->mp->path[i];
		if (p->weight < h->settings.weight_min || p->weight > h->settings.weight_max)
			sim_break(w, "weights", "%c: path %u has weight %d", h->name, p->id.n,
				p->weight);
		if (p->state == PATH_IN_USE) {
			weight += (uint64_t)p->weight;
			in_use++;
		}
		if (!address_list_has(&h->addresses, p->src.ip))
			sim_break(w, "address", "%c: path %u begins at an address that is gone",
				h->name, p->id.n);
	}
	uint32_t sum = s->mp ? s->mp->weight_sum : 0;
	if (in_use != s->in_use || weight != sum)
		sim_break(w, "weights",
			"%c: %u paths of weight %llu in use, taken for %u of weight %u", h->name,
			in_use, (unsigned long long)weight, s->in_use, sum);
}

static void bound(struct sim *w, struct sim_host *h, const char *what, uint64_t n, uint64_t most)
{
	if (n > most)
		sim_break(w, "bounds", "%c: %llu %s, at most %llu", h->name, (unsigned long long)n,
			what, (unsigned long long)most);
}

/* The connection of a session's tuple: mostly told by the client's port. */
static struct sim_connection *connection_of(
	struct sim *w, struct sim_host *h, const struct tuple *t, unsigned *end)
{
	unsigned ports[] = {ntohs(t->local_port), ntohs(t->remote_port)};
	for (*end = 0; *end < 2; ++*end) {
		unsigned i = ports[*end] - SIM_CLIENT_PORT;
		if (i < w->connections && w->connection[i].socket[*end].host == h &&
			memcmp(&w->connection[i].socket[*end].tuple, t, sizeof(*t)) == 0)
			return &w->connection[i];
	}
	return kernel_find(w, h, t, end);
}

/* Another connection with this session ID between the same two hosts. */
static void clash(struct sim *w, const struct sim_connection *c, unsigned end)
{
	const struct sim_host *ours = c->socket[end].host, *theirs = c->socket[!end].host;
	for (unsigned i = 0; i < w->connections; i++) {
		const struct sim_connection *d = &w->connection[i];
		if (d == c)
			continue;
		for (unsigned k = 0; k < 2; k++) {
			const struct sim_host *a = d->socket[k].host, *b = d->socket[!k].host;
			bool same_pair = (a == ours && b == theirs) || (a == theirs && b == ours);
			if (same_pair && d->id[k] == c->id[end])
				sim_break(w, "session-id", "%c: connections %u and %u have ID %u",
					ours->name, c->tag, d->tag, c->id[end]);
		}
	}
}

/* Whether a session has a path in use that gets packets through, as far as its addresses tell: that
 * an idle session has one in use says little. */
static bool has_way(const struct sim *w, const struct session *s)
{
	for (unsigned i = 0; i < s->paths; i++) {
		const struct path *p = s->mp->path[i];
		unsigned here = network_nic(w, p->src.ip), there = network_nic(w, p->dst.ip);
		bool known = here < SIM_NICS && there < SIM_NICS;
		if (p->state == PATH_IN_USE && (!known || network_path_lives(w, here, there)))
			return true;
	}
	return false;
}

static void note_ids(struct sim *w, struct sim_host *h)
{
	uint32_t id[SIM_CONNECTIONS][2];
	memset(id, 0, w->connections * sizeof(id[0]));
	for (const struct session *s = NULL; (s = engine_next_session(h->engine, s));) {
		unsigned end;
		struct sim_connection *c = connection_of(w, h, &s->tuple, &end);
		if (!c)
			continue;
		c->has_way[end] = has_way(w, s);
		if (s->in_use > 0 && c->multipath_at[end].us == USEC_NEVER.us)
			c->multipath_at[end] = w->now;
		/* A forged question may have made one of another node. */
		if (s->mp && node_equal(s->mp->key.node, c->socket[!end].host->node))
			id[c->tag][end] = s->mp->key.id.n;
	}
	for (unsigned i = 0; i < w->connections; i++)
		for (unsigned end = 0; end < 2; end++) {
			struct sim_connection *c = &w->connection[i];
			if (c->socket[end].host != h || c->id[end] == id[i][end])
				continue;
			c->id[end] = id[i][end];
			if (c->id[end])
				clash(w, c, end);
		}
}

static void check_host(struct sim *w, struct sim_host *h)
{
	uint64_t sessions = 0, paths = 0, held = 0;
	int64_t multipath = 0;
	const struct settings *set = &h->settings;
	for (const struct session *s = NULL; (s = engine_next_session(h->engine, s));) {
		sessions++;
		paths += s->paths;
		unsigned held_here = s->mp ? s->mp->reorder.held : 0;
		held += held_here;
		bound(w, h, "packets in an out-of-order buffer", held_here, set->reorder_packets);
		multipath += s->in_use > 0;
		weights(w, h, s);
	}
	const struct peers *peers = engine_peers(h->engine);
	bound(w, h, "sessions", sessions, set->max_sessions);
	bound(w, h, "paths", paths, set->max_paths);
	bound(w, h, "packets held", held, set->reorder_pool);
	bound(w, h, "nodes", HASH_COUNT(peers->peer), set->max_peers);
	bound(w, h, "rows of Table 2", HASH_COUNT(peers->availability), set->max_addresses);
	if (multipath != h->told_multipath)
		sim_break(w, "events", "%c has %lld multipath sessions, and has told of %lld",
			h->name, (long long)multipath, (long long)h->told_multipath);
	conservation(w, h, held);
	note_ids(w, h);
}

void laws_check(struct sim *w)
{
	for (unsigned i = 0; i < w->hosts; i++) {
		struct sim_host *h = w->host[i];
		if (h->touched && h->engine)
			check_host(w, h);
		h->touched = false;
	}
}

/* The end */

static bool regular_lives(const struct sim *w, const struct sim_connection *c)
{
	const struct tuple *t = &c->socket[0].tuple;
	unsigned a = network_nic(w, t->local_ip), b = network_nic(w, t->remote_ip);
	return a < SIM_NICS && b < SIM_NICS && !c->broken && network_path_lives(w, a, b);
}

static bool has_session(const struct sim_connection *c)
{
	return c->id[0] && c->id[0] == c->id[1];
}

void laws_calm(struct sim *w)
{
	for (unsigned i = 0; i < w->connections; i++)
		w->connection[i].had_session = has_session(&w->connection[i]) &&
					       w->connection[i].has_way[0] &&
					       w->connection[i].has_way[1];
}

/* An end that has removed a session, because its table was full or to begin anew, drops what the
 * other end still sends in it; so loses UDP, for as long as that takes to see it. */
static uint64_t sessions_gone(const struct sim_host *h)
{
	const struct stats *s = h->engine ? engine_stats(h->engine) : NULL;
	return s ? s->n[STAT_SESSIONS_EVICTED] + s->n[STAT_SESSIONS_EXPIRED] : 0;
}

void laws_late(struct sim *w)
{
	for (unsigned i = 0; i < w->hosts; i++)
		w->host[i]->sessions_gone = sessions_gone(w->host[i]);
}

/*
 * Where the regular connection is dead, the session has to go on if it had a path in use that
 * lives, at both ends, a second after the last fault. If it had none, it may be lost for good, and
 * nobody could do better: both ends have moved and neither knows where to, or the other end has
 * forgotten the session, or Table 3 has no row for where packets now come from, or the
 * encapsulation is `literal`, in which a change is only said on a path that was in use before it
 * (ipchange.c).
 */
static void live_path(struct sim *w, const struct sim_connection *c)
{
	bool lives = regular_lives(w, c);
	if (!lives && (!c->had_session || !has_session(c)))
		return;
	const char *by = lives ? "its regular connection" : "paths of its session";
	if (c->tcp && !tcp_complete(c) && tcp_stands_since(c).us < w->now.us - 3000000)
		sim_break(w, "live-path", "tcp%u stands still, although %s lives", c->tag, by);
	for (unsigned end = 0; end < 2; end++)
		if (c->tcp ||
			sessions_gone(c->socket[end].host) != c->socket[end].host->sessions_gone)
			return;
	for (unsigned end = 0; end < 2; end++)
		if (c->late_read[end] != c->late_sent[end])
			sim_break(w, "live-path",
				"udp%u: of %u datagrams from %c %u have come, although %s lives",
				c->tag, c->late_sent[end], c->socket[end].host->name,
				c->late_read[end], by);
}

static void clean(struct sim *w)
{
	for (unsigned i = 0; i < SIM_END_KINDS; i++)
		if (w->ended[i] && i != SIM_END_ENGINE && i != SIM_END_KERNEL)
			sim_break(w, "clean", "a packet ended as \"%s\"", sim_end_names[i]);
	for (unsigned i = 0; i < w->hosts; i++)
		for (unsigned k = 0; k < STAT_COUNT && w->host[i]->engine; k++)
			if (is_drop(k) && engine_stats(w->host[i]->engine)->n[k])
				sim_break(w, "clean", "%c: %llu x %s", w->host[i]->name,
					(unsigned long long)engine_stats(w->host[i]->engine)->n[k],
					stat_names[k]);
	for (unsigned i = 0; i < w->connections; i++) {
		const struct sim_connection *c = &w->connection[i];
		for (unsigned end = 0; end < 2; end++)
			if (c->socket[0].host->engine && c->socket[1].host->engine &&
				usec_sub(c->multipath_at[end], c->opened).us > 2000000)
				sim_break(w, "clean", "%s%u is not multipath within 2 s",
					c->tcp ? "tcp" : "udp", c->tag);
	}
}

void laws_final(struct sim *w, bool faults)
{
	uint64_t ended = w->in_flight;
	for (unsigned i = 0; i < SIM_END_KINDS; i++)
		ended += w->ended[i];
	if (ended != w->launched)
		sim_break(w, "harness", "%llu packets launched, %llu ended or under way",
			(unsigned long long)w->launched, (unsigned long long)ended);
	for (unsigned i = 0; i < w->connections; i++)
		live_path(w, &w->connection[i]);
	for (unsigned i = 0; i < w->hosts; i++) {
		/* Each life of a daemon may ask so often; each of its host's addresses counts. */
		const struct sim_host *h = w->host[i];
		uint64_t lives = 0;
		for (unsigned k = 0; k < w->hosts; k++)
			lives += w->host[k]->lives;
		uint64_t most = lives * h->settings.query_threshold * h->addresses.count;
		if (h->ever_plain && !faults && h->carriers_seen > most)
			sim_break(w, "plain-peer", "%c was asked %llu times", h->name,
				(unsigned long long)h->carriers_seen);
	}
	if (!faults)
		clean(w);
}
