// SPDX-License-Identifier: BSD-2-Clause
/*
 * Test traffic across a link.
 *
 * Theory of operation
 * -------------------
 * A socket belongs to the namespace that it was made in, so both are made by visits, and used from
 * here. The receiver is a thread with real-time priority that reads the clock as soon as a datagram
 * wakes it, also while the sender is busy. The kernel's own receive timestamps would not do: a
 * packet keeps the one from where it entered the router, in front of the queue that is to be
 * measured.
 *
 * The receiver greets first, since a firewall between the two lets in only what answers; and the
 * sender answers to where that greeting seems to come from, since a NAT may have changed it.
 *
 * Sender and receiver share the array of frames, each writing a member of its own; what the sender
 * looks at while frames arrive is atomic. The array is as large as it can get and never moves; the
 * kernel gives it memory only where it is used.
 */

#include "lab/calibrate/traffic.h"

#include "lab/build/lab.h"
#include "lab/build/netns.h"
#include "lab/scenario/jitter.h"
#include "mpip/base/error.h"

#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define FRAMES_MAX   (1U << 20)
#define HEADERS      42        /* Ethernet, IP and UDP */
#define BUFFER_BYTES (1 << 29) /* the longest queue, with what the kernel adds to a frame */
#define DRAIN_STEP   500000    /* ns */
#define GREETINGS    10
#define GREETING_S   1 /* at most, beyond the link's delay */

/* What a datagram begins with. */
struct payload {
	uint32_t traffic; /* whose it is */
	uint32_t number;
};

struct traffic {
	uint32_t id;
	int out, in;
	struct sockaddr_in to;
	pthread_t receiver;
	struct frame *frames;
	size_t sent;
	size_t up_to; /* the number behind the highest that has arrived: the receiver's own */
	_Atomic size_t received, overtaken;
	_Atomic int64_t last_arrival;
};

int64_t traffic_now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

void traffic_sleep_until(int64_t when_ns)
{
	struct timespec t = {.tv_sec = when_ns / 1000000000, .tv_nsec = when_ns % 1000000000};
	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

/* A datagram socket at one end, bound to its address. */
static int open_socket(const struct scenario *s, const char *lab, struct end end,
	struct sockaddr_in *address, char **error)
{
	char *name = scenario_end_name(s, end);
	int there = lab_netns(lab, s->nodes[end.node].name, error);
	int home = there < 0 ? -1 : netns_visit(there, error);
	int fd = -1, buffer = BUFFER_BYTES;
	socklen_t length = sizeof(*address);
	*address = (struct sockaddr_in){
		.sin_family = AF_INET, .sin_addr = scenario_nic(s, end)->address};
	if (home >= 0) {
		fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		netns_leave(home);
	}
	/* A sender's frames are charged to it while they are in a queue of its own namespace. */
	if (fd >= 0 &&
		(setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &buffer, sizeof(buffer)) < 0 ||
			setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof(buffer)) < 0 ||
			bind(fd, (struct sockaddr *)address, length) < 0 ||
			getsockname(fd, (struct sockaddr *)address, &length) < 0)) {
		error_set(error, "%s: test traffic: %s", name, strerror(errno));
		close(fd);
		fd = -1;
	} else if (fd < 0) {
		error_set(error, "%s: test traffic: %s", name, strerror(errno));
	}
	if (there >= 0)
		close(there);
	free(name);
	return fd;
}

static void *receive(void *arg)
{
	struct traffic *t = arg;
	struct payload p;
	/* Without the right to it, the kernel's latencies are in the delays. */
	pthread_setschedparam(
		pthread_self(), SCHED_FIFO, &(struct sched_param){.sched_priority = 2});
	/* 0 bytes: shut down. */
	for (ssize_t n; (n = recv(t->in, &p, sizeof(p), 0)) != 0;) {
		int64_t now = traffic_now();
		uint32_t number = ntohl(p.number);
		if (n != sizeof(p) || p.traffic != t->id || number >= FRAMES_MAX ||
			t->frames[number].arrived_ns)
			continue;
		t->frames[number].arrived_ns = now;
		if (number >= t->up_to)
			t->up_to = number + 1;
		else
			t->overtaken++;
		t->last_arrival = now;
		t->received++;
	}
	return NULL;
}

