// SPDX-License-Identifier: BSD-2-Clause
/*
 * The UDP socket of a QUIC end.
 *
 * Theory of operation
 * -------------------
 * Datagrams are never fragmented: QUIC finds the path MTU itself, and one that is too long for the
 * NIC is lost like one that is too long for a router. So are those that an earlier ICMP error is
 * reported for. Only a full socket is not a loss: what it did not take is kept, and goes first.
 *
 * With segmentation offload a batch is one system call (UDP_SEGMENT), and one super-packet up to
 * where the kernel or a NIC cuts it.
 */

#include "experiments/load/quic_socket.h"

#include <errno.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

/* As many segments as the kernel takes in one call (UDP_MAX_SEGMENTS). */
#define SEGMENTS_MAX 64

int quic_socket_open(struct quic_socket *s, struct sockaddr_in local,
	const struct sockaddr_in *peer, int buffer_bytes, bool gso)
{
	int on = 1, never_fragment = IP_PMTUDISC_DO;
	memset(s, 0, sizeof(*s));
	s->gso = gso;
	s->local = local;
	s->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->fd >= 0 && setsockopt(s->fd, IPPROTO_IP, IP_RECVTOS, &on, sizeof(on)) == 0 &&
		setsockopt(s->fd, IPPROTO_IP, IP_MTU_DISCOVER, &never_fragment,
			sizeof(never_fragment)) == 0 &&
		setsockopt(s->fd, SOL_SOCKET, SO_RCVBUF, &buffer_bytes, sizeof(buffer_bytes)) ==
			0 &&
		setsockopt(s->fd, SOL_SOCKET, SO_SNDBUF, &buffer_bytes, sizeof(buffer_bytes)) ==
			0 &&
		bind(s->fd, (struct sockaddr *)&local, sizeof(local)) == 0 &&
		(!peer || connect(s->fd, (const struct sockaddr *)peer, sizeof(*peer)) == 0))
		return 0;
	fprintf(stderr, "UDP socket: %s\n", strerror(errno));
	quic_socket_close(s);
	return -1;
}

void quic_socket_close(struct quic_socket *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}

/* One system call: one datagram, or several of `segment` bytes. */
static bool send_some(struct quic_socket *s, const struct sockaddr_in *to,
	const unsigned char *data, size_t bytes, size_t segment)
{
	struct iovec iov = {(void *)data, bytes};
	char control[CMSG_SPACE(sizeof(uint16_t))] = {0};
	struct msghdr m = {.msg_name = (void *)to,
		.msg_namelen = sizeof(*to),
		.msg_iov = &iov,
		.msg_iovlen = 1};
	if (bytes > segment) {
		m.msg_control = control;
		m.msg_controllen = sizeof(control);
		struct cmsghdr *c = CMSG_FIRSTHDR(&m);
		*c = (struct cmsghdr){.cmsg_level = SOL_UDP,
			.cmsg_type = UDP_SEGMENT,
			.cmsg_len = CMSG_LEN(sizeof(uint16_t))};
		uint16_t length = (uint16_t)segment;
		memcpy(CMSG_DATA(c), &length, sizeof(length));
	}
	while (sendmsg(s->fd, &m, MSG_NOSIGNAL) < 0) {
		if (errno == EAGAIN || errno == ENOBUFS)
			return false;
		if (errno != EINTR)
			break; /* lost, see above */
	}
	s->sent += (bytes + segment - 1) / segment;
	s->sent_bytes += bytes;
	return true;
}

bool quic_socket_send(struct quic_socket *s, const struct sockaddr_in *to, int ecn,
	const unsigned char *data, size_t bytes, size_t segment)
{
	if (ecn != s->ecn && setsockopt(s->fd, IPPROTO_IP, IP_TOS, &ecn, sizeof(ecn)) == 0)
		s->ecn = ecn;
	size_t step = segment;
	if (s->gso)
		step *= QUIC_BATCH / segment < SEGMENTS_MAX ? QUIC_BATCH / segment : SEGMENTS_MAX;
	for (size_t at = 0; at < bytes; at += step) {
		size_t some = bytes - at < step ? bytes - at : step;
		if (send_some(s, to, data + at, some, segment))
			continue;
		s->rest_bytes = bytes - at;
		s->rest_segment = segment;
		s->rest_to = *to;
		memmove(s->rest, data + at, s->rest_bytes);
		return false;
	}
	s->rest_bytes = 0;
	return true;
}

bool quic_socket_send_rest(struct quic_socket *s)
{
	return s->rest_bytes == 0 ||
	       quic_socket_send(s, &s->rest_to, s->ecn, s->rest, s->rest_bytes, s->rest_segment);
}

ssize_t quic_socket_take(
	struct quic_socket *s, unsigned char *room, size_t size, struct sockaddr_in *from, int *ecn)
{
	struct iovec iov = {room, size};
	char control[CMSG_SPACE(sizeof(int))];
	for (;;) {
		struct msghdr m = {.msg_name = from,
			.msg_namelen = sizeof(*from),
			.msg_iov = &iov,
			.msg_iovlen = 1,
			.msg_control = control,
			.msg_controllen = sizeof(control)};
		ssize_t n = recvmsg(s->fd, &m, MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == ENOMEM))
			return -1;
		if (n < 0)
			continue; /* of an earlier datagram: it is lost */
		*ecn = 0;
		for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c))
			if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TOS)
				*ecn = *CMSG_DATA(c) & 3;
		s->taken++;
		return n;
	}
}
