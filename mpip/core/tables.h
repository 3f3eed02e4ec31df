/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MPIP_CORE_TABLES_H
#define MPIP_CORE_TABLES_H

#include "mpip/core/min_filter.h"
#include "mpip/core/reorder.h"
#include "mpip/core/settings.h"
#include "mpip/core/types.h"

#include <uthash.h>

/*
 * Tables 3, 5 and 7 as data: paths (paper 3.3), what was measured of the other end's paths (3.4)
 * and sessions (3.7). Columns of the paper's tables are named where they are kept; what is done
 * with a row is its module's.
 */

struct session;
struct peer;
struct pmtu;

enum path_state {
	PATH_UNVALIDATED, /* no feedback yet: probed, carries no user data */
	PATH_IN_USE,
	PATH_DOWN,    /* its feedback stopped: probed until it comes again */
	PATH_STANDBY, /* validated, but others are faster and enough (3.3): measured, carries no
		       user data */
	PATH_REMOVED, /* answered in no encapsulation (3.8.2): out of Table 3 until path_retry */
};

/* The TCP connection that a path looks like on the networks (3.8.1, core/faketcp.c). */
struct fake_tcp {
	enum { FAKE_CLOSED, FAKE_SYN_SENT, FAKE_SYN_RECEIVED, FAKE_OPEN } state;
	uint32_t next;     /* our next sequence number; SYNs have the one before the first */
	uint32_t began;    /* the other end's SYN */
	uint32_t expected; /* what we acknowledge */
	uint32_t acked;    /* `expected`, when we last sent */
	unsigned syns;     /* sent without an answer, but the first */
};

/* A row of Table 3. */
struct path {
	struct path_id id;       /* Path ID; also the row's place in the pool, plus one */
	struct session *session; /* Session ID, Node ID; NULL: a free row */
	uint8_t local_index;     /* Src IP, as its index in the local address list */
	struct endpoint src;     /* Src IP, Src Port */
	struct endpoint dst;     /* Dest IP, Dest Port */
	struct pmtu *pmtu;       /* of the two addresses */
	enum encapsulation encap;
	uint8_t encaps_tried;   /* a bit for each enum encapsulation, in vain */
	bool reflexive;         /* its far end was seen and is in no list: behind a NAT */
	bool validated;         /* has been in use */
	bool was_down;          /* and has not been answered since */
	struct path_id reverse; /* the other end's, whose handshake or packets came from there */
	struct fake_tcp tcp;
	enum path_state state;
	bool measured;        /* the four delays below are set */
	uint32_t delay;       /* Real-Time Network Delay D: clocks differ, only differences count */
	uint32_t min_delay;   /* Minimum Network Delay D_min */
	uint32_t queuing;     /* Real-Time Queuing Delay Q = D - D_min, microseconds */
	uint32_t max_queuing; /* Maximum Queuing Delay Q_max, microseconds */
	struct min_filter min_filter; /* what min_delay comes from, unless it is the plain one */
	int weight;                   /* Path Weight W */

	struct usec first_unanswered; /* first packet sent since the last feedback, or NEVER */
	uint64_t feedbacks_before;    /* the session's, at first_unanswered */
	struct usec last_feedback;
	struct usec response_time; /* from first_unanswered to its feedback, moving average */
	struct usec probe_due;
	unsigned probes; /* sent since it was last in use */
	uint64_t sent_packets, sent_bytes, feedbacks;
	uint16_t next_free;
};

/* A row of Table 5: one of the other end's paths, as it arrives here. */
struct arrival {
	struct path_id path; /* Path ID, the sender's */
	bool fresh;          /* a delay that was not fed back yet */
	uint32_t delay;      /* Path Delay */
	uint32_t lowest;     /* not averaged, as of lowest_at */
	struct usec lowest_at;
	struct usec last; /* packet */
	struct usec feedback_time;
	uint64_t packets, bytes;
};

/* What stateful middleboxes on the original tuple's way have seen of a TCP connection
 * (keepalive.c). */
struct keepalive {
	bool on;
	bool due;                      /* with the next packet */
	uint32_t seq_limit, ack_limit; /* what the other end's last one allows us to show */
	uint32_t shown_seq, shown_ack; /* in our last one */
	uint32_t step;                 /* when these have moved on by so much, the next is due */
	struct usec sent, heard;
};

/* What only a connection needs that has a session ID: most of the memory. */
struct multipath {
	struct session *session;
	struct {
		struct node_id node; /* Node ID of the other end */
		uint8_t zero[2];
		struct session_id id; /* Session ID */
	} key;
	struct peer *peer;
	UT_hash_handle by_id;

