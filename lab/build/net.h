/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef LAB_BUILD_NET_H
#define LAB_BUILD_NET_H

#include <netinet/in.h>
#include <netlink/netlink.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * Interfaces, addresses and routes in a namespace, by netlink from a socket that lives in it: the
 * calling thread stays where it is, and no name of ours ever shows up in another namespace.
 *
 * Every function returns 0, or -1 with `*error` set (error.h) to a line that names the namespace.
 */

/* A namespace and the sockets in it. */
struct ns {
	char name[80];
	int fd;             /* the namespace; owned */
	struct nl_sock *nl; /* route netlink */
	int dgram;          /* any socket, for ioctls about interfaces */
	int sysfs;          /* a /sys that shows its devices; -1 until net_pin() wants it */
};

/* Takes `fd` over, also on failure. */
int ns_open(struct ns *ns, const char *name, int fd, char **error);
/* Also for a zeroed `ns` that was never opened. */
void ns_close(struct ns *ns);

/* Sends a request that was built by libnl, takes it over, and waits for the kernel's answer.
 * `built` is what the builder returned; `doing` is for the error, e.g. "route to 10.0.1.0". */
int ns_send(struct ns *ns, int built, struct nl_msg *msg, const char *doing, char **error);

struct veth_end {
	struct ns *ns;
	const char *name;
	unsigned char mac[6];
};

/* The first end of each pair is in this group, which is how all of them are found again. */
#define LAB_LINK_GROUP 0x4d50

/* A veth pair, each end made directly in its namespace, down. */
int net_veth(const struct veth_end *a, const struct veth_end *b, char **error);

/* Removes the interfaces of LAB_LINK_GROUP in the namespace, and with them their peers. */
int net_remove_all(struct ns *ns, char **error);

/* Marks the namespace itself with a text (the alias of its loopback interface, which it has from
 * its first moment to its last), and whether it has this mark. */
int net_mark(struct ns *ns, const char *text, char **error);
bool net_has_mark(struct ns *ns, const char *text);

/* The index of an interface, 0 with `*error` set when there is none of this name. */
int net_index(struct ns *ns, const char *name, char **error);

/* No packet larger than the MTU enters or leaves this interface: GSO, TSO and GRO off, and
 * gso_max_segs 1, because a sender builds super-packets also for a device that has GSO off. */
int net_no_super_packets(struct ns *ns, const char *name, char **error);

int net_up(struct ns *ns, const char *name, char **error);
int net_down(struct ns *ns, const char *name, char **error);

/* Waits until the interface passes packets. A veth that was set up before its peer begins to only
 * when the kernel gets around to it, a moment later, and drops what is sent before. */
int net_wait_carrier(struct ns *ns, const char *name, char **error);

/* Lets CPU number `cpu` alone take in what arrives at the interface. Otherwise every CPU that
 * happens to send on the peer does, and packets overtake each other, which no cable lets them. */
int net_pin(struct ns *ns, const char *name, int cpu, char **error);

int net_address(struct ns *ns, int ifindex, struct in_addr address, int prefix, char **error);
int net_remove_address(
	struct ns *ns, int ifindex, struct in_addr address, int prefix, char **error);

/* A route to `network`/`prefix` in a table, by `gateway` or, when that is 0.0.0.0, on the link.
 * `source` is the address that connections over it get. */
struct net_route {
	uint32_t table;
	struct in_addr network;
	int prefix;
	struct in_addr gateway, source;
	int ifindex;
	uint32_t metric; /* of two to the same network the lower counts */
};
/* Replaces a route to the same network with the same metric. */
int net_route(struct ns *ns, const struct net_route *route, char **error);

/* "from SOURCE lookup TABLE"; one that is there already is as good. */
int net_rule_from(
	struct ns *ns, uint32_t priority, struct in_addr source, uint32_t table, char **error);
int net_remove_rule_from(
	struct ns *ns, uint32_t priority, struct in_addr source, uint32_t table, char **error);

/* Whether what is forwarded from `source` to `destination` is lost, and nobody told. */
int net_set_blackhole(
	struct ns *ns, struct in_addr source, struct in_addr destination, bool lost, char **error);

/* A permanent neighbour entry. */
int net_neighbour(struct ns *ns, int ifindex, struct in_addr address, const unsigned char mac[6],
	char **error);

/* Writes /proc/sys/net/KEY in the namespace. A key that this kernel does not have is an error
 * unless `optional`. */
int net_sysctl(struct ns *ns, const char *key, const char *value, bool optional, char **error);

#endif
