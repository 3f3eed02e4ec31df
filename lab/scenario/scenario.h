/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef LAB_SCENARIO_SCENARIO_H
#define LAB_SCENARIO_SCENARIO_H

#include "lab/scenario/shape.h"

#include <jansson.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * A scenario: hosts with NICs, routers with ports, NATs and firewalls, and the links between them,
 * as a JSON file describes them (lab/README.md has the format). A loaded scenario has passed every
 * check there is, so whoever builds it needs none. It is read-only after loading.
 */

#define LAB_NAME_MAX 32 /* a lab's, host's or router's name */
#define LAB_NIC_MAX  15 /* a NIC's name: the kernel's limit */
#define LAB_PORT_MAX 11 /* a router port's: the lab names helper interfaces "PORT.xyz" */

/* A host's NIC or a router's port. */
struct nic {
	char name[LAB_NIC_MAX + 1];
	struct in_addr address;
	int prefix; /* length of the network's prefix, in bits */
	unsigned char mac[6];
	size_t link;  /* the index of its one link */
	bool outside; /* a router's port that its NAT or firewall protects the others from */
};

/* What a router's NAT makes of the port of a connection that goes out. */
enum nat_kind {
	NAT_NONE,
	NAT_PORT_RESTRICTED, /* the port stays, as long as nobody else behind the NAT has it */
	NAT_SYMMETRIC,       /* another one for each connection, at random */
};
extern const char *const nat_names[]; /* by enum nat_kind, NULL at the end */

/* What a router's firewall drops, as bits. */
enum firewall {
	FIREWALL_UNSOLICITED = 1, /* from an outside port, of a connection that did not go out */
	FIREWALL_INVALID = 2,     /* TCP that is unknown, or outside its connection's windows */
	FIREWALL_UNKNOWN_TCP = 4, /* TCP of a connection whose SYN it did not see */
	FIREWALL_UDP = 8,         /* all UDP */
};
#define FIREWALL_KINDS 4
extern const char *const firewall_names[]; /* by the bit's number, NULL at the end */

struct node {
	char name[LAB_NAME_MAX + 1];
	bool router;
	enum nat_kind nat; /* at the outside ports */
	unsigned firewall; /* FIREWALL_* */
	struct nic *nics;
	size_t n_nics;
};

struct end {
	size_t node; /* index into scenario.nodes */
	size_t nic;  /* index into that node's nics */
};

/* A host's NIC, or a router's port, and a router's port, joined. */
struct lab_link {
	struct end near;   /* the host's; between two routers the first one in the file */
	struct end far;    /* the router's that does all that the link does */
	struct shape up;   /* near to far */
	struct shape down; /* far to near */
	size_t realm; /* links with the same one know each other's addresses: no NAT is between */
};

struct lab_event;

struct scenario {
	char *file;         /* as given to scenario_load() */
	char *about;        /* "" when the file has none */
	bool super_packets; /* GSO and TSO stay on, as the kernel has them */
	struct node *nodes; /* the hosts first, then the routers, each in the file's order */
	size_t n_nodes;     /* hosts and routers */
	size_t n_hosts;     /* nodes[0 .. n_hosts-1] are the hosts */
	struct lab_link *links;
	size_t n_links;
	struct lab_event *events; /* lab/scenario/events.h; by time */
	size_t n_events;
	json_t *source; /* the file's content */
};

/* Reads and checks `file`. NULL: `*error` (allocated) is one line, "FILE: PLACE: expected ...".
 * Free with scenario_free(). */
struct scenario *scenario_load(const char *file, char **error);
/* The same of a content that is there already, `source` of one that was loaded or what somebody has
 * made of it; `file` is its name in messages. */
struct scenario *scenario_of(const char *file, json_t *content, char **error);
void scenario_free(struct scenario *s);

/* The content of a scenario's file that has passed every check, with what it names in other files,
 * but with nothing drawn. A new reference; NULL with `*error`. */
json_t *scenario_content(const char *file, char **error);

/* Whether some link has delay, jitter or loss, or gets a loss by an event; `place` (may be NULL) is
 * then set to the first place that asks, e.g. "links[0].up.delay_ms" (allocated, yours). */
bool scenario_needs_netem(const struct scenario *s, char **place);

/* A node by its name; NULL when there is none. */
const struct node *scenario_node(const struct scenario *s, const char *name);

/* The NIC or port at an end. */
const struct nic *scenario_nic(const struct scenario *s, struct end end);

/* "client.eth0": the end's name as a scenario writes it, allocated. */
char *scenario_end_name(const struct scenario *s, struct end end);

/* The end that is called so. 0, or -1 with `*error` saying what was expected. */
int scenario_find_end(const struct scenario *s, const char *name, struct end *end, char **error);

/* A router's NAT and firewall for people: "NAT symmetric; drops invalid", "" for none. Allocated.
 */
char *rules_text(const struct node *node);

/* Whether `name` may name a lab, host, router, NIC or port: a letter or digit, then letters,
 * digits, '-' and '_', at most `max` characters. */
bool scenario_name_ok(const char *name, size_t max);

/* The other end of the link that a NIC or port is at. */
struct end scenario_across(const struct scenario *s, struct end end);

/* Whether the router drops or changes any packet. */
bool node_has_rules(const struct node *node);

#endif
