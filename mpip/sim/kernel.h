/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MPIP_SIM_KERNEL_H
#define MPIP_SIM_KERNEL_H

#include "mpip/core/packet.h"
#include "mpip/sim/sim.h"

/*
 * Packets of applications. Each has a serial number, which travels in it (TCP: the window; UDP: the
 * first bytes), so that whatever a kernel gets can be compared with what a kernel sent: headers,
 * user data, and how often. Connections are those of tcp.c and udp.c.
 */

#define SIM_PACKETS_MAX 65535
#define SIM_UDP_LEAST   4 /* bytes of user data: the serial number */
#define SIM_CONNECTIONS 512
#define SIM_CLIENT_PORT 40000 /* of the first connection */

/* One end of a connection: a socket. */
struct sim_socket {
	struct sim_connection *connection;
	unsigned end;
	struct sim_host *host;
	struct tuple tuple;    /* as this host's kernel sees it; no remote end: not known yet */
	struct usec scheduled; /* its next event; later ones are stale */
};

struct sim_connection {
	unsigned tag; /* of its data: no two have the same */
	bool tcp, timestamps, one_way, no_checksum, through_nat;
	unsigned nic;                /* that it was opened from */
	bool broken;                 /* its regular connection is lost for good: a NAT forgot it */
	struct sim_socket socket[2]; /* 0 has opened it */
	struct usec opened, pause_from, pause_until;
	int64_t interval;             /* between two packets of an application, microseconds */
	uint32_t size;                /* of them, at most */
	struct usec multipath_at[2];  /* first seen with a path in use, or NEVER */
	struct sim_stream *stream[2]; /* TCP */
	struct usec last_read[2];     /* new data */
	uint32_t sent[2], read[2];    /* UDP: datagrams */
	uint32_t late_sent[2], late_read[2]; /* of those that no fault could hit */
	uint32_t id[2];                      /* of its session at each end, 0: none; see laws.c */
	bool has_way[2];                     /* with a path in use that lives */
	bool had_session;                    /* both ends had it when nothing went wrong any more */
};

/* A packet as its kernel sent it. */
struct sim_packet {
	struct sim_connection *connection;
	uint8_t end; /* that sent it */
	uint8_t header_length;
	bool late; /* sent when nothing goes wrong any more */
	uint16_t gso_size;
	uint16_t made, read; /* copies: segments and what networks added; seen by a kernel */
	uint32_t length;     /* user data */
	uint32_t position;   /* of it in the stream of its end */
	uint8_t header[60];  /* transport header */
};

/* Sends `length` bytes of user data under a transport header, whose ports and checksum are filled
 * in here, as the serial number is. */
void kernel_send(struct sim_connection *c, unsigned end, const void *header, unsigned header_length,
	uint32_t position, uint32_t length, uint16_t gso_size);

/* A packet comes to the kernel. `check`: its checksums have to hold, unless it was damaged. */
void kernel_receive(struct sim_host *h, uint8_t *bytes, uint32_t length, bool check);

/* A network has made one more of it. */
void kernel_duplicated(struct sim *w, uint32_t packet);

/* A connection from one host's address to another's. Its tag is its number. */
struct sim_connection *kernel_connect(struct sim *w, bool tcp, struct sim_host *from,
	struct address from_ip, struct sim_host *to, struct address to_ip);

/* The connection of a tuple at a host; NULL if there is none. */
struct sim_connection *kernel_find(
	const struct sim *w, const struct sim_host *h, const struct tuple *tuple, unsigned *end);

/* Lets sim_action `action` happen to the socket at a time, if nothing does so earlier. */
void kernel_wake(struct sim_socket *s, sim_action *action, struct usec at);

void kernel_free(struct sim *w);

/* tcp.c and udp.c: a segment or datagram has come that is what `sent` was. */
void tcp_open(struct sim *w, struct sim_connection *c);
void tcp_receive(struct sim *w, struct sim_connection *c, unsigned end, const struct packet *p,
	const struct sim_packet *sent);
void tcp_free(struct sim_connection *c);
/* Whether both ends have read all that the other has sent, to its FIN. */
bool tcp_complete(const struct sim_connection *c);
/* When the other end has last acknowledged something new, the later one of the two ends. */
struct usec tcp_stands_since(const struct sim_connection *c);
void udp_open(struct sim *w, struct sim_connection *c);
void udp_receive(
	struct sim *w, struct sim_connection *c, unsigned end, const struct sim_packet *sent);

#endif
