// SPDX-License-Identifier: BSD-2-Clause
/*
 * Wire sockets.
 *
 * Theory of operation: one call of wirelink_send() carries a whole batch. UDP packets of one path
 * and one size are put into one message, which the kernel cuts again (UDP_SEGMENT), and the
 * messages of one socket leave with one sendmmsg(). But only neighbours are put together: each NIC
 * sends its packets in their order, or the other end would have more to sort than the networks
 * made. On the way in the kernel merges likewise
 * (UDP_GRO) and recvmmsg() fetches many; we split.
 *
 * Datagrams are never fragmented, and the kernel keeps no path MTUs for these sockets: the engine
 * finds them (core/pmtu.c). What routers say of them comes by the error queue.
 *
 * A bound on what waits: the sockets' send buffers. What does not fit is dropped and counted.
 * Sockets are bound to the address, not the device: bound to a device alone, the kernel takes
 * every destination for a neighbour and asks for it by ARP.
 *
 * The wire port is reserved at all addresses for as long as we live. Otherwise a local user could
 * bind it at one that a NIC is about to get, which the kernel allows beforehand (IP_FREEBIND). When
 * addresses change, those that stay keep their sockets and new ones are opened before old ones
 * close; one that cannot be opened is left out, and the others serve.
 */

#include "mpip/io/wirelink.h"

#include "mpip/core/wire.h"

#include <errno.h>
#include <linux/errqueue.h>
#include <linux/filter.h>
#include <linux/icmp.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BUFFER_BYTES  (1 << 20)
#define SEND_MESSAGES 64
#define RECEIVE_BATCH 32

struct wirelink_batch {
	unsigned have, next; /* messages in it, and the first that was not taken yet */
	struct mmsghdr headers[RECEIVE_BATCH];
	struct iovec iov[RECEIVE_BATCH];
	union address_name from[RECEIVE_BATCH];
	struct usec arrived[RECEIVE_BATCH];
	_Alignas(struct cmsghdr) char control[RECEIVE_BATCH][128];
	uint8_t bytes[RECEIVE_BATCH][65536]; /* memory only where packets came to lie */
};

static int fail(char **error, const char *what, struct address address, in_port_t port)
{
	int e = errno;
	if (asprintf(error, "%s on %s port %u: %s", what, address_text(address).text, ntohs(port),
		    strerror(e)) < 0)
		*error = NULL;
	return -1;
}

static int raw_socket(struct wirelink *w)
{
	int fd = socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_RAW);
	int size = BUFFER_BYTES;
	if (fd >= 0 &&
		(setsockopt(fd, SOL_SOCKET, SO_MARK, &w->mark, sizeof(w->mark)) < 0 ||
			setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) < 0)) {
		close(fd);
		return -1;
	}
	return fd;
}

static int udp_socket(struct wirelink *w)
{
	const int ttl = TOS_TTL_PLAIN.ttl;
	static const int on = 1, size = BUFFER_BYTES, size_in = 4 * BUFFER_BYTES,
			 discover = IP_PMTUDISC_PROBE;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_MARK, &w->mark, sizeof(w->mark)) < 0 ||
		setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) < 0 ||
		setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size_in, sizeof(size_in)) < 0 ||
		setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)) < 0 ||
		setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &discover, sizeof(discover)) < 0 ||
		setsockopt(fd, IPPROTO_IP, IP_RECVERR, &on, sizeof(on)) < 0 ||
		setsockopt(fd, IPPROTO_IP, IP_TTL, &ttl, sizeof(ttl)) < 0 ||
		setsockopt(fd, IPPROTO_IP, IP_RECVTTL, &on, sizeof(on)) < 0 ||
		setsockopt(fd, IPPROTO_IP, IP_RECVTOS, &on, sizeof(on)) < 0 ||
		setsockopt(fd, IPPROTO_UDP, UDP_GRO, &on, sizeof(on)) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Beside the socket that has reserved the port for this user: bind() alone asks for SO_REUSEPORT,
 * and without it nobody, not even of this user, shares what comes. */
static int bind_wire(int fd, const union address_name *name, socklen_t length)
{
	static const int on = 1, off = 0;
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) < 0 ||
		bind(fd, &name->any, length) < 0)
		return -1;
	return setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &off, sizeof(off));
}

/* The port at every address, those that this host is yet to get among them. What comes to it is not
 * taken; if it is in use, by whomever, it cannot be had. */
