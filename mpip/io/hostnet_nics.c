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
 * An address that a NIC has had is remembered until hostnet_keep() says that it is not needed.
 *
 * Each NIC has a slot, and by it a table. It keeps the slot while it is there, whatever comes
 * before it in the list: the rules and routes of one NIC are not touched when another comes or
 * goes.
 */

#include "mpip/io/hostnet_inside.h"

#include <net/if_arp.h>
#include <stdlib.h>
#include <string.h>

static const struct address *primary_address(const struct picture *p, int ifindex)
{
	for (size_t i = 0; i < p->addresses.n; i++) {
		const struct address *a = &p->addresses.at[i];
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

int hostnet_check_interfaces(const struct hostnet *h, const struct picture *p, char **error)
{
	size_t n = 0;

	for (char **name = h->interfaces; name && *name; name++, n++) {
		const struct link *l = NULL;
		for (size_t i = 0; i < p->links.n && !l; i++)
			if (strcmp(p->links.at[i].name, *name) == 0)
				l = &p->links.at[i];
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
	       a->address.s_addr == b->address.s_addr &&
	       memcmp(a->mac, b->mac, sizeof(a->mac)) == 0 && a->mtu == b->mtu &&
	       a->usable == b->usable;
}

bool hostnet_is_nics_address(const struct hostnet *h, struct in_addr address)
{
	for (size_t i = 0; i < h->nic_count; i++)
		if (h->nics[i].address.s_addr == address.s_addr)
			return true;
	return false;
}

/* Remembers an address that a NIC has, in place of one that none has if there is no room. */
static void stand_by(struct hostnet *h, struct in_addr address)
{
	size_t place = h->standbys;
	for (size_t i = 0; i < h->standbys; i++) {
		if (h->standby[i].s_addr == address.s_addr)
			return;
		if (!hostnet_is_nics_address(h, h->standby[i]))
			place = i;
	}
	if (h->standbys < HOSTNET_STANDBY_MAX)
		place = h->standbys++;
	if (place < HOSTNET_STANDBY_MAX)
		h->standby[place] = address;
}

bool hostnet_learn_nics(struct hostnet *h, struct picture *p)
{
	struct hostnet_nic nics[HOSTNET_NICS_MAX];
	size_t n = 0;

	memset(nics, 0, sizeof(nics));
	qsort(p->links.at, p->links.n, sizeof(*p->links.at), by_ifindex);
	for (size_t i = 0; i < p->links.n && n < HOSTNET_NICS_MAX; i++) {
		const struct link *l = &p->links.at[i];
		if (!suitable(h, p, l))
			continue;
		struct hostnet_nic *nic = &nics[n++];
		nic->ifindex = l->ifindex;
		memcpy(nic->name, l->name, sizeof(nic->name));
		memcpy(nic->mac, l->mac, sizeof(nic->mac));
		nic->address = primary_address(p, l->ifindex)->local;
		nic->mtu = l->mtu;
		nic->usable = (l->flags & (IFF_UP | IFF_RUNNING)) == (IFF_UP | IFF_RUNNING);
	}
	for (size_t i = 0; i < n; i++)
		stand_by(h, nics[i].address);
	bool changed = n != h->nic_count;
	for (size_t i = 0; i < n && !changed; i++)
		changed = !same_nic(&nics[i], &h->nics[i]);
	memcpy(h->nics, nics, sizeof(nics));
	h->nic_count = n;
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
