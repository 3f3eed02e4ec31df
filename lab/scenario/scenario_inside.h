/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef LAB_SCENARIO_SCENARIO_INSIDE_H
#define LAB_SCENARIO_SCENARIO_INSIDE_H

#include "lab/scenario/scenario.h"
#include "mpip/base/jsonfile.h"

/* Reading a scenario, shared by its files and by nobody else. Complaints go to the document of
 * `root`. */

/* scenario.c: "client.eth0" to its node and NIC. False, with the complaint made, if there is none.
 */
bool scenario_read_end(const struct scenario *s, struct jat at, struct end *end);

/* Addresses that may belong to a NIC, "10.0.1.2/24". */
void scenario_read_address(struct jat at, struct in_addr *address, int *prefix);

/* scenario_check.c: every host and router has a name of its own. */
void scenario_check_names(const struct scenario *s, struct jat root);
/* What only shows when everything is read. Needs the links' realms. */
void scenario_check(const struct scenario *s, struct jat root);

/* events.c: the list "events". Needs everything else, checked. */
void scenario_read_events(struct scenario *s, struct jat list);

/* Whether two networks of which the shorter prefix is `prefix` bits have an address in common. */
bool same_network(struct in_addr a, struct in_addr b, int prefix);

#define NO_LINK SIZE_MAX /* nic.link while it has none */

#endif
