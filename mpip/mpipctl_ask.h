/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MPIP_MPIPCTL_ASK_H
#define MPIP_MPIPCTL_ASK_H

#include <jansson.h>
#include <signal.h>
#include <stdio.h>

/* The answer of the mpipd at this socket to a line of words, sorted as it is shown, and without
 * control characters; a new reference. NULL, and said why on standard error unless `*interrupted`.
 */
json_t *ask_mpipd(
	const char *socket_name, const char *words, const volatile sig_atomic_t *interrupted);

/* Asks, and leaves the answer to be read: 0; or -1, and said why. */
int ask_stream(const char *socket_name, const char *words, FILE **reply);

/* A copy of a JSON value in which no text has a control character: each is a question mark. */
json_t *ask_without_controls(const json_t *value);

#endif
