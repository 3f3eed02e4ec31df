// SPDX-License-Identifier: BSD-2-Clause
/*
 * TUN devices with super-packets.
 *
 * Theory of operation: with IFF_VNET_HDR every packet has a virtio_net_hdr in front. It lets the
 * kernel hand over up to 64 KiB of one TCP stream at once and leave the checksum to us; and the
 * other way round, a run of segments that follow each other goes up as one super-packet whose
 * checksum the kernel neither computes nor verifies (the wire's was verified before). A run may
 * only hold what TCP's own segmentation would make again: the same acknowledgement and options,
 * equal lengths but for the last (the rules of GRO).
 */

#include "mpip/io/tun.h"

#include "mpip/core/packet.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

/* Younger than the oldest headers that this is built with. */
#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif
#ifndef VIRTIO_NET_HDR_GSO_UDP_L4
#define VIRTIO_NET_HDR_GSO_UDP_L4 5
#endif

#define RUN_MAX 64 /* the segments of a UDP super-packet; TCP's fit below 64 KiB */

static int fail(struct tun *tun, char **error, const char *what, const char *name)
{
	int e = errno;
	const char *why = e == EBUSY   ? "in use: does mpipd run here already?"
			  : e == EPERM ? "permission denied: mpipd needs CAP_NET_ADMIN (root)"
				       : strerror(e);
	if (asprintf(error, "%s %s: %s", what, name, why) < 0)
		*error = NULL;
	tun_close(tun);
	return -1;
}

int tun_open(struct tun *tun, const char *name, char **error)
{
	*tun = (struct tun){.fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC)};
	if (tun->fd < 0)
		return fail(tun, error, "TUN", "/dev/net/tun");

	struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR};
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	if (ioctl(tun->fd, TUNSETIFF, &request) < 0)
		return fail(tun, error, "TUN device", name);
	snprintf(tun->name, sizeof(tun->name), "%s", request.ifr_name);

	unsigned offload = TUN_F_CSUM | TUN_F_TSO4;
	tun->udp_segments = ioctl(tun->fd, TUNSETOFFLOAD, offload | TUN_F_USO4 | TUN_F_USO6) == 0;
	if (!tun->udp_segments && ioctl(tun->fd, TUNSETOFFLOAD, offload) < 0)
		return fail(tun, error, "TUN offloads of", name);
	tun->ifindex = (int)if_nametoindex(tun->name);
	return 0;
}

int tun_limit(struct tun *tun, uint32_t bytes, char **error)
{
	struct ifinfomsg link = {.ifi_family = AF_UNSPEC, .ifi_index = tun->ifindex};
	struct nl_sock *socket = nl_socket_alloc();
	struct nl_msg *m = nlmsg_alloc_simple(RTM_NEWLINK, 0);
	int result = -NLE_NOMEM;
	if (socket && m && nlmsg_append(m, &link, sizeof(link), NLMSG_ALIGNTO) == 0 &&
		nla_put_u32(m, IFLA_GSO_MAX_SIZE, bytes) == 0 &&
		(result = nl_connect(socket, NETLINK_ROUTE)) == 0) {
		result = nl_send_sync(socket, m); /* frees the message */
		m = NULL;
	}
	nlmsg_free(m);
	nl_socket_free(socket);
	if (result < 0 && asprintf(error, "TUN device %s: super-packets of at most %u bytes: %s",
				  tun->name, bytes, nl_geterror(result)) < 0)
		*error = NULL;
	return result < 0 ? -1 : 0;
}

void tun_close(struct tun *tun)
{
	if (tun->fd >= 0)
		close(tun->fd);
	tun->fd = -1;
}

int tun_read(struct tun *tun, struct tun_frame *frame, struct host_input *in)
{
	ssize_t n = read(tun->fd, frame, sizeof(*frame));
	if (n < (ssize_t)sizeof(frame->offload)) {
		tun->read_errors += n >= 0 || errno != EAGAIN;
		return 0;
	}
	tun->reads++;
	*in = (struct host_input){.bytes = frame->bytes,
		.length = (uint32_t)n - (uint32_t)sizeof(frame->offload),
		.checksum_partial = frame->offload.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM};
	if (frame->offload.gso_type != VIRTIO_NET_HDR_GSO_NONE)
		in->gso_size = frame->offload.gso_size;
	return 1;
}

static struct ip_header *ip_of(struct host_packet *h)
{
	return (void *)h->head;
}

static struct tcp_header *tcp_of(struct host_packet *h)
{
	return (void *)(h->head + h->ip_length);
}

