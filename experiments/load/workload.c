// SPDX-License-Identifier: BSD-2-Clause
/*
 * The load, by libiperf.
 *
 * Theory of operation
 * -------------------
 * Each end runs in a process of its own, in its host's namespace: libiperf keeps global state, and
 * on an error jumps or exits. Its JSON report goes to standard output, which the runner has pointed
 * to a file; libiperf's on-screen report is never parsed.
 *
 * MPTCP: this file defines socket(), which the dynamic linker prefers to the C library's for
 * libiperf as well. Where the contestant wants it, a TCP socket is made with IPPROTO_MPTCP. The
 * client's first TCP socket is iperf3's control connection; it stays plain TCP, so that the MIB
 * counters of MPTCP are about the data connections and nothing else. The server's listener is
 * MPTCP, which serves both, and listens on 0.0.0.0: bound to one address it would refuse the
 * subflows to the other.
 *
 * Arrivals: what the application gets, and when, is what it reads from its data sockets. This file
 * defines read() and accept() as well, which libiperf calls for that, and notes each piece of data;
 * iperf3's own reports have nothing shorter than a second. The server's first accepted connection
 * is the control connection, all others are data.
 *
 * The end: iperf3's client says on the control connection that its time is over, and until the
 * server answers it goes on asking whether it may send, though it does not, and waits for timers
 * that nobody runs any more: it asks without a pause. The word goes behind whatever the links'
 * queues hold, on a slow one for seconds. On the host that wastes a processor; where a processor
 * takes no time (GIPS=0) a look at the clock alone makes time go on, by 256 ns, and such a second
 * takes minutes. So this file defines select() as well, which then waits for the server's words.
 * The same before the start: from when its sockets are connected until the server has said that the
 * test runs, which takes two round trips, it asks whether it may send and does not. It has no
 * timers then, so that it asks without a time-out; while it runs it always has one.
 */

#include "experiments/load/workload.h"

#include "experiments/probe/proc.h"
#include "experiments/record/arrivals.h"
#include "lab/build/lab.h"
#include "mpip/base/files.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <iperf_api.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define DESCRIPTORS 1024

/* What socket() below does with the sockets that libiperf asks for; set in an end's process only.
 */
static struct {
	bool mptcp;
	int plain_first; /* so many of the first TCP sockets stay plain TCP */
	bool over;       /* the client has said that its time is over */
	struct workload_clock *clock;
	bool has_control;          /* the server has accepted the control connection */
	bool is_data[DESCRIPTORS]; /* sockets that data comes in by */
	struct arrivals arrivals;
} sockets;

static void note_socket(int fd, bool is_data)
{
	if (fd >= 0 && fd < DESCRIPTORS)
		sockets.is_data[fd] = is_data;
}

/* Replaces the C library's, see above. */
int socket(int domain, int type, int protocol)
{
	int kind = type & ~(SOCK_CLOEXEC | SOCK_NONBLOCK);
	bool data = domain == AF_INET && (kind == SOCK_STREAM || kind == SOCK_DGRAM);
	if (data && kind == SOCK_STREAM && sockets.plain_first > 0) {
		sockets.plain_first--;
		data = false;
	}
	if (data && sockets.mptcp && kind == SOCK_STREAM)
		protocol = IPPROTO_MPTCP;
	if (data && sockets.clock)
		sockets.clock->data_socket_us = now_us();
	int fd = (int)syscall(SYS_socket, domain, type, protocol);
	note_socket(fd, data);
	return fd;
}

/* Replaces the C library's, see above. */
int accept(int listener, struct sockaddr *peer, socklen_t *length)
{
	int fd = (int)syscall(SYS_accept4, listener, peer, length, 0);
	note_socket(fd, sockets.has_control);
	sockets.has_control = sockets.has_control || fd >= 0;
	return fd;
}

/* Replaces the C library's, see above. */
ssize_t read(int fd, void *out, size_t count)
{
	ssize_t n = syscall(SYS_read, fd, out, count);
	if (n > 0 && fd < DESCRIPTORS && sockets.is_data[fd])
		arrivals_add(&sockets.arrivals, now_us(), n);
	return n;
}

/* What another library defines under this name. */
static void *next_of(const char *name)
{
	void *found = dlsym(RTLD_NEXT, name);
	if (!found) {
		fprintf(stderr, "%s: expected in the C library or libiperf\n", name);
		abort();
	}
	return found;
}

/* Replaces libiperf's, which calls it for every word on the control connection. */
int iperf_set_send_state(struct iperf_test *test, signed char state)
{
	int (*send_state)(struct iperf_test *, signed char) = next_of("iperf_set_send_state");
	sockets.over = sockets.over || state == TEST_END;
	return send_state(test, state);
}

