/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EXPERIMENTS_LOAD_CONTENT_H
#define EXPERIMENTS_LOAD_CONTENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What goes over a connection that has a number: its first bytes are the number, the others follow
 * from it and from where they are, so that the reader can check each one without keeping what was
 * sent, and none can take another's place. */

#define CONTENT_NUMBER_BYTES 4

/* The stream's bytes from `at` on. */
void content_fill(unsigned char *out, size_t count, uint32_t number, uint64_t at);

/* The number, of a stream's first bytes. */
uint32_t content_number(const unsigned char first[CONTENT_NUMBER_BYTES]);

/* Whether these are the stream's bytes from `at` on; if not, *wrong is where the first one is that
 * is not. */
bool content_is_whole(
	const unsigned char *got, size_t count, uint32_t number, uint64_t at, uint64_t *wrong);

#endif