/* Whether `next` may follow `last` in the run that `first` began. */
static bool follows(const struct tun *tun, struct host_packet *first, struct host_packet *last,
	struct host_packet *next)
{
	const struct ip_header *a = ip_of(first), *b = ip_of(next);
	if (next->verbatim || next->complete || next->head_length != first->head_length ||
		a->protocol != b->protocol || a->tos != b->tos || a->ttl != b->ttl ||
		memcmp(&a->src, &b->src, 8) != 0 || last->data.length != first->data.length ||
		next->data.length == 0 || next->data.length > first->data.length ||
		next->no_checksum != first->no_checksum)
		return false;

	const struct tcp_header *t = tcp_of(last), *u = tcp_of(next);
	if (memcmp(&t->src, &u->src, 4) != 0)
		return false;
	if (a->protocol == IPPROTO_UDP)
		return tun->udp_segments && !next->no_checksum;
	return t->flags == TCP_ACK && (u->flags & ~(TCP_PSH | TCP_FIN)) == TCP_ACK &&
	       get32(u->seq) == get32(t->seq) + last->data.length &&
	       get32(u->ack) == get32(t->ack) &&
	       memcmp(t + 1, u + 1, first->head_length - first->ip_length - sizeof(*t)) == 0;
}

/* Writes the run of `count` packets whose user data is `total` bytes. */
static void write_run(struct tun *tun, struct host_packet *run, unsigned count, uint32_t total)
{
	struct host_packet *first = &run[0];
	struct ip_header *ip = ip_of(first);
	uint16_t transport = (uint16_t)(first->head_length - first->ip_length);
	struct virtio_net_hdr offload = {0};
	bool is_tcp = ip->protocol == IPPROTO_TCP;

	ip->length = put16((uint16_t)(first->head_length + total));
	ip_checksum(ip, first->ip_length);
	if (is_tcp) {
		tcp_of(first)->flags = tcp_of(&run[count - 1])->flags;
		tcp_of(first)->window = tcp_of(&run[count - 1])->window;
	} else {
		((struct udp_header *)tcp_of(first))->length = put16((uint16_t)(transport + total));
	}
	if (!first->no_checksum) {
		uint64_t sum = csum_pseudo(ip, transport + total);
		uint16_t folded = csum_fold(sum);
		offload.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
		offload.csum_start = first->ip_length;
		offload.csum_offset = is_tcp ? offsetof(struct tcp_header, checksum)
					     : offsetof(struct udp_header, checksum);
		memcpy(first->head + offload.csum_start + offload.csum_offset, &folded, 2);
	}
	if (count > 1) {
		offload.gso_type = is_tcp ? VIRTIO_NET_HDR_GSO_TCPV4 : VIRTIO_NET_HDR_GSO_UDP_L4;
		offload.gso_size = (uint16_t)first->data.length;
		offload.hdr_len = first->head_length;
	}

	struct iovec iov[2 + RUN_MAX] = {
		{&offload, sizeof(offload)}, {first->head, first->head_length}};
	for (unsigned i = 0; i < count; i++)
		iov[2 + i] = (struct iovec){(void *)run[i].data.bytes, run[i].data.length};
	if (writev(tun->fd, iov, (int)(2 + count)) < 0)
		tun->write_errors++;
	tun->writes++;
	tun->tcp_writes += is_tcp;
	tun->written_packets += count;
}

static void write_one(struct tun *tun, const struct iovec *iov, int parts)
{
	if (writev(tun->fd, iov, parts) < 0)
		tun->write_errors++;
	tun->writes++;
	tun->written_packets++;
}

void tun_write(struct tun *tun, struct host_packet *packets, unsigned count)
{
	unsigned next;
	for (unsigned at = 0; at < count; at = next) {
		struct host_packet *first = &packets[at];
		next = at + 1;
		if (first->verbatim) {
			struct iovec iov = {
				(void *)(first->data.bytes - sizeof(struct virtio_net_hdr)),
				sizeof(struct virtio_net_hdr) + first->data.length};
			write_one(tun, &iov, 1);
			continue;
		}
		if (first->complete) {
			static const struct virtio_net_hdr plain;
			struct iovec iov[] = {{(void *)&plain, sizeof(plain)},
				{first->head, first->head_length},
				{(void *)first->data.bytes, first->data.length}};
			write_one(tun, iov, 3);
			continue;
		}
		uint32_t total = first->data.length;
		while (next < count && next - at < RUN_MAX &&
			first->head_length + total + packets[next].data.length < TUN_PACKET_MAX &&
			follows(tun, first, &packets[next - 1], &packets[next]))
			total += packets[next++].data.length;
		write_run(tun, first, next - at, total);
	}
}
