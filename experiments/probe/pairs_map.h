/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EXPERIMENTS_PROBE_PAIRS_MAP_H
#define EXPERIMENTS_PROBE_PAIRS_MAP_H

#include <linux/types.h>

/* What pairs.bpf.c and pairs.c share: a hash map from a pair of addresses to what went between. */

struct pair_key {
	__u32 src, dst; /* network order */
};

struct pair_count {
	__u64 bytes, packets;
	__u64 small_packets; /* frames of at most PAIRS_SMALL_BYTES */
};

/* What the paper calls small, IP packets under 200 bytes, with MPIP's own bytes around it. */
#define PAIRS_SMALL_BYTES 300

#define PAIRS_MAX 256

#endif