static int reserve(struct wirelink *w, int type)
{
	static const int on = 1;
	struct sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);
	struct sock_fprog filter = {.len = 1, .filter = &nothing};
	struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = w->port};
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
	if (fd >= 0 && ((type == SOCK_DGRAM && setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter,
						       sizeof(filter)) < 0) ||
			       bind(fd, (struct sockaddr *)&any, sizeof(any)) < 0 ||
			       setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) < 0)) {
		int e = errno;
		close(fd);
		errno = e;
		return -1;
	}
	return fd;
}

int wirelink_open(struct wirelink *w, in_port_t port, uint32_t mark, char **error)
{
	struct address any = address_from_ipv4(&(struct in_addr){INADDR_ANY});
	*w = (struct wirelink){
		.raw_any = -1, .reserved_udp = -1, .reserved_tcp = -1, .port = port, .mark = mark};
	if ((w->raw_any = raw_socket(w)) < 0)
		return fail(error, "raw socket", any, port);
	if ((w->reserved_udp = reserve(w, SOCK_DGRAM)) < 0)
		return fail(error, "UDP socket", any, port);
	if ((w->reserved_tcp = reserve(w, SOCK_STREAM)) < 0)
		return fail(error, "TCP socket", any, port);
	return 0;
}

static void close_socket(struct wirelink_socket *s)
{
	free(s->batch);
	if (s->udp >= 0)
		close(s->udp);
	if (s->tcp >= 0)
		close(s->tcp);
	if (s->raw >= 0)
		close(s->raw);
}

static int open_socket(
	struct wirelink *w, struct address address, struct wirelink_socket *s, char **error)
{
	union address_name name;
	socklen_t length = address_to_name(address, w->port, &name);
	int result = 0;
	*s = (struct wirelink_socket){.address = address, .udp = -1, .tcp = -1, .raw = -1};
	s->batch = calloc(1, sizeof(*s->batch));
	if (!s->batch || bind_wire(s->udp = udp_socket(w), &name, length) < 0)
		result = fail(error, "UDP socket", address, w->port);
	else if (bind_wire(s->tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), &name, length) <
		 0)
		result = fail(error, "TCP socket", address, w->port);
	if (result == 0) {
		length = address_to_name(address, 0, &name);
		s->raw = raw_socket(w);
		if (s->raw < 0 || bind(s->raw, &name.any, length) < 0)
			result = fail(error, "raw socket", address, w->port);
	}
	if (result < 0)
		close_socket(s);
	return result;
}

int wirelink_follow(struct wirelink *w, struct address_list *addresses, char **error)
{
	struct wirelink_socket before[MAX_ADDRESSES];
	unsigned had = w->nics, wanted = addresses->count;
	memcpy(before, w->nic, sizeof(before));
	addresses->count = w->nics = 0;
	for (unsigned i = 0; i < wanted; i++) {
		struct wirelink_socket *to = &w->nic[w->nics];
		struct address address = addresses->ip[i];
		char *why = NULL;
		unsigned k = 0;
		while (k < had && !address_equal(before[k].address, address))
			k++;
		if (k < had) {
			*to = before[k];
			before[k] = before[--had];
		} else if (open_socket(w, address, to, &why) < 0) {
			if (*error)
				free(why);
			else
				*error = why;
			continue;
		}
		w->nics++;
		addresses->ip[addresses->count++] = address;
	}
	for (unsigned k = 0; k < had; k++)
		close_socket(&before[k]);
	return w->nics < wanted ? -1 : 0;
}

void wirelink_close(struct wirelink *w)
{
	for (unsigned i = 0; i < w->nics; i++)
		close_socket(&w->nic[i]);
	w->nics = 0;
	int *const rest[] = {&w->raw_any, &w->reserved_udp, &w->reserved_tcp};
	for (unsigned i = 0; i < sizeof(rest) / sizeof(rest[0]); i++) {
		if (*rest[i] >= 0)
			close(*rest[i]);
		*rest[i] = -1;
	}
}

/* Out */

/* A message under way: packets of one size, to one place, from one socket. */
struct message {
	int fd;
	bool closed; /* takes no more */
	struct tos_ttl tos_ttl;
	uint16_t segment;
	unsigned packets, parts;
	uint32_t bytes;
	struct endpoint to;
	union address_name name; /* of it */
	socklen_t name_length;
	struct iovec iov[3 * WIRELINK_SEGMENTS];
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(uint16_t)) + 2 * CMSG_SPACE(sizeof(int))];
	} control;
};

