/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EXPERIMENTS_PROBE_PAIRS_H
#define EXPERIMENTS_PROBE_PAIRS_H

#include "lab/scenario/scenario.h"

#include <jansson.h>

/* What the routers of a lab have passed on, by source and destination address: the bytes of each
 * path, told by nobody who takes part, and for every contestant alike. */
struct pairs;

/* Begins to count at every router port of the lab. NULL and *error when the kernel refuses. */
struct pairs *pairs_open(const struct scenario *s, const char *lab, char **error);
void pairs_close(struct pairs *p);

/* The counts so far: [{"src", "dst", "bytes", "packets", "small_packets"}], sorted by addresses;
 * bytes are those of Ethernet frames, small packets have up to PAIRS_SMALL_BYTES of them. NULL and
 * *error on failure. */
json_t *pairs_read(const struct pairs *p, char **error);

#endif
