/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MPIP_BASE_LOGFMT_H
#define MPIP_BASE_LOGFMT_H

#include <stddef.h>

/*
 * A line of key=value pairs, as logs have them. A value that is empty, or has a blank, a quote, '='
 * or a control character in it, stands in double quotes, with \" \\ \n \t and \xHH.
 */

#define LOGFMT_MAX 2048

struct logfmt {
	char text[LOGFMT_MAX]; /* ends with '\0' */
	size_t length;
};

/* Appends a pair, behind a blank unless the line is empty. What the line has no room for is cut. */
void logfmt_add(struct logfmt *line, const char *key, const char *value);

#endif
