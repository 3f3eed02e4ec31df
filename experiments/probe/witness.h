/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EXPERIMENTS_PROBE_WITNESS_H
#define EXPERIMENTS_PROBE_WITNESS_H

#include "experiments/probe/proc.h"

#include <stddef.h>
#include <stdint.h>

/* The witness: an idle, unshaped link beside the experiment's lab, with a small datagram every few
 * milliseconds from one end to the other. What it waits for is the machine and nothing else: the
 * processor that is busy with the experiment. From user space to user space, as mpipd's packets go.
 */

struct witness {
	char *lab, *log;
	struct child sender, receiver;
};

/* Builds its lab (`lab` is its name, free to use) and starts both ends. `scenario_file` and `log`
 * are written: the log is a CSV file, seq,sent_ns,received_ns, CLOCK_MONOTONIC. 0, or -1 and
 * *error; either way to be ended. */
int witness_start(struct witness *w, const char *lab, const char *scenario_file, const char *log,
	uint64_t seed, char **error);

/* Ends the processes and takes the lab down. The log is whole then. 0, or -1 and *error. */
int witness_end(struct witness *w, char **error);

/* One-way delays in ms of the datagrams sent between two times (CLOCK_MONOTONIC, us), and how many
 * there were. */
struct witness_delays {
	size_t count;
	double p50_ms, p90_ms, p99_ms;
};

int witness_read(const char *log, int64_t from_us, int64_t to_us, struct witness_delays *delays,
	char **error);

#endif
