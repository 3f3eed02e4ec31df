/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MPIP_IO_HOSTNET_HOSTNET_H
#define MPIP_IO_HOSTNET_HOSTNET_H

#include "mpip/base/address.h"

#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The host's NICs, addresses and routes in this network namespace, and MPIP's own routing: the
 * table that leads what applications send into the TUN, and one table per NIC that leads what is
 * sent from its address out of it. How they are learned and kept is told in hostnet.c. IPv4.
 *
 * Errors: a function with `error` returns 0 or more, or -1 and sets *error to one line without a
 * newline, to be freed by the caller. Not for use from several threads.
 */

#define HOSTNET_NICS_MAX    8
#define HOSTNET_STANDBY_MAX 32

struct hostnet_config {
	const char *const *interfaces; /* names, NULL-terminated; NULL: every suitable NIC */
	unsigned table_base;           /* the MPIP table; table_base + 1 + i is a NIC's */
	unsigned rule_priority;        /* of the rules to the MPIP table; + 1: of those by source */
	uint32_t mark, mask;           /* what the daemon sends carries `mark` under `mask` */
};

struct hostnet_nic {
	int ifindex;
	char name[IFNAMSIZ];
	struct address address; /* the first primary one of global scope */
	uint8_t mac[6];
	unsigned mtu;
	bool usable;     /* up, with carrier, and some route goes out by it */
	const char *why; /* why it is not used; or used "for ..." only; static, NULL: in full */
};

struct hostnet;

/* 0 if this process may change routes, open TUNs and load eBPF here; else -1 and what it lacks. */
int hostnet_privileged(char **error);

/* Looks at the host and changes nothing. NICs are Ethernet devices with a global address: all but
 * bridges without a gateway behind them and devices of no cable (TUN and TAP, dummy, ifb, vrf);
 * the first HOSTNET_NICS_MAX by number. Of those in config->interfaces each must exist, be Ethernet
 * and have an address. `config` is copied, its strings too. */
int hostnet_open(struct hostnet **h, const struct hostnet_config *config, char **error);

/* Removes every rule and route of ours, the leftovers of a predecessor included if
 * hostnet_attach() was called, and frees. NULL is allowed. */
void hostnet_close(struct hostnet *h);

/* The NICs as last learned, ordered by number; valid until the next hostnet_process(). */
size_t hostnet_nics(const struct hostnet *h, const struct hostnet_nic **nics);

/* Those that should be among them and are not, each with its `why`: named by the user, one of the
 * NICs before, or more than there may be. Without an address. Valid as above. */
size_t hostnet_left_out(const struct hostnet *h, const struct hostnet_nic **nics);

/* Sets the TUN up (MTU, `address`/32 of link scope, loose rp_filter, no IPv6) and installs tables
 * and rules. What a killed predecessor left becomes ours or goes: only one may be attached in a
 * namespace, which the caller makes sure of. May be called again with another MTU. After an
 * error nothing of ours is left but what was done to the TUN itself. */
int hostnet_attach(
	struct hostnet *h, int tun_ifindex, unsigned tun_mtu, struct address address, char **error);

/* Takes tables and rules away again, until the next hostnet_attach(). */
void hostnet_detach(struct hostnet *h);

/* Removes every rule and route of ours in this network namespace, whoever put it there. */
void hostnet_clean(void);

/* Readable when hostnet_process() has something to do. */
int hostnet_fd(const struct hostnet *h);

#define HOSTNET_NICS_CHANGED 1 /* one of the lists, or something in it */

/* Learns what changed, shortly after it did, and follows with tables and rules. Returns a set of
 * HOSTNET_*_CHANGED. After an error it tries again by itself, a second later and then ever more
 * seldom, and returns the error only once until it succeeds. Never waits. */
int hostnet_process(struct hostnet *h, char **error);

/* A NIC's address that goes stays an address of this host, on the TUN, until this is called without
 * it: connections with it as their source go on. `needed` may have any addresses of any number;
 * those that are of no NIC and not needed are given up. To be called after every change of the
 * NICs. */
void hostnet_keep(struct hostnet *h, const struct address *needed, size_t n);

/* One line about the host's routing that MPIP does not go by, or NULL; as of the last look, valid
 * until the next. A VPN that routes by a rule of its own is bypassed: the user must know. */
const char *hostnet_warning(const struct hostnet *h);

/* Lets traffic to `peer` go as if MPIP were not there, and not. Every exclusion is a route: the
 * caller bounds them. Both may be repeated. Return 0 or a negative errno. */
int hostnet_exclude(struct hostnet *h, struct address peer);
int hostnet_include(struct hostnet *h, struct address peer);

#endif
