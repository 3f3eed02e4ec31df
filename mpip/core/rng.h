/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MPIP_CORE_RNG_H
#define MPIP_CORE_RNG_H

#include <stdint.h>

/* The scheduler's random numbers: repeatable from a seed, not for secrets (SplitMix64). */
struct rng {
	uint64_t state;
};

static inline uint32_t rng_next(struct rng *r)
{
	uint64_t z = r->state += 0x9e3779b97f4a7c15u;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return (uint32_t)((z ^ z >> 31) >> 32);
}

/* Uniform in [0, bound); bound > 0. */
static inline uint32_t rng_below(struct rng *r, uint32_t bound)
{
	return (uint32_t)((uint64_t)rng_next(r) * bound >> 32);
}

#endif
