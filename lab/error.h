/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef LAB_ERROR_H
#define LAB_ERROR_H

/*
 * How every function of the lab fails: it returns -1 (or NULL), and `*error` is one line for the
 * person at the keyboard, allocated, without a newline. The first error stands: what goes wrong
 * while an error is being cleaned up must not hide it.
 */

/* Sets `*error` unless it is set already or `error` is NULL. Always returns -1. */
int lab_fail(char **error, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* asprintf() that ends the program when there is no memory. Free the result. */
char *lab_text(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
