/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MPIP_IO_WIRELINK_H
#define MPIP_IO_WIRELINK_H

#include "mpip/core/actions.h"
#include "mpip/core/engine.h"

/*
 * The sockets that packets leave and arrive by: for each local address one UDP socket on the wire
 * port and one raw socket, bound to the address, so that the source address chooses the NIC's
 * routing table; and a raw socket bound to none.
 */

/* What one message to a UDP socket may hold: packets (Linux takes 64) and bytes (a datagram has
 * 65507). Super-packets that are no larger stay whole on the wire. */
#define WIRELINK_SEGMENTS 60
#define WIRELINK_BYTES    64000

struct wirelink_socket {
	struct address address;
	int udp, raw;
	int tcp; /* keeps the wire port from others; the hook takes what comes to it */
	struct wirelink_batch *batch; /* of recvmmsg() */
};

struct wirelink {
	struct wirelink_socket nic[MAX_ADDRESSES];
	unsigned nics;
	int raw_any, reserved_udp, reserved_tcp;
	in_port_t port;
	uint32_t mark;
	uint64_t send_calls, sent_messages, sent_packets, receive_calls, received_packets;
	uint64_t drop_send_buffer, drop_too_long, drop_send_error, drop_truncated;
};

/* Reserves the port at all addresses, and opens what belongs to none of them. 0, or -1 and one line
 * in `*error`; wirelink_close() is due in either case. */
int wirelink_open(struct wirelink *w, in_port_t port, uint32_t mark, char **error);

/* Opens and closes sockets so that there are those for `addresses`, in their order. One that cannot
 * be opened is taken out of `addresses`: then -1, and one line about the first in `*error`, which
 * was NULL. */
int wirelink_follow(struct wirelink *w, struct address_list *addresses, char **error);
void wirelink_close(struct wirelink *w);

/* Sends all packets: those of one path in their order, many with one system call. */
void wirelink_send(struct wirelink *w, const struct wire_packet *packets, unsigned count);

/* Receives from the UDP sockets in the bit set `ready`, and calls `take` for each datagram, merged
 * ones split, in the order in which the kernel got them from whatever NIC. `*now` becomes the time
 * at which they were there (CLOCK_MONOTONIC). True: there is more, also of what was received; call
 * again with all sockets when nothing points into the datagrams taken any more. */
typedef void wirelink_take(void *context, const struct wire_input *in);
bool wirelink_receive(
	struct wirelink *w, unsigned ready, struct usec *now, wirelink_take *take, void *context);

/* Reads nic's error queue: what routers and the other end said about datagrams sent. */
typedef void wirelink_take_error(void *context, const struct wire_error *error);
void wirelink_errors(struct wirelink *w, unsigned nic, wirelink_take_error *take, void *context);

#endif
