/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MPIP_BASE_SHA256_H
#define MPIP_BASE_SHA256_H

#include <stddef.h>

/* SHA-256 (FIPS 180-4). A digest names what a result was made from: the definition of its run, its
 * scenario, the programs. 64 hexadecimal digits and a terminating zero. */
#define SHA256_TEXT 65

/* The digest of `length` bytes. */
void sha256_bytes(const void *bytes, size_t length, char out[SHA256_TEXT]);

/* The digest of a file's content. 0, or -1 with errno when it cannot be read. */
int sha256_file(const char *file, char out[SHA256_TEXT]);

#endif
