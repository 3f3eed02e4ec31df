/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MPIP_CORE_ACTIONS_H
#define MPIP_CORE_ACTIONS_H

#include "mpip/core/cm_wire.h"
#include "mpip/core/types.h"

/*
 * What the core wants done: plain data, filled by an engine's entry, carried out by its caller.
 *
 * User data is never copied: `data` points into the bytes that the caller handed in, or into the
 * engine's out-of-order buffers, and is valid until the caller has carried the batch out and said
 * so with engine_carried_out().
 */

#define HEADER_MAX 120 /* IP and transport header with all options */

struct slice {
	const uint8_t *bytes;
	uint32_t length;
};

/* One packet for a network: head, data and tail in this order. */
struct wire_packet {
	enum {
		WIRE_PACKET_UDP, /* the payload of a datagram, from local address `local_index` to
				    `to` */
		WIRE_PACKET_RAW, /* an IP packet with its header, from local address `local_index`
				  */
	} kind;
	uint8_t local_index; /* index into the address list given to the engine; LOCAL_ANY: by
				routing */
	uint8_t head_length, tail_length;
	struct tos_ttl tos_ttl; /* UDP: for the datagram's IP header */
	struct endpoint to;     /* RAW: only the IP address counts */
	struct slice data;
	uint8_t head[HEADER_MAX];
	uint8_t tail[CM_MAX];
};
#define LOCAL_ANY 255

/* One packet for an application of this host: head, then data. */
struct host_packet {
	bool verbatim; /* as it was taken from the hook, with the caller's own offload data */
	bool complete; /* all checksums are filled in: `head` and `data` go up as they are */
	uint8_t head_length, ip_length;
	bool no_checksum; /* UDP: the sender sent none; else the checksum is still to be filled in
			   */
	struct slice data;
	uint8_t head[HEADER_MAX];
};

/* Things that change what enters the daemon. */
struct steer {
	enum {
		STEER_FLOW_ADD, /* packets of this tuple to the hook */
		STEER_FLOW_REMOVE,
		STEER_EXCLUDE, /* traffic to tuple.remote_ip no longer through the daemon */
		STEER_INCLUDE,
	} kind;
	struct tuple tuple;
};

struct actions {
	struct wire_packet *wire;
	struct host_packet *host;
	struct steer *steer;
	unsigned wires, wire_capacity;
	unsigned hosts, host_capacity;
	unsigned steers, steer_capacity;
};

/* The free slots that every entry of the engine may use; the caller carries out before there are
 * fewer. A super-packet of 64 KiB makes at most 1366 segments, since Linux has no MSS below 48; a
 * packet may release a whole out-of-order buffer; a new session may add and remove all its flows.
 */
#define ACTIONS_WIRE_ROOM  1500
#define ACTIONS_HOST_ROOM  1800
#define ACTIONS_STEER_ROOM 160

#endif
