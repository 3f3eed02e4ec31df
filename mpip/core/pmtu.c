// SPDX-License-Identifier: BSD-2-Clause
/*
 * Path MTU discovery: RFC 8899 with heartbeats as its probes.
 *
 * Theory of operation: a path whose MTU is smaller than the NIC's is a black hole for full-size
 * packets, while heartbeats, which are small, keep it in use. So no packet larger than PMTU_BASE
 * takes a path before a heartbeat padded to the NIC's MTU was answered (its answer names the size
 * that came); the first one leaves together with the path's first probe. If it stays
 * unanswered on a path that works, a ladder of them, one of each usual size, is sent at once: the
 * largest that is answered is the path MTU, and TCP is told at once: it may be waiting for a
 * retransmission timeout of seconds. RFC 8899 searches step by step; the ladder costs 10 kB
 * once and needs one round trip, and every step would be a stall of the application.
 *
 * A router's word (ICMP "fragmentation needed") ends the search at once, but what it says is
 * asked for again, and never believed below PMTU_MIN. A path MTU that becomes smaller without a
 * word shows as loss: when TCP sends again what was sent already, and now and then for UDP, the
 * size in use is asked for again. UDP does not say what it has lost, and where queues are full
 * probes are lost, too: so several searches must find less while the path has no queue. A path MTU
 * that has become larger is found when RAISE is over.
 *
 * What is done with it is outbound.c's: a packet too big for a path takes another one.
 */

#include "mpip/core/pmtu.h"

#include "mpip/core/state.h"
#include "mpip/core/tables.h"

#include <stdlib.h>

#define RAISE   usec_ms(600000) /* RFC 8899's PMTU_RAISE_TIMER */
#define ASK_TCP usec_ms(1000)   /* suspicion is heard this long after the last answer */
#define ASK_UDP usec_ms(5000)
#define DOUBTS  3 /* searches that must agree, where UDP has asked */

uint16_t pmtu_smaller(uint16_t a, uint16_t b)
{
	return a < b ? a : b;
}

void pmtu_ask(struct pmtu *m, uint16_t size, struct usec now)
{
	m->state = PMTU_STATE_BASE;
	m->wanted = size;
	m->answered = 0;
	m->tries = 0;
	m->due = now;
}

/* The size is known, and not what it was. */
static void tell(const struct engine *e, struct pmtu *m, struct usec now)
{
	if (m->told == m->size)
		return;
	m->told = m->size;
	event_tell(e, now, .kind = EVENT_PATH_MTU, .local = m->key.local, .remote = m->key.remote,
		.mtu = m->size);
}

void pmtu_settle(const struct engine *e, struct pmtu *m, uint16_t size, struct usec now)
{
	m->state = PMTU_STATE_SEARCH_COMPLETE;
	m->sure = true;
	m->doubts = 0;
	m->size = size;
	m->due = size < e->mtu ? usec_add(now, RAISE) : USEC_NEVER;
	tell(e, m, now);
}

void pmtu_begin(const struct engine *e, struct pmtu *m)
{
	m->sure = false;
	m->size = pmtu_smaller(PMTU_BASE, e->mtu);
	pmtu_ask(m, e->mtu, (struct usec){0});
}

struct pmtu *pmtu_get(struct engine *e, struct address local, struct address remote)
{
	struct pmtu probe = {.key = {local, remote}}, *m;
	HASH_FIND(hh, e->pmtu, &probe.key, sizeof(probe.key), m);
	if (!m) {
		m = calloc(1, sizeof(*m));
		if (!m)
			abort();
		m->key = probe.key;
		pmtu_begin(e, m);
		HASH_ADD(hh, e->pmtu, key, sizeof(m->key), m);
	}
	m->paths++;
	return m;
}

void pmtu_put(struct engine *e, struct pmtu *m)
{
	if (--m->paths > 0)
		return;
	HASH_DELETE(hh, e->pmtu, m);
	free(m);
}

void pmtu_free(struct engine *e)
{
	struct pmtu *m, *tmp;
	HASH_ITER (hh, e->pmtu, m, tmp) {
		HASH_DELETE(hh, e->pmtu, m);
		free(m);
	}
}

void pmtu_set_mtu(struct engine *e, uint16_t mtu)
{
	struct pmtu *m, *tmp;
	e->mtu = pmtu_smaller(mtu, PMTU_MAX);
	HASH_ITER (hh, e->pmtu, m, tmp)
		pmtu_begin(e, m);
}

void pmtu_too_big(struct engine *e, struct address local, struct address remote, uint32_t mtu,
	struct usec now)
{
	struct pmtu probe = {.key = {local, remote}}, *m;
	HASH_FIND(hh, e->pmtu, &probe.key, sizeof(probe.key), m);
	count(e, STAT_ICMP_TOO_BIG_RX);
	if (mtu < PMTU_MIN)
		mtu = PMTU_MIN;
	if (!m || mtu >= (m->state == PMTU_STATE_SEARCH_COMPLETE ? m->size : m->wanted))
		return;
	if (mtu < m->size) {
		m->size = (uint16_t)mtu;
		m->sure = true;
		tell(e, m, now);
	}
	pmtu_ask(m, (uint16_t)mtu, now);
}

void pmtu_answer(struct engine *e, struct pmtu *m, uint32_t size, struct usec now)
{
	if (size > m->wanted || size <= m->answered)
		return;
	m->last_answer = now;
	m->answered = (uint16_t)size;
	if (m->state != PMTU_STATE_SEARCH_COMPLETE && m->answered == m->wanted)
		pmtu_settle(e, m, m->wanted, now);
}

void pmtu_suspect(struct session *s, struct usec now)
{
	struct usec since = s->tuple.protocol == IPPROTO_TCP ? ASK_TCP : ASK_UDP;
	for (unsigned i = 0; i < s->paths; i++) {
		struct pmtu *m = s->mp->path[i]->pmtu;
		if (s->mp->path[i]->state == PATH_IN_USE &&
			m->state == PMTU_STATE_SEARCH_COMPLETE && m->size > PMTU_MIN &&
			usec_sub(now, m->last_answer).us >= since.us) {
			pmtu_ask(m, m->size, now);
			m->doubts = s->tuple.protocol == IPPROTO_TCP ? 1 : DOUBTS;
		}
	}
}
