/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EXPERIMENTS_PROBE_FOOTPRINT_H
#define EXPERIMENTS_PROBE_FOOTPRINT_H

#include <jansson.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * What connections cost: memory and processor time of the whole machine, both hosts and their
 * kernels together, so that what a contestant keeps in sockets and what another keeps in mpipd is
 * counted alike. What the load and the runner itself have allocated is taken off.
 */

/* Whose memory is looked at; 0: no such process. */
struct footprint_processes {
	pid_t own[3];   /* runner and load: taken off */
	pid_t mpipd[2]; /* told apart */
};

struct footprint {
	double used_before, slab_before, mpipd_before; /* bytes, without connections */
	double used, slab, mpipd;                      /* with them: sums over the readings */
	int readings;
	int64_t first_us, last_us;        /* of the readings */
	double first_idle_s, last_idle_s; /* of all processors, since the machine started */
};

/* Before the first connection. */
void footprint_before(struct footprint *f, const struct footprint_processes *p);

/* Once a second in the measured part, its beginning and its end included. */
void footprint_note(struct footprint *f, const struct footprint_processes *p);

/* What result.schema.json calls "footprint", of so many connections with so many bytes received
 * between the first reading and the last. */
json_t *footprint_of(const struct footprint *f, int connections, double bytes);

#endif
