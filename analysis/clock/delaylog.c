// SPDX-License-Identifier: BSD-2-Clause
/*
 * Logs of one-way delays.
 *
 * Theory of operation
 * -------------------
 * Columns are arrays of their own: 18 bytes a sample, so that ten millions of them fit anywhere.
 * The log of a live system is in order already, which one pass finds out; otherwise it is sorted.
 *
 * Which column is which is never guessed where there is a header: a time taken for a delay gives a
 * skew like any other. Names are compared in lower case, without quotes and without their unit, and
 * as a whole: "sender" and "sent_packets" are no times.
 */

#include "analysis/clock/delaylog.h"

#include "experiments/record/lines.h"
#include "mpip/base/error.h"

#include <ctype.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void delay_log_add(struct delay_log *log, double sent_s, double delay_s, unsigned path)
{
	size_t n = log->count;
	if ((n & (n - 1)) == 0) {
		size_t room = n ? 2 * n : 1;
		log->sent_s = reallocarray(log->sent_s, room, sizeof(*log->sent_s));
		log->delay_s = reallocarray(log->delay_s, room, sizeof(*log->delay_s));
		log->path = reallocarray(log->path, room, sizeof(*log->path));
		if (!log->sent_s || !log->delay_s || !log->path)
			abort();
	}
	log->sent_s[n] = sent_s;
	log->delay_s[n] = delay_s;
	log->path[n] = (uint16_t)path;
	log->count++;
	log->path_count = path >= log->path_count ? path + 1 : log->path_count;
}

struct sample {
	double sent_s, delay_s;
	uint16_t path;
};

static int by_time(const void *a, const void *b)
{
	double x = ((const struct sample *)a)->sent_s, y = ((const struct sample *)b)->sent_s;
	return (x > y) - (x < y);
}

static void sort(struct delay_log *log)
{
	struct sample *all = calloc(log->count, sizeof(*all));
	if (!all)
		abort();
	for (size_t i = 0; i < log->count; i++)
		all[i] = (struct sample){log->sent_s[i], log->delay_s[i], log->path[i]};
	qsort(all, log->count, sizeof(*all), by_time);
	for (size_t i = 0; i < log->count; i++) {
		log->sent_s[i] = all[i].sent_s;
		log->delay_s[i] = all[i].delay_s;
		log->path[i] = all[i].path;
	}
	free(all);
}

void delay_log_order(struct delay_log *log)
{
	bool ordered = true;
	for (size_t i = 1; ordered && i < log->count; i++)
		ordered = log->sent_s[i] >= log->sent_s[i - 1];
	if (!ordered)
		sort(log);
	double first = log->count ? log->sent_s[0] : 0;
	for (size_t i = 0; i < log->count; i++)
		log->sent_s[i] -= first;
}

static const struct unit {
	const char *name;
	double seconds;
} units[] = {{"s", 1}, {"ms", 1e-3}, {"us", 1e-6}, {"ns", 1e-9}};

/* NULL for an unknown one. */
static const struct unit *find_unit(const char *name, size_t length)
{
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (strlen(units[i].name) == length && strncmp(units[i].name, name, length) == 0)
			return &units[i];
	return NULL;
}

#define FIELDS 32

/* The fields of a line; those beyond are left alone. Returns how many. */
static size_t split(const char *line, const char **fields)
{
	size_t count = 0;
	for (const char *at = line; at && count < FIELDS; at = strchr(at, ',')) {
		at += count > 0; /* the comma */
		fields[count++] = at;
	}
	return count;
}

/* A number and nothing else. */
static bool number(const char *field, double *value)
{
	char *end;
	*value = strtod(field, &end);
	bool any = end != field;
	end += strspn(end, " \t");
	return any && isfinite(*value) && (*end == ',' || *end == '\0');
}

/* The number of the path of this name, made when it is new; -1: too many. */
static int path_number(struct delay_log *log, const char *name)
{
	size_t length = strcspn(name, ",");
	for (size_t i = 0; i < log->path_count; i++)
		if (strlen(log->path_names[i]) == length &&
			strncmp(log->path_names[i], name, length) == 0)
			return (int)i;
	if (log->path_count == DELAY_LOG_PATHS)
		return -1;
	if (!log->path_names)
		log->path_names = calloc(DELAY_LOG_PATHS, sizeof(*log->path_names));
	if (!log->path_names)
		abort();
	log->path_names[log->path_count] = text_format("%.*s", (int)length, name);
	return (int)log->path_count++;
}

struct reader {
	struct lines lines;
	size_t sent, delay, path;                  /* columns */
	size_t usable;                             /* FIELDS: there is none */
	const struct unit *sent_unit, *delay_unit; /* NULL: not known yet */
};

/* What a column is called: lower case, with _ for what is neither letter nor digit, without what
 * surrounds it (quotes, spaces, a byte order mark) and without its unit. */
struct name {
	char word[32];
	const struct unit *unit; /* NULL: the name has none */
};

static struct name read_name(const char *field)
{
	struct name name = {0};
	size_t n = 0;
	for (; *field && *field != ',' && n + 1 < sizeof(name.word); field++) {
		unsigned char c = (unsigned char)*field;
		if (isalnum(c))
			name.word[n++] = (char)tolower(c);
		else if (n > 0 && name.word[n - 1] != '_')
			name.word[n++] = '_';
	}
	while (n > 0 && name.word[n - 1] == '_')
		name.word[--n] = '\0';
	char *last = strrchr(name.word, '_');
	if (last)
		name.unit = find_unit(last + 1, strlen(last + 1));
	if (last && name.unit)
		*last = '\0';
	return name;
}

