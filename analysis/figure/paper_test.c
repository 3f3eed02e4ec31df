// SPDX-License-Identifier: BSD-2-Clause
/* The table of the paper's values, against numbers out of its figures, tables and text. */

#include "analysis/figure/paper.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static json_t *paper;

static int load(void **state)
{
	(void)state;
	paper = json_load_file("analysis/paper-values.json", 0, NULL);
	return paper ? 0 : -1;
}

static int unload(void **state)
{
	(void)state;
	json_decref(paper);
	return 0;
}

static double value(
	const char *experiment, const char *contestant, const char *quantity, size_t which)
{
	struct results r = {.experiment = experiment, .paper = paper};
	return paper_value(&r, contestant, quantity, which);
}

static void each_row(void **state)
{
	(void)state;
	static const struct {
		const char *experiment, *contestant, *quantity;
		size_t which;
		double value;
	} known[] = {
		{"throughput", "no-limit-mpip", "path_mbit", 4, 4.2},
		{"throughput", "bw-limit-mpip", "path_mbit", 1, 16.2},
		{"throughput", "delay-5ms-mpip", "path_mbit", 2, 9.7},
		{"throughput", "wireless-mpip", "path_mbit", 3, 46.5},
		{"throughput", "wireless-mpip", "queuing_ms", 1, 4.15},
		{"throughput", "wireless-mpip", "queuing_variance_ms2", 3, 0.63},
		{"internet", "shared-mpip", "path_mbit", 2, 1.81},
		{"internet", "5-10-mpip", "path_mbit", 2, 8.29},
		{"internet", "5-cellular-mpip", "path_mbit", 1, 4.89},
		{"disjoint-paths", "mpip", "path_mbit", 1, 64.9},
		{"disjoint-paths", "mpip", "path_mbit", 4, 34.9},
		{"unplug", "mpip", "third_mbit", 3, 163.5},
		{"unplug", "mptcp", "third_mbit", 1, 161.0},
		{"skype-routing", "rule-on", "audio_rtt_ms", 0, 82},
		{"skype-routing", "rule-off", "audio_rtt_ms", 0, 119},
	};
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		double got = value(known[i].experiment, known[i].contestant, known[i].quantity,
			known[i].which);
		if (!(fabs(got - known[i].value) < 1e-9))
			fail_msg("%s/%s %s %zu: got %g, wanted %g", known[i].experiment,
				known[i].contestant, known[i].quantity, known[i].which, got,
				known[i].value);
	}
}

static void what_it_does_not_report(void **state)
{
	(void)state;
	assert_true(isnan(value("disjoint-paths", "mpip", "path_mbit", 2)));
	assert_true(isnan(value("throughput", "no-limit-mpip", "path_mbit", 5)));
	assert_true(isnan(value("throughput", "no-limit-mpip", "path_mbit", 12)));
	assert_true(isnan(value("throughput", "no-limit-mpip", "queuing_ms", 1)));
	assert_true(isnan(value("throughput", "no-limit-plain", "path_mbit", 1)));
	assert_true(isnan(value("weights", "s-5", "path_mbit", 1)));
	struct results without = {.experiment = "throughput"};
	assert_true(isnan(paper_value(&without, "no-limit-mpip", "path_mbit", 1)));
}

static void of_any_contestant(void **state)
{
	(void)state;
	struct results r = {.experiment = "throughput", .paper = paper};
	assert_true(paper_has(&r, "queuing_ms"));
	assert_false(paper_has(&r, "third_mbit"));
	r.experiment = "through";
	assert_false(paper_has(&r, "path_mbit"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_row),
		cmocka_unit_test(what_it_does_not_report),
		cmocka_unit_test(of_any_contestant),
	};
	return cmocka_run_group_tests(tests, load, unload);
}
