// SPDX-License-Identifier: BSD-2-Clause
/*
 * Which of the host's links are NICs, and which table is whose.
 *
 * Theory of operation
 * -------------------
 * The NICs are learned from every picture anew. Unless the user names them, they are what a cable
 * or a radio link may be behind: Ethernet devices with a global address. A bridge is one only when
 * some route has a gateway behind it, as of a host whose uplink is in a bridge; otherwise it
 * connects containers or virtual machines. The user's word goes before all this, but a device that
 * is not Ethernet, or has no global address, cannot be used, which is said when it is opened.
 *
 * A NIC is used when it is up, has carrier, and some route goes out by it: the kernel takes a NIC's
 * routes when it is set down, and those by a gateway do not come back by themselves. Why one is not
 * used, or serves its own subnet only, is kept with it. What has been a NIC, or was named, and is
 * none now is left out, which is kept as well, so that it can be said.
 *
 * An address that a NIC has had is remembered until hostnet_keep() says that it is not needed.
 *
 * Each NIC has a slot, and by it a table. It keeps the slot while it is there, whatever comes
 * before it in the list: the rules and routes of one NIC are not touched when another comes or
 * goes.
 */

#include "mpip/io/hostnet/hostnet_inside.h"

#include <arpa/inet.h>
#include <linux/if.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct interface_address *primary_address(const struct picture *p, int ifindex)
{
	for (size_t i = 0; i < p->addresses.n; i++) {
		const struct interface_address *a = &p->addresses.at[i];
		if (a->ifindex == ifindex && !a->secondary && a->scope == RT_SCOPE_UNIVERSE)
			return a;
	}
	return NULL;
}

static bool has_gateway(const struct picture *p, int ifindex)
{
	for (size_t i = 0; i < p->routes.n; i++)
		if (p->routes.at[i].oif == ifindex && p->routes.at[i].protocol != OUR_PROTOCOL &&
			hostnet_is_gateway_route(&p->routes.at[i]))
			return true;
	return false;
}

/* Whether the route goes out by the device, and is somebody else's. */
static bool goes_by(const struct route *r, int ifindex)
{
	return r->oif == ifindex && r->type == RTN_UNICAST && r->protocol != OUR_PROTOCOL;
}

static bool is_own_subnet(const struct picture *p, const struct route *r)
{
	for (size_t i = 0; i < p->addresses.n; i++) {
		const struct interface_address *a = &p->addresses.at[i];
		uint32_t mask = a->prefix_length ? ~0u << (32 - a->prefix_length) : 0;
		if (a->ifindex == r->oif && a->prefix_length == r->prefix_length &&
			((a->prefix.s_addr ^ r->dst.s_addr) & htonl(mask)) == 0)
			return true;
	}
	return false;
}

/* Judges a NIC by its link and the routes out of it. */
static void judge(const struct picture *p, const struct link *l, struct hostnet_nic *nic)
{
	bool routes = false, beyond = false;
	for (size_t i = 0; i < p->routes.n; i++) {
		const struct route *r = &p->routes.at[i];
		if (!goes_by(r, l->ifindex))
			continue;
		routes = true;
		beyond = beyond || hostnet_is_gateway_route(r) || !is_own_subnet(p, r);
	}
	nic->why = !(l->flags & IFF_UP)         ? "it is set down"
		   : !(l->flags & IFF_LOWER_UP) ? "no carrier"
		   : !(l->flags & IFF_RUNNING)  ? "its link is not ready"
		   : !routes                    ? "no route goes out by it"
						: NULL;
	nic->usable = !nic->why;
	if (nic->usable && !beyond)
		nic->why = "for its own subnet only: no other route goes out by it";
}

static bool is_one_of(const char *const *names, const char *name)
{
	for (; *names; names++)
		if (strcmp(*names, name) == 0)
			return true;
	return false;
}

static bool suitable(const struct hostnet *h, const struct picture *p, const struct link *l)
{
	static const char *const not_nics[] = {"tun", "dummy", "ifb", "vrf", "nlmon", NULL};

	if (l->type != ARPHRD_ETHER || !primary_address(p, l->ifindex))
		return false;
	if (h->interfaces)
		return is_one_of((const char *const *)h->interfaces, l->name);
	if (is_one_of(not_nics, l->kind))
		return false;
	return strcmp(l->kind, "bridge") != 0 || has_gateway(p, l->ifindex);
}

static const struct link *find_link(const struct picture *p, const char *name)
{
	for (size_t i = 0; i < p->links.n; i++)
		if (strcmp(p->links.at[i].name, name) == 0)
			return &p->links.at[i];
	return NULL;
}

int hostnet_check_interfaces(const struct hostnet *h, const struct picture *p, char **error)
{
	size_t n = 0;

	for (char **name = h->interfaces; name && *name; name++, n++) {
		const struct link *l = find_link(p, *name);
		if (!l)
			return hostnet_fail(
				error, "interface \"%s\": there is none of this name", *name);
		if (l->type != ARPHRD_ETHER)
			return hostnet_fail(
				error, "interface \"%s\": expected an Ethernet device", *name);
		if (!primary_address(p, l->ifindex))
			return hostnet_fail(error,
				"interface \"%s\": expected one with a global IPv4 address", *name);
	}
	if (n > HOSTNET_NICS_MAX)
		return hostnet_fail(error, "interfaces: expected at most %d, there are %zu",
			HOSTNET_NICS_MAX, n);
	return 0;
}

static int by_ifindex(const void *a, const void *b)
{
	return ((const struct link *)a)->ifindex - ((const struct link *)b)->ifindex;
}

