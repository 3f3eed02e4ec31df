/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MPIP_CORE_STATE_H
#define MPIP_CORE_STATE_H

/*
 * The engine's inside, shared by its files and by nobody else:
 *   engine.c     life, tables, Algorithm 1's beat and all other deadlines
 *   outbound.c   from the application to the networks
 *   inbound.c    from the networks to the application
 *   handshake.c  who speaks MPIP, and how a session begins (3.2)
 *   ipchange.c   a session's addresses change (3.4)
 *   upkeep.c     paths: probed, silenced, taken back (3.5, 3.7.2)
 *   paths.c      paths: made and removed, their wire forms chosen (3.3, 3.8.1, 3.8.2)
 *   forms.c      how a packet looks on the networks; faketcp.c: fake TCP connections (3.8.1)
 *   pmtu.c       what fits onto a path
 *   keepalive.c  the way back through stateful boxes
 *   icmp.c       what a router says to a socket, said by us
 */

#include "mpip/core/cm.h"
#include "mpip/core/engine.h"
#include "mpip/core/packet.h"
#include "mpip/core/pmtu.h"

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
	engine_observer *observer;
	void *observer_context;

	struct peers peers;
	struct session *sessions_by_tuple, *sessions_by_id; /* uthash heads */
	struct session *active, *holding, *oldest;          /* utlist heads */
	struct ip_mark mark;     /* of the packet that is being taken in */
	struct session *last_in; /* the session of the last CM, or NULL */
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

/* Where and how a packet with a CM came. */
struct arrived_at {
	enum wire_form form;
	uint8_t nic;
	in_port_t port; /* of ours */
	struct endpoint from;
	struct usec time;
};

static inline void count(struct engine *e, enum counter what)
{
	e->stats.n[what]++;
}

/* engine.c: tables */

/* The place of a local address in the list, NIC_ANY if it is not there. */
uint8_t nic_of(const struct engine *e, struct in_addr ip);

struct session *session_find(struct engine *e, const struct tuple *tuple);
struct session *session_by_id(struct engine *e, struct node_id node, struct session_id id);
/* Never NULL: evicts when full. */
struct session *session_new(
	struct engine *e, const struct tuple *tuple, struct usec now, struct actions *a);
void session_remove(struct engine *e, struct session *s, struct actions *a);
/* Gives the connection its session ID and its place in Table 7, and its first path. An older
 * session of this ID goes. False: no peer row or no local address to be had. */
bool session_enter(struct engine *e, struct session *s, struct peer *peer, struct session_id id,
	struct usec now, struct actions *a);
/* A path in use for a packet of this IP length, by Table 6 and the scheduler; s->in_use > 0. */
struct path *session_choose(struct engine *e, struct session *s, uint32_t length);
/* User data went or came: Update Time, and the lists that depend on it. */
void session_touch(struct engine *e, struct session *s, struct usec now);
void session_set_holding(struct engine *e, struct session *s, struct usec now);

struct path *path_row(struct engine *e, struct path_id id);
struct path *path_take(struct engine *e);
void path_give_back(struct engine *e, struct path *p);

/* outbound.c */

/* The CM of a packet for `p`, with feedback if there is news. */
struct cm cm_for(struct engine *e, struct session *s, const struct path *p, struct usec now);
struct wire_packet *wire_slot(struct engine *e, struct actions *a);
/* Notes that a packet of `bytes` went on the path. */
void path_sent(struct session *s, struct path *p, uint32_t bytes, struct usec now);
/* Sends a packet as it is, on the regular connection. */
void send_regular(
	struct engine *e, const struct packet *p, const struct host_input *in, struct actions *a);
/* A transport header and user data, as they came. */
struct copied {
	const uint8_t *bytes;    /* NULL: none */
	uint32_t header, length; /* of the header; of all */
};
/* The heartbeat of 3.5, on a path chosen as for any packet; s->in_use > 0. */
void send_heartbeat_copy(struct engine *e, struct session *s, struct copied copy, struct usec now,
	struct actions *a);
