// SPDX-License-Identifier: BSD-2-Clause
/*
 * tags: many sessions between two hosts at once, each with bytes of its own.
 *
 *     tags HERE PORT THERE COUNT BASE AT-MS SECONDS
 *
 * Theory of operation: both hosts run it, each as the client of COUNT sessions, TCP and UDP in
 * turn, which it opens all at the moment AT-MS (milliseconds since 1970), and as the server of the
 * other's. Session i leaves from port BASE + i, so the far end knows by the port alone, not by what
 * it reads, which tag this session's bytes must be made of: words of BASE + i from the client, with
 * the upper bit from the server. Each word that is read is compared. It ends after SECONDS, or with
 * SIGTERM: then has come what is waited for.
 */

#include "mpip/base/output.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SESSIONS_MAX 1000
#define WORDS        150
#define INTERVAL_MS  200
#define FROM_SERVER  0x80000000u

enum kind { LISTENER, UDP_SERVER, CLIENT, ACCEPTED };

/* A socket, and what comes from it. */
struct end {
	enum kind kind;
	bool tcp;
	uint32_t tag; /* of its session, 0: several */
	uint8_t part[4];
	unsigned parts; /* of a word that has not come as a whole */
};

static struct end end[2 * SESSIONS_MAX + 2];
static struct pollfd fd[2 * SESSIONS_MAX + 2];
static unsigned ends;

static struct sockaddr_in here, there;
static unsigned count, base;
static uint64_t words, wrong;
static volatile sig_atomic_t stop;
static bool heard[2][65536]; /* as a client, as a server: by tag */