/* Whether a first line names columns: it begins with a letter, and not with a "nan" or "inf". */
static bool is_header(const char *line)
{
	char *end;
	strtod(line, &end);
	bool is_number = end != line && (*end == ',' || *end == '\0');
	return !is_number && isalpha((unsigned char)read_name(line).word[0]);
}

/* The only column with one of these names, which end with NULL; FIELDS: none, or several. */
static size_t find_column(const struct name *names, size_t count, const char *const *words)
{
	size_t found = FIELDS;
	for (size_t i = 0; i < count; i++)
		for (const char *const *word = words; *word; word++) {
			if (strcmp(names[i].word, *word) != 0)
				continue;
			if (found < FIELDS)
				return FIELDS;
			found = i;
		}
	return found;
}

static int read_header(struct reader *r, char **error)
{
	static const char *const times[] = {
		"time", "timestamp", "sent", "send", "sent_at", "sent_time", "send_time", NULL};
	static const char *const delays[] = {"delay", "owd", "one_way_delay", NULL};
	static const char *const usable[] = {"usable", NULL};
	const char *fields[FIELDS];
	struct name names[FIELDS];
	size_t count = split(r->lines.text, fields);
	for (size_t i = 0; i < count; i++)
		names[i] = read_name(fields[i]);
	r->sent = find_column(names, count, times);
	r->delay = find_column(names, count, delays);
	r->usable = find_column(names, count, usable);
	if (r->sent == FIELDS || r->delay == FIELDS)
		return error_set(error,
			"%s: line 1: expected columns time or sent, and delay or owd, one of each, "
			"got \"%.60s\"",
			r->lines.file, r->lines.text);
	r->path = 0;
	while (r->path < count && strncmp(names[r->path].word, "path", strlen("path")) != 0)
		r->path++;
	if (r->path == count)
		r->path = FIELDS;
	if (names[r->sent].unit)
		r->sent_unit = names[r->sent].unit;
	if (names[r->delay].unit)
		r->delay_unit = names[r->delay].unit;
	return 0;
}

static int read_row(const struct reader *r, struct delay_log *log, char **error)
{
	const char *fields[FIELDS];
	size_t count = split(r->lines.text, fields);
	double sent, delay, usable = 1;
	if (r->sent >= count || r->delay >= count || !number(fields[r->sent], &sent) ||
		!number(fields[r->delay], &delay) ||
		(r->usable < FIELDS && (r->usable >= count || !number(fields[r->usable], &usable))))
		return error_set(error,
			"%s: line %zu: expected send time, one-way delay and perhaps a path, got "
			"\"%.60s\"",
			r->lines.file, r->lines.number, r->lines.text);
	if (usable == 0)
		return 0;
	int path = path_number(log, r->path < count ? fields[r->path] : "");
	if (path < 0)
		return error_set(error, "%s: line %zu: expected at most %d paths, in column %zu",
			r->lines.file, r->lines.number, DELAY_LOG_PATHS, r->path + 1);
	delay_log_add(
		log, sent * r->sent_unit->seconds, delay * r->delay_unit->seconds, (unsigned)path);
	return 0;
}

/* "ms", or "s,ms": of times and delays. NULL leaves them as they are. */
static int read_units(struct reader *r, const char *unit, char **error)
{
	if (!unit)
		return 0;
	size_t first = strcspn(unit, ",");
	const char *second = unit[first] ? unit + first + 1 : unit;
	r->sent_unit = find_unit(unit, first);
	r->delay_unit = find_unit(second, strlen(second));
	if (!r->sent_unit || !r->delay_unit)
		return error_set(error,
			"unit %s: expected s, ms, us or ns, or two of them: of times and delays",
			unit);
	return 0;
}

static void assume_units(struct reader *r, struct delay_log *log)
{
	const struct unit *us = find_unit("us", 2);
	log->assumed = !r->sent_unit || !r->delay_unit;
	r->sent_unit = r->sent_unit ? r->sent_unit : us;
	r->delay_unit = r->delay_unit ? r->delay_unit : us;
	log->time_unit = r->sent_unit->name;
	log->delay_unit = r->delay_unit->name;
}

int delay_log_read(const char *file, const char *unit, struct delay_log *log, char **error)
{
	*log = (struct delay_log){0};
	struct reader r = {.sent = 0, .delay = 1, .path = 2, .usable = FIELDS};
	if (read_units(&r, unit, error) != 0)
		return -1;
	int rc = lines_open(&r.lines, file, error), more = 0;
	while (rc == 0 && (more = lines_next(&r.lines, error)) > 0) {
		const char *line = r.lines.text;
		bool header = r.lines.number == 1 && is_header(line);
		if (header)
			rc = read_header(&r, error);
		if (rc == 0 && r.lines.number == 1)
			assume_units(&r, log);
		if (rc == 0 && !header && line[strspn(line, " \t")] != '\0')
			rc = read_row(&r, log, error);
	}
	if (more < 0)
		rc = -1;
	if (rc == 0 && log->count < 3)
		rc = error_set(
			error, "%s: expected at least 3 samples, it has %zu", file, log->count);
	lines_close(&r.lines);
	if (rc == 0)
		delay_log_order(log);
	else
		delay_log_free(log);
	return rc;
}

void delay_log_free(struct delay_log *log)
{
	for (size_t i = 0; log->path_names && i < log->path_count; i++)
		free(log->path_names[i]);
	free(log->path_names);
	free(log->sent_s);
	free(log->delay_s);
	free(log->path);
	*log = (struct delay_log){0};
}
