/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MPIP_BASE_ERROR_H
#define MPIP_BASE_ERROR_H

#include "mpip/base/text.h"

/*
 * How functions fail that have something to say: they return -1 (or NULL), and `*error` is one line
 * for the person at the keyboard, allocated, without a newline. The first error stands: what goes
 * wrong while an error is being cleaned up must not hide it.
 */

/* Sets `*error` unless it is set already or `error` is NULL. Always returns -1. */
int error_set(char **error, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
