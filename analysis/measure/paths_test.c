// SPDX-License-Identifier: BSD-2-Clause
/* The use of paths and NICs: a good run, a path that is silent for 10 s, a NIC left out. */

#include "analysis/measure/paths.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SECONDS 25

/* A pair whose bytes stand still from `from` to `to`, else grow by `step` a second. */
static json_t *pair(const char *src, const char *dst, int step, int from, int to)
{
	json_t *bytes_at = json_array();
	int bytes = 0;
	for (int t = 0; t <= SECONDS; t++) {
		bytes += t > from && t <= to ? 0 : step;
		json_array_append_new(bytes_at, json_integer(bytes));
	}
	return json_pack("{s:s, s:s, s:i, s:o}", "src", src, "dst", dst, "bytes", bytes, "bytes_at",
		bytes_at);
}

/* 5 s of warm-up and 20 s. The second path is silent from `from` to `to`. */
static json_t *result(double share, int from, int to)
{
	json_t *times = json_array();
	for (int t = 0; t <= SECONDS; t++)
		json_array_append_new(times, json_real(t - 5 + 0.003));
	json_t *nics = json_pack("[{s:s, s:s, s:f}, {s:s, s:s, s:f}]", "host", "client", "nic",
		"eth0", "share", share, "host", "client", "nic", "eth1", "share", 1 - share);
	json_t *pairs = json_pack("[o, o, o, o]", pair("a", "c", 1000000, 0, 0),
		pair("b", "c", 900000, from, to), pair("c", "a", 9000, 0, 0),
		pair("c", "b", 8000, 0, 0));
	return json_pack("{s:s, s:f, s:i, s:{s:o, s:o}, s:o}", "run", "mpip-r01-s1-d20",
		"goodput_mbit", 170.0, "duration_s", 20, "links", "time_s", times, "nics", nics,
		"address_pairs", pairs);
}

static void expect(double share, int from, int to, int verdict, const char *words)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	assert_non_null(out);
	json_t *r = result(share, from, to);
	int got = paths_print("a/result.json", r, out);
	json_decref(r);
	fclose(out);
	if (got != verdict || !strstr(text, words) ||
		strncmp(text, "a/result.json: 170.0 Mbit/s\n", 28) != 0)
		fail_msg("wanted %d and \"%s\", got %d:\n%s", verdict, words, got, text);
	free(text);
}

static void good_runs(void **state)
{
	(void)state;
	expect(0.5, 0, 0, 0, "a               > c");
	expect(0.5, 8, 17, 0, "b               > c"); /* 9 s of silence */
	expect(0.5, 0, 5, 0, "b");                    /* in the warm-up */
}

static void silent_paths_and_lonely_nics(void **state)
{
	(void)state;
	expect(0.5, 8, 18, 1, "<- no data");
	expect(0.5, 15, 25, 1, "<- no data"); /* to the end */
	expect(0.5, 0, SECONDS, 1, "<- no data");
	expect(0.29, 0, 0, 1, "<- less than 30 %");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_runs),
		cmocka_unit_test(silent_paths_and_lonely_nics),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