static void count_send_error(struct wirelink *w, const struct message *m)
{
	if (errno == EAGAIN || errno == ENOBUFS)
		w->drop_send_buffer += m->packets;
	else if (errno == EMSGSIZE || errno == EINVAL)
		w->drop_too_long += m->packets;
	else
		w->drop_send_error += m->packets;
}

static void put_control(
	struct msghdr *h, struct message *m, int level, int type, const void *value, size_t size)
{
	struct cmsghdr c = {.cmsg_level = level, .cmsg_type = type, .cmsg_len = CMSG_LEN(size)};
	char *at = m->control.bytes + h->msg_controllen;
	memcpy(at, &c, sizeof(c));
	memcpy(at + CMSG_LEN(0), value, size);
	h->msg_control = m->control.bytes;
	h->msg_controllen += CMSG_SPACE(size);
}

/* What differs from the socket's own: a plain packet has none of it. */
static void add_control(struct msghdr *h, struct message *m)
{
	if (m->packets > 1)
		put_control(h, m, IPPROTO_UDP, UDP_SEGMENT, &m->segment, sizeof(m->segment));
	if (m->tos_ttl.tos != TOS_TTL_PLAIN.tos) {
		int tos = m->tos_ttl.tos;
		put_control(h, m, IPPROTO_IP, IP_TOS, &tos, sizeof(tos));
	}
	if (m->tos_ttl.ttl != TOS_TTL_PLAIN.ttl) {
		int ttl = m->tos_ttl.ttl;
		put_control(h, m, IPPROTO_IP, IP_TTL, &ttl, sizeof(ttl));
	}
}

static void flush_socket(struct wirelink *w, int fd, struct message *messages, unsigned count)
{
	struct mmsghdr headers[SEND_MESSAGES];
	struct message *sent[SEND_MESSAGES] = {NULL};
	unsigned n = 0;
	for (unsigned i = 0; i < count; i++) {
		struct message *m = &messages[i];
		if (m->fd != fd)
			continue;
		m->fd = -1;
		sent[n] = m;
		headers[n++] = (struct mmsghdr){.msg_hdr = {.msg_name = &m->name,
							.msg_namelen = m->name_length,
							.msg_iov = m->iov,
							.msg_iovlen = m->parts}};
		add_control(&headers[n - 1].msg_hdr, m);
	}

	int refusals = 0;
	for (unsigned at = 0; at < n;) {
		int k = sendmmsg(fd, &headers[at], n - at, 0);
		w->send_calls++;
		if (k > 0) {
			for (unsigned i = at; i < at + (unsigned)k && i < n; i++)
				w->sent_packets += sent[i]->packets;
			w->sent_messages += (unsigned)k;
			at += (unsigned)k;
		} else if ((errno == ECONNREFUSED || errno == EHOSTUNREACH ||
				   errno == ENETUNREACH || errno == EMSGSIZE) &&
			   refusals++ < 4) {
			continue; /* an ICMP error about an earlier packet, told to this one */
		} else {
			count_send_error(w, sent[at++]);
		}
	}
}

static int socket_of(const struct wirelink *w, const struct wire_packet *p)
{
	if (p->kind == WIRE_PACKET_RAW)
		return p->local_index < w->nics ? w->nic[p->local_index].raw : w->raw_any;
	return p->local_index < w->nics ? w->nic[p->local_index].udp : -1;
}

static bool joins(const struct message *m, int fd, const struct wire_packet *p, uint32_t length)
{
	return m->fd == fd && !m->closed && p->kind == WIRE_PACKET_UDP && length <= m->segment &&
	       m->packets < WIRELINK_SEGMENTS && m->bytes + length <= WIRELINK_BYTES &&
	       endpoint_equal(m->to, p->to) && m->tos_ttl.tos == p->tos_ttl.tos &&
	       m->tos_ttl.ttl == p->tos_ttl.ttl;
}

static void add_part(struct message *m, const uint8_t *bytes, size_t length)
{
	if (length > 0)
		m->iov[m->parts++] = (struct iovec){(void *)bytes, length};
}

static void flush_all(struct wirelink *w, struct message *messages, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (messages[i].fd >= 0)
			flush_socket(w, messages[i].fd, messages + i, count - i);
}

