/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MPIP_CORE_PMTU_H
#define MPIP_CORE_PMTU_H

#include "mpip/core/types.h"

/*
 * Path MTU discovery (paper 3.7.3 leaves it open; RFC 8899 for datagrams): the largest IP packet
 * that passes between two addresses. All paths between them, of whatever session, share it.
 */

struct engine;
struct session;

#include <uthash.h>

/* RFC 8899's BASE_PLPMTU: what is believed to pass until a probe has shown more. */
#define PMTU_BASE 1200
/* RFC 791: what every network must carry, so nothing smaller is believed. */
#define PMTU_MIN 576
/* The largest MTU that is made use of. */
#define PMTU_MAX 9216

struct pmtu {
	struct {
		struct address local, remote;
	} key;
	unsigned paths; /* that refer to it */
	enum {
		PMTU_STATE_BASE,            /* a probe of `wanted` bytes is due or under way */
		PMTU_STATE_SEARCHING,       /* probes of many sizes are under way */
		PMTU_STATE_SEARCH_COMPLETE, /* nothing to do before `due` */
	} state;
	bool sure;         /* `size` was answered or told, and is no guess */
	uint16_t size;     /* the largest IP packet to send */
	uint16_t wanted;   /* the largest that is looked for */
	uint16_t answered; /* the largest probe answered since the search began */
	uint16_t before;   /* `size` when the ladder began */
	uint16_t told;     /* `size` when the observer was told last; 0: not yet */
	uint8_t tries;
	uint8_t doubts; /* searches that must find less than `before` until it is believed */
	struct usec due, last_answer;
	UT_hash_handle hh;
};

/* The row of a pair of addresses, made if there was none; to be given back. Never NULL. */
struct pmtu *pmtu_get(struct engine *e, struct address local, struct address remote);
void pmtu_put(struct engine *e, struct pmtu *m);
void pmtu_free(struct engine *e);
/* A probe of `size` bytes was answered. */
void pmtu_answer(struct engine *e, struct pmtu *m, uint32_t size, struct usec now);
/* Large packets of the session may be getting lost: asks again for the sizes in use. */
void pmtu_suspect(struct session *s, struct usec now);

uint16_t pmtu_smaller(uint16_t a, uint16_t b);

/* What pmtu_search.c does with a row: looks for `size` from `now` on; has found `size`; knows
 * nothing any more. */
void pmtu_ask(struct pmtu *m, uint16_t size, struct usec now);
void pmtu_settle(const struct engine *e, struct pmtu *m, uint16_t size, struct usec now);
void pmtu_begin(const struct engine *e, struct pmtu *m);

/* The smallest MTU of the host's NICs. What is known of path MTUs is forgotten. */
void pmtu_set_mtu(struct engine *e, uint16_t mtu);
/* A router says that IP packets of more than `mtu` bytes do not pass between these addresses. */
void pmtu_too_big(struct engine *e, struct address local, struct address remote, uint32_t mtu,
	struct usec now);

#endif
