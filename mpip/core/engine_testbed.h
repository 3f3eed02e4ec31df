/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MPIP_CORE_ENGINE_TESTBED_H
#define MPIP_CORE_ENGINE_TESTBED_H

/*
 * Two engines and the networks between them, in virtual time: every test on it runs the protocol
 * as two hosts would.
 *
 *      client 10.0.1.2, 10.0.2.2  --- each address to each, 1 or 0.7 ms ---  10.0.3.2, 10.0.4.2
 * server
 *
 * The client is host 0, the server host 1. Its one TCP or UDP connection goes from 10.0.1.2, port
 * 40000, to 10.0.3.2, port 5201. Applications read user data by its pattern.
 */

#include "mpip/core/cm.h"
#include "mpip/core/engine.h"
#include "mpip/core/packet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define WIRES  2048
#define HOSTS  2048
#define STEERS 256
#define FLYING 4096
#define FLOWS  1024

#define CLIENT_PORT 40000
#define SERVER_PORT 5201
#define WIRE_PORT   5280

/* A packet on a network; the bytes of a raw one start with its IP header. */
struct flight {
	struct usec at; /* it arrives */
	unsigned to;
	bool raw;
	struct address src, dst;
	in_port_t src_port, dst_port; /* of a datagram; a raw packet has them in its bytes */
	uint32_t length;
	uint8_t bytes[1600];
};

/* What an application has read. */
struct received {
	uint64_t packets, bytes, wrong;
};

/* One host: an engine, or none (a plain host). */
struct host {
	struct engine *engine;
	struct address_list addresses;
	struct address socket_ip; /* of its application's socket */
	struct endpoint seen_as;  /* that socket, by the other end */
	struct actions actions;
	struct wire_packet wire[WIRES];
	struct host_packet host[HOSTS];
	struct steer steer[STEERS];
	struct received tcp, udp;
	unsigned excluded, included, flows;
	struct tuple flow[FLOWS];
	uint64_t queries_seen, raw_seen, wrapped_seen, resets_sent;
	/* For testbed_observer: so many events of each kind, and the last one as text. */
	unsigned told[EVENT_KINDS];
	char said[EVENT_KINDS][512];
};

struct world {
	struct host host[2];
	struct usec now;
	struct flight flight[FLYING];
	unsigned flying;
	/* All may be NULL. Whether a packet gets lost; */
	bool (*drop)(const struct world *w, const struct flight *f);
	/* who changes one, or loses it too; */
	bool (*box)(struct world *w, struct flight *f);
	/* how long it takes, in microseconds; */
	int64_t (*delay)(const struct world *w, const struct flight *f);
	/* and who looks at every packet as it leaves. */
	void (*tap)(struct world *w, const struct flight *f);
	void *context;
};

/* The observer of engines that are opened from now on; its context is their host. NULL: none. */
extern event_observer *testbed_observer;

struct address ip(const char *text);

struct world *world_of(struct settings settings, bool server_has_mpip);
void world_free(struct world *w);

/* Gives host `i` an engine, and its usual addresses. */
void open_host(struct world *w, unsigned i, struct settings settings);

/* The host's addresses change. */
void set_addresses(struct world *w, unsigned i, struct address_list list);

/* Lets everything happen for so long. */
void run_for(struct world *w, int64_t ms);

/* An application at `from` sends: its kernel makes a packet, a super-packet if segments > 1. */
void send_packet(struct world *w, unsigned from, uint8_t protocol, uint32_t seq, uint32_t length,
	unsigned segments);

/* The handshake of the TCP connection, which the client begins. */
void connect_tcp(struct world *w);

/* A transfer of `count` packets or super-packets, one a millisecond, each answered by an ACK.
 * Returns the next sequence number. */
uint32_t transfer(struct world *w, unsigned from, uint32_t seq, unsigned count, unsigned segments);

/* `count` datagrams of 500 bytes, one a millisecond. */
void datagrams(struct world *w, unsigned from, unsigned count);

/* Carries out what host `i`'s engine wants done. */
void carry(struct world *w, unsigned i);

const struct session *only_session(const struct host *h);

/* One session, the same at both ends, with all of its four paths in use. */
void expect_multipath(struct world *w);

/* A test named by the sentence of the paper that it checks (mpip/README.md has the table). */
#define PAPER(name, f)                                                                             \
	{                                                                                          \
		name, f, NULL, NULL, NULL                                                          \
	}

/* Reads the CM of a packet on a network, also in a carrier. False: it has none. */
bool cm_of(const struct flight *f, struct cm *cm);

#endif
