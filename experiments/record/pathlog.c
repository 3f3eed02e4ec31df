// SPDX-License-Identifier: BSD-2-Clause
/*
 * Reading mpipd's path log.
 *
 * Theory of operation
 * -------------------
 * The header line says in which column each value stands; a table here says where in a row it goes.
 * Every value is a whole number but the two addresses.
 */

#include "experiments/record/pathlog.h"

#include "experiments/record/lines.h"
#include "mpip/base/error.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_COLUMNS 32

struct column {
	const char *name;
	size_t offset;
	enum { NUMBER, TRUTH, ADDRESS } type;
};

#define COLUMN(member, type)                                                                       \
	{                                                                                          \
#member, offsetof(struct path_row, member), type                                   \
	}

static const struct column columns[] = {
	COLUMN(time_us, NUMBER),
	COLUMN(session, NUMBER),
	COLUMN(path, NUMBER),
	COLUMN(src, ADDRESS),
	COLUMN(dst, ADDRESS),
	COLUMN(delay_us, NUMBER),
	COLUMN(min_delay_us, NUMBER),
	COLUMN(queuing_us, NUMBER),
	COLUMN(max_queuing_us, NUMBER),
	COLUMN(weight, NUMBER),
	COLUMN(usable, TRUTH),
	COLUMN(sent_packets, NUMBER),
	COLUMN(sent_bytes, NUMBER),
};
#define COLUMNS (sizeof(columns) / sizeof(columns[0]))

/* Where each of `columns` stands in a line. */
static int read_header(const struct lines *lines, int where[COLUMNS], char **error)
{
	for (size_t c = 0; c < COLUMNS; c++)
		where[c] = -1;
	char *rest = lines->text;
	for (int i = 0; rest; i++) {
		const char *name = strsep(&rest, ",");
		for (size_t c = 0; c < COLUMNS; c++)
			if (strcmp(name, columns[c].name) == 0)
				where[c] = i;
	}
	for (size_t c = 0; c < COLUMNS; c++)
		if (where[c] < 0)
			return error_set(error, "%s: line 1: expected a column %s", lines->file,
				columns[c].name);
	return 0;
}

static int read_value(const struct column *c, const char *value, struct path_row *row)
{
	char *to = (char *)row + c->offset;
	if (c->type == ADDRESS)
		return snprintf(to, sizeof(row->src), "%s", value) < (int)sizeof(row->src) ? 0 : -1;

	char *end;
	errno = 0;
	long long number = strtoll(value, &end, 10);
	if (errno || end == value || *end != '\0')
		return -1;
	if (c->type == TRUTH)
		*(bool *)to = number != 0;
	else
		*(int64_t *)to = number;
	return 0;
}

static int read_row(
	const struct lines *lines, const int where[COLUMNS], struct path_row *row, char **error)
{
	const char *values[MOST_COLUMNS];
	int count = 0;
	for (char *rest = lines->text; rest && count < MOST_COLUMNS;)
		values[count++] = strsep(&rest, ",");
	for (size_t c = 0; c < COLUMNS; c++)
		if (where[c] >= count || read_value(&columns[c], values[where[c]], row) != 0)
			return error_set(error, "%s: line %zu: expected a value for %s",
				lines->file, lines->number, columns[c].name);
	return 0;
}

int path_log_read(const char *file, struct path_log *log, char **error)
{
	*log = (struct path_log){0};
	struct lines lines;
	int where[COLUMNS], rc = lines_open(&lines, file, error), more = 0;
	size_t room = 0;
	while (rc == 0 && (more = lines_next(&lines, error)) > 0) {
		if (lines.number == 1) {
			rc = read_header(&lines, where, error);
			continue;
		}
		if (lines.text[0] == '\0')
			continue;
		if (log->count == room) {
			room = room ? 2 * room : 1024;
			log->rows = reallocarray(log->rows, room, sizeof(*log->rows));
			if (!log->rows)
				abort();
		}
		log->rows[log->count] = (struct path_row){0};
		rc = read_row(&lines, where, &log->rows[log->count++], error);
	}
	if (rc == 0 && more == 0 && lines.number == 0)
		rc = error_set(error, "%s: line 1: expected the names of the columns", file);
	lines_close(&lines);
	if (rc != 0 || more < 0) {
		path_log_free(log);
		return -1;
	}
	return 0;
}

void path_log_free(struct path_log *log)
{
	free(log->rows);
	*log = (struct path_log){0};
}
