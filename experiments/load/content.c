// SPDX-License-Identifier: BSD-2-Clause
/*
 * The bytes of a numbered stream.
 *
 * Theory of operation: eight bytes at a time are a hash of the number and of where they are
 * (splitmix64's finalizer), so that a piece of a stream is found nowhere else in it or in another,
 * whatever the lengths of segments are.
 */

#include "experiments/load/content.h"

#include <endian.h>
#include <string.h>

#define WORD 8

static uint64_t word_at(uint32_t number, uint64_t index)
{
	uint64_t x = ((uint64_t)number << 40 ^ index) + 0x9e3779b97f4a7c15u;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	x = htobe64(x ^ x >> 31);
	uint32_t first = htobe32(number);
	if (index == 0)
		memcpy(&x, &first, sizeof(first));
	return x;
}

void content_fill(unsigned char *out, size_t count, uint32_t number, uint64_t at)
{
	while (count > 0) {
		uint64_t word = word_at(number, at / WORD);
		size_t skip = at % WORD, n = WORD - skip < count ? WORD - skip : count;
		memcpy(out, (unsigned char *)&word + skip, n);
		out += n;
		at += n;
		count -= n;
	}
}

uint32_t content_number(const unsigned char first[CONTENT_NUMBER_BYTES])
{
	uint32_t number;
	memcpy(&number, first, sizeof(number));
	return be32toh(number);
}

bool content_is_whole(
	const unsigned char *got, size_t count, uint32_t number, uint64_t at, uint64_t *wrong)
{
	while (count > 0) {
		unsigned char expected[WORD];
		size_t skip = at % WORD, n = WORD - skip < count ? WORD - skip : count;
		content_fill(expected, n, number, at);
		for (size_t i = 0; i < n; i++)
			if (got[i] != expected[i]) {
				*wrong = at + i;
				return false;
			}
		got += n;
		at += n;
		count -= n;
	}
	return true;
}
