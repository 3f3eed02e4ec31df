// SPDX-License-Identifier: BSD-2-Clause
/*
 * The TCP out-of-order buffer (paper 3.8.3).
 *
 * Theory of operation: a segment at the expected sequence number S goes up at once, and after it
 * what it was holding back. A later one waits in a short sorted list; most come in increasing
 * order, so the place is found from the end. An earlier one is a retransmission or an overlap:
 * TCP knows better, it goes up as it is. When the list is full, all of it goes up.
 *
 * Departures, each where the paper's text would stall or mislead TCP:
 *  - a segment without user data (a pure ACK) never waits: it has nothing to put into order, and
 *    its sequence number says nothing of what is missing;
 *  - SYN and RST never wait; FIN takes one sequence number, which Equation 2 leaves out;
 *  - S only moves forward, or else one retransmission would make everything after it "early";
 *  - a segment that waits already and comes again is TCP's, which waits for nothing before it: S is
 *    behind, since what filled the gap came over the regular connection. All of it goes up.
 */

#include "mpip/core/reorder.h"

#include "mpip/core/wire.h"

#include <stdlib.h>

#define NO_SLOT UINT16_MAX

bool reorder_pool_open(struct reorder_pool *pool, unsigned count)
{
	pool->count = (uint16_t)(count < NO_SLOT ? count : NO_SLOT - 1);
	pool->slots = calloc(pool->count ? pool->count : 1, sizeof(*pool->slots));
	pool->free = pool->limbo = NO_SLOT;
	for (uint16_t i = pool->count; pool->slots && i-- > 0;) {
		pool->slots[i].next = pool->free;
		pool->free = i;
	}
	return pool->slots != NULL;
}

void reorder_pool_close(struct reorder_pool *pool)
{
	free(pool->slots);
	pool->slots = NULL;
}

void reorder_pool_recycle(struct reorder_pool *pool)
{
	while (pool->limbo != NO_SLOT) {
		struct reorder_slot *s = &pool->slots[pool->limbo];
		uint16_t next = s->next;
		s->next = pool->free;
		pool->free = pool->limbo;
		pool->limbo = next;
	}
}

/* Sequence numbers wrap: a is before b if the way from a to b is the shorter one (RFC 9293). */
static bool seq_before(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

static void advance(struct reorder *r, uint32_t end)
{
	if (!r->synced || seq_before(r->expected, end))
		r->expected = end;
	r->synced = true;
}

_Static_assert((REORDER_MAX & (REORDER_MAX - 1)) == 0, "a ring's size is a power of two");

/* The ring's entry at place `at`, counted from the first one held. */
static uint16_t *place(struct reorder *r, unsigned at)
{
	return &r->slot[(r->first + at) % REORDER_MAX];
}

static const struct reorder_slot *release_first(struct reorder *r, struct reorder_pool *pool)
{
	uint16_t index = *place(r, 0);
	struct reorder_slot *s = &pool->slots[index];
	r->first = (uint16_t)((r->first + 1) % REORDER_MAX);
	r->held--;
	s->next = pool->limbo;
	pool->limbo = index;
	advance(r, s->end);
	return s;
}

enum reorder_verdict reorder_in(struct reorder *r, struct reorder_pool *pool, const uint8_t *bytes,
	uint16_t head_length, uint16_t length, struct tos_ttl tos_ttl, unsigned limit)
{
	const struct tcp_header *tcp = (const void *)bytes;
	uint32_t seq = get32(tcp->seq);
	uint32_t end = seq + (length - head_length) + !!(tcp->flags & TCP_FIN);

	if (tcp->flags & (TCP_SYN | TCP_RST) || end == seq)
		return REORDER_DELIVER;
	if (limit == 0 || !r->synced || !seq_before(r->expected, seq)) {
		advance(r, end);
		return REORDER_DELIVER;
	}
	if (pool->free == NO_SLOT || length > REORDER_SLOT_LEN || r->held == REORDER_MAX) {
		advance(r, end);
		return REORDER_NO_SLOT;
	}

	uint16_t index = pool->free;
	struct reorder_slot *s = &pool->slots[index];
	pool->free = s->next;
	s->seq = seq;
	s->end = end;
	s->head_length = head_length;
	s->length = length;
	s->tos_ttl = tos_ttl;
	memcpy(s->bytes, bytes, length);

	unsigned at = r->held++;
	for (; at > 0 && seq_before(seq, pool->slots[*place(r, at - 1)].seq); at--)
		*place(r, at) = *place(r, at - 1);
	*place(r, at) = index;
	bool again = at > 0 && pool->slots[*place(r, at - 1)].seq == seq;
	return again || r->held >= limit ? REORDER_PUSH : REORDER_HELD;
}

const struct reorder_slot *reorder_next(struct reorder *r, struct reorder_pool *pool)
{
	if (r->held == 0 || seq_before(r->expected, pool->slots[*place(r, 0)].seq))
		return NULL;
	return release_first(r, pool);
}

const struct reorder_slot *reorder_push(struct reorder *r, struct reorder_pool *pool)
{
	return r->held > 0 ? release_first(r, pool) : NULL;
}