static bool same_nic(const struct hostnet_nic *a, const struct hostnet_nic *b)
{
	return a->ifindex == b->ifindex && strcmp(a->name, b->name) == 0 &&
	       address_equal(a->address, b->address) &&
	       memcmp(a->mac, b->mac, sizeof(a->mac)) == 0 && a->mtu == b->mtu &&
	       a->usable == b->usable && a->why == b->why;
}

static bool same_nics(
	const struct hostnet_nic *a, size_t n, const struct hostnet_nic *b, size_t count)
{
	for (size_t i = 0; i < n && n == count; i++)
		if (!same_nic(&a[i], &b[i]))
			return false;
	return n == count;
}

bool hostnet_is_nics_address(const struct hostnet *h, struct address address)
{
	for (size_t i = 0; i < h->nic_count; i++)
		if (address_equal(h->nics[i].address, address))
			return true;
	return false;
}

/* Remembers an address that a NIC has, in place of one that none has if there is no room. */
static void stand_by(struct hostnet *h, struct address address)
{
	size_t place = h->standbys;
	for (size_t i = 0; i < h->standbys; i++) {
		if (address_equal(h->standby[i], address))
			return;
		if (!hostnet_is_nics_address(h, h->standby[i]))
			place = i;
	}
	if (h->standbys < HOSTNET_STANDBY_MAX)
		place = h->standbys++;
	if (place < HOSTNET_STANDBY_MAX)
		h->standby[place] = address;
}

struct nics {
	struct hostnet_nic at[HOSTNET_NICS_MAX];
	size_t n;
};

static bool has_name(const struct nics *nics, const char *name)
{
	for (size_t i = 0; i < nics->n; i++)
		if (strcmp(nics->at[i].name, name) == 0)
			return true;
	return false;
}

static void leave_out(struct nics *out, const char *name, const char *why)
{
	if (out->n >= HOSTNET_NICS_MAX || has_name(out, name))
		return;
	struct hostnet_nic *nic = &out->at[out->n++];
	snprintf(nic->name, sizeof(nic->name), "%s", name);
	nic->why = why;
}

static const char no_address[] = "no IPv4 address";

/* What the user has named, or was a NIC before, and is none of `nics`. */
static void leave_out_missing(
	const struct hostnet *h, const struct picture *p, const struct nics *nics, struct nics *out)
{
	for (char **name = h->interfaces; name && *name; name++)
		if (!has_name(nics, *name))
			leave_out(out, *name,
				find_link(p, *name) ? no_address
						    : "there is no device of this name");
	for (int list = 0; list < 2; list++) {
		const struct hostnet_nic *before = list ? h->left_out : h->nics;
		size_t n = list ? h->left_out_count : h->nic_count;
		for (size_t i = 0; i < n; i++) {
			const struct link *l = find_link(p, before[i].name);
			if (l && !has_name(nics, l->name) && !primary_address(p, l->ifindex))
				leave_out(out, l->name, no_address);
		}
	}
}

bool hostnet_learn_nics(struct hostnet *h, struct picture *p)
{
	struct nics nics, out;

	memset(&nics, 0, sizeof(nics));
	memset(&out, 0, sizeof(out));
	qsort(p->links.at, p->links.n, sizeof(*p->links.at), by_ifindex);
	for (size_t i = 0; i < p->links.n; i++) {
		const struct link *l = &p->links.at[i];
		if (!suitable(h, p, l))
			continue;
		if (nics.n == HOSTNET_NICS_MAX) {
			leave_out(&out, l->name, "too many: there are others before it");
			continue;
		}
		struct hostnet_nic *nic = &nics.at[nics.n++];
		nic->ifindex = l->ifindex;
		memcpy(nic->name, l->name, sizeof(nic->name));
		memcpy(nic->mac, l->mac, sizeof(nic->mac));
		nic->address = address_from_ipv4(&primary_address(p, l->ifindex)->local);
		nic->mtu = l->mtu;
		judge(p, l, nic);
	}
	leave_out_missing(h, p, &nics, &out);
	for (size_t i = 0; i < nics.n; i++)
		stand_by(h, nics.at[i].address);
	bool changed = !same_nics(nics.at, nics.n, h->nics, h->nic_count) ||
		       !same_nics(out.at, out.n, h->left_out, h->left_out_count);
	memcpy(h->nics, nics.at, sizeof(nics.at));
	h->nic_count = nics.n;
	memcpy(h->left_out, out.at, sizeof(out.at));
	h->left_out_count = out.n;
	return changed;
}

bool hostnet_is_nic(const struct hostnet *h, int ifindex)
{
	for (size_t i = 0; i < h->nic_count; i++)
		if (h->nics[i].ifindex == ifindex)
			return true;
	return false;
}

void hostnet_assign_slots(struct hostnet *h)
{
	for (int s = 0; s < HOSTNET_NICS_MAX; s++)
		if (!hostnet_is_nic(h, h->slots[s]))
			h->slots[s] = 0;
	for (size_t i = 0; i < h->nic_count; i++) {
		int s = 0;
		while (s < HOSTNET_NICS_MAX && h->slots[s] != h->nics[i].ifindex)
			s++;
		if (s < HOSTNET_NICS_MAX)
			continue;
		for (s = 0; h->slots[s] != 0; s++)
			;
		h->slots[s] = h->nics[i].ifindex;
	}
}

unsigned hostnet_table_of(const struct hostnet *h, int ifindex)
{
	int s = 0;
	while (h->slots[s] != ifindex)
		s++;
	return h->table_base + 1 + (unsigned)s;
}
