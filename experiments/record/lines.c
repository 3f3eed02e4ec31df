// SPDX-License-Identifier: BSD-2-Clause
/* Reading logs line by line; the contracts are in the header. */

#include "experiments/record/lines.h"

#include "mpip/base/error.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int lines_open(struct lines *lines, const char *file, char **error)
{
	*lines = (struct lines){.file = file, .stream = fopen(file, "re")};
	return lines->stream ? 0 : error_set(error, "%s: %s", file, strerror(errno));
}

int lines_next(struct lines *lines, char **error)
{
	ssize_t length = getline(&lines->text, &lines->room, lines->stream);
	if (length <= 0)
		return ferror(lines->stream) ? error_set(error, "%s: cannot be read: %s",
						       lines->file, strerror(errno))
					     : 0;
	lines->number++;
	lines->cut = lines->text[length - 1] != '\n';
	if (lines->cut && lines->growing)
		return 0;
	if (memchr(lines->text, '\0', (size_t)length))
		return error_set(error, "%s: line %zu: expected text, it has a NUL byte",
			lines->file, lines->number);
	if (lines->cut)
		return error_set(error, "%s: line %zu: expected a whole line; the log is cut",
			lines->file, lines->number);
	lines->text[--length] = '\0';
	if (length > 0 && lines->text[length - 1] == '\r')
		lines->text[length - 1] = '\0';
	return 1;
}

void lines_close(struct lines *lines)
{
	if (lines->stream)
		fclose(lines->stream);
	free(lines->text);
	*lines = (struct lines){0};
}
