// SPDX-License-Identifier: BSD-2-Clause
/*
 * icmp_errors: what a socket hears of the packets that did not arrive.
 *
 * Theory of operation: a connected TCP or UDP socket sends letters and throws away what comes. What
 * the kernel reports of ICMP errors it counts by what they say: those that a call fails with, and,
 * with --queue (IP_RECVERR), those of the error queue, with who said it. There the kernel also
 * gives back what was quoted: it must be of a packet to the peer, and of UDP nothing but our
 * letters. A signal (SIGUSR1) makes the packets' TTL 1, the next one makes it what it was.
 */

#include "mpip/base/output.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/errqueue.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define LETTER    'm'
#define EVERY_MS  5
#define KINDS_MAX 32

struct kind {
	const char *where; /* "call" or "queue" */
	int error;
	uint8_t type, code;
	struct in_addr from;
	unsigned count;
};

static struct kind kinds[KINDS_MAX];
static unsigned kind_count, foreign;
static volatile sig_atomic_t stop, short_lived;

static void on_signal(int signal)
{
	if (signal == SIGUSR1)
		short_lived = !short_lived;
	else
		stop = 1;
}

static void fail(const char *what)
{
	fprintf(stderr, "icmp_errors: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void note(struct kind k)
{
	for (unsigned i = 0; i < kind_count; i++)
		if (kinds[i].where == k.where && kinds[i].error == k.error &&
			kinds[i].type == k.type && kinds[i].code == k.code &&
			kinds[i].from.s_addr == k.from.s_addr) {
			kinds[i].count++;
			return;
		}
	k.count = 1;
	if (kind_count < KINDS_MAX)
		kinds[kind_count++] = k;
}

/* One error of the queue. False: there is none. */
static bool read_queue(int fd, bool tcp, const struct sockaddr_in *peer)
{
	struct sockaddr_in to = {0};
	char control[512], data[2048];
	struct iovec iov = {data, sizeof(data)};
	struct msghdr h = {.msg_name = &to,
		.msg_namelen = sizeof(to),
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control)};
	ssize_t length = recvmsg(fd, &h, MSG_ERRQUEUE | MSG_DONTWAIT);
	if (length < 0)
		return false;
	for (ssize_t i = 0; !tcp && i < length; i++)
		if (data[i] != LETTER) {
			foreign++;
			break;
		}
	if (to.sin_addr.s_addr != peer->sin_addr.s_addr || to.sin_port != peer->sin_port)
		foreign++;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&h); c; c = CMSG_NXTHDR(&h, c)) {
		struct sock_extended_err e;
		struct sockaddr_in from = {0};
		if (c->cmsg_level != IPPROTO_IP || c->cmsg_type != IP_RECVERR)
			continue;
		memcpy(&e, CMSG_DATA(c), sizeof(e));
		memcpy(&from, CMSG_DATA(c) + sizeof(e), sizeof(from));
		note((struct kind){
			"queue", (int)e.ee_errno, e.ee_type, e.ee_code, from.sin_addr, 0});
	}
	return true;
}

int main(int argc, char **argv)
{
	bool tcp = argc > 1 && strcmp(argv[1], "tcp") == 0;
	bool queue = argc == 6 && strcmp(argv[5], "--queue") == 0;
	struct sockaddr_in peer = {.sin_family = AF_INET};
	char bytes[1400];
	size_t size = argc > 4 ? (size_t)atoi(argv[4]) : 0;
	if (argc < 5 || argc > 6 || (argc == 6 && !queue) ||
		(!tcp && strcmp(argv[1], "udp") != 0) ||
		inet_pton(AF_INET, argv[2], &peer.sin_addr) != 1 || size == 0 ||
		size > sizeof(bytes)) {
		fputs("usage: icmp_errors tcp|udp ADDRESS PORT SIZE [--queue]\n", stderr);
		return 2;
	}
	peer.sin_port = htons((uint16_t)atoi(argv[3]));
	struct sigaction act = {.sa_handler = on_signal};
	sigaction(SIGTERM, &act, NULL);
	sigaction(SIGINT, &act, NULL);
	sigaction(SIGUSR1, &act, NULL);
	memset(bytes, LETTER, sizeof(bytes));

	int on = 1, ttl_now = 64;
	int fd = socket(AF_INET, tcp ? SOCK_STREAM : SOCK_DGRAM, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&peer, sizeof(peer)) < 0)
		fail(argv[2]);
	if (queue && setsockopt(fd, IPPROTO_IP, IP_RECVERR, &on, sizeof(on)) < 0)
		fail("IP_RECVERR");

	unsigned long sent = 0, received = 0;
	while (!stop) {
		char come[65536];
		int ttl = short_lived ? 1 : 64;
		if (ttl != ttl_now && setsockopt(fd, IPPROTO_IP, IP_TTL, &ttl, sizeof(ttl)) < 0)
			fail("IP_TTL");
		ttl_now = ttl;
		ssize_t n = send(fd, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && errno != EAGAIN)
			note((struct kind){"call", errno, 0, 0, {0}, 0});
		sent += n > 0 ? (unsigned long)n : 0;
		while ((n = recv(fd, come, sizeof(come), MSG_DONTWAIT)) > 0)
			received += (unsigned long)n;
		if (n == 0 && tcp)
			break;
		if (n < 0 && errno != EAGAIN)
			note((struct kind){"call", errno, 0, 0, {0}, 0});
		while (queue && read_queue(fd, tcp, &peer))
			;
		struct timespec pause = {0, EVERY_MS * 1000000};
		nanosleep(&pause, NULL);
	}
	for (unsigned i = 0; i < kind_count; i++) {
		char from[INET_ADDRSTRLEN];
		inet_ntop(AF_INET, &kinds[i].from, from, sizeof(from));
		if (strcmp(kinds[i].where, "call") == 0)
			printf("call %s from=- count=%u\n", strerrorname_np(kinds[i].error),
				kinds[i].count);
		else
			printf("queue %s type=%d code=%d from=%s count=%u\n",
				strerrorname_np(kinds[i].error), kinds[i].type, kinds[i].code, from,
				kinds[i].count);
	}
	printf("sent=%lu received=%lu foreign=%u\n", sent, received, foreign);
	return output_end(0);
}
