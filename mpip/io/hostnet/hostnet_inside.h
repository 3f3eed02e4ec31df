/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MPIP_IO_HOSTNET_HOSTNET_INSIDE_H
#define MPIP_IO_HOSTNET_HOSTNET_INSIDE_H

#include "mpip/io/hostnet/hostnet.h"

#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netlink/netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uthash.h>

/*
 * What the files of hostnet share, and nobody else includes:
 *
 *   hostnet.c          the life of a struct hostnet, events, the functions of hostnet.h
 *   hostnet_picture.c  the kernel's state: links, addresses, routes, rules
 *   hostnet_nics.c     which links are NICs, and which table is whose
 *   hostnet_want.c     which routes and rules we want, and the difference to what there is
 *   hostnet_change.c   single changes: a route, a rule, the TUN's set-up
 *
 * Errors are as in hostnet.h where there is `error`, otherwise negative numbers of libnl. Lack of
 * memory ends the process.
 */

/* Marks our routes and rules as ours. No other routing program is known to use this number. */
#define OUR_PROTOCOL 77

struct link {
	int ifindex;
	char name[IFNAMSIZ], kind[16];
	unsigned flags, type, mtu;
	uint8_t mac[6];
};

struct interface_address {
	int ifindex;
	struct in_addr local, prefix;
	uint8_t prefix_length, scope;
	bool secondary;
};

/* One next hop: a multipath route is several of these with the same key. Zeroed before it is
 * filled, so that equal routes have equal bytes. */
struct route {
	/* the key, in the order of comparison */
	uint32_t table;
	struct in_addr dst;
	uint32_t prefix_length, tos, priority;
	uint32_t order; /* of wanting; what comes first wins among equal keys */
	/* the rest: 4 bytes each, no padding */
	uint8_t type, scope, protocol, onlink;
	int oif; /* 0: none, or a way that we do not copy */
	struct in_addr gateway, source;
	uint32_t via_length; /* of a gateway of another family (RTA_VIA) */
	uint8_t via[24];
	uint32_t metrics[RTAX_MAX + 1];
	char congestion[16];
};

struct rule {
	uint32_t priority, table, mark, mask;
	struct in_addr src;
	uint8_t src_length, ip_protocol, protocol, iif_lo;
};

struct links {
	struct link *at;
	size_t n;
};

struct addresses {
	struct interface_address *at;
	size_t n;
};

struct routes {
	struct route *at;
	size_t n;
};

struct rules {
	struct rule *at;
	size_t n;
};

struct picture {
	struct links links;
	struct addresses addresses;
	struct routes routes;
	struct rules rules;
	bool too_many;
};

struct excluded {
	struct address peer;
	UT_hash_handle hh;
};

struct hostnet {
	char **interfaces; /* NULL-terminated; NULL: all */
	unsigned table_base, rule_priority;
	uint32_t mask;
	struct nl_sock *requests, *events;
	int epoll, timer;
	bool armed;
	long pause_ns, retry_ns;
	int changed; /* HOSTNET_*_CHANGED that the caller has not been told yet */
	struct hostnet_nic nics[HOSTNET_NICS_MAX];
	size_t nic_count;
	struct hostnet_nic left_out[HOSTNET_NICS_MAX];
	size_t left_out_count;
	int slots[HOSTNET_NICS_MAX]; /* ifindex whose table is table_base + 1 + i; 0: free */
	int tun;                     /* 0: not attached */
	unsigned tun_mtu;
	struct address standby[HOSTNET_STANDBY_MAX]; /* addresses that the TUN stands in for */
	size_t standbys;
	struct excluded *excluded;
	char warning[160];
};

/* Sets *error to the formatted line and returns -1. */
int hostnet_fail(char **error, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* `array` of `n` elements, with room for one more, which is zeroed. The capacity is the next power
 * of two, so it need not be kept. */
void *hostnet_grow(void *array, size_t n, size_t size);

/* A pointer to a new element, all zero, at the end of a list; valid until the next. */
#define push(list)                                                                                 \
	({                                                                                         \
		(list)->at = hostnet_grow((list)->at, (list)->n, sizeof(*(list)->at));             \
		&(list)->at[(list)->n++];                                                          \
	})

/* --- hostnet_picture.c --- */

/* Takes a picture, over a socket that has nothing under way. Free it whatever comes back. */
int hostnet_take_picture(struct nl_sock *sock, struct picture *p, char **error);
void hostnet_free_picture(struct picture *p);

/* Whether the route leads to a router rather than to a subnet's hosts. */
bool hostnet_is_gateway_route(const struct route *r);

/* --- hostnet_nics.c --- */

/* Whether every interface asked for by name can be used. */
int hostnet_check_interfaces(const struct hostnet *h, const struct picture *p, char **error);

/* Learns h->nics from the picture, whose links it sorts. True if they changed. */
bool hostnet_learn_nics(struct hostnet *h, struct picture *p);

/* Whether one of h->nics has this address. */
bool hostnet_is_nics_address(const struct hostnet *h, struct address address);

/* Whether the device is one of h->nics. */
bool hostnet_is_nic(const struct hostnet *h, int ifindex);

/* Gives each of h->nics a table of its own, which it keeps while it is there. */
void hostnet_assign_slots(struct hostnet *h);

/* The table of a NIC that has been given one. */
unsigned hostnet_table_of(const struct hostnet *h, int ifindex);

/* --- hostnet_want.c --- */

/* Makes routes and rules what the picture calls for, and sets h->warning; does nothing when there
 * is no TUN. Goes on after an error, and returns -1 and the first in the end. */
int hostnet_follow(struct hostnet *h, const struct picture *p, char **error);

/* Removes all that is ours, whoever put it there. */
void hostnet_purge(struct hostnet *h);

/* Adds to `wanted` a throw route for `dst`/`length`: the look-up goes on to the next rule. */
void hostnet_want_throw(struct routes *wanted, uint32_t table, struct in_addr dst, uint32_t length);

/* An address of IPv4 as the kernel has it in routes and rules. */
static inline struct in_addr hostnet_ipv4(struct address a)
{
	struct in_addr ipv4;
	address_to_ipv4(a, &ipv4);
	return ipv4;
}

/* --- hostnet_change.c --- */

/* Each asks the kernel for one change and waits for its answer: 0 or more, or libnl's error. To add
 * what is there, and to delete what is not, is no error. */
int hostnet_add_route(struct hostnet *h, const struct route *r); /* replaces one of equal key */
int hostnet_delete_route(struct hostnet *h, const struct route *r);
int hostnet_add_rule(struct hostnet *h, const struct rule *r);
int hostnet_delete_rule(struct hostnet *h, const struct rule *r);

/* Sets the TUN up as hostnet_attach() promises. */
int hostnet_set_up_tun(
	struct hostnet *h, int ifindex, unsigned mtu, struct address address, char **error);

#endif
