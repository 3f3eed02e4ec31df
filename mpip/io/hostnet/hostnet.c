// SPDX-License-Identifier: BSD-2-Clause
/*
 * The host's NICs, addresses and routes, and MPIP's own routing (design: "Out").
 *
 * Theory of operation
 * -------------------
 * There is one way to bring the kernel's state to what it should be: take a picture of it (links,
 * addresses, routes, rules), work out from the picture which routes and rules we want, and settle
 * the difference to those of ours that the picture shows. Ours are known by their routing protocol
 * number. So it makes no difference whether a route is missing because it is new, because a TUN
 * went, or because somebody removed it, nor whether a superfluous one is ours or was left by a
 * predecessor that was killed. What replaces comes before what is deleted: no packet finds a gap.
 *
 * The picture is taken in hostnet_picture.c, the NICs are learned from it in hostnet_nics.c, what
 * we want and the difference are in hostnet_want.c, the changes in hostnet_change.c. Here are the
 * events, and the life of it all.
 *
 * Any link, address, route or rule event that is not our own doing asks for a new picture, a few
 * milliseconds later, since events come in bunches; and no more often than lets pictures take a
 * fifth of the time.
 *
 * What we want:
 *
 *   rule P      iif lo, TCP or UDP, without our mark   -> MPIP table
 *   rule P + 1  from a NIC's address                   -> that NIC's table
 *
 *   MPIP table: main's routes once more, but out of the TUN, with the source address that main's
 *   route would have given. What main sends elsewhere than out of a NIC of ours (a VPN, a bridge of
 *   containers, a blackhole) is a throw route here: it goes on to main. So are multicast,
 *   limited broadcast and link-local, and the peers that hostnet_exclude() names. Subnets'
 *   broadcast addresses are in the local table, which is asked before any other.
 *
 *   Local table: each NIC's address once more, to the TUN, behind the kernel's own entry; so an
 *   address that goes stays one of this host's for as long as hostnet_keep() asks for it
 * (paper 3.4).
 *
 *   A NIC's table: the routes out of that NIC that main has, or a table that somebody's own rule by
 *   the NIC's address names; and where that gives no default route, one by a gateway of theirs. The
 *   rule has no "iif lo", so that strict rp_filter finds the way back through it too.
 *
 * A rule by "iif lo" does not make the kernel dissect flows (fib_rule_requires_fldissect()), so
 * rp_filter's own look-ups have no protocol and never find the TUN. The rule by protocol and mark
 * leaves alone what a user marks with our bits.
 */

#include "mpip/io/hostnet/hostnet_inside.h"

#include <errno.h>
#include <linux/capability.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define SETTLE_NS      10000000L
#define RETRY_NS       1000000000L /* doubled with every failure in a row */
#define RETRY_MAX_NS   64000000000L
#define PICTURES_SHARE 4 /* a pause is at least this many times as long as a picture takes */

int hostnet_fail(char **error, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	if (vasprintf(error, format, args) < 0)
		abort();
	va_end(args);
	return -1;
}

/* --- events --- */

static long nanoseconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000L + t.tv_nsec;
}

static void arm(struct hostnet *h, long ns)
{
	struct itimerspec in = {
		.it_value = {.tv_sec = ns / 1000000000L, .tv_nsec = ns % 1000000000L}};
	timerfd_settime(h->timer, 0, &in, NULL);
	h->armed = true;
}

/* Takes a picture, learns the NICs from it and follows. */
static int look(struct hostnet *h, char **error)
{
	struct picture p;
	long before = nanoseconds();

	int err = hostnet_take_picture(h->requests, &p, error);
	if (err == 0) {
		h->changed |= hostnet_learn_nics(h, &p) ? HOSTNET_NICS_CHANGED : 0;
		err = hostnet_follow(h, &p, error);
	}
	hostnet_free_picture(&p);
	long pause = (nanoseconds() - before) * PICTURES_SHARE;
	h->pause_ns = pause > SETTLE_NS ? pause : SETTLE_NS;
	return err;
}

