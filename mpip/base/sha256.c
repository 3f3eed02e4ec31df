// SPDX-License-Identifier: BSD-2-Clause
/*
 * SHA-256, FIPS 180-4.
 *
 * Theory of operation
 * -------------------
 * The message is taken in blocks of 64 bytes; the last one or two carry the padding: a one bit,
 * zeros, and the length in bits. A state of eight words is mixed with each block. The round
 * constants are the fractions of the cube roots of the first 64 primes, the start values those of
 * the square roots of the first eight.
 */

#include "mpip/base/sha256.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct sha256 {
	uint32_t state[8];
	uint64_t length; /* bytes taken so far */
	uint8_t block[64];
};

static const uint32_t round_constants[64] = {
	0x428a2f98,
	0x71374491,
	0xb5c0fbcf,
	0xe9b5dba5,
	0x3956c25b,
	0x59f111f1,
	0x923f82a4,
	0xab1c5ed5,
	0xd807aa98,
	0x12835b01,
	0x243185be,
	0x550c7dc3,
	0x72be5d74,
	0x80deb1fe,
	0x9bdc06a7,
	0xc19bf174,
	0xe49b69c1,
	0xefbe4786,
	0x0fc19dc6,
	0x240ca1cc,
	0x2de92c6f,
	0x4a7484aa,
	0x5cb0a9dc,
	0x76f988da,
	0x983e5152,
	0xa831c66d,
	0xb00327c8,
	0xbf597fc7,
	0xc6e00bf3,
	0xd5a79147,
	0x06ca6351,
	0x14292967,
	0x27b70a85,
	0x2e1b2138,
	0x4d2c6dfc,
	0x53380d13,
	0x650a7354,
	0x766a0abb,
	0x81c2c92e,
	0x92722c85,
	0xa2bfe8a1,
	0xa81a664b,
	0xc24b8b70,
	0xc76c51a3,
	0xd192e819,
	0xd6990624,
	0xf40e3585,
	0x106aa070,
	0x19a4c116,
	0x1e376c08,
	0x2748774c,
	0x34b0bcb5,
	0x391c0cb3,
	0x4ed8aa4a,
	0x5b9cca4f,
	0x682e6ff3,
	0x748f82ee,
	0x78a5636f,
	0x84c87814,
	0x8cc70208,
	0x90befffa,
	0xa4506ceb,
	0xbef9a3f7,
	0xc67178f2,
};

static uint32_t rotate(uint32_t v, int n)
{
	return v >> n | v << (32 - n);
}

static void mix(struct sha256 *s)
{
	uint32_t w[64];
	for (int i = 0; i < 16; i++)
		w[i] = (uint32_t)s->block[4 * i] << 24 | (uint32_t)s->block[4 * i + 1] << 16 |
		       (uint32_t)s->block[4 * i + 2] << 8 | s->block[4 * i + 3];
	for (int i = 16; i < 64; i++)
		w[i] = w[i - 16] + w[i - 7] +
		       (rotate(w[i - 15], 7) ^ rotate(w[i - 15], 18) ^ w[i - 15] >> 3) +
		       (rotate(w[i - 2], 17) ^ rotate(w[i - 2], 19) ^ w[i - 2] >> 10);

	uint32_t v[8];
	memcpy(v, s->state, sizeof(v));
	for (int i = 0; i < 64; i++) {
		uint32_t t1 = v[7] + (rotate(v[4], 6) ^ rotate(v[4], 11) ^ rotate(v[4], 25)) +
			      ((v[4] & v[5]) ^ (~v[4] & v[6])) + round_constants[i] + w[i];
		uint32_t t2 = (rotate(v[0], 2) ^ rotate(v[0], 13) ^ rotate(v[0], 22)) +
			      ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));
		memmove(v + 1, v, 7 * sizeof(v[0]));
		v[4] += t1;
		v[0] = t1 + t2;
	}
	for (int i = 0; i < 8; i++)
		s->state[i] += v[i];
}

static void begin(struct sha256 *s)
{
	static const uint32_t start[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
		0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
	memcpy(s->state, start, sizeof(start));
	s->length = 0;
}

static void take(struct sha256 *s, const uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		s->block[s->length++ % 64] = bytes[i];
		if (s->length % 64 == 0)
			mix(s);
	}
}

static void finish(struct sha256 *s, char out[SHA256_TEXT])
{
	uint64_t bits = s->length * 8;
	take(s, (const uint8_t[]){0x80}, 1);
	while (s->length % 64 != 56)
		take(s, (const uint8_t[]){0}, 1);
	for (int i = 7; i >= 0; i--)
		take(s, (const uint8_t[]){(uint8_t)(bits >> 8 * i)}, 1);
	for (int i = 0; i < 8; i++)
		snprintf(out + 8 * i, 9, "%08x", s->state[i]);
}

void sha256_bytes(const void *bytes, size_t length, char out[SHA256_TEXT])
{
	struct sha256 s;
	begin(&s);
	take(&s, bytes, length);
	finish(&s, out);
}

int sha256_file(const char *file, char out[SHA256_TEXT])
{
	FILE *f = fopen(file, "re");
	if (!f)
		return -1;

	struct sha256 s;
	begin(&s);
	uint8_t chunk[4096];
	size_t n;
	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		take(&s, chunk, n);
	int bad = ferror(f);
	fclose(f);
	if (bad) {
		errno = EIO;
		return -1;
	}
	finish(&s, out);
	return 0;
}
