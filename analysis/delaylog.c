// SPDX-License-Identifier: BSD-2-Clause
/*
 * Logs of one-way delays.
 *
 * Theory of operation
 * -------------------
 * Columns are arrays of their own: 18 bytes a sample, so that ten millions of them fit anywhere.
 * The log of a live system is in order already, which one pass finds out; otherwise it is sorted.
 */

#include "analysis/delaylog.h"

#include "lab/error.h"

#include <ctype.h>
#include <errno.h>
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

/* What one of a unit is in seconds; NaN for an unknown one. */
static double seconds_of(const char *unit, size_t length)
{
	static const struct {
		const char *name;
		double seconds;
	} units[] = {{"s", 1}, {"ms", 1e-3}, {"us", 1e-6}, {"ns", 1e-9}};
	for (size_t i = 0; i < 4; i++)
		if (strlen(units[i].name) == length && strncmp(units[i].name, unit, length) == 0)
			return units[i].seconds;
	return NAN;
}

/* The unit in a column's name, or `otherwise`. */
static double unit_of(const char *name, size_t length, double otherwise)
{
	size_t from = length;
	while (from > 0 && name[from - 1] != '_')
		from--;
	double unit = from > 0 ? seconds_of(name + from, length - from) : NAN;
	return isnan(unit) ? otherwise : unit;
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
	end += strspn(end, " \r\n");
	return any && isfinite(*value) && (*end == ',' || *end == '\0');
}

/* The number of the path of this name, made when it is new; -1: too many. */
static int path_number(struct delay_log *log, const char *name)
{
	size_t length = strcspn(name, ",\r\n");
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
	log->path_names[log->path_count] = lab_text("%.*s", (int)length, name);
	return (int)log->path_count++;
}

static bool is_header(const char *line)
{
	while (*line == ' ' || *line == '"')
		line++;
	return isalpha((unsigned char)*line) || *line == '_' || *line == '#';
}

struct reader {
	const char *file;
	size_t line;
	size_t sent, delay, path; /* columns */
	size_t usable;            /* FIELDS: there is none */
	double sent_unit, delay_unit;
};

static bool begins(const char *name, const char *word)
{
	return strncmp(name, word, strlen(word)) == 0;
}

/* Columns by name, if both that are needed can be told; their units. */
static void read_header(struct reader *r, const char *line)
{
	const char *names[FIELDS];
	size_t count = split(line, names), sent = FIELDS, delay = FIELDS, path = FIELDS;
	size_t usable = FIELDS;
	for (size_t i = count; i-- > 0;) {
		if (begins(names[i], "time") || begins(names[i], "sen"))
			sent = i;
		else if (begins(names[i], "delay") || begins(names[i], "one_way_delay"))
			delay = i;
		else if (begins(names[i], "path"))
			path = i;
		else if (begins(names[i], "usable"))
			usable = i;
	}
	if (sent < FIELDS && delay < FIELDS) {
		r->sent = sent;
		r->delay = delay;
		r->path = path;
		r->usable = usable;
	}
	if (r->sent < count)
		r->sent_unit =
			unit_of(names[r->sent], strcspn(names[r->sent], ",\r\n"), r->sent_unit);
	if (r->delay < count)
		r->delay_unit =
			unit_of(names[r->delay], strcspn(names[r->delay], ",\r\n"), r->delay_unit);
}

static int read_row(const struct reader *r, const char *line, struct delay_log *log, char **error)
{
	const char *fields[FIELDS];
	size_t count = split(line, fields), length = strcspn(line, "\r\n");
	double sent, delay, usable = 1;
	if (r->sent >= count || r->delay >= count || !number(fields[r->sent], &sent) ||
		!number(fields[r->delay], &delay) ||
		(r->usable < FIELDS && (r->usable >= count || !number(fields[r->usable], &usable))))
		return lab_fail(error,
			"%s: line %zu: expected send time, one-way delay and perhaps a path, got "
			"\"%.*s\"",
			r->file, r->line, (int)(length < 60 ? length : 60), line);
	if (usable == 0)
		return 0;
	int path = path_number(log, r->path < count ? fields[r->path] : "");
	if (path < 0)
		return lab_fail(error, "%s: line %zu: expected at most %d paths", r->file, r->line,
			DELAY_LOG_PATHS);
	delay_log_add(log, sent * r->sent_unit, delay * r->delay_unit, (unsigned)path);
	return 0;
}

int delay_log_read(const char *file, const char *unit, struct delay_log *log, char **error)
{
	*log = (struct delay_log){0};
	double seconds = seconds_of(unit, strlen(unit));
	if (isnan(seconds))
		return lab_fail(error, "unit %s: expected s, ms, us or ns", unit);
	FILE *f = fopen(file, "re");
	if (!f)
		return lab_fail(error, "%s: %s", file, strerror(errno));

	struct reader r = {.file = file,
		.sent = 0,
		.delay = 1,
		.path = 2,
		.usable = FIELDS,
		.sent_unit = seconds,
		.delay_unit = seconds};
	char *line = NULL;
	size_t room = 0;
	int rc = 0;
	while (rc == 0 && getline(&line, &room, f) > 0) {
		r.line++;
		if (r.line == 1 && is_header(line))
			read_header(&r, line);
		else if (line[strspn(line, " \r\n")] != '\0')
			rc = read_row(&r, line, log, error);
	}
	if (rc == 0 && ferror(f))
		rc = lab_fail(error, "%s: %s", file, strerror(errno));
	if (rc == 0 && log->count < 3)
		rc = lab_fail(
			error, "%s: expected at least 3 samples, it has %zu", file, log->count);
	free(line);
	fclose(f);
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
