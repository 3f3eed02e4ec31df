// SPDX-License-Identifier: BSD-2-Clause
/*
 * What came when, and what that says of gaps and of events.
 *
 * Theory of operation
 * -------------------
 * Rows are in the order of time, so the first row of interest is found by halving, and everything
 * after it by going on. A gap is looked for between the end of one row and the beginning of the
 * next, cut to the times in which something was waited for: a pause between two transfers is no
 * gap.
 *
 * After an event the half second that begins at each row is compared with what came before the
 * event: a shorter one would take the burst that follows a gap for a recovery, a longer one would
 * hide how long it took.
 */

#include "experiments/record/arrivals.h"

#include "experiments/record/lines.h"
#include "mpip/base/error.h"
#include "mpip/base/output.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WINDOW_US 500000  /* what a recovery is looked for in */
#define AROUND_US 5000000 /* what is looked at before and after an event, at most */
#define RECOVERED 0.9

void arrivals_add(struct arrivals *a, int64_t time_us, int64_t bytes)
{
	struct arrival *last = a->count ? &a->list[a->count - 1] : NULL;
	if (last && time_us - last->first_us < ARRIVAL_US) {
		last->last_us = time_us;
		last->bytes += bytes;
		return;
	}
	if ((a->count & (a->count - 1)) == 0) {
		a->list = reallocarray(a->list, a->count ? 2 * a->count : 1, sizeof(*a->list));
		if (!a->list)
			abort();
	}
	a->list[a->count++] = (struct arrival){time_us, time_us, bytes};
}

void arrivals_free(struct arrivals *a)
{
	free(a->list);
	*a = (struct arrivals){0};
}

int arrivals_write(const struct arrivals *a, int64_t zero_us, const char *file, char **error)
{
	FILE *f = fopen(file, "we");
	if (!f)
		return error_set(error, "%s: %s", file, strerror(errno));
	fputs(ARRIVALS_HEADER "\n", f);
	for (size_t i = 0; i < a->count; i++)
		fprintf(f, "%" PRId64 ",%" PRId64 ",%" PRId64 "\n", a->list[i].first_us - zero_us,
			a->list[i].last_us - zero_us, a->list[i].bytes);
	const char *why = output_close(f);
	return why ? error_set(error, "%s: cannot be written: %s", file, why) : 0;
}

static bool read_row(struct arrivals *a, const char *line)
{
	struct arrival row;
	int end = 0;
	if (sscanf(line, "%" SCNd64 ",%" SCNd64 ",%" SCNd64 "%n", &row.first_us, &row.last_us,
		    &row.bytes, &end) != 3 ||
		line[end] != '\0' || row.last_us < row.first_us || row.bytes < 0 ||
		(a->count && row.first_us < a->list[a->count - 1].last_us))
		return false;
	/* Rows are apart already: each stays one. */
	arrivals_add(a, row.first_us, row.bytes);
	a->list[a->count - 1].last_us = row.last_us;
	return true;
}

int arrivals_read(const char *file, struct arrivals *a, char **error)
{
	*a = (struct arrivals){0};
	struct lines lines;
	int rc = lines_open(&lines, file, error), more = 0;
	while (rc == 0 && (more = lines_next(&lines, error)) > 0)
		if (lines.number == 1 ? strcmp(lines.text, ARRIVALS_HEADER) != 0
				      : !read_row(a, lines.text))
			rc = error_set(error, "%s: line %zu: expected " ARRIVALS_HEADER, file,
				lines.number);
	if (rc == 0 && more == 0 && lines.number == 0)
		rc = error_set(error, "%s: expected a log of arrivals, it is empty", file);
	lines_close(&lines);
	if (rc == 0 && more == 0)
		return 0;
	arrivals_free(a);
	return -1;
}

/* The first row that ends at `time_us` or later; `count` when there is none. */
static size_t first_from(const struct arrivals *a, int64_t time_us)
{
	size_t low = 0, high = a->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (a->list[middle].last_us < time_us)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

double arrivals_bytes(const struct arrivals *a, int64_t from_us, int64_t to_us)
{
	double bytes = 0;
	for (size_t i = first_from(a, from_us); i < a->count && a->list[i].first_us < to_us; i++)
		if (a->list[i].first_us >= from_us)
			bytes += (double)a->list[i].bytes;
	return bytes;
}

static void longer(struct gap *g, int64_t from_us, int64_t to_us)
{
	if (to_us - from_us > g->longest_us)
		*g = (struct gap){to_us - from_us, from_us};
}

static void gap_between(const struct arrivals *a, int64_t from_us, int64_t to_us, struct gap *g)
{
	int64_t since = from_us;
	for (size_t i = first_from(a, from_us); i < a->count && a->list[i].first_us < to_us; i++) {
		longer(g, since, a->list[i].first_us);
		since = a->list[i].last_us;
	}
	longer(g, since, to_us);
}

struct gap arrivals_gap(
	const struct arrivals *a, const struct spans *waiting, int64_t from_us, int64_t to_us)
{
	struct gap g = {0, from_us};
	if (!waiting)
		gap_between(a, from_us, to_us, &g);
	for (size_t i = 0; waiting && i < waiting->count; i++) {
		const struct span *s = &waiting->list[i];
		int64_t from = s->from_us > from_us ? s->from_us : from_us;
		int64_t to = s->to_us < to_us ? s->to_us : to_us;
		if (from < to)
			gap_between(a, from, to, &g);
	}
	return g;
}

static double rate(const struct arrivals *a, int64_t from_us, int64_t to_us)
{
	return to_us > from_us ? arrivals_bytes(a, from_us, to_us) * 8e6 / (double)(to_us - from_us)
			       : NAN;
}

/* When, after the event, the rate is `enough` for the first time; -1: it never is. */
static int64_t back_at(const struct arrivals *a, int64_t event_us, int64_t end_us, double enough)
{
	if (end_us - event_us < WINDOW_US)
		return -1;
	if (rate(a, event_us, event_us + WINDOW_US) >= enough)
		return 0;
	for (size_t i = first_from(a, event_us); i < a->count; i++) {
		int64_t from = a->list[i].first_us;
		if (from + WINDOW_US > end_us)
			break;
		if (from >= event_us && rate(a, from, from + WINDOW_US) >= enough)
			return from - event_us;
	}
	return -1;
}

struct recovery arrivals_recovery(const struct arrivals *a, const struct spans *waiting,
	int64_t before_us, int64_t event_us, int64_t end_us)
{
	int64_t from = event_us - AROUND_US, to = event_us + AROUND_US;
	from = from > before_us ? from : before_us;
	to = to < end_us ? to : end_us;
	struct recovery r = {
		.before_bps = rate(a, from, event_us),
		.after_bps = rate(a, event_us, to),
		.recovered_us = -1,
		.gap = arrivals_gap(a, waiting, event_us, end_us),
	};
	if (r.before_bps > 0)
		r.recovered_us = back_at(a, event_us, end_us, RECOVERED * r.before_bps);
	return r;
}

static int by_start(const void *a, const void *b)
{
	const struct span *x = a, *y = b;
	return (x->from_us > y->from_us) - (x->from_us < y->from_us);
}

struct spans spans_join(struct span *all, size_t count)
{
	size_t kept = 0;
	qsort(all, count, sizeof(*all), by_start);
	for (size_t i = 0; i < count; i++) {
		if (kept == 0 || all[i].from_us > all[kept - 1].to_us)
			all[kept++] = all[i];
		else if (all[i].to_us > all[kept - 1].to_us)
			all[kept - 1].to_us = all[i].to_us;
	}
	return (struct spans){all, kept};
}
