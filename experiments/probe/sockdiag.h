/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EXPERIMENTS_PROBE_SOCKDIAG_H
#define EXPERIMENTS_PROBE_SOCKDIAG_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* The TCP sockets of a network namespace, from the kernel's socket diagnostics. */
struct sockdiag;

/* A handle on the namespace in which `pid` lives; stays valid after that process is gone. NULL and
 * *error when the kernel has no TCP socket diagnostics (CONFIG_INET_DIAG). */
struct sockdiag *sockdiag_open(pid_t pid, char **error);
void sockdiag_close(struct sockdiag *diag);

/* The data connections of a test, as a JSON list of
 * {"src", "dst", "src_port", "dst_port", "congestion_control", "bytes_acked", "bytes_received",
 *  "retransmitted_segments", "rtt_ms", "cwnd_segments"}, and where BBR is its congestion control
 * "bbr": {"bandwidth_mbit", "min_rtt_ms", "pacing_gain", "cwnd_gain"}.
 * Sockets to or from `server_port`: those that are subflows of MPTCP when `mptcp`, else those whose
 * other port is `data_port` or one of the next `count` - 1. NULL and *error on failure. */
json_t *sockdiag_connections(struct sockdiag *diag, uint16_t server_port, uint16_t data_port,
	int count, bool mptcp, char **error);

#endif
