// SPDX-License-Identifier: BSD-2-Clause
/*
 * datagrams: UDP datagrams of known sizes and content.
 *
 * Theory of operation: every byte of a datagram follows from its number and its length, and both
 * stand in its first bytes, so that a receiver can tell from the datagram alone whether it is
 * right. Datagrams too short for that (below HEADER) have content that follows from their length
 * only. A receiver counts what was right, what was wrong, and what came twice.
 */

#include "ci/tool/late.h"
#include "mpip/base/output.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define HEADER      8 /* number, length */
#define LARGEST     9000
#define NUMBERS_MAX 1000000
#define IDLE_MS     500   /* a receiver that has something ends after so much silence */
#define BEHIND_US   2000  /* a sender that was held up catches up this much, in a burst */
#define FIRST_MS    20000 /* one that has nothing, after this */
#define WAITING_US                                                                                 \
	20000 /* between two, and how large they are, until what is waited for is there */
#define WAITING_BYTES 300

struct tally {
	unsigned received, wrong, duplicates, sizes;
	int64_t first_us, last_us;
	bool size_seen[LARGEST + 1];
	bool *number_seen;
};

static struct tally tally;
static volatile sig_atomic_t stop;
static sigset_t
	undisturbed; /* the signal mask while waiting; else SIGTERM and SIGINT are blocked */

static void fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
static void fail(const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	fputs("datagrams: ", stderr);
	vfprintf(stderr, format, ap);
	fputc('\n', stderr);
	va_end(ap);
	exit(1);
}

static void on_signal(int number)
{
	stop = number;
}

static int64_t now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void compose(uint32_t number, size_t length, uint8_t *out)
{
	uint32_t header[2] = {htonl(number), htonl((uint32_t)length)};
	uint32_t x = length < HEADER ? (uint32_t)length : number * 2654435761u + (uint32_t)length;
	size_t start = length < HEADER ? 0 : HEADER;
	memcpy(out, header, start);
	for (size_t i = start; i < length; i++) {
		x = x * 1664525 + 1013904223;
		out[i] = (uint8_t)(x >> 24);
	}
}

static void take(const uint8_t *bytes, size_t length)
{
	static uint8_t right[LARGEST];
	uint32_t number = 0;
	if (length >= HEADER) {
		memcpy(&number, bytes, sizeof(number));
		number = ntohl(number);
	}
	tally.last_us = now_us();
	if (tally.received++ == 0)
		tally.first_us = tally.last_us;
	if (length > LARGEST || number >= NUMBERS_MAX) {
		tally.wrong++;
		return;
	}
	compose(number, length, right);
	if (memcmp(bytes, right, length) != 0) {
		fprintf(stderr, "datagrams: number %u, %zu bytes: wrong content\n", number, length);
		tally.wrong++;
		return;
	}
	if (length >= HEADER) {
		tally.duplicates += tally.number_seen[number];
		tally.number_seen[number] = true;
	}
	tally.sizes += !tally.size_seen[length];
	tally.size_seen[length] = true;
}

static void report(unsigned sent)
{
	printf("sent=%u received=%u wrong=%u duplicates=%u sizes=%u seconds=%.3f late_ms=%" PRIu64
	       "\n",
		sent, tally.received, tally.wrong, tally.duplicates, tally.sizes,
		(double)(tally.last_us - tally.first_us) / 1e6, late_ms());
}

static struct sockaddr_in address_of(const char *ip, const char *port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
	if (inet_pton(AF_INET, ip, &a.sin_addr) != 1)
		fail("%s: expected an IPv4 address", ip);
	return a;
}

/* Waits up to `until_us` for datagrams and takes them. With `echo` they are sent back. False: none
 * came. */
static bool receive(int fd, int64_t until_us, bool echo)
{
	static uint8_t bytes[LARGEST + 1];
	struct sockaddr_in from;
	socklen_t length = sizeof(from);
	int64_t left = until_us - now_us();
	struct timespec limit = {0};
	if (left > 0)
		limit = (struct timespec){left / 1000000, left % 1000000 * 1000};
	struct pollfd p = {.fd = fd, .events = POLLIN};
	if (ppoll(&p, 1, &limit, &undisturbed) <= 0)
		return false;
	ssize_t n =
		recvfrom(fd, bytes, sizeof(bytes), MSG_DONTWAIT, (struct sockaddr *)&from, &length);
	if (n < 0)
		return errno == EAGAIN || errno == ECONNREFUSED;
	take(bytes, (size_t)n);
	if (echo && sendto(fd, bytes, (size_t)n, 0, (struct sockaddr *)&from, length) < 0)
		fail("echo: %s", strerror(errno));
	return true;
}

static void serve(int fd, bool echo)
{
	while (!stop) {
		int64_t wait = tally.received ? IDLE_MS : FIRST_MS;
		if (!receive(fd, now_us() + wait * 1000, echo) && !echo)
			break;
	}
	report(0);
}

