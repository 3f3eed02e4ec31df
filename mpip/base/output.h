/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MPIP_BASE_OUTPUT_H
#define MPIP_BASE_OUTPUT_H

#include <stdio.h>

/*
 * What was printed has arrived, or the program says that it has not.
 *
 * Theory of operation
 * -------------------
 * stdio keeps what is printed and writes it later, so that a full disk shows at the earliest when
 * its buffer is full, and after main() nobody looks any more. A program whose answer is on standard
 * output therefore ends by output_end(), also after --help; who writes a file of its own closes
 * it by output_close().
 */

/* Writes what stdio still holds of standard output. If all that was printed has arrived, returns
 * `status`. Else prints one line on standard error, "PROGRAM: standard output cannot be written:
 * REASON", and returns `status`, or 1 if that was 0. To be used as `return output_end(status);` at
 * each end of main() after which something was printed. May be called more than once. */
int output_end(int status);

/* Writes what stdio still holds of `f`, which stays open. NULL if all that was ever written to it
 * has arrived, else the reason for a message, such as "No space left on device"; valid until the
 * next call of strerror(). */
const char *output_failure(FILE *f);

/* The same, and closes `f`: what fails at the end counts, too. */
const char *output_close(FILE *f);

#endif