void wirelink_send(struct wirelink *w, const struct wire_packet *packets, unsigned count)
{
	static struct message messages[SEND_MESSAGES]; /* the daemon has one thread */
	unsigned used = 0;
	for (unsigned i = 0; i < count; i++) {
		const struct wire_packet *p = &packets[i];
		uint32_t length = (uint32_t)p->head_length + p->data.length + p->tail_length;
		int fd = socket_of(w, p);
		if (fd < 0) {
			w->drop_send_error++;
			continue;
		}
		/* Only the socket's newest message: a NIC sends in the order in which TCP did. */
		unsigned j = used;
		while (j > 0 && messages[j - 1].fd != fd)
			j--;
		struct message *m =
			j > 0 && joins(&messages[j - 1], fd, p, length) ? &messages[j - 1] : NULL;
		if (!m) {
			if (used == SEND_MESSAGES) {
				flush_all(w, messages, used);
				used = 0;
			}
			m = &messages[used++];
			m->fd = fd;
			m->closed = false;
			m->tos_ttl = p->kind == WIRE_PACKET_UDP ? p->tos_ttl : TOS_TTL_PLAIN;
			m->segment = (uint16_t)length;
			m->packets = m->parts = 0;
			m->bytes = 0;
			m->to = p->to;
			m->name_length = address_to_name(
				p->to.ip, p->kind == WIRE_PACKET_UDP ? p->to.port : 0, &m->name);
		}
		m->closed = length < m->segment;
		m->packets++;
		m->bytes += length;
		add_part(m, p->head, p->head_length);
		add_part(m, p->data.bytes, p->data.length);
		add_part(m, p->tail, p->tail_length);
	}
	flush_all(w, messages, used);
}

/* In */

static struct usec age_of(const struct msghdr *h, const struct timespec *wall)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR((struct msghdr *)h, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS) {
			struct timespec t;
			memcpy(&t, CMSG_DATA(c), sizeof(t));
			int64_t us = (wall->tv_sec - t.tv_sec) * 1000000 +
				     (wall->tv_nsec - t.tv_nsec) / 1000;
			/* The wall clock may have been set in between. */
			return (struct usec){us > 0 && us < 1000000 ? us : 0};
		}
	return (struct usec){0};
}

static uint32_t merged_size(const struct msghdr *h)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR((struct msghdr *)h, c))
		if (c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_GRO) {
			int size;
			memcpy(&size, CMSG_DATA(c), sizeof(size));
			return (uint32_t)size;
		}
	return 0;
}

static struct tos_ttl tos_ttl_of(const struct msghdr *h)
{
	struct tos_ttl tos_ttl = TOS_TTL_PLAIN;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR((struct msghdr *)h, c)) {
		int ttl;
		if (c->cmsg_level != IPPROTO_IP)
			continue;
		if (c->cmsg_type == IP_TOS)
			tos_ttl.tos = *CMSG_DATA(c);
		if (c->cmsg_type == IP_TTL) {
			memcpy(&ttl, CMSG_DATA(c), sizeof(ttl));
			tos_ttl.ttl = (uint8_t)ttl;
		}
	}
	return tos_ttl;
}

static struct endpoint endpoint_of(const union address_name *name)
{
	struct endpoint end;
	end.ip = address_from_name(name, &end.port);
	return end;
}

static void take_message(
	struct wirelink *w, unsigned nic, unsigned i, wirelink_take *take, void *context)
{
	struct wirelink_batch *b = w->nic[nic].batch;
	const struct msghdr *h = &b->headers[i].msg_hdr;
	uint32_t length = b->headers[i].msg_len, step = merged_size(h);
	if (h->msg_flags & MSG_TRUNC) {
		w->drop_truncated++;
		return;
	}
	struct wire_input in = {.local_index = (uint8_t)nic,
		.from = endpoint_of(&b->from[i]),
		.tos_ttl = tos_ttl_of(h),
		.arrived = b->arrived[i]};
	if (step == 0)
		step = length;
	for (uint32_t at = 0; at < length; at += step) {
		in.bytes = b->bytes[i] + at;
		in.length = length - at < step ? length - at : step;
		w->received_packets++;
		take(context, &in);
	}
}

/* Fetches the next datagrams of a NIC whose last ones were all taken. */
static void fill_batch(struct wirelink *w, unsigned nic)
{
	struct wirelink_batch *b = w->nic[nic].batch;
	for (unsigned i = 0; i < RECEIVE_BATCH; i++) {
		b->iov[i] = (struct iovec){b->bytes[i], sizeof(b->bytes[i])};
		b->headers[i].msg_hdr = (struct msghdr){.msg_name = &b->from[i],
			.msg_namelen = sizeof(b->from[i]),
			.msg_iov = &b->iov[i],
			.msg_iovlen = 1,
			.msg_control = b->control[i],
			.msg_controllen = sizeof(b->control[i])};
	}
	int n = recvmmsg(w->nic[nic].udp, b->headers, RECEIVE_BATCH, 0, NULL);
	w->receive_calls++;
	b->next = 0;
	b->have = n > 0 ? (unsigned)n : 0;
}

