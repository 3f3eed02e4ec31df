/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef LAB_BUILD_LAB_H
#define LAB_BUILD_LAB_H

#include "lab/build/owner.h"
#include "lab/scenario/scenario.h"

#include <jansson.h>
#include <netinet/in.h>
#include <signal.h>

/*
 * Building, using and taking down labs. A lab is a scenario that was built under a name; its hosts
 * and routers are network namespaces, called LAB-HOST in ip-netns(8).
 *
 * Needs root. Functions return 0, or -1 (NULL) with `*error` set to an allocated line (error.h).
 * Link with $(LAB_OBJS) and $(call pkg-libs,$(LAB_PKGS)).
 */

/* Builds a lab, all of it or nothing: on an error what was built so far is removed. A lab of that
 * name that is there already is an error and stays as it is; so is a scenario with delay, jitter or
 * loss on a kernel without sch_netem. `owner` is the process that it is for and that takes it down
 * again, should that be killed, lab_sweep() does; NULL: it is the user's own, and stays. */
int lab_up(const struct scenario *s, const char *name, const struct lab_owner *owner, char **error);

/* Set it (from a signal handler) to make a running lab_up() fail soon, with everything removed. */
extern volatile sig_atomic_t lab_stop;

/* Takes down what lab_up() has built, also if that was killed in the middle, and nothing else.
 * Where the scenario cannot be read any more, it takes down the namespaces that are named NAME-*
 * and marked as this lab's. Processes in the lab are left alone (see lab_end_processes()): they
 * lose their links and addresses at once, the name of their namespace is gone, and the namespace
 * itself ends with the last of them. */
int lab_down(const char *name, char **error);

/* Takes down all labs whose owners have ended without doing so. Others may do the same at the same
 * time. The names go into `taken`, an array (NULL: not wanted). */
int lab_sweep(json_t *taken, char **error);

enum lab_whose {
	LAB_OWN,     /* the user's, or of a process that the caller is or comes from */
	LAB_FOREIGN, /* of another process, which is there */
	LAB_LEFT,    /* its owner has ended without taking it down */
	LAB_UNKNOWN, /* somebody has damaged what says so */
};

/* Whose a lab is. In words, "process 12, for the experiment two-nics", in `*who` (allocated; NULL:
 * not wanted); "" where it is nobody's but the user's. */
enum lab_whose lab_whose(const char *name, char **who);

/* The namespaces of a lab that are there, an array of their hosts' and routers' names: as the
 * scenario says, or else, as lab_down() finds them. */
json_t *lab_namespaces(const char *name);

/* The names of all labs, an array of strings; empty when there is none. */
json_t *lab_list(void);

/* "up", "busy" (being built or taken down), "broken" (half built by a process that was killed) or
 * "none". */
const char *lab_state(const char *name);

/* Why the scenario of a lab cannot be read any more: somebody has damaged the file. Allocated; NULL
 * when it can be, or when there is no such lab. */
char *lab_damage(const char *name);

/* The scenario that a lab was built from, to be freed with scenario_free(). */
struct scenario *lab_scenario(const char *name, char **error);

/* {"scenario_file": an absolute path, "since": seconds since 1970} of a lab that is up, or NULL. */
json_t *lab_origin(const char *name);

/* Processes in a lab: [{"host", "pid", "command"}]. Hosts and routers. */
json_t *lab_processes(const char *name, char **error);

/* Ends the processes in a lab: SIGTERM, and SIGKILL for those that are still there LAB_END_S
 * seconds later; `told` hears of each as it gets either. The calling process and those that it
 * descends from are left alone. What cannot be ended is no error: lab_processes() has it. */
#define LAB_END_S 4 /* longer than mpipd waits for its peers */
int lab_end_processes(
	const char *name, void (*told)(const json_t *process, int signal), char **error);

/* Takes the calling process into a host or router: its network namespace, and a private mount
 * namespace where /sys shows that namespace's devices. Only for a process with a single thread;
 * usually in a child, before exec. There is no way back. */
int lab_enter(const char *name, const char *host, char **error);

/* A descriptor of a host's or router's network namespace, close-on-exec, to be closed. */
int lab_netns(const char *name, const char *host, char **error);

/* The address of a host's NIC or a router's port, as the scenario has it. */
int lab_nic_address(
	const char *name, const char *host, const char *nic, struct in_addr *address, char **error);

/*
 * What the kernel has counted in a lab since it was built:
 *
 * { "lab": NAME,
 *   "links": [ { "ends": ["client.eth0", "router.c0"], "up": DIRECTION, "down": DIRECTION } ],
 *   "interfaces": [ { "host", "name", "rx_bytes", "rx_packets", "rx_dropped", "tx_bytes",
 *                     "tx_packets", "tx_dropped" } ],
 *   "routers": [ { "name", "dropped": { "unsolicited", "invalid", "unknown-tcp", "udp" } } ] }
 *
 * links: in the scenario's order. DIRECTION: { "kind": "tbf", "netem", "tbf+netem" or "none",
 * "bytes", "packets": what has left the link, "drops", "overlimits", "backlog_bytes",
 * "backlog_packets": the sums over its qdiscs, "qdiscs": [ { "interface", "kind", and the same
 * counters } ] }. Without a qdisc the bytes and packets are those of the router's port.
 * interfaces: NICs and ports. routers: those with a NAT or a firewall, and the packets it has
 * dropped. Bytes are those of Ethernet frames without checksum.
 */
json_t *lab_counters(const char *name, char **error);

#endif
