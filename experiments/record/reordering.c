// SPDX-License-Identifier: BSD-2-Clause
/*
 * Packet reordering.
 *
 * Theory of operation
 * -------------------
 * A packet is reordered when one with a higher number came before it. Its extent is the distance
 * to the *earliest* of those: the first place at which the highest number so far exceeds its own,
 * and as the highest number only grows, that place is found by bisection in the list of its
 * records. Its degree of n-reordering counts those *right* before it: the distance to the last
 * packet with a lower number, which a stack of ascending numbers has on its top.
 */

#include "experiments/record/reordering.h"

#include <stdbool.h>
#include <stdlib.h>

/* A packet that arrived: where, and its number. */
struct arrival {
	size_t at;
	uint32_t seq;
};

static void *new_list(size_t count, size_t size)
{
	void *list = calloc(count ? count : 1, size);
	if (!list)
		abort();
	return list;
}

static uint32_t highest(const uint32_t *seq, size_t count)
{
	uint32_t top = 0;
	for (size_t i = 0; i < count; i++)
		top = seq[i] > top ? seq[i] : top;
	return top;
}

/* The place of the first record above `seq`, which the last one is. */
static size_t first_above(const struct arrival *records, size_t count, uint32_t seq)
{
	size_t low = 0, high = count - 1;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (records[middle].seq > seq)
			high = middle;
		else
			low = middle + 1;
	}
	return records[low].at;
}

struct reordering reordering_of(const uint32_t *seq, size_t count)
{
	struct reordering r = {0};
	struct arrival *records = new_list(count, sizeof(*records));
	struct arrival *stack = new_list(count, sizeof(*stack));
	unsigned char *seen = new_list((size_t)highest(seq, count) / 8 + 1, 1);
	size_t record_count = 0, depth = 0, extents = 0;

	for (size_t i = 0; i < count; i++) {
		unsigned char bit = (unsigned char)(1 << seq[i] % 8);
		if (seen[seq[i] / 8] & bit) {
			r.duplicates++;
			continue;
		}
		seen[seq[i] / 8] |= bit;
		struct arrival now = {.at = r.received++, .seq = seq[i]};

		if (record_count == 0 || records[record_count - 1].seq < now.seq) {
			records[record_count++] = now;
		} else {
			size_t extent = now.at - first_above(records, record_count, now.seq);
			r.reordered++;
			extents += extent;
			r.max_extent = extent > r.max_extent ? extent : r.max_extent;
		}
		while (depth > 0 && stack[depth - 1].seq > now.seq)
			depth--;
		size_t degree = depth > 0 ? now.at - stack[depth - 1].at - 1 : now.at;
		for (size_t n = 0; n < degree && n < REORDERING_DEGREES; n++)
			r.n_reordered[n]++;
		stack[depth++] = now;
	}
	if (r.received)
		r.ratio = (double)r.reordered / (double)r.received;
	if (r.reordered)
		r.mean_extent = (double)extents / (double)r.reordered;
	free(seen);
	free(stack);
	free(records);
	return r;
}
