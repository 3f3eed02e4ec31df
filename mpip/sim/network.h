/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MPIP_SIM_NETWORK_H
#define MPIP_SIM_NETWORK_H

#include "mpip/sim/sim.h"

/*
 * NICs, the links between each two of them, NATs, and packets under way.
 *
 * A raw packet's bytes start with its IP header; those of any other are the payload of a datagram
 * between wire sockets, whose own headers are only the two endpoints.
 */

#define SIM_MTU 1600

struct sim_flight {
	struct sim_flight *next;     /* free, or remembered for a replay */
	struct sim_flight *next_all; /* all there are */
	bool raw;
	bool corrupt; /* the network damaged it: its checksum tells */
	bool forged;  /* of an attacker, or seen before */
	uint8_t protocol;
	unsigned from_nic, to_nic;
	struct endpoint src, dst; /* by what is on the wire now */
	struct endpoint asked;    /* where the sender sent it to */
	uint32_t packet;          /* the application's in it, 0: none */
	uint32_t length;
	uint8_t bytes[SIM_MTU];
};

/* A NAT with one address for everything behind it. */
struct sim_nat {
	struct address ip;
	bool symmetric;      /* a port for each other end; else one for all of them */
	struct usec timeout; /* of a mapping that is not used */
	uint16_t next_port;
	unsigned mappings;
	struct sim_mapping {
		uint8_t protocol;
		struct endpoint inside, remote;
		uint16_t port; /* host order */
		struct usec used;
	} mapping[128];
};

unsigned network_add_nic(struct sim *w, unsigned host, struct address ip);
struct sim_nat *network_add_nat(struct sim *w, struct address ip);
/* The NIC of this address, or SIM_NICS. */
unsigned network_nic(const struct sim *w, struct address ip);

/* All mappings are forgotten, and new ports are another range. */
/* The mapping, NULL: each, is forgotten, and with it TCP that goes by it: no other port is its own.
 */
void nat_breaks(struct sim *w, const struct sim_nat *nat, const struct sim_mapping *m);
void nat_rebind(struct sim_nat *nat);

/* A flight to be filled and launched. */
struct sim_flight *network_flight(struct sim *w);
/* Reads a raw packet's endpoints and protocol out of its bytes. */
void flight_read_headers(struct sim_flight *f);
/* Puts it on its way; takes it over. */
void network_launch(struct sim *w, struct sim_flight *f);
/* A flight's way ends here. */
void network_end(struct sim *w, struct sim_flight *f, enum sim_end why);
/* A packet of an attacker, whose place is unknown, to an address; takes it over. */
void network_inject(struct sim *w, struct sim_flight *f);
/* One that the network remembers is on its way once more. False: it remembers none. */
bool network_replay(struct sim *w);

/* Whether packets get through between two NICs, in both directions. */
bool network_path_lives(const struct sim *w, unsigned a, unsigned b);

void network_free(struct sim *w);

#endif
