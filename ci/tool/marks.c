// SPDX-License-Identifier: BSD-2-Clause
/*
 * marks: UDP datagrams that differ in what their IP headers say.
 *
 * Theory of operation: one end sends with a TTL, a TOS byte (DSCP and ECN), IP options or without a
 * checksum, or hands the kernel many datagrams at once (UDP_SEGMENT); the other end is told by the
 * kernel what each datagram came with, and says how many of them were like the last one. All
 * datagrams hold the same bytes, which are compared.
 */

#include "mpip/base/output.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SIZE     1000
#define AT_ONCE  20
#define IDLE_MS  1000
#define FIRST_MS 10000
#define GAP_US   5000

static volatile sig_atomic_t stop;

static void fail(const char *what)
{
	fprintf(stderr, "marks: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void on_signal(int number)
{
	stop = number;
}

static void set(int fd, int level, int option, int value, const char *name)
{
	if (setsockopt(fd, level, option, &value, sizeof(value)) < 0)
		fail(name);
}

struct seen {
	int tos, ttl, options;
};

static struct seen seen_in(struct msghdr *h)
{
	struct seen s = {-1, -1, 0};
	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
		if (c->cmsg_level != IPPROTO_IP)
			continue;
		if (c->cmsg_type == IP_TOS)
			s.tos = *CMSG_DATA(c);
		if (c->cmsg_type == IP_TTL)
			memcpy(&s.ttl, CMSG_DATA(c), sizeof(s.ttl));
		if (c->cmsg_type == IP_RECVOPTS)
			s.options = (int)(c->cmsg_len - CMSG_LEN(0));
	}
	return s;
}

static int sink(int fd, const uint8_t *expected)
{
	unsigned received = 0, same = 0, wrong = 0;
	struct seen last = {0};
	set(fd, IPPROTO_IP, IP_RECVTOS, 1, "IP_RECVTOS");
	set(fd, IPPROTO_IP, IP_RECVTTL, 1, "IP_RECVTTL");
	set(fd, IPPROTO_IP, IP_RECVOPTS, 1, "IP_RECVOPTS");
	for (struct pollfd p = {fd, POLLIN, 0};
		!stop && poll(&p, 1, received ? IDLE_MS : FIRST_MS) > 0;) {
		uint8_t bytes[SIZE + 100];
		char control[512];
		struct iovec iov = {bytes, sizeof(bytes)};
		struct msghdr h = {.msg_iov = &iov,
			.msg_iovlen = 1,
			.msg_control = control,
			.msg_controllen = sizeof(control)};
		ssize_t n = recvmsg(fd, &h, 0);
		if (n < 0)
			continue;
		struct seen now = seen_in(&h);
		same = memcmp(&now, &last, sizeof(now)) == 0 ? same + 1 : 1;
		last = now;
		received++;
		wrong += n != SIZE || memcmp(bytes, expected, SIZE) != 0;
	}
	printf("received=%u wrong=%u tos=%d ttl=%d options=%d same=%u\n", received, wrong, last.tos,
		last.ttl, last.options, same);
	return output_end(received ? 0 : 1);
}

static int send_all(int fd, const uint8_t *bytes, unsigned count, bool segment)
{
	static uint8_t many[AT_ONCE * SIZE];
	unsigned at_once = segment ? AT_ONCE : 1, sent = 0;
	for (unsigned i = 0; i < at_once; i++)
		memcpy(many + (size_t)i * SIZE, bytes, SIZE);
	if (segment)
		set(fd, IPPROTO_UDP, UDP_SEGMENT, SIZE, "UDP_SEGMENT");
	while (sent < count && !stop) {
		if (send(fd, many, (size_t)at_once * SIZE, 0) > 0)
			sent += at_once;
		else if (errno != ECONNREFUSED && errno != EINTR)
			fail("send");
		usleep(GAP_US * at_once);
	}
	printf("sent=%u\n", sent);
	return output_end(0);
}

static void use(const char *message)
{
	fprintf(stderr,
		"%susage: marks sink ADDRESS PORT\n"
		"       marks send ADDRESS PORT COUNT [--tos N] [--ttl N] [--options]\n"
		"                  [--no-checksum] [--segment]\n",
		message);
	exit(2);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"tos", required_argument, NULL, 't'},
		{"ttl", required_argument, NULL, 'l'}, {"options", no_argument, NULL, 'o'},
		{"no-checksum", no_argument, NULL, 'n'}, {"segment", no_argument, NULL, 's'}, {0}};
	struct sockaddr_in address = {.sin_family = AF_INET};
	uint8_t bytes[SIZE];
	bool segment = false;
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (fd < 0)
		fail("socket");
	for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		/* Four NOPs: options that every router lets pass. */
		static const uint8_t nops[4] = {1, 1, 1, 1};
		if (c == 't')
			set(fd, IPPROTO_IP, IP_TOS, (int)strtol(optarg, NULL, 0), "IP_TOS");
		else if (c == 'l')
			set(fd, IPPROTO_IP, IP_TTL, (int)strtol(optarg, NULL, 0), "IP_TTL");
		else if (c == 'n')
			set(fd, SOL_SOCKET, SO_NO_CHECK, 1, "SO_NO_CHECK");
		else if (c == 'o' && setsockopt(fd, IPPROTO_IP, IP_OPTIONS, nops, sizeof(nops)) < 0)
			fail("IP_OPTIONS");
		else if (c == 's')
			segment = true;
		else if (c == '?')
			use("");
	}
	argv += optind;
	argc -= optind;
	if (argc < 3 || inet_pton(AF_INET, argv[1], &address.sin_addr) != 1)
		use("");
	address.sin_port = htons((uint16_t)atoi(argv[2]));
	signal(SIGTERM, on_signal);
	for (unsigned i = 0; i < SIZE; i++)
		bytes[i] = (uint8_t)(i * 7 + i / 256);

	if (strcmp(argv[0], "sink") == 0) {
		if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
			fail("bind");
		return sink(fd, bytes);
	}
	if (strcmp(argv[0], "send") != 0 || argc < 4)
		use("");
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		fail("connect");
	return send_all(fd, bytes, (unsigned)atoi(argv[3]), segment);
}
