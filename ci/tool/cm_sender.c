// SPDX-License-Identifier: BSD-2-Clause
/*
 * cm_sender: a TCP server whose user data is full of valid control messages.
 *
 * Theory of operation: an application may send anything, also what looks like MPIP's own trailer.
 * This one does its worst: it reads its connection's sequence number from the kernel
 * (TCP_REPAIR), and ends each of its segments with a CM whose checksum is right for that segment,
 * at that place ("here") or as quoted from another place of the same connection ("elsewhere"), with
 * the node ID it is given and SESSIONS session IDs in turn. What it has sent it writes to a file,
 * so that a test can compare. SIGTERM ends it, between two segments.
 */

#include "mpip/core/cm.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define DATA     600 /* user bytes in front of each CM */
#define HEADER   32  /* a TCP header with timestamps */
#define SESSIONS 64

static volatile sig_atomic_t stop;

static void on_signal(int number)
{
	stop = number;
}

static void fail(const char *what)
{
	fprintf(stderr, "cm_sender: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* The sequence number of the next byte to be written. */
static uint32_t next_sequence(int fd)
{
	int on = TCP_REPAIR_ON, off = TCP_REPAIR_OFF_NO_WP, queue = TCP_SEND_QUEUE;
	uint32_t seq = 0;
	socklen_t length = sizeof(seq);
	if (setsockopt(fd, IPPROTO_TCP, TCP_REPAIR, &on, sizeof(on)) < 0 ||
		setsockopt(fd, IPPROTO_TCP, TCP_REPAIR_QUEUE, &queue, sizeof(queue)) < 0 ||
		getsockopt(fd, IPPROTO_TCP, TCP_QUEUE_SEQ, &seq, &length) < 0 ||
		setsockopt(fd, IPPROTO_TCP, TCP_REPAIR, &off, sizeof(off)) < 0)
		fail("TCP_REPAIR");
	return seq;
}

/* Until everything written has been acknowledged, so that the next write is a segment by itself. */
static void drain(int fd)
{
	int left = 1;
	for (int i = 0; i < 20000 && left > 0; i++) {
		if (ioctl(fd, SIOCOUTQ, &left) < 0)
			fail("SIOCOUTQ");
		if (left > 0)
			nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	}
	if (left > 0) {
		errno = ETIMEDOUT;
		fail("nobody acknowledges");
	}
}

struct forgery {
	struct node_id node;
	uint32_t first_session;
	uint32_t elsewhere; /* how far from its place the CM would be right; 0: here */
};

static void send_segments(int fd, const struct forgery *f, unsigned count, FILE *copy)
{
	for (unsigned i = 0; i < count && !stop; i++) {
		uint8_t bytes[DATA + CM_MAX];
		memset(bytes, 'a' + (int)(i % 26), DATA);
		struct cm cm = {.node = f->node,
			.session = {f->first_session + i % SESSIONS},
			.path = {1},
			.feedback_path = {(uint16_t)(i % 4 + 1)},
			.stamp = i,
			.flags = (uint8_t)(i / SESSIONS % 2 ? CM_FLAG_LEAVE : 0)};
		struct cm_binding binding = {.segment_length = HEADER + DATA,
			.tcp_seq = next_sequence(fd) - f->elsewhere};
		size_t length = DATA + cm_encode(&cm, binding, bytes + DATA);
		if (send(fd, bytes, length, MSG_NOSIGNAL) != (ssize_t)length)
			fail("send");
		if (fwrite(bytes, 1, length, copy) != length)
			fail("copy");
		drain(fd);
	}
}

int main(int argc, char **argv)
{
	struct sockaddr_in a = {.sin_family = AF_INET};
	struct forgery f = {.elsewhere = 0};
	uint8_t *n = f.node.b;
	int one = 1;
	if (argc != 8 ||
		sscanf(argv[3], "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", n, n + 1, n + 2, n + 3, n + 4,
			n + 5) != 6 ||
		inet_pton(AF_INET, argv[1], &a.sin_addr) != 1) {
		fputs("usage: cm_sender ADDRESS PORT NODE-ID FIRST-SESSION here|elsewhere SEGMENTS "
		      "COPY-FILE\n",
			stderr);
		return 2;
	}
	signal(SIGTERM, on_signal);
	f.first_session = (uint32_t)strtoul(argv[4], NULL, 10);
	f.elsewhere = strcmp(argv[5], "elsewhere") == 0 ? DATA + CM_FIXED : 0;
	a.sin_port = htons((uint16_t)atoi(argv[2]));
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(listener, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(listener, 1) < 0)
		fail("listen");
	struct pollfd p = {.fd = listener, .events = POLLIN};
	if (poll(&p, 1, 20000) <= 0)
		fail("nobody connected");
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	FILE *copy = fopen(argv[7], "w");
	if (fd < 0 || !copy)
		fail("accept");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	send_segments(fd, &f, (unsigned)atoi(argv[6]), copy);
	/* TCP_REPAIR has taken away what the listener's socket handed down. */
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (fclose(copy) != 0)
		fail(argv[7]);
	close(fd);
	close(listener);
	return 0;
}