static void fail(const char *what) __attribute__((noreturn));
static void fail(const char *what)
{
	fprintf(stderr, "tags: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void on_signal(int number)
{
	stop = number;
}

static int64_t milliseconds(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void add(int socket_fd, enum kind kind, bool tcp, uint32_t tag)
{
	if (ends == sizeof(end) / sizeof(end[0])) {
		errno = EMFILE;
		fail("too many sessions");
	}
	end[ends] = (struct end){.kind = kind, .tcp = tcp, .tag = tag};
	fd[ends++] = (struct pollfd){.fd = socket_fd, .events = POLLIN};
}

static int open_socket(int type, uint16_t port)
{
	int s = socket(AF_INET, type | SOCK_NONBLOCK, 0), on = 1;
	struct sockaddr_in from = here;
	if (port)
		from.sin_port = htons(port);
	setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (s < 0 || bind(s, (struct sockaddr *)&from, sizeof(from)) < 0)
		fail("bind");
	return s;
}

static void open_session(unsigned i)
{
	bool tcp = i % 2 == 0;
	int s = open_socket(tcp ? SOCK_STREAM : SOCK_DGRAM, (uint16_t)(base + i));
	if (connect(s, (struct sockaddr *)&there, sizeof(there)) < 0 && errno != EINPROGRESS)
		fail("connect");
	add(s, CLIENT, tcp, base + i);
}

static void compare(struct end *e, uint32_t tag, const uint8_t *bytes, size_t n)
{
	bool server = e->kind != CLIENT;
	uint32_t want = htonl(tag | (server ? 0 : FROM_SERVER));
	for (size_t i = 0; i < n; i++) {
		e->part[e->parts++] = bytes[i];
		if (e->parts < sizeof(want))
			continue;
		e->parts = 0;
		words++;
		wrong += memcmp(e->part, &want, sizeof(want)) != 0;
		heard[server][tag] = true;
	}
}

static void fill(uint32_t *chunk, uint32_t tag)
{
	for (unsigned i = 0; i < WORDS; i++)
		chunk[i] = htonl(tag);
}

/* A TCP that cannot take a whole chunk now gets none: words must not be cut. */
static void say(unsigned i)
{
	uint32_t chunk[WORDS];
	struct pollfd writable = {.fd = fd[i].fd, .events = POLLOUT};
	const struct end *e = &end[i];
	if (!e->tag || poll(&writable, 1, 0) != 1 || !(writable.revents & POLLOUT))
		return;
	fill(chunk, e->tag | (e->kind == ACCEPTED ? FROM_SERVER : 0));
	ssize_t sent = send(fd[i].fd, chunk, sizeof(chunk), MSG_NOSIGNAL);
	if (e->tcp && sent > 0 && sent < (ssize_t)sizeof(chunk)) {
		errno = EAGAIN;
		fail("a chunk was cut");
	}
}

static void take_datagrams(unsigned i)
{
	uint8_t bytes[4 * WORDS];
	struct sockaddr_in from = {0};
	socklen_t length = sizeof(from);
	ssize_t n;
	while ((n = recvfrom(fd[i].fd, bytes, sizeof(bytes), 0, (struct sockaddr *)&from,
			&length)) >= 0) {
		uint32_t tag = end[i].tag ? end[i].tag : ntohs(from.sin_port);
		end[i].parts = 0;
		compare(&end[i], tag, bytes, (size_t)n);
		wrong += n != sizeof(bytes);
		if (!end[i].tag) { /* and an answer */
			uint32_t chunk[WORDS];
			fill(chunk, tag | FROM_SERVER);
			sendto(fd[i].fd, chunk, sizeof(chunk), 0, (struct sockaddr *)&from, length);
		}
	}
}

static void take(unsigned i)
{
	uint8_t bytes[65536];
	ssize_t n;
	if (end[i].kind == LISTENER) {
		struct sockaddr_in from = {0};
		socklen_t length = sizeof(from);
		int s;
		while ((s = accept4(fd[i].fd, (struct sockaddr *)&from, &length, SOCK_NONBLOCK)) >=
			0)
			add(s, ACCEPTED, true, ntohs(from.sin_port));
		return;
	}
	if (!end[i].tcp) {
		take_datagrams(i);
		return;
	}
	while ((n = recv(fd[i].fd, bytes, sizeof(bytes), 0)) > 0)
		compare(&end[i], end[i].tag, bytes, (size_t)n);
	if (n == 0 || (errno != EAGAIN && errno != ENOTCONN))
		fd[i].fd = -1; /* the other end is done */
}

static void run_until(int64_t until)
{
	int64_t next = milliseconds(CLOCK_MONOTONIC);
	while (!stop && milliseconds(CLOCK_MONOTONIC) < until) {
		if (milliseconds(CLOCK_MONOTONIC) >= next) {
			next += INTERVAL_MS;
			for (unsigned i = 0; i < ends; i++)
				say(i);
		}
		if (poll(fd, ends, 10) < 0 && errno != EINTR)
			fail("poll");
		for (unsigned i = 0, n = ends; i < n; i++)
			if (fd[i].revents)
				take(i);
	}
}

int main(int argc, char **argv)
{
	if (argc != 8) {
		fprintf(stderr, "usage: tags HERE PORT THERE COUNT BASE AT-MS SECONDS\n");
		return 2;
	}
	here.sin_family = there.sin_family = AF_INET;
	here.sin_port = there.sin_port = htons((uint16_t)atoi(argv[2]));
	count = (unsigned)atoi(argv[4]);
	base = (unsigned)atoi(argv[5]);
	if (inet_pton(AF_INET, argv[1], &here.sin_addr) != 1 ||
		inet_pton(AF_INET, argv[3], &there.sin_addr) != 1 || count == 0 ||
		count > SESSIONS_MAX || base < 1024 || base + count > 65536) {
		fprintf(stderr, "tags: expected addresses, 1 to %d sessions and free ports\n",
			SESSIONS_MAX);
		return 2;
	}
	int listener = open_socket(SOCK_STREAM, 0);
	if (listen(listener, SESSIONS_MAX) < 0)
		fail("listen");
	add(listener, LISTENER, true, 0);
	add(open_socket(SOCK_DGRAM, 0), UDP_SERVER, false, 0);

	signal(SIGTERM, on_signal);
	int64_t wait = strtoll(argv[6], NULL, 10) - milliseconds(CLOCK_REALTIME);
	if (wait > 0)
		usleep((useconds_t)wait * 1000);
	for (unsigned i = 0; i < count; i++)
		open_session(i);
	run_until(milliseconds(CLOCK_MONOTONIC) + (int64_t)(strtod(argv[7], NULL) * 1000));

	unsigned served = 0, answered = 0;
	for (unsigned i = 0; i < 65536; i++) {
		answered += heard[0][i];
		served += heard[1][i];
	}
	printf("opened=%u answered=%u served=%u words=%llu wrong=%llu\n", count, answered, served,
		(unsigned long long)words, (unsigned long long)wrong);
	return output_end(wrong || answered != count);
}