/* Replaces the C library's, see above. */
int select(int count, fd_set *reading, fd_set *writing, fd_set *other, struct timeval *patience)
{
	int (*wait)(int, fd_set *, fd_set *, fd_set *, struct timeval *) = next_of("select");
	struct timeval pause = {.tv_usec = 100000};
	if (writing && (sockets.over || !patience))
		FD_ZERO(writing);
	if (sockets.over)
		patience = &pause;
	return wait(count, reading, writing, other, patience);
}

static int enter(const struct workload_end *end, const char *host)
{
	char *error = NULL;
	if (lab_enter(end->lab, host, &error) == 0)
		return 0;
	fprintf(stderr, "%s\n", error);
	return -1;
}

static struct iperf_test *new_test(char role)
{
	struct iperf_test *test = iperf_new_test();
	if (!test || iperf_defaults(test) < 0) {
		fprintf(stderr, "iperf3: %s\n", iperf_strerror(i_errno));
		return NULL;
	}
	iperf_set_test_role(test, role);
	iperf_set_test_server_port(test, WORKLOAD_SERVER_PORT);
	iperf_set_test_json_output(test, 1);
	return test;
}

int workload_udp_buffer_bytes(void)
{
	static const char *const limits[] = {
		"/proc/sys/net/core/rmem_max", "/proc/sys/net/core/wmem_max"};
	long bytes = 2 << 20;
	for (size_t i = 0; i < 2; i++) {
		char *ignored = NULL, *content = file_read(limits[i], &ignored);
		if (content && atol(content) < bytes)
			bytes = atol(content);
		free(content);
		free(ignored);
	}
	return (int)bytes;
}

/* Of the end that receives. 0, or 1 after a line. */
static int write_arrivals(const struct workload_end *end)
{
	char *error = NULL;
	int64_t zero = end->clock->data_socket_us + (int64_t)end->definition->warm_up_s * 1000000;
	int rc = arrivals_write(&sockets.arrivals, zero, end->arrivals_file, &error);
	if (rc != 0)
		fprintf(stderr, "%s\n", error);
	free(error);
	return rc != 0;
}

static int run(
	struct iperf_test *test, int (*how)(struct iperf_test *), const struct workload_end *end)
{
	int rc = how(test);
	if (rc < 0)
		fprintf(stderr, "iperf3: %s\n", iperf_strerror(i_errno));
	iperf_free_test(test);
	if (rc >= 0 && end->arrivals_file)
		rc = -write_arrivals(end);
	return rc < 0;
}

int workload_server(void *argument)
{
	const struct workload_end *end = argument;
	struct iperf_test *test = new_test('s');
	if (!test || enter(end, end->definition->workload.to) != 0)
		return 1;
	sockets.mptcp = end->contestant->mptcp;
	iperf_set_test_bind_address(test, "0.0.0.0");
	iperf_set_test_one_off(test, 1);
	return run(test, iperf_run_server, end);
}

int workload_client(void *argument)
{
	const struct workload_end *end = argument;
	const struct definition *d = end->definition;
	const struct workload *w = &d->workload;
	struct iperf_test *test = new_test('c');
	int udp_buffer =
		workload_udp_buffer_bytes(); /* the machine's limits, not to be seen from inside */
	if (!test || enter(end, w->from) != 0)
		return 1;
	sockets.mptcp = end->contestant->mptcp;
	sockets.plain_first = 1;
	sockets.clock = end->clock;

	char address[INET_ADDRSTRLEN];
	inet_ntop(AF_INET, &end->server, address, sizeof(address));
	iperf_set_test_server_hostname(test, address);
	iperf_set_test_bind_port(test, WORKLOAD_DATA_PORT);
	iperf_set_test_duration(test, d->duration_s);
	iperf_set_test_omit(test, d->warm_up_s);
	iperf_set_test_num_streams(test, w->streams);
	iperf_set_test_reverse(test, w->direction == DIRECTION_REVERSE);
	if (w->direction == DIRECTION_BOTH)
		iperf_set_test_bidirectional(test, 1);
	if (w->kind == WORKLOAD_UDP) {
		set_protocol(test, Pudp);
		iperf_set_test_rate(test, (uint64_t)(w->rate_mbit * 1e6 / w->streams));
		iperf_set_test_blksize(test, w->datagram_bytes);
		iperf_set_test_udp_counters_64bit(test, 1);
		iperf_set_test_socket_bufsize(test, udp_buffer);
	} else {
		iperf_set_test_blksize(test, DEFAULT_TCP_BLKSIZE);
		iperf_set_test_congestion_control(test, w->congestion_control);
	}

	struct timespec jitter = {
		end->start_jitter_us / 1000000, end->start_jitter_us % 1000000 * 1000};
	nanosleep(&jitter, NULL);
	return run(test, iperf_run_client, end);
}
