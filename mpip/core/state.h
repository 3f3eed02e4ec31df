/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MPIP_CORE_STATE_H
#define MPIP_CORE_STATE_H

#include "mpip/core/actions.h"
#include "mpip/core/clock.h"
#include "mpip/core/event.h"
#include "mpip/core/peers.h"
#include "mpip/core/reorder.h"
#include "mpip/core/rng.h"
#include "mpip/core/settings.h"
#include "mpip/core/stats.h"
#include "mpip/core/types.h"

/*
 * The engine's inside, shared by the core's modules and by nobody else: what there is, not what is
 * done with it.
 */

#define FAKE_PORT_FIRST 32768
#define FAKE_PORTS      32768 /* to 65535 */
#define ACCEPTED        1024

/* A SYN of ours. What came last stays: a connection is a session soon after its SYN, or never. */
#define SYNS_SEEN 1024
struct syn_seen {
	struct tuple tuple;
	uint8_t scale;
};

struct engine {
	struct settings set;
	const struct scheduler *scheduler;
	struct node_id node;
	in_port_t wire_port;
	uint16_t boot;
	struct usec started;
	struct rng rng;
	struct address_list addresses;
	uint8_t list_version;   /* of `addresses` */
	uint32_t address_epoch; /* counts changes of `addresses` */
	bool moving;            /* some sessions' paths are still those of an older epoch */
	event_observer *observer;
	void *observer_context;

	struct peers peers;
	struct session *sessions_by_tuple; /* uthash heads */
	struct multipath *sessions_by_id;
	struct multipath *active, *holding; /* utlist heads */
	struct session *oldest;
	struct multipath *last_in; /* of the last CM, or NULL */
	unsigned sessions;
	uint32_t next_session_id;

	struct path *paths; /* Table 3: row i is Path ID i + 1 */
	/* Free rows, the one free for longest first: a Path ID in late feedback is not soon
	 * another. */
	uint16_t free_path, last_free_path;

	struct pmtu *pmtu; /* a uthash head */
	uint16_t mtu;      /* the smallest of the NICs' */

	struct syn_seen syn[SYNS_SEEN];
	struct reorder_pool pool;
	struct usec next_sweep;
	bool leaving; /* takes what comes, and sends nothing any more but that it leaves */
	uint16_t ip_id;
	/* 3.8.1: Path IDs by the local port of the fake connections that we open; 0: free */
	uint16_t fake_port[FAKE_PORTS];
	uint16_t next_fake_port;
	struct usec next_stray;      /* all sessions may be looked through again for one */
	uint32_t accepted[ACCEPTED]; /* hashes of the connections that others began */
	struct stats stats;
};

/* The timestamp that a CM made now carries, or that one that came now is compared with. */
static inline uint32_t stamp_at(const struct engine *e, struct usec now)
{
	return (uint32_t)clock_reading(&e->set.clock, e->started, now).us;
}

static inline void count(struct engine *e, enum counter what)
{
	e->stats.n[what]++;
}

/* Tells the observer what has happened: event_tell(e, now, .kind = EVENT_..., ...). */
#define event_tell(e, now, ...) event_pass((e), &(struct event){__VA_ARGS__}, (now))
static inline void event_pass(const struct engine *e, const struct event *event, struct usec now)
{
	if (e->observer)
		e->observer(e->observer_context, event, now);
}

/* The place of a local address in the list, LOCAL_ANY if it is not there. */
static inline uint8_t local_index_of(const struct engine *e, struct address ip)
{
	for (uint8_t i = 0; i < e->addresses.count; i++)
		if (address_equal(e->addresses.ip[i], ip))
			return i;
	return LOCAL_ANY;
}

#endif
