/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EXPERIMENTS_RECORD_LINES_H
#define EXPERIMENTS_RECORD_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* A log, line by line. */
struct lines {
	const char *file; /* the caller's; named in errors */
	FILE *stream;
	char *text;    /* the line, without its end; may be changed */
	size_t number; /* of the line, from 1 */
	size_t room;
	bool growing; /* the caller's: somebody may be writing it, and have written half a line */
	bool cut;     /* its last line, `number`, is such a one */
};

/* 0, or -1 and *error. Close with lines_close(), also after a failure. */
int lines_open(struct lines *lines, const char *file, char **error);

/* The next line: 1; 0 at the end of the file; or -1 and *error, one line "FILE: line N: expected
 * ...": for a last line without its end, since such a log was cut and may have lost half a number,
 * which in a growing one is the end of the file; and for a NUL byte, behind which the rest of a
 * line would not be seen. */
int lines_next(struct lines *lines, char **error);

void lines_close(struct lines *lines);

#endif
