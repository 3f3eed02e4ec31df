/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MPIP_BASE_TEXT_H
#define MPIP_BASE_TEXT_H

/* asprintf() that ends the program when there is no memory. Free the result. */
char *text_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
