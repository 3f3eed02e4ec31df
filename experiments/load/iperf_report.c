// SPDX-License-Identifier: BSD-2-Clause
/*
 * Reading iperf3's reports.
 *
 * Theory of operation
 * -------------------
 * A report has an interval per second, each with the sum over all streams, as a sender's or as a
 * receiver's; with data both ways it has one of each. What counts is what was received. iperf3
 * itself says which intervals belong to the warm-up ("omitted").
 */

#include "experiments/load/iperf_report.h"

#include "mpip/base/error.h"

#include <math.h>

static double member(const json_t *object, const char *key)
{
	return json_number_value(json_object_get(object, key));
}

/* What one second's sums add, where this end received. A test in both directions has two sums.
 * `before` is the interval before it, or NULL. */
static void add_interval(
	const json_t *interval, const json_t *before, int limit, struct iperf_report *report)
{
	static const char *const sums[] = {"sum", "sum_bidir_reverse"};
	for (size_t i = 0; i < sizeof(sums) / sizeof(sums[0]); i++) {
		const json_t *sum = json_object_get(interval, sums[i]);
		if (!sum || json_is_true(json_object_get(sum, "sender")) ||
			json_is_true(json_object_get(sum, "omitted")))
			continue;
		double seconds = member(sum, "seconds"), packets = member(sum, "packets");
		/* Where the warm-up's end is reported at its very microsecond, as in virtual time,
		 * iperf3 begins to count bytes anew, but takes the time and the datagrams from the
		 * report before the last. Its seconds and its end differ a little anyway. */
		if (json_object_get(sum, "end") && member(sum, "end") < 0.75 * seconds) {
			packets -= member(json_object_get(before, sums[i]), "packets");
			seconds = member(sum, "end");
		}
		/* What comes in after the last whole second is the queues running empty. */
		if (seconds < 0.5 || (int)json_array_size(report->series) >= limit)
			continue;
		report->bytes += member(sum, "bytes");
		report->seconds += seconds;
		report->datagrams += llround(packets);
		if (json_object_get(sum, "jitter_ms"))
			report->jitter_ms = member(sum, "jitter_ms");
		json_array_append_new(
			report->series, json_real(member(sum, "bytes") * 8e-6 / seconds));
	}
}

int iperf_report_read(const char *file, int seconds, struct iperf_report *report, char **error)
{
	*report = (struct iperf_report){.series = json_array()};
	json_error_t e;
	/* A counter of iperf3's that it took below zero does not fit into an integer. */
	json_t *root = json_load_file(file, JSON_DECODE_INT_AS_REAL, &e);
	if (!root) {
		iperf_report_free(report);
		return error_set(error, "%s: line %d: expected iperf3's JSON report: %s", file,
			e.line, e.text);
	}

	int rc = 0;
	const char *trouble = json_string_value(json_object_get(root, "error"));
	if (trouble)
		rc = error_set(error, "%s: iperf3 reports: %s", file, trouble);

	size_t i;
	json_t *interval, *before = NULL;
	json_array_foreach (json_object_get(root, "intervals"), i, interval) {
		add_interval(interval, before, seconds, report);
		before = interval;
	}

	json_decref(root);
	if (rc != 0)
		iperf_report_free(report);
	return rc;
}

void iperf_report_free(struct iperf_report *report)
{
	json_decref(report->series);
	*report = (struct iperf_report){0};
}
