/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EXPERIMENTS_LOAD_QUIC_SOCKET_H
#define EXPERIMENTS_LOAD_QUIC_SOCKET_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* As much as goes out in one system call: the most that a UDP datagram can hold. */
#define QUIC_BATCH 65507

/* The UDP socket of a QUIC end, with ECN and, where asked for, segmentation offload. */
struct quic_socket {
	int fd;
	bool gso;
	struct sockaddr_in local;
	int ecn;                          /* that the socket was set to last */
	uint64_t sent, sent_bytes, taken; /* datagrams, UDP payload */
	/* What the socket did not take yet: whole datagrams of `segment` bytes, the last may be
	 * shorter. */
	unsigned char rest[QUIC_BATCH];
	size_t rest_bytes, rest_segment;
	struct sockaddr_in rest_to;
};

/* Opens it at `local`; with `peer` it is connected. `buffer_bytes` for each direction. 0, or -1
 * after a line on standard error. */
int quic_socket_open(struct quic_socket *s, struct sockaddr_in local,
	const struct sockaddr_in *peer, int buffer_bytes, bool gso);
void quic_socket_close(struct quic_socket *s);

/* Sends datagrams of `segment` bytes, the last of which may be shorter, all with this ECN field.
 * True: they are gone, or lost as on the way; false: the rest is kept, and nothing more may be sent
 * before quic_socket_send_rest() has said true. */
bool quic_socket_send(struct quic_socket *s, const struct sockaddr_in *to, int ecn,
	const unsigned char *data, size_t bytes, size_t segment);
bool quic_socket_send_rest(struct quic_socket *s);

/* The next datagram, its sender and ECN field. Its length; -1: none is there. */
ssize_t quic_socket_take(struct quic_socket *s, unsigned char *room, size_t size,
	struct sockaddr_in *from, int *ecn);

#endif