/* When the datagrams of these NICs have arrived. Their stamps are the wall clock's. Both clocks are
 * read together: what passes between the two readings would look like delay. */
static void date_batches(struct wirelink *w, unsigned nics, struct usec *now)
{
	struct timespec wall, monotonic;
	clock_gettime(CLOCK_REALTIME, &wall);
	clock_gettime(CLOCK_MONOTONIC, &monotonic);
	*now = (struct usec){(int64_t)monotonic.tv_sec * 1000000 + monotonic.tv_nsec / 1000};
	for (unsigned nic = 0; nic < w->nics; nic++) {
		struct wirelink_batch *b = w->nic[nic].batch;
		for (unsigned i = 0; nics & 1u << nic && i < b->have; i++)
			b->arrived[i] = usec_sub(*now, age_of(&b->headers[i].msg_hdr, &wall));
	}
}

/*
 * One NIC's datagrams after the other's would be an order that no network made, so they are merged
 * by their arrival; and where one NIC's batch was full and is used up, what it still has comes
 * before the others' rest. Then the call ends, since the batch may only be filled again when
 * nobody points into it any more.
 */
bool wirelink_receive(
	struct wirelink *w, unsigned ready, struct usec *now, wirelink_take *take, void *context)
{
	unsigned filled = 0;
	for (unsigned nic = 0; nic < w->nics; nic++) {
		if (!(ready & 1u << nic) || w->nic[nic].batch->next != w->nic[nic].batch->have)
			continue;
		fill_batch(w, nic);
		filled |= 1u << nic;
	}
	if (filled)
		date_batches(w, filled, now);
	for (;;) {
		int first = -1;
		for (unsigned nic = 0; nic < w->nics; nic++) {
			const struct wirelink_batch *b = w->nic[nic].batch;
			if (b->next == b->have)
				continue;
			if (first < 0 ||
				usec_before(b->arrived[b->next],
					w->nic[first].batch->arrived[w->nic[first].batch->next]))
				first = (int)nic;
		}
		if (first < 0)
			return false;
		struct wirelink_batch *b = w->nic[first].batch;
		take_message(w, (unsigned)first, b->next++, take, context);
		if (b->next == RECEIVE_BATCH)
			return true;
	}
}

void wirelink_errors(struct wirelink *w, unsigned nic, wirelink_take_error *take, void *context)
{
	for (;;) {
		union address_name to, from;
		char control[512];
		uint8_t data[576];
		struct iovec iov = {data, sizeof(data)};
		struct msghdr h = {.msg_name = &to,
			.msg_namelen = sizeof(to),
			.msg_iov = &iov,
			.msg_iovlen = 1,
			.msg_control = control,
			.msg_controllen = sizeof(control)};
		ssize_t length = recvmsg(w->nic[nic].udp, &h, MSG_ERRQUEUE);
		if (length < 0)
			return;
		for (struct cmsghdr *c = CMSG_FIRSTHDR(&h); c; c = CMSG_NXTHDR(&h, c)) {
			if (c->cmsg_level != IPPROTO_IP || c->cmsg_type != IP_RECVERR)
				continue;
			struct sock_extended_err e;
			memcpy(&e, CMSG_DATA(c), sizeof(e));
			struct wire_error error = {.local = w->nic[nic].address,
				.remote = endpoint_of(&to),
				.type = e.ee_type,
				.code = e.ee_code,
				.bytes = data,
				.length = (uint32_t)length};
			if (e.ee_errno == EMSGSIZE) {
				error.type = ICMP_DEST_UNREACH;
				error.code = ICMP_FRAG_NEEDED;
				error.mtu = e.ee_info;
			} else if (e.ee_origin != SO_EE_ORIGIN_ICMP) {
				continue;
			}
			if (e.ee_origin == SO_EE_ORIGIN_ICMP &&
				c->cmsg_len >= CMSG_LEN(sizeof(e) + sizeof(from.ipv4))) {
				memcpy(&from.ipv4, CMSG_DATA(c) + sizeof(e), sizeof(from.ipv4));
				error.from = endpoint_of(&from).ip;
			}
			take(context, &error);
		}
	}
}
