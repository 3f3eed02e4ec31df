// SPDX-License-Identifier: BSD-2-Clause
/*
 * stream: one TCP connection whose bytes are known.
 *
 * Theory of operation: both ends send and receive at once, from one poll loop. What is sent is a
 * file, or words that follow from a seed and their place, so that the other end knows every byte
 * without having seen it; what is received is written to a file or compared with those words. An
 * end is done when it has sent everything and read the other's end of file. The time between two
 * reads is watched: the longest one is what an application would have felt; beside it, how late
 * the machine itself was (late.h).
 */

#include "ci/tool/late.h"
#include "mpip/base/output.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define CHUNK      65536 /* a multiple of 8 */
#define STALLED_MS 20000 /* nothing moves in either direction */
#define ALL_BYTES  INT64_MAX
#define SYN_BYTES  1000  /* with a Fast Open SYN */
#define FEW_BYTES  1000  /* as long as --until's file is not there, */
#define FEW_US     20000 /* each so often */

struct stream {
	const char *send_file, *receive_file;
	uint64_t generate, verify; /* seeds; 0: neither */
	int64_t bytes;             /* to generate */
	double seconds;            /* to generate for; 0: no limit */
	bool mptcp, fastopen;
	const char *from, *device;
	const char *until; /* only a few bytes until this file is there; NULL: at once */

	int fd, in, out; /* the connection; the files */
	int64_t sent, received;
	uint64_t started_us, first_us, last_us, gap_us, gap_at_us;
	uint8_t buffer[CHUNK], expected[CHUNK + 8];
	size_t have, at; /* of buffer: what waits to be sent */
	bool all_sent, all_received;
};

static volatile sig_atomic_t stop;

static struct stream s = {.bytes = ALL_BYTES, .in = -1, .out = -1};

static void fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
static void fail(const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	fputs("stream: ", stderr);
	vfprintf(stderr, format, ap);
	fputc('\n', stderr);
	va_end(ap);
	exit(1);
}

static void on_signal(int number)
{
	stop = number;
}

