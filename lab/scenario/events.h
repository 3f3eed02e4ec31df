/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef LAB_SCENARIO_EVENTS_H
#define LAB_SCENARIO_EVENTS_H

#include "lab/scenario/scenario.h"

/*
 * Events: what changes in a lab while it is up, as a scenario's "events" say it, in the order of
 * their times. lab/build/player.h makes them happen.
 */

enum event_action {
	EVENT_LINK_DOWN, /* the cable is pulled: no carrier at either end */
	EVENT_LINK_UP,
	EVENT_LINK_RATE,
	EVENT_LINK_LOSS, /* packets get lost at random, or all of them, and nobody is told */
	EVENT_NIC_DOWN,  /* the host switches its NIC off */
	EVENT_NIC_UP,
	EVENT_NIC_ADD, /* an address */
	EVENT_NIC_REMOVE,
	EVENT_NIC_CHANGE, /* its first address goes, then another comes */
	EVENT_NAT_REBIND, /* it forgets all connections, and gives out other ports */
	EVENT_PATH_DROP,  /* what goes between two NICs is lost, and nobody is told */
	EVENT_PATH_PASS,
};

struct lab_event {
	int64_t at_us; /* from the start of playing */
	enum event_action action;
	size_t link;            /* LINK_* */
	bool up, down;          /* LINK_RATE, LINK_LOSS, PATH_*: the directions */
	double rate_mbit;       /* LINK_RATE */
	double loss_percent;    /* LINK_LOSS */
	struct end nic;         /* NIC_* */
	struct in_addr address; /* NIC_ADD and after; NIC_REMOVE: 0.0.0.0 for the first */
	size_t router;          /* NAT_REBIND */
	struct end path[2];     /* PATH_*: the hosts' NICs; up is from the first to the second */
};

/* "link client.eth0 down", for people. Allocated. */
char *event_text(const struct scenario *s, const struct lab_event *e);

/* The addresses of a NIC at a moment; the first is the one that its routes give to connections. */
#define LAB_ADDRESSES_MAX 8
struct nic_addresses {
	struct in_addr list[LAB_ADDRESSES_MAX];
	size_t count;
};

/* The addresses of every NIC and port as the scenario begins, in the order of nodes and their NICs;
 * nic_number() is a NIC's place. Allocated. */
struct nic_addresses *addresses_at_start(const struct scenario *s);
size_t nic_number(const struct scenario *s, struct end end);

/* What a NIC_ADD, NIC_REMOVE or NIC_CHANGE makes of a NIC's addresses. NULL; or what the event
 * would have needed, e.g. "an address that the NIC has", with `now` unchanged. */
const char *addresses_after(struct nic_addresses *now, const struct lab_event *e);

#endif