/* The same without the first `offset` bytes of user data, whole segments; nothing may be left. */
void send_regular_behind(struct engine *e, const struct packet *p, const struct host_input *in,
	uint32_t offset, struct actions *a);
void send_heartbeat(struct engine *e, struct session *s, struct path *p, uint8_t flags,
	struct usec now, struct actions *a);
/* The same, padded to an IP packet of `size` bytes; its answer says what size came (RFC 8899). */
void send_size_probe(struct engine *e, struct session *s, struct path *p, uint16_t size,
	struct usec now, struct actions *a);

/* The largest packet of an application that fits onto the path. */
uint32_t path_holds(const struct path *p);

/* inbound.c */

/* A slot for a packet to an application; NULL, and the drop counted, if there is none. */
struct host_packet *host_slot(struct engine *e, struct actions *a);
void reorder_push_all(struct engine *e, struct session *s, struct actions *a);

/* handshake.c */

/* Before `p` goes out on the regular connection: adds query or confirmation where one is due.
 * True: the packet itself was sent, with the query in its surplus. */
bool handshake_out(struct engine *e, struct session *s, const struct packet *p,
	const struct host_input *in, struct usec now, struct actions *a);
/* If `p` carries a query or confirmation: handles it. True: it did (a copy, or a datagram that
 * handshake_in() has handed on without its surplus). */
bool handshake_in(struct engine *e, const struct packet *p, const struct host_input *in,
	struct usec now, struct actions *a);
/* This host accepted the connection with a SYN-ACK; whether it did. */
void accepted_note(struct engine *e, const struct tuple *tuple);
bool accepted_has(const struct engine *e, const struct tuple *tuple);
/* MPIP was seen behind this address. */
void address_shows_mpip(struct engine *e, struct in_addr ip, struct actions *a);
/* A pure ACK of the connection on its original tuple, in a query's form (keepalive.c). */
void send_keepalive(struct engine *e, struct session *s, uint32_t seq, uint32_t ack,
	struct usec now, struct actions *a);
void handshake_sweep(struct engine *e, struct usec now, struct actions *a);

/* ipchange.c */

/* Our addresses have changed. */
void session_move(struct engine *e, struct session *s, struct usec now, struct actions *a);
/* While s->moving: says it again when it is time to. */
void session_move_again(struct engine *e, struct session *s, struct usec now, struct actions *a);
/* The other end says that its addresses have changed, in a CM with its list, which the caller takes
 * then. */
void session_moved(struct engine *e, struct session *s, const struct cm *cm,
	const struct arrived_at *at, struct usec now, struct actions *a);
/* Whether the handshake could be repeated: both ends still have the socket's addresses. */
bool session_can_start_over(const struct engine *e, const struct session *s);

/* paths.c: rows of Table 3, and the wire form of each */

/* Makes and removes rows of Table 3 so that they match both address lists. */
void session_mesh(struct engine *e, struct session *s, struct usec now, struct actions *a);
/* Whether the original pair of addresses, and in other forms than literal any, is a path. */
bool mesh_begun(const struct engine *e, const struct session *s);
/* Whether the hook gets to know all that the other end may send to us in this session: a literal
 * packet of a path that is not in Table 3 would be read by the application. */
bool mesh_complete(const struct engine *e, const struct session *s);
/* Table 3 had no room for all of them: the other end must not hear of our addresses here. */
bool mesh_short(const struct engine *e, const struct session *s);
/* Whether the other end's socket has an address that is not its own. */
bool behind_nat(const struct session *s);
/* Whether each end has the other's address list, and has said so, in this very session. */
bool lists_agreed(const struct engine *e, const struct session *s);
/* The path from local address `nic` to `remote`, made if there was none, in the session's form.
 * NULL: no row is free, or the session has all it can have. */
struct path *mesh_add(struct engine *e, struct session *s, uint8_t nic, struct in_addr remote,
	struct usec now, struct actions *a);
/* Gives a path's row back; it is no longer among the session's. */
void path_drop(struct engine *e, struct session *s, struct path *p, struct actions *a);