static uint64_t now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* The 64-bit word number `index` of the stream of `seed` (the mixer of splitmix64). */
static uint64_t word_at(uint64_t seed, uint64_t index)
{
	uint64_t x = seed + (index + 1) * 0x9e3779b97f4a7c15;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

/* Bytes `from` to `from + length` of that stream, for length up to CHUNK. */
static const uint8_t *words(uint64_t seed, uint64_t from, size_t length, uint8_t *out)
{
	for (uint64_t i = from / 8; i * 8 < from + length; i++) {
		uint64_t word = word_at(seed, i);
		memcpy(out + (i - from / 8) * 8, &word, 8);
	}
	return out + from % 8;
}

static void fill(void)
{
	s.at = s.have = 0;
	if (s.send_file) {
		ssize_t n = read(s.in, s.buffer, CHUNK);
		if (n < 0)
			fail("%s: %s", s.send_file, strerror(errno));
		s.have = (size_t)n;
	} else if (s.generate) {
		bool late = stop ||
			    (s.seconds > 0 && (double)(now_us() - s.started_us) >= s.seconds * 1e6);
		if (!late && s.sent < s.bytes) {
			int64_t left = s.bytes - s.sent;
			s.have = left < CHUNK ? (size_t)left : CHUNK;
			words(s.generate, (uint64_t)s.sent, s.have, s.buffer);
		}
	}
}

static void send_some(void)
{
	if (s.at == s.have)
		fill();
	if (s.have == 0) {
		if (shutdown(s.fd, SHUT_WR) < 0)
			fail("shutdown: %s", strerror(errno));
		s.all_sent = true;
		return;
	}
	size_t length = s.have - s.at;
	if (s.until && !stop && access(s.until, F_OK) < 0) {
		usleep(FEW_US);
		length = length < FEW_BYTES ? length : FEW_BYTES;
	} else {
		s.until = NULL;
	}
	ssize_t n = send(s.fd, s.buffer + s.at, length, MSG_NOSIGNAL);
	if (n < 0 && errno != EAGAIN)
		fail("send after %" PRId64 " bytes: %s", s.sent, strerror(errno));
	if (n > 0) {
		s.at += (size_t)n;
		s.sent += n;
	}
}

static void check(const uint8_t *bytes, size_t length)
{
	const uint8_t *right = words(s.verify, (uint64_t)s.received, length, s.expected);
	if (memcmp(bytes, right, length) == 0)
		return;
	for (size_t i = 0; i < length; i++)
		if (bytes[i] != right[i])
			fail("received byte %" PRId64 " is wrong", s.received + (int64_t)i);
}

static void receive_some(void)
{
	static uint8_t bytes[CHUNK];
	ssize_t n = recv(s.fd, bytes, sizeof(bytes) - 8, 0);
	if (n < 0 && errno == EAGAIN)
		return;
	if (n < 0)
		fail("receive after %" PRId64 " bytes: %s", s.received, strerror(errno));
	if (n == 0) {
		s.all_received = true;
		return;
	}
	uint64_t now = now_us();
	if (s.received == 0)
		s.first_us = now;
	else if (now - s.last_us > s.gap_us) {
		s.gap_us = now - s.last_us;
		s.gap_at_us = s.last_us;
	}
	s.last_us = now;
	if (s.verify)
		check(bytes, (size_t)n);
	if (s.receive_file && write(s.out, bytes, (size_t)n) != n)
		fail("%s: %s", s.receive_file, strerror(errno));
	s.received += n;
}

static void run(void)
{
	fcntl(s.fd, F_SETFL, fcntl(s.fd, F_GETFL) | O_NONBLOCK);
	/* An end with nothing to send closes after the other one. */
	s.all_sent = !s.send_file && !s.generate;
	while (!s.all_sent || !s.all_received) {
		struct pollfd p = {.fd = s.fd,
			.events = (short)((s.all_sent ? 0 : POLLOUT) |
					  (s.all_received ? 0 : POLLIN))};
		int n = poll(&p, 1, STALLED_MS);
		if (n < 0 && errno != EINTR)
			fail("poll: %s", strerror(errno));
		if (n == 0)
			fail("nothing moved for %d s (sent %" PRId64 ", received %" PRId64 ")",
				STALLED_MS / 1000, s.sent, s.received);
		if (p.revents & (POLLIN | POLLHUP | POLLERR) && !s.all_received)
			receive_some();
		if (p.revents & (POLLOUT | POLLERR) && !s.all_sent)
			send_some();
	}
}

static struct sockaddr_in address_of(const char *ip, const char *port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
	if (inet_pton(AF_INET, ip, &a.sin_addr) != 1)
		fail("%s: expected an IPv4 address", ip);
	return a;
}

static int new_socket(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, s.mptcp ? IPPROTO_MPTCP : 0), one = 1;
	if (fd < 0)
		fail("socket: %s", strerror(errno));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	/* Named, because a machine's default may be another one. */
	if (setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "cubic", strlen("cubic")) < 0)
		fail("TCP_CONGESTION cubic: %s", strerror(errno));
	if (s.device && setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, s.device,
				(socklen_t)strlen(s.device)) < 0)
		fail("%s: %s", s.device, strerror(errno));
	return fd;
}

