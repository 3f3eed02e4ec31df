/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MPIP_CORE_PMTU_H
#define MPIP_CORE_PMTU_H

#include "mpip/core/types.h"

#include <uthash.h>

/*
 * Path MTU discovery (paper 3.7.3 leaves it open; RFC 8899 for datagrams): the largest IP packet
 * that passes between two addresses. All paths between them, of whatever session, share it.
 */

/* RFC 8899's BASE_PLPMTU: what is believed to pass until a probe has shown more. */
#define PMTU_BASE 1200
/* RFC 791: what every network must carry, so nothing smaller is believed. */
#define PMTU_MIN 576
/* The largest MTU that is made use of. */
#define PMTU_MAX 9216

struct pmtu {
	struct {
		struct in_addr local, remote;
	} key;
	unsigned paths; /* that refer to it */
	enum {
		PMTU_ASKING,  /* a probe of `wanted` bytes is due or under way */
		PMTU_LADDER,  /* probes of many sizes are under way */
		PMTU_SETTLED, /* nothing to do before `due` */
	} state;
	bool sure;         /* `size` was answered or told, and is no guess */
	uint16_t size;     /* the largest IP packet to send */
	uint16_t wanted;   /* the largest that is looked for */
	uint16_t answered; /* the largest probe answered since the search began */
	uint16_t before;   /* `size` when the ladder began */
	uint8_t tries;
	uint8_t doubts; /* searches that must find less than `before` until it is believed */
	struct usec due, last_answer;
	UT_hash_handle hh;
};

#endif
