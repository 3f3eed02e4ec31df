/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MPIP_CORE_REORDER_H
#define MPIP_CORE_REORDER_H

#include "mpip/core/types.h"

/*
 * The TCP out-of-order buffer (paper 3.8.3, Figure 3, Equation 2).
 *
 * One struct reorder per direction of a session holds at most REORDER_MAX packets, sorted by
 * sequence number, whose bytes lie in slots of a pool that all sessions share.
 */

#define REORDER_MAX      1024 /* a power of two */
#define REORDER_SLOT_LEN 1600

struct reorder_slot {
	uint32_t seq, end;      /* Equation 2: end = seq + user data (+1 for FIN) */
	uint16_t head_length;   /* the TCP header at the start of bytes[] */
	uint16_t length;        /* TCP header and user data */
	uint16_t next;          /* in a list of the pool */
	struct tos_ttl tos_ttl; /* that it came with */
	uint8_t bytes[REORDER_SLOT_LEN];
};

struct reorder_pool {
	struct reorder_slot *slots;
	uint16_t count;
	uint16_t free;  /* head of the list of free slots */
	uint16_t limbo; /* released, but the caller has not yet carried the actions out */
};

struct reorder {
	uint32_t expected; /* the paper's S */
	bool synced;       /* S is known */
	uint16_t held, first;
	uint16_t slot[REORDER_MAX]; /* a ring from `first` on, ascending by seq */
	struct usec deadline;       /* of the oldest one held */
};

/* Allocates `count` slots (at most 65534). False: out of memory. */
bool reorder_pool_open(struct reorder_pool *pool, unsigned count);
void reorder_pool_close(struct reorder_pool *pool);
/* The caller carried the released packets out: their slots may be used again. */
void reorder_pool_recycle(struct reorder_pool *pool);

enum reorder_verdict {
	REORDER_DELIVER, /* push this packet up, then call reorder_next() until it gives none */
	REORDER_HELD,    /* copied into the buffer */
	REORDER_PUSH,    /* copied, and the buffer is full now: reorder_push() all of it */
	REORDER_NO_SLOT, /* the pool is empty: push up all that is held, then this packet */
};

/* A segment came: `bytes` is its TCP header and user data, `limit` the buffer's size. What is
 * copied keeps `mark`. */
enum reorder_verdict reorder_in(struct reorder *r, struct reorder_pool *pool, const uint8_t *bytes,
	uint16_t head_length, uint16_t length, struct tos_ttl tos_ttl, unsigned limit);

/* The next packet that is in sequence now, NULL if there is none. It stays valid until
 * reorder_pool_recycle(). */
const struct reorder_slot *reorder_next(struct reorder *r, struct reorder_pool *pool);

/* The first packet held, in sequence or not; NULL when empty. */
const struct reorder_slot *reorder_push(struct reorder *r, struct reorder_pool *pool);

#endif
