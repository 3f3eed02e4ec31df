/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MPIP_IO_HOSTNET_HOSTNET_TESTBED_H
#define MPIP_IO_HOSTNET_HOSTNET_TESTBED_H

#include "mpip/io/hostnet/hostnet.h"

#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netlink/netlink.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/*
 * What the tests of hostnet share. Every case runs in a network namespace of its own:
 *
 *      nic0 10.1.0.1/24 --- default via 10.1.0.254            mpip0: the TUN
 *      nic1 10.2.0.1/24 --- default via 10.2.0.254 metric 200
 *
 * The NICs' other ends (far0, far1) only give them carrier. What was set up is judged by asking the
 * kernel for its way to a destination (RTM_GETROUTE), as a socket of the application, or of mpipd,
 * would. Whatever does not go as it must fails the case. Addresses and prefixes are text.
 */

#define TABLE    5280
#define PRIORITY 5280
#define MARK     0x4d500000
#define MASK     0xffff0000
#define TUN_MTU  1400
#define TUN_IP   "192.0.0.8"

extern struct nl_sock *sock;               /* for changes */
extern struct hostnet *net;                /* NULL: not open; closed behind each case */
extern int tun_fd;                         /* of mpip0; -1: none; closed behind each case */
extern const struct hostnet_config config; /* with the numbers above, for every suitable NIC */

/* For a CASE(): in the namespace above, and hostnet not opened yet. */
int set_up(void **state);
int tear_down(void **state);
#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

/* Says so, and makes every test a skipped one, unless this process is root. */
void skip_without_root(const char *program, struct CMUnitTest *tests, size_t n);

/* --- the namespace --- */

/* A device of /dev/net/tun: IFF_TUN or IFF_TAP; a TUN. They go when what is returned is closed. */
int make_tap(const char *name, short kind);
int make_tun(const char *name);

void set_link_up(const char *name, bool up);

/* A veth pair, both ends up. */
void make_nic(const char *name, const char *far);

/* False: the kernel has none of this kind. */
bool make_virtual(const char *kind, const char *name, const char *address);

/* Adds or removes an address: of any scope and IFA_F_*; of global scope. */
void change_address_of(const char *name, const char *address, bool add, int scope, unsigned flags);
void change_address(const char *name, const char *address, bool add);

struct way {
	const char *dst, *nic, *gateway, *source; /* NULL: none */
	unsigned table, metric;                   /* table 0: main */
	int type;                                 /* 0: unicast */
	unsigned mtu;
	bool onlink;
	const char *nic2, *gateway2; /* a second next hop */
};

void change_route(struct way w, bool add);

/* A rule of somebody else: what comes from the prefix `from` goes by `table`. */
void change_source_rule(const char *from, unsigned table, unsigned priority, bool add);

/* --- asking the kernel --- */

struct found {
	int error; /* of libnl; 0: there is a way */
	char nic[IFNAMSIZ], gateway[INET_ADDRSTRLEN], source[INET_ADDRSTRLEN];
	unsigned mtu;
};

/* The way to `dst`, from `src` (NULL: any), with a protocol and a mark (0: none). */
struct found ask(const char *dst, const char *src, uint8_t protocol, uint32_t mark);

/* What the application's packets do; what those of mpipd do from an address. */
struct found app(const char *dst);
struct found wire(const char *dst, const char *from);

#define assert_way(f, nic_, gateway_, source_)                                                     \
	do {                                                                                       \
		struct found f_ = (f);                                                             \
		assert_string_equal(f_.nic, nic_);                                                 \
		assert_string_equal(f_.gateway, gateway_);                                         \
		if ((source_)[0])                                                                  \
			assert_string_equal(f_.source, source_);                                   \
	} while (0)

/* Whether the kernel would take a packet from `src` to `dst` that comes in over the NIC. */
bool arrives(const char *nic, const char *src, const char *dst, uint8_t protocol);

/* Routes and rules of all tables as one string, to compare before and after. Free it. */
char *everything(void);

/* --- driving --- */

struct address address_of(const char *text);

/* Opens `net`, with `config`. */
void open_net(void);

/* Makes mpip0 and attaches `net` to it. */
void attach(void);

/* Processes events until there have been none for a while. The flags seen. */
int follow(void);

#endif