static void accept_one(const char *ip, const char *port)
{
	struct sockaddr_in a = address_of(ip, port);
	int listener = new_socket(), queue = 16;
	if (s.fastopen &&
		setsockopt(listener, IPPROTO_TCP, TCP_FASTOPEN, &queue, sizeof(queue)) < 0)
		fail("TCP_FASTOPEN: %s", strerror(errno));
	if (bind(listener, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(listener, 4) < 0)
		fail("%s port %s: %s", ip, port, strerror(errno));
	struct pollfd p = {.fd = listener, .events = POLLIN};
	if (poll(&p, 1, STALLED_MS) <= 0)
		fail("nobody connected for %d s", STALLED_MS / 1000);
	s.fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (s.fd < 0)
		fail("accept: %s", strerror(errno));
	/* MPTCP's further subflows need it. */
	if (!s.mptcp)
		close(listener);
}

static void connect_to(const char *ip, const char *port)
{
	struct sockaddr_in a = address_of(ip, port);
	s.fd = new_socket();
	if (s.from) {
		struct sockaddr_in from = address_of(s.from, "0");
		if (bind(s.fd, (struct sockaddr *)&from, sizeof(from)) < 0)
			fail("%s: %s", s.from, strerror(errno));
	}
	s.started_us = now_us();
	if (!s.fastopen) {
		if (connect(s.fd, (struct sockaddr *)&a, sizeof(a)) < 0)
			fail("%s port %s: %s", ip, port, strerror(errno));
		return;
	}
	/* The first bytes go with the SYN where the kernel has the server's cookie. */
	fill();
	size_t first = s.have < SYN_BYTES ? s.have : SYN_BYTES;
	ssize_t n = sendto(s.fd, s.buffer, first, MSG_FASTOPEN | MSG_NOSIGNAL,
		(struct sockaddr *)&a, sizeof(a));
	if (n < 0)
		fail("%s port %s: %s", ip, port, strerror(errno));
	s.at = (size_t)n;
	s.sent = n;
}

static void report(void)
{
	printf("sent=%" PRId64 " received=%" PRId64 " seconds=%.3f gap_ms=%" PRIu64
	       " gap_at_s=%.3f late_ms=%" PRIu64 "\n",
		s.sent, s.received, (double)(s.last_us - s.first_us) / 1e6, s.gap_us / 1000,
		s.gap_us ? (double)(s.gap_at_us - s.first_us) / 1e6 : 0.0, late_ms());
}

static const char usage[] =
	"usage: stream listen ADDRESS PORT [options]\n"
	"       stream connect ADDRESS PORT [options]\n"
	"\n"
	"One TCP connection (CUBIC); reports bytes, and the longest time between two reads.\n"
	"\n"
	"  --send FILE       send this\n"
	"  --generate SEED   send the stream of SEED, until SIGTERM, or limited by\n"
	"  --bytes N           so many bytes\n"
	"  --seconds N         so much time\n"
	"  --until FILE      send slowly until FILE is there\n"
	"  --receive FILE    write what comes to this\n"
	"  --verify SEED     what comes must be the beginning of the stream of SEED\n"
	"  --from ADDRESS    connect from this one\n"
	"  --device NIC      bind the socket to it\n"
	"  --fastopen        TCP Fast Open\n"
	"  --mptcp           an MPTCP socket\n";

int main(int argc, char **argv)
{
	enum {
		SEND = 1,
		UNTIL,
		GENERATE,
		BYTES,
		SECONDS,
		RECEIVE,
		VERIFY,
		FROM,
		DEVICE,
		FASTOPEN,
		MPTCP
	};
	static const struct option options[] = {{"send", required_argument, NULL, SEND},
		{"until", required_argument, NULL, UNTIL},
		{"generate", required_argument, NULL, GENERATE},
		{"bytes", required_argument, NULL, BYTES},
		{"seconds", required_argument, NULL, SECONDS},
		{"receive", required_argument, NULL, RECEIVE},
		{"verify", required_argument, NULL, VERIFY},
		{"from", required_argument, NULL, FROM},
		{"device", required_argument, NULL, DEVICE},
		{"fastopen", no_argument, NULL, FASTOPEN}, {"mptcp", no_argument, NULL, MPTCP},
		{0}};
	for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		switch (o) {
		case SEND:
			s.send_file = optarg;
			break;
		case UNTIL:
			s.until = optarg;
			break;
		case GENERATE:
			s.generate = strtoull(optarg, NULL, 10);
			break;
		case BYTES:
			s.bytes = strtoll(optarg, NULL, 10);
			break;
		case SECONDS:
			s.seconds = strtod(optarg, NULL);
			break;
		case RECEIVE:
			s.receive_file = optarg;
			break;
		case VERIFY:
			s.verify = strtoull(optarg, NULL, 10);
			break;
		case FROM:
			s.from = optarg;
			break;
		case DEVICE:
			s.device = optarg;
			break;
		case FASTOPEN:
			s.fastopen = true;
			break;
		case MPTCP:
			s.mptcp = true;
			break;
		default:
			fputs(usage, stderr);
			return 2;
		}
	}
	if (argc - optind != 3) {
		fputs(usage, stderr);
		return 2;
	}
	if (s.send_file && (s.in = open(s.send_file, O_RDONLY | O_CLOEXEC)) < 0)
		fail("%s: %s", s.send_file, strerror(errno));
	if (s.receive_file &&
		(s.out = open(s.receive_file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)) < 0)
		fail("%s: %s", s.receive_file, strerror(errno));
	signal(SIGPIPE, SIG_IGN);
	signal(SIGTERM, on_signal);
	late_watch();

	if (strcmp(argv[optind], "listen") == 0) {
		accept_one(argv[optind + 1], argv[optind + 2]);
	} else if (strcmp(argv[optind], "connect") == 0) {
		connect_to(argv[optind + 1], argv[optind + 2]);
	} else {
		fputs(usage, stderr);
		return 2;
	}
	if (s.started_us == 0)
		s.started_us = now_us();
	run();
	if (s.receive_file && close(s.out) < 0)
		fail("%s: %s", s.receive_file, strerror(errno));
	report();
	return output_end(0);
}