	struct path *path[MAX_PATHS];      /* the first `paths` of the session */
	struct arrival arrival[MAX_PATHS]; /* the first `arrivals` */
	struct reorder reorder;            /* Next Sequence No, and the buffer behind it */
	uint64_t feedbacks;                /* that came, of any path */
	uint32_t weight_sum;               /* of the paths in use */
	uint16_t mesh_of;      /* peer->list_changes, when the paths were last made to match */
	uint32_t step;         /* how far delays of what comes have fallen at once, */
	struct usec step_seen; /* and when: the other end's clock may have stepped; NEVER */

	/* Of address lists, plus one, 0: none. A literal packet of a path that the other end's hook
	 * does not know would be read by the application; so in the literal encapsulation each
	 * session has to hear of both lists itself before a path other than the original one is
	 * probed. */
	unsigned list_seen;  /* the version of the other end's that came in this session */
	unsigned list_acked; /* the version of ours that the other end acknowledged in it */
	bool owes_ack;
	uint8_t confirms;
	struct usec confirmed; /* when our confirmation left; NEVER */
	struct usec next_confirm;

	/* Flags_IP_Change (3.4): */
	bool moving;              /* ours is not acknowledged yet */
	bool peer_moved;          /* the other end has said one, */
	uint8_t peer_list;        /* with this version of its address list */
	uint8_t move_turn;        /* the path that it is said on next */
	struct usec next_move;    /* when it is said again */
	struct usec move_allowed; /* when the other end may say the next one */

	uint64_t policy_rows;       /* of Table 6 that concern it, */
	uint32_t policy_generation; /* as of this state of the table */

	struct usec sending_since; /* first packet sent since something came, or NEVER */
	struct usec last_received; /* any CM of this session */
	struct usec last_down;     /* when one of its paths went down */
	struct usec regular_since; /* NEVER while a path is in use */
	bool multipath;            /* a path is in use, as the observer was told */
	bool tried_regular;        /* the first packet after the last pause went that way */
	struct usec next_upkeep, next_weights, next_ranking;

	struct keepalive keepalive;
	struct usec told;         /* when the application's end was last told an MTU */
	struct path_id size_path; /* of a padded heartbeat that came and is to be answered, or 0 */
	uint16_t size;            /* its bytes: segment and CM */

	uint64_t sent_packets, sent_bytes, received_packets, received_bytes;

	bool active;
	struct multipath *active_prev, *active_next; /* had user data within the last second */
	bool holding;
	struct multipath *holding_prev, *holding_next; /* its out-of-order buffer is not empty */
};

/* A row of Table 7; while it has no session ID, a connection whose handshake is not done. */
struct session {
	struct tuple tuple; /* Source IP, Source Port, Destination IP, Destination Port, Protocol */
	enum encapsulation encap; /* preferred: what its paths begin with */
	uint8_t paths, in_use, arrivals;
	uint8_t queries;

	bool accepts;        /* the other end began the connection, and opens the paths (3.8.1) */
	bool generated_here; /* we chose the session ID */
	bool peer_knows;     /* the other end has shown that it knows the session ID */
	bool confirm_due;    /* 3.2's waiting list: a confirmation goes with the next packet */
	bool tcp_known;      /* the TCP numbers below are set */
	bool fin_sent, fin_received, reset; /* TCP: what was seen of its end */
	bool sent_large; /* more than PMTU_MIN bytes at once, since the last upkeep */
	bool resent;     /* TCP: something once more, since the last upkeep */

	/* The last TCP header the application's end sent: what a heartbeat is a copy of. */
	uint16_t last_window;
	uint8_t scale; /* of the windows that it announces; 0: none, or not known */
	uint32_t last_seq, last_ack;
	uint32_t sent_seq; /* TCP: behind the furthest byte that the application's end sent */

	uint32_t address_epoch;  /* the engine's, when this session's paths were last made */
	struct usec update_time; /* Update Time */
	struct usec age_time;    /* the same, when its place in the list by age was last mended */
	struct usec next_query;
	const char *regular_reason; /* why it is not multipath, for people */
	uint64_t regular_packets;

	struct multipath *mp;                /* NULL while it has no session ID */
	struct session *age_prev, *age_next; /* all, by update time to the second */
	UT_hash_handle by_tuple;
};

/* 0: none yet. */
static inline struct session_id session_id(const struct session *s)
{
	return s->mp ? s->mp->key.id : (struct session_id){0};
}

static inline bool session_is(const struct session *s, struct node_id node, struct session_id id)
{
	return s->mp && s->mp->key.id.n == id.n && node_equal(s->mp->key.node, node);
}

#endif
