// SPDX-License-Identifier: BSD-2-Clause
/*
 * The probes of path MTU discovery; what is known of each pair of addresses is in pmtu.c.
 */

#include "mpip/core/pmtu_search.h"

#include "mpip/core/heartbeat.h"
#include "mpip/core/icmp_tell.h"
#include "mpip/core/pmtu.h"
#include "mpip/core/state.h"
#include "mpip/core/tables.h"

#define TRIES     2             /* probes of one size until the ladder: one may meet a full queue */
#define ANEW      usec_ms(2000) /* from a ladder without any answer to the next search */
#define CONGESTED 1000          /* microseconds of queuing */
#define AGAIN     usec_ms(500)  /* between searches that must agree */

/* FDDI; Ethernet less PPPoE, GRE, VXLAN, WireGuard, tunnels in tunnels; IPv6's minimum. */
static const uint16_t ladder[] = {
	4352, 2002, 1492, 1476, 1450, 1420, 1400, 1350, 1280, PMTU_BASE, 1006, PMTU_MIN};

static struct usec patience(const struct engine *e, const struct path *p)
{
	struct usec twice = {2 * p->answer.us};
	return usec_before(twice, e->set.silence_min) ? e->set.silence_min : twice;
}

/* A queue of so many bytes that is full takes small packets and drops large ones. */
static bool is_congested(const struct path *p)
{
	return p->queuing > CONGESTED && 2 * p->queuing > p->max_queuing;
}

void pmtu_upkeep(
	struct engine *e, struct session *s, struct path *p, struct usec now, struct actions *a)
{
	struct pmtu *m = p->pmtu;
	if (usec_before(now, m->due))
		return;
	/* A path that does not work says nothing about sizes. */
	if (p->state != PATH_IN_USE && (m->state != PMTU_ASKING || m->tries > 0))
		return;

	switch (m->state) {
	case PMTU_SETTLED: /* for long enough: it may be larger by now */
		pmtu_ask(m, e->mtu, now);
		m->tries = TRIES - 1;
		__attribute__((fallthrough));
	case PMTU_ASKING:
		m->due = usec_add(now, patience(e, p));
		if (m->tries++ < TRIES) {
			heartbeat_send_size_probe(e, s, p, m->wanted, now, a);
			break;
		}
		if (m->sure && m->wanted > m->size) {
			pmtu_settle(e, m, m->size, now);
			break;
		}
		m->state = PMTU_LADDER;
		m->sure = false;
		m->before = m->size;
		m->size = pmtu_smaller(m->size, PMTU_BASE);
		heartbeat_send_size_probe(e, s, p, m->wanted, now, a);
		for (unsigned i = 0; i < sizeof(ladder) / sizeof(ladder[0]); i++)
			if (ladder[i] < m->wanted)
				heartbeat_send_size_probe(e, s, p, ladder[i], now, a);
		break;
	case PMTU_LADDER:
		if (m->doubts > 1) {
			m->doubts -= !is_congested(p);
			m->size = m->before;
			m->sure = true;
			pmtu_ask(m, m->wanted, usec_add(now, AGAIN));
		} else if (m->answered) {
			count(e, STAT_BLACK_HOLES);
			pmtu_settle(e, m, m->answered, now);
			icmp_tell_path_smaller(e, s, p, a);
		} else {
			pmtu_begin(e, m);
			m->due = usec_add(now, ANEW);
		}
		break;
	}
}