/* Sets where to send to. */
static void greet(struct traffic *t, const struct sockaddr_in *out, const struct sockaddr_in *in,
	double delay_ms)
{
	struct timeval wait = {.tv_sec = GREETING_S + (time_t)ceil(delay_ms / 1000)};
	socklen_t length = sizeof(t->to);
	t->to = *in;
	setsockopt(t->out, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	for (int i = 0; i < GREETINGS; i++)
		(void)sendto(t->in, &t->id, sizeof(t->id), 0, (const struct sockaddr *)out,
			sizeof(*out));
	uint32_t id = 0;
	struct sockaddr_in from;
	while (recvfrom(t->out, &id, sizeof(id), 0, (struct sockaddr *)&from, &length) > 0) {
		if (id == t->id) {
			t->to = from;
			return;
		}
	}
}

struct traffic *traffic_open(
	const struct scenario *s, const char *lab, struct end from, struct end to, char **error)
{
	static _Atomic uint32_t last_id;
	struct traffic *t = calloc(1, sizeof(*t));
	if (!t || !(t->frames = calloc(FRAMES_MAX, sizeof(*t->frames))))
		abort();
	t->id = (uint32_t)getpid() << 16 | (++last_id & 0xffff);
	struct sockaddr_in out, in;
	t->out = open_socket(s, lab, from, &out, error);
	t->in = open_socket(s, lab, to, &in, error);
	if (t->out >= 0 && t->in >= 0) {
		const struct lab_link *l = &s->links[scenario_nic(s, from)->link];
		t->to = in;
		if (node_has_rules(&s->nodes[from.node]) || node_has_rules(&s->nodes[to.node]))
			greet(t, &out, &in,
				fmax(jitter_longest_ms(&l->up), jitter_longest_ms(&l->down)));
		errno = pthread_create(&t->receiver, NULL, receive, t);
		if (errno == 0) {
			/* Sleeps end when they should, not up to 50 us later. */
			prctl(PR_SET_TIMERSLACK, 1);
			return t;
		}
		error_set(error, "test traffic: %s", strerror(errno));
	}
	if (t->out >= 0)
		close(t->out);
	if (t->in >= 0)
		close(t->in);
	free(t->frames);
	free(t);
	return NULL;
}

void traffic_close(struct traffic *t)
{
	if (!t)
		return;
	prctl(PR_SET_TIMERSLACK, 0); /* the default again */
	shutdown(t->in, SHUT_RD);    /* ENOTCONN, but it wakes the receiver */
	pthread_join(t->receiver, NULL);
	close(t->in);
	close(t->out);
	free(t->frames);
	free(t);
}

bool traffic_send(struct traffic *t, size_t frame_bytes)
{
	static const char padding[TRAFFIC_FRAME_MAX];
	if (t->sent == FRAMES_MAX)
		return false;
	struct payload p = {.traffic = t->id, .number = htonl((uint32_t)t->sent)};
	struct iovec parts[] = {
		{.iov_base = &p, .iov_len = sizeof(p)},
		{.iov_base = (void *)padding, .iov_len = frame_bytes - HEADERS - sizeof(p)},
	};
	struct msghdr message = {.msg_name = &t->to,
		.msg_namelen = sizeof(t->to),
		.msg_iov = parts,
		.msg_iovlen = 2};
	t->frames[t->sent].sent_ns = traffic_now();
	/* What the kernel refuses is as lost as what it drops. */
	(void)sendmsg(t->out, &message, MSG_DONTWAIT);
	t->sent++;
	return true;
}

size_t traffic_sent(const struct traffic *t)
{
	return t->sent;
}

struct frame traffic_frame(const struct traffic *t, size_t number)
{
	return t->frames[number];
}

size_t traffic_overtaken(const struct traffic *t)
{
	return t->overtaken;
}

void traffic_drain(const struct traffic *t, int64_t quiet_ns)
{
	int64_t last_sent = t->sent ? t->frames[t->sent - 1].sent_ns : 0;
	while (t->received < t->sent && !lab_stop) {
		int64_t last = t->last_arrival > last_sent ? t->last_arrival : last_sent;
		int64_t now = traffic_now();
		if (now >= last + quiet_ns)
			break;
		traffic_sleep_until(now + DRAIN_STEP);
	}
}
