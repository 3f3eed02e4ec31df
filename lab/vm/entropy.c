// SPDX-License-Identifier: BSD-2-Clause
/*
 * entropy SEED: makes the kernel's random numbers follow from a seed.
 *
 * Theory of operation
 * -------------------
 * In the guest nothing is random: no RDRAND, no device with a life of its own, a clock that counts
 * instructions. What the kernel would have gathered for its pool is therefore the same in every
 * boot, and the seed makes the difference. It is stretched to the pool's 256 bits, credited, and
 * the generator told to take it up at once instead of at its next turn. What the kernel has drawn
 * before is equal for all seeds; the network's secrets are drawn later, at their first use.
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/random.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

/* SplitMix64. */
static uint64_t next(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

int main(int argc, char **argv)
{
	char *end = NULL;
	errno = 0;
	uint64_t state = argc == 2 ? strtoull(argv[1], &end, 10) : 0;
	if (argc != 2 || errno || end == argv[1] || *end) {
		fprintf(stderr, "usage: entropy SEED, a whole number\n");
		return 2;
	}
	struct {
		struct rand_pool_info info;
		uint64_t words[4];
	} pool = {.info = {.entropy_count = 256, .buf_size = 32}};
	uint64_t words[4];
	for (int i = 0; i < 4; i++)
		words[i] = next(&state);
	memcpy(pool.info.buf, words, sizeof(words));

	int fd = open("/dev/urandom", O_WRONLY | O_CLOEXEC);
	if (fd < 0 || ioctl(fd, RNDADDENTROPY, &pool) != 0 || ioctl(fd, RNDRESEEDCRNG) != 0) {
		fprintf(stderr, "entropy: /dev/urandom: %s\n", strerror(errno));
		return 1;
	}
	return 0;
}
