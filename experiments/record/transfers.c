// SPDX-License-Identifier: BSD-2-Clause
/*
 * What transfers were like.
 *
 * Theory of operation
 * -------------------
 * A transfer belongs to the measured part by its start. Its completion time is from connect() to
 * the last byte in the receiving application, the connection's set-up included. Leaving out those
 * that failed would make the quantiles of a network better the more it fails; so they count with
 * the longest time that there was to wait for them.
 *
 * Sizes that are listed are a class each; those that are drawn are put into classes by decades.
 */

#include "experiments/record/transfers.h"

#include "experiments/record/distribution.h"
#include "experiments/record/lines.h"
#include "mpip/base/error.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define SECOND_US 1000000

static const char *const columns = TRANSFERS_HEADER;

/* A whole number, or nothing, and the comma behind it. */
static bool read_time(char **at, int64_t *value)
{
	char *end = *at;
	*value = TRANSFER_NEVER;
	if (**at != ',')
		*value = strtoll(*at, &end, 10);
	if (*end != ',')
		return false;
	*at = end + 1;
	return true;
}

static bool read_row(struct transfer_log *log, char *line)
{
	struct transfer t;
	int64_t number;
	char *at = line;
	if (!read_time(&at, &number) || number != (int64_t)log->count ||
		!read_time(&at, &t.size_bytes) || t.size_bytes <= 0 ||
		!read_time(&at, &t.start_us) || !read_time(&at, &t.connected_us) ||
		!read_time(&at, &t.first_us) || !read_time(&at, &t.done_us) ||
		!read_time(&at, &t.ended_us))
		return false;
	if (t.start_us == TRANSFER_NEVER && t.done_us != TRANSFER_NEVER)
		return false;
	if ((log->count & (log->count - 1)) == 0) {
		log->list = reallocarray(
			log->list, log->count ? 2 * log->count : 1, sizeof(*log->list));
		if (!log->list)
			abort();
	}
	log->list[log->count++] = t;
	return true;
}

int transfer_log_read(const char *file, struct transfer_log *log, char **error)
{
	*log = (struct transfer_log){0};
	struct lines lines;
	int rc = lines_open(&lines, file, error), more = 0;
	while (rc == 0 && (more = lines_next(&lines, error)) > 0)
		if (lines.number == 1 ? strcmp(lines.text, columns) != 0
				      : !read_row(log, lines.text))
			rc = error_set(
				error, "%s: line %zu: expected %s", file, lines.number, columns);
	if (rc == 0 && more == 0 && lines.number == 0)
		rc = error_set(error, "%s: expected a log of transfers, it is empty", file);
	lines_close(&lines);
	if (rc == 0 && more == 0)
		return 0;
	transfer_log_free(log);
	return -1;
}

void transfer_log_free(struct transfer_log *log)
{
	free(log->list);
	*log = (struct transfer_log){0};
}

static int64_t end_of(int duration_s)
{
	return (int64_t)duration_s * SECOND_US;
}

/* Those that were not begun belong to it, too. */
static bool is_measured(const struct transfer *t, int duration_s)
{
	return t->start_us == TRANSFER_NEVER ||
	       (t->start_us >= 0 && t->start_us < end_of(duration_s));
}

static double completion_ms(const struct transfer *t, int duration_s)
{
	int64_t start = t->start_us == TRANSFER_NEVER ? end_of(duration_s) : t->start_us;
	int64_t done =
		t->done_us == TRANSFER_NEVER ? end_of(duration_s + TRANSFERS_DRAIN_S) : t->done_us;
	return (double)(done - start) / 1e3;
}

static double since_start_ms(const struct transfer *t, int64_t time_us)
{
	return time_us == TRANSFER_NEVER ? NAN : (double)(time_us - t->start_us) / 1e3;
}

struct list {
	double *values;
	size_t count;
};

static struct list new_list(size_t room)
{
	struct list l = {calloc(room ? room : 1, sizeof(double)), 0};
	if (!l.values)
		abort();
	return l;
}

/* NaN is left out. */
static void add(struct list *l, double value)
{
	if (!isnan(value))
		l->values[l->count++] = value;
}

