/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EXPERIMENTS_PROBE_MIB_H
#define EXPERIMENTS_PROBE_MIB_H

#include <jansson.h>
#include <sys/types.h>

/* The SNMP counters of a network namespace.
 *
 * `pid` lives in that namespace. Returns {"Tcp": {"RetransSegs": n, ...}, "TcpExt": {...},
 * "MPTcpExt": {...}, "Udp": {...}, ...}: every counter of /proc/PID/net/snmp and .../netstat under
 * the kernel's own names. NULL and *error when they cannot be read. */
json_t *mib_read(pid_t pid, char **error);

/* The same from the text of such a file, added to `into`. 0, or -1 when the text is not of that
 * form: pairs of lines "Group: name name ..." and "Group: value value ...". */
int mib_parse(const char *content, json_t *into);

/* after[group][name] - before[group][name]; a counter that is absent counts as 0. */
json_int_t mib_difference(
	const json_t *before, const json_t *after, const char *group, const char *name);

#endif