/* Reads all events there are. True if one was not our own doing, or some were lost. */
static bool drain(struct hostnet *h)
{
	static _Alignas(struct nlmsghdr) char buffer[65536];
	uint32_t us = nl_socket_get_local_port(h->requests);
	bool others = false;

	for (;;) {
		ssize_t n = recv(nl_socket_get_fd(h->events), buffer, sizeof(buffer), MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return others || (n < 0 && errno == ENOBUFS);
		struct nlmsghdr *message = (void *)buffer;
		for (int left = (int)n; nlmsg_ok(message, left);
			message = nlmsg_next(message, &left))
			others = others || message->nlmsg_pid != us;
	}
}

int hostnet_fd(const struct hostnet *h)
{
	return h->epoll;
}

int hostnet_process(struct hostnet *h, char **error)
{
	uint64_t expirations;

	if (drain(h) && !h->armed)
		arm(h, h->pause_ns);
	if (read(h->timer, &expirations, sizeof(expirations)) != sizeof(expirations))
		return 0;
	h->armed = false;
	char *reason = NULL;
	bool failed = look(h, &reason) != 0, first = failed && h->retry_ns == 0;
	if (failed) {
		h->retry_ns = first ? RETRY_NS : 2 * h->retry_ns;
		if (h->retry_ns > RETRY_MAX_NS)
			h->retry_ns = RETRY_MAX_NS;
		arm(h, h->retry_ns);
	} else {
		h->retry_ns = 0;
	}
	if (first) {
		*error = reason;
		return -1;
	}
	free(reason);
	int changed = h->changed;
	h->changed = 0;
	return changed;
}

size_t hostnet_nics(const struct hostnet *h, const struct hostnet_nic **nics)
{
	*nics = h->nics;
	return h->nic_count;
}

size_t hostnet_left_out(const struct hostnet *h, const struct hostnet_nic **nics)
{
	*nics = h->left_out;
	return h->left_out_count;
}

/* --- opening and closing --- */

int hostnet_privileged(char **error)
{
	static const struct {
		int bit;
		const char *name;
	} needed[] = {{CAP_NET_ADMIN, "CAP_NET_ADMIN"}, {CAP_NET_RAW, "CAP_NET_RAW"},
		{CAP_SYS_ADMIN, "CAP_SYS_ADMIN (for eBPF)"}};
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {0};

	if (syscall(SYS_capget, &head, data) != 0)
		return hostnet_fail(
			error, "cannot ask for this process's capabilities: %s", strerror(errno));
	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		if (!(data[0].effective & (1u << needed[i].bit)))
			return hostnet_fail(
				error, "needs to run as root: %s is missing", needed[i].name);
	return 0;
}

static char **copy_names(const char *const *names)
{
	size_t n = 0;

	if (!names)
		return NULL;
	while (names[n])
		n++;
	char **copy = calloc(n + 1, sizeof(*copy));
	for (size_t i = 0; copy && i < n; i++)
		if (!(copy[i] = strdup(names[i])))
			abort();
	if (!copy)
		abort();
	return copy;
}

static int open_sockets(struct hostnet *h, char **error)
{
	h->requests = nl_socket_alloc();
	h->events = nl_socket_alloc();
	if (!h->requests || !h->events)
		abort();
	int err = nl_connect(h->requests, NETLINK_ROUTE);
	if (err == 0)
		err = nl_connect(h->events, NETLINK_ROUTE);
	if (err == 0)
		err = nl_socket_set_buffer_size(h->events, 1 << 20, 0);
	if (err == 0)
		err = nl_socket_add_memberships(h->events, RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR,
			RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV4_RULE, 0);
	if (err < 0)
		return hostnet_fail(error, "cannot open netlink: %s", nl_geterror(err));

	h->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	h->epoll = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event in = {.events = EPOLLIN};
	if (h->timer < 0 || h->epoll < 0 ||
		epoll_ctl(h->epoll, EPOLL_CTL_ADD, nl_socket_get_fd(h->events), &in) != 0 ||
		epoll_ctl(h->epoll, EPOLL_CTL_ADD, h->timer, &in) != 0)
		return hostnet_fail(error, "cannot wait for netlink events: %s", strerror(errno));
	return 0;
}

static void free_all(struct hostnet *h)
{
	struct excluded *e, *next;

	HASH_ITER (hh, h->excluded, e, next) {
		HASH_DEL(h->excluded, e);
		free(e);
	}
	for (char **name = h->interfaces; name && *name; name++)
		free(*name);
	free(h->interfaces);
	nl_socket_free(h->requests);
	nl_socket_free(h->events);
	if (h->timer >= 0)
		close(h->timer);
	if (h->epoll >= 0)
		close(h->epoll);
	free(h);
}

int hostnet_open(struct hostnet **out, const struct hostnet_config *config, char **error)
{
	struct hostnet *h = calloc(1, sizeof(*h));
	struct picture p = {0};

	if (!h)
		abort();
	h->timer = h->epoll = -1;
	h->pause_ns = SETTLE_NS;
	h->interfaces = copy_names(config->interfaces);
	h->table_base = config->table_base;
	h->rule_priority = config->rule_priority;
	h->mask = config->mask;
	int err = open_sockets(h, error);
	if (err == 0)
		err = hostnet_take_picture(h->requests, &p, error);
	if (err == 0)
		err = hostnet_check_interfaces(h, &p, error);
	if (err == 0)
		hostnet_learn_nics(h, &p);
	hostnet_free_picture(&p);
	if (err == 0 && h->nic_count == 0)
		err = hostnet_fail(error,
			"interfaces: there is no Ethernet device with a global IPv4 address");
	if (err != 0) {
		free_all(h);
		return err;
	}
	*out = h;
	return 0;
}

void hostnet_close(struct hostnet *h)
{
	if (!h)
		return;
	if (h->tun != 0)
		hostnet_purge(h);
	free_all(h);
}

int hostnet_attach(
	struct hostnet *h, int tun_ifindex, unsigned tun_mtu, struct address address, char **error)
{
	char *reason = NULL;

	if (hostnet_set_up_tun(h, tun_ifindex, tun_mtu, address, error) != 0)
		return -1;
	h->tun = tun_ifindex;
	h->tun_mtu = tun_mtu;
	/* The host may change under our hands: look again before giving up. */
	for (int attempt = 0; look(h, &reason) < 0; attempt++) {
		if (attempt < 3) {
			free(reason);
			continue;
		}
		hostnet_purge(h);
		h->tun = 0;
		*error = reason;
		return -1;
	}
	if (h->changed)
		arm(h, h->pause_ns); /* it is hostnet_process() that tells */
	return 0;
}

void hostnet_clean(void)
{
	struct hostnet h = {.requests = nl_socket_alloc()};
	if (h.requests && nl_connect(h.requests, NETLINK_ROUTE) == 0)
		hostnet_purge(&h);
	nl_socket_free(h.requests);
}

void hostnet_detach(struct hostnet *h)
{
	hostnet_purge(h);
	h->tun = 0;
}

const char *hostnet_warning(const struct hostnet *h)
{
	return h->warning[0] ? h->warning : NULL;
}

void hostnet_keep(struct hostnet *h, const struct address *needed, size_t n)
{
	size_t kept = 0, before = h->standbys;

	for (size_t i = 0; i < before; i++) {
		bool keep = hostnet_is_nics_address(h, h->standby[i]);
		for (size_t k = 0; k < n && !keep; k++)
			keep = address_equal(needed[k], h->standby[i]);
		if (keep)
			h->standby[kept++] = h->standby[i];
	}
	h->standbys = kept;
	if (kept != before && !h->armed)
		arm(h, h->pause_ns);
}

/* --- peers without MPIP --- */

int hostnet_exclude(struct hostnet *h, struct address peer)
{
	struct excluded *e;

	HASH_FIND(hh, h->excluded, &peer, sizeof(peer), e);
	if (e)
		return 0;
	e = calloc(1, sizeof(*e));
	if (!e)
		return -ENOMEM;
	e->peer = peer;
	HASH_ADD(hh, h->excluded, peer, sizeof(peer), e);
	if (h->tun == 0)
		return 0;
	struct routes one = {0};
	hostnet_want_throw(&one, h->table_base, hostnet_ipv4(peer), 32);
	int err = hostnet_add_route(h, one.at);
	free(one.at);
	if (err == 0)
		return 0;
	HASH_DEL(h->excluded, e);
	free(e);
	return -EIO;
}

int hostnet_include(struct hostnet *h, struct address peer)
{
	struct excluded *e;

	HASH_FIND(hh, h->excluded, &peer, sizeof(peer), e);
	if (!e)
		return 0;
	HASH_DEL(h->excluded, e);
	free(e);
	if (h->tun == 0)
		return 0;
	struct routes one = {0};
	hostnet_want_throw(&one, h->table_base, hostnet_ipv4(peer), 32);
	int err = hostnet_delete_route(h, one.at);
	free(one.at);
	/* Main may have a host route of its own, which the exclusion had replaced. */
	if (!h->armed)
		arm(h, h->pause_ns);
	return err < 0 ? -EIO : 0;
}
