/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MPIP_IO_TUN_H
#define MPIP_IO_TUN_H

#include "mpip/core/actions.h"
#include "mpip/core/engine.h"

#include <linux/virtio_net.h>
#include <net/if.h>

/*
 * TUN devices that carry super-packets: the way between the kernel's applications and the engine,
 * and from the ingress hook to it.
 */

#define TUN_PACKET_MAX 65536

struct tun {
	int fd, ifindex;
	char name[IFNAMSIZ];
	bool udp_segments;     /* the kernel takes and gives UDP super-packets (Linux 6.2) */
	unsigned single_turns; /* of the daemon, still to come, in which it reads one packet */
	uint64_t read_errors, write_errors, writes, written_packets, reads;
	uint64_t tcp_writes; /* of these: TCP may have answered before they returned */
};

/* A packet with the kernel's word on its offloads in front of it, as both read and written. */
struct tun_frame {
	struct virtio_net_hdr offload;
	uint8_t bytes[TUN_PACKET_MAX];
} __attribute__((packed));

/* Makes the device `name`, which lives as long as the descriptor. 0, or -1 and one line in
 * `*error` (to be freed). A device of this name in use means that another daemon runs here. */
int tun_open(struct tun *tun, const char *name, char **error);
void tun_close(struct tun *tun);

/* Bounds the super-packets that the kernel hands over to `bytes` (IFLA_GSO_MAX_SIZE, which libnl
 * has no setter for). 0, or -1 and one line in `*error`. */
int tun_limit(struct tun *tun, uint32_t bytes, char **error);

/* Reads one packet. 1: `in` describes it, pointing into `frame`; 0: nothing there, or no packet. */
int tun_read(struct tun *tun, struct tun_frame *frame, struct host_input *in);

/* Writes the packets in order; runs that follow each other (TCP segments in sequence, equal UDP
 * datagrams) as one super-packet. A verbatim packet must lie in a tun_frame's bytes. */
void tun_write(struct tun *tun, struct host_packet *packets, unsigned count);

#endif