static json_t *distribution_and_free(struct list *l)
{
	json_t *distribution = distribution_json(l->values, l->count);
	free(l->values);
	return distribution;
}

/* Those with a size from `from` to `to`. */
static json_t *class_of(const struct transfer_log *log, int64_t from, int64_t to, int duration_s)
{
	struct list setup = new_list(log->count), first = new_list(log->count);
	struct list completion = new_list(log->count);
	json_int_t failed = 0;
	for (size_t i = 0; i < log->count; i++) {
		const struct transfer *t = &log->list[i];
		if (!is_measured(t, duration_s) || t->size_bytes < from || t->size_bytes > to)
			continue;
		add(&setup, since_start_ms(t, t->connected_us));
		add(&first, since_start_ms(t, t->first_us));
		add(&completion, completion_ms(t, duration_s));
		failed += t->done_us == TRANSFER_NEVER;
	}
	json_int_t count = (json_int_t)completion.count;
	json_t *steps = quantiles_json(completion.values, completion.count);
	return json_pack("{s:I, s:I, s:o, s:o, s:o, s:o}", "count", count, "failed", failed,
		"completion_quantiles_ms", steps, "setup_ms", distribution_and_free(&setup),
		"first_byte_ms", distribution_and_free(&first), "completion_ms",
		distribution_and_free(&completion));
}

static void add_class(
	json_t *classes, const struct transfer_log *log, int64_t from, int64_t to, int duration_s)
{
	json_t *class = class_of(log, from, to, duration_s);
	json_object_set_new(class, "from_bytes", json_integer(from));
	json_object_set_new(class, "to_bytes", json_integer(to));
	if (json_integer_value(json_object_get(class, "count")) > 0)
		json_array_append(classes, class);
	json_decref(class);
}

static int by_size(const void *a, const void *b)
{
	json_int_t x = *(const json_int_t *)a, y = *(const json_int_t *)b;
	return (x > y) - (x < y);
}

/* In the order of sizes, each once. */
static void add_listed(
	json_t *classes, const struct transfer_log *log, const json_t *sizes, int duration_s)
{
	size_t count = json_array_size(sizes);
	json_int_t *sorted = calloc(count ? count : 1, sizeof(*sorted));
	if (!sorted)
		abort();
	for (size_t i = 0; i < count; i++)
		sorted[i] = json_integer_value(json_array_get(sizes, i));
	qsort(sorted, count, sizeof(*sorted), by_size);
	for (size_t i = 0; i < count; i++)
		if (i == 0 || sorted[i] != sorted[i - 1])
			add_class(classes, log, sorted[i], sorted[i], duration_s);
	free(sorted);
}

json_t *transfer_measures(const struct transfer_log *log, const json_t *workload, int duration_s)
{
	const json_t *sizes = json_object_get(workload, "sizes_bytes");
	json_t *classes = json_array();
	if (json_is_array(sizes))
		add_listed(classes, log, sizes, duration_s);
	else
		for (int64_t from = 1; from <= 100000000; from *= 10)
			add_class(classes, log, from, 10 * from - 1, duration_s);
	json_int_t warm_up = 0;
	for (size_t i = 0; i < log->count; i++)
		warm_up += !is_measured(&log->list[i], duration_s);
	return json_pack("{s:I, s:o, s:o}", "warm_up", warm_up, "all",
		class_of(log, 0, INT64_MAX, duration_s), "sizes", classes);
}

struct spans transfer_spans(const struct transfer_log *log, int duration_s)
{
	struct span *all = calloc(log->count + 1, sizeof(*all));
	size_t count = 0;
	int64_t last = end_of(duration_s + TRANSFERS_DRAIN_S);
	if (!all)
		abort();
	for (size_t i = 0; i < log->count; i++) {
		const struct transfer *t = &log->list[i];
		if (t->start_us != TRANSFER_NEVER)
			all[count++] = (struct span){
				t->start_us, t->done_us != TRANSFER_NEVER    ? t->done_us
					     : t->ended_us != TRANSFER_NEVER ? t->ended_us
									     : last};
	}
	return spans_join(all, count);
}