/* "1-1472,4000" */
static const char *next_range(const char *text, unsigned *first, unsigned *last)
{
	int used = 0;
	if (sscanf(text, "%u-%u%n", first, last, &used) < 2) {
		if (sscanf(text, "%u%n", first, &used) < 1)
			fail("sizes: expected e.g. 1-1472,4000");
		*last = *first;
	}
	if (*first < 1 || *last > LARGEST)
		fail("sizes: expected 1 to %d", LARGEST);
	text += used;
	return *text == ',' ? text + 1 : NULL;
}

/* Small datagrams, until the file is there: what the test waits for has come. */
static unsigned send_until(int fd, const char *file)
{
	uint8_t bytes[WAITING_BYTES];
	unsigned sent = 0;
	for (; access(file, F_OK) < 0 && !stop; sent++) {
		compose(sent, sizeof(bytes), bytes);
		if (send(fd, bytes, sizeof(bytes), 0) < 0 && errno != ECONNREFUSED)
			fail("send: %s", strerror(errno));
		for (int64_t due = now_us() + WAITING_US; now_us() < due && !stop;)
			receive(fd, due, false);
	}
	return sent;
}

/* The first of them has the number `sent`; returns the number behind the last one's. */
static unsigned send_all(int fd, unsigned sent, const char *sizes, unsigned repeat, int64_t gap_us)
{
	static uint8_t bytes[LARGEST];
	unsigned first, last;
	int64_t due = now_us();
	for (unsigned round = 0; round < repeat && !stop; round++)
		for (const char *text = sizes; text;) {
			text = next_range(text, &first, &last);
			for (unsigned size = first; size <= last && !stop; size++) {
				compose(sent, size, bytes);
				if (send(fd, bytes, size, 0) < 0 && errno != ECONNREFUSED)
					fail("send %u bytes: %s", size, strerror(errno));
				sent++;
				due += gap_us;
				if (due < now_us() - BEHIND_US)
					due = now_us() - BEHIND_US;
				while (now_us() < due)
					receive(fd, due, false);
			}
		}
	return sent;
}

static const char usage[] =
	"usage: datagrams sink ADDRESS PORT     receive, until nothing comes any more\n"
	"       datagrams echo ADDRESS PORT     send back what comes, until SIGTERM\n"
	"       datagrams send ADDRESS PORT [options]\n"
	"\n"
	"  --sizes LIST    e.g. 1-1472,4000\n"
	"  --repeat N      so many times\n"
	"  --gap-us N      time between two datagrams (default 500)\n"
	"  --no-checksum   UDP checksum 0\n"
	"  --until FILE    send small ones first, until FILE is there\n";

int main(int argc, char **argv)
{
	enum { SIZES = 1, REPEAT, GAP, NO_CHECKSUM, UNTIL };
	static const struct option options[] = {{"sizes", required_argument, NULL, SIZES},
		{"repeat", required_argument, NULL, REPEAT},
		{"gap-us", required_argument, NULL, GAP},
		{"no-checksum", no_argument, NULL, NO_CHECKSUM},
		{"until", required_argument, NULL, UNTIL}, {0}};
	const char *sizes = "1-1472,4000", *until = NULL;
	unsigned repeat = 1;
	int64_t gap_us = 500;
	int no_checksum = 0, buffer = 4 << 20;
	for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		switch (o) {
		case SIZES:
			sizes = optarg;
			break;
		case REPEAT:
			repeat = (unsigned)atoi(optarg);
			break;
		case GAP:
			gap_us = atoll(optarg);
			break;
		case NO_CHECKSUM:
			no_checksum = 1;
			break;
		case UNTIL:
			until = optarg;
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
	struct sigaction action = {.sa_handler = on_signal};
	sigset_t blocked;
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGTERM);
	sigaddset(&blocked, SIGINT);
	sigprocmask(SIG_BLOCK, &blocked, &undisturbed);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	late_watch();
	tally.number_seen = calloc(NUMBERS_MAX, sizeof(*tally.number_seen));
	struct sockaddr_in a = address_of(argv[optind + 1], argv[optind + 2]);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || !tally.number_seen)
		fail("socket: %s", strerror(errno));
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof(buffer));
	setsockopt(fd, SOL_SOCKET, SO_NO_CHECK, &no_checksum, sizeof(no_checksum));

	const char *role = argv[optind];
	if (strcmp(role, "send") == 0) {
		if (connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
			fail("connect: %s", strerror(errno));
		unsigned sent = until ? send_until(fd, until) : 0;
		sent = send_all(fd, sent, sizes, repeat, gap_us);
		for (int64_t end = now_us() + IDLE_MS * 1000; now_us() < end && !stop;)
			receive(fd, end, false);
		report(sent);
	} else if (strcmp(role, "sink") == 0 || strcmp(role, "echo") == 0) {
		if (bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
			fail("%s port %s: %s", argv[optind + 1], argv[optind + 2], strerror(errno));
		serve(fd, strcmp(role, "echo") == 0);
	} else {
		fputs(usage, stderr);
		return 2;
	}
	free(tally.number_seen);
	close(fd);
	return output_end(0);
}