/* The path between local address `nic`, port `local`, and `remote`; NULL: none. */
struct path *path_at(const struct session *s, uint8_t nic, struct endpoint remote, in_port_t local);
/* The path in `form` that the other end's path `id` is the way back of. */
struct path *path_reverse(
	const struct session *s, uint8_t nic, enum wire_form form, struct path_id id);
/* A path between these addresses that is not in use, nor the way back of another path than `id`. */
struct path *path_idle(
	const struct session *s, uint8_t nic, struct in_addr remote, struct path_id id);
/* A new path to where something came from, though no list has it. NULL: there is no room. */
struct path *path_learn(struct engine *e, struct session *s, uint8_t nic, enum wire_form form,
	struct endpoint remote, in_port_t local, struct actions *a);

/* Notes where a CM came from. False: from an address that is not the other end's. */
bool path_arrival(struct engine *e, struct session *s, const struct cm *cm,
	const struct arrived_at *at, struct actions *a);

/* Gives the path these ends and this form. */
void path_move(struct engine *e, struct session *s, struct path *p, enum wire_form form,
	struct endpoint remote, in_port_t local, struct actions *a);
/* Draws the path's ports anew, in its form. */
void path_ends(struct engine *e, struct session *s, struct path *p, struct actions *a);
/* The path's form did not work: it takes another. False: there is none left. */
bool path_next_form(
	struct engine *e, struct session *s, struct path *p, struct usec now, struct actions *a);

/* upkeep.c */

void session_upkeep(struct engine *e, struct session *s, struct usec now, struct actions *a);
void session_silence(struct engine *e, struct session *s, const char *reason, struct usec now);
/* The application sends again after nothing has gone or come for a while. */
void session_rest(struct engine *e, struct session *s, struct usec now, struct actions *a);
void path_silence(
	struct engine *e, struct session *s, struct path *p, const char *reason, struct usec now);
/* Feedback came for a path that was not in use. */
void path_prove(struct engine *e, struct session *s, struct path *p);

/* pmtu.c */

/* The row of a pair of addresses, made if there was none; to be given back. Never NULL. */
struct pmtu *pmtu_get(struct engine *e, struct in_addr local, struct in_addr remote);
void pmtu_put(struct engine *e, struct pmtu *m);
void pmtu_free(struct engine *e);
/* A probe of `size` bytes was answered. */
void pmtu_answer(struct engine *e, struct pmtu *m, uint32_t size, struct usec now);
/* Sends the path's probes that are due. */
void pmtu_upkeep(
	struct engine *e, struct session *s, struct path *p, struct usec now, struct actions *a);
/* Large packets of the session may be getting lost: asks again for the sizes in use. */
void pmtu_suspect(struct session *s, struct usec now);

/* keepalive.c; all but the first two are for TCP sessions with keepalive.on only */

/* A SYN goes out: what it says of windows is kept for the session that it becomes. */
void keepalive_syn(struct engine *e, const struct tuple *tuple, const struct packet *p);
void keepalive_new(const struct engine *e, struct session *s);
/* The session becomes multipath: from now on boxes do not see what it sends. */
void keepalive_begin(struct session *s);
/* After every packet of the application. */
void keepalive_out(struct engine *e, struct session *s, struct usec now, struct actions *a);
void keepalive_upkeep(struct engine *e, struct session *s, struct usec now, struct actions *a);
/* Whether the other end's are wanted. */
bool keepalive_wanted(const struct session *s, struct usec now);
/* The other end's came. */
void keepalive_in(struct engine *e, struct session *s, const struct cm *cm,
	const struct tcp_header *tcp, struct usec now, struct actions *a);

/* icmp.c */

/* Tells the socket that sent `p` that only IP packets of `mtu` bytes fit (RFC 1191). */
void icmp_too_big(struct engine *e, const struct packet *p, uint32_t mtu, struct actions *a);
/* Tells a TCP session's socket, unasked, what fits `path`: it sends again what did not. */
void icmp_path_became_smaller(
	struct engine *e, const struct session *s, const struct path *p, struct actions *a);
/* If the packet is an ICMP error about one of a path: handles it. False: it is the kernel's. */
bool icmp_in(struct engine *e, const struct packet *p, struct usec now, struct actions *a);

#endif
