// SPDX-License-Identifier: BSD-2-Clause
/* Experiments: what is read, what is refused and with which words, and what the digest is of. */

#include "experiments/record/definition.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[] = "/tmp/definition_test.XXXXXX";

static void write_file(const char *name, const char *content, char path[64])
{
	snprintf(path, 64, "%s/%s", directory, name);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(content, f);
	fclose(f);
}

static int set_up(void **state)
{
	(void)state;
	char path[64];
	if (!mkdtemp(directory))
		return -1;
	write_file("lab.json", "{\"about\": \"a\", \"hosts\": [1]}", path);
	write_file("same-lab.json", "{\"hosts\":[1], \"about\": \"other words\"}", path);
	write_file("other-lab.json", "{\"hosts\": [2]}", path);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	static const char *const names[] = {
		"lab.json", "same-lab.json", "other-lab.json", "it.json", "Bad.json"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char path[64];
		snprintf(path, sizeof(path), "%s/%s", directory, names[i]);
		unlink(path);
	}
	return rmdir(directory);
}

static struct definition *load(const char *name, const char *content, char **error)
{
	char path[64];
	write_file(name, content, path);
	*error = NULL;
	return definition_load(path, error);
}

#define HEAD            "{\"title\": \"t\", \"scenario\": \"lab.json\", "
#define TCP             "\"workload\": {\"kind\": \"tcp\"}, "
#define CALL(rest)      "\"workload\": {\"kind\": \"call\"" rest "}, "
#define MANY(rest)      "\"workload\": {\"kind\": \"connections\"" rest "}, "
#define TRANSFERS(rest) "\"workload\": {\"kind\": \"transfers\", " rest "}, "
#define TAIL            "\"duration_s\": 5, \"repeats\": 2, \"contestants\": [{\"name\": \"plain\"}]}"

static void a_whole_experiment(void **state)
{
	(void)state;
	char *error;
	struct definition *d = load("it.json",
		HEAD
		"\"workload\": {\"kind\": \"udp\", \"rate_mbit\": 10.5, \"datagram_bytes\": 1400, "
		"\"direction\": \"reverse\", \"streams\": 3}, \"duration_s\": 5, "
		"\"warm_up_s\": 1, \"repeats\": 2, \"seed\": 9, \"contestants\": [{\"name\": "
		"\"plain\", \"paper\": \"/udp/x\"}, {\"name\": \"mpip\", \"mpipd\": "
		"{\"anything\": 1}}]}",
		&error);
	assert_null(error);
	assert_non_null(d);
	assert_string_equal(d->name, "it");
	assert_int_equal(d->workload.kind, WORKLOAD_UDP);
	assert_int_equal(d->workload.direction, DIRECTION_REVERSE);
	assert_int_equal(d->workload.streams, 3);
	assert_true(d->workload.rate_mbit == 10.5);
	assert_string_equal(d->workload.from, "client");
	assert_string_equal(d->workload.congestion_control, "cubic");
	assert_int_equal(d->contestant_count, 2);
	assert_null(d->contestants[0].mpipd);
	assert_string_equal(d->contestants[0].paper, "/udp/x");
	assert_non_null(json_object_get(d->contestants[1].mpipd, "anything"));
	char *run = definition_run_name(d, &d->contestants[1], 2);
	assert_string_equal(run, "mpip-r02-s9-d5");
	free(run);
	definition_free(d);
}

static void a_call_and_the_tcp_beside_it(void **state)
{
	(void)state;
	char *error;
	struct definition *d = load("it.json",
		HEAD CALL(
			", \"audio\": {\"jitter_buffer_ms\": 30}, \"video\": {\"rate_mbit\": 0.5}")
			TAIL,
		&error);
	assert_null(error);
	const struct workload *w = &d->workload;
	assert_true(!w->iperf && !w->tcp && w->call.audio && w->call.video);
	assert_int_equal(w->direction, DIRECTION_BOTH);
	assert_int_equal(w->call.audio_bytes, 160);
	assert_true(w->call.audio_interval_ms == 20 && w->call.jitter_buffer_ms == 30);
	assert_true(w->call.video_rate_mbit == 0.5 && w->call.video_bytes > 1000);
	definition_free(d);

	d = load("it.json",
		HEAD CALL(", \"audio\": {}, \"tcp\": {\"streams\": 2}") "\"duration_s\": 1, "
									"\"repeats\": 1, "
									"\"contestants\": "
									"[{\"name\": \"a\", "
									"\"mptcp\": true}]}",
		&error);
	assert_null(error);
	assert_true(d->workload.iperf && d->workload.tcp && !d->workload.call.video);
	assert_int_equal(d->workload.streams, 2);
	assert_int_equal(d->workload.direction, DIRECTION_FORWARD);
	definition_free(d);
}

static void many_connections(void **state)
{
	(void)state;
	char *error;
	struct definition *d = load("it.json",
		HEAD MANY(", \"connections\": 1000, \"rate_mbit\": 8, \"message_bytes\": 500") TAIL,
		&error);
	assert_null(error);
	const struct workload *w = &d->workload;
	assert_true(w->kind == WORKLOAD_CONNECTIONS && !w->iperf && w->tcp);
	assert_int_equal(w->streams, 1000);
	assert_int_equal(w->message_bytes, 500);
	assert_string_equal(w->congestion_control, "cubic");
	json_t *run = definition_of_run(d, &d->contestants[0], 1);
	assert_int_equal(
		json_integer_value(json_object_get(json_object_get(run, "workload"), "streams")),
		1000);
	json_decref(run);
	definition_free(d);
}

static void transfers_of_sizes(void **state)
{
	(void)state;
	char *error;
	struct definition *d = load("it.json",
		HEAD TRANSFERS("\"sizes_bytes\": [1000, 50000], \"pause_ms\": 5, \"parallel\": 3, "
			       "\"count\": 20, \"direction\": \"reverse\"") TAIL,
		&error);
	assert_null(error);
	const struct workload *w = &d->workload;
	assert_true(w->kind == WORKLOAD_TRANSFERS && !w->iperf && w->tcp);
	assert_int_equal(w->direction, DIRECTION_REVERSE);
	assert_int_equal(w->streams, 3);
	assert_int_equal(w->transfers.count, 20);
	for (uint64_t i = 0; i < 4; i++) {
		assert_int_equal(transfer_size(&w->transfers, 7, i), i % 2 ? 50000 : 1000);
		assert_int_equal(transfer_pause_us(&w->transfers, 7, i), 5000);
	}
	definition_free(d);
}

/* What is drawn is the same for all contestants of a repetition, and all of it decides the run. */
static void transfers_that_are_drawn(void **state)
{
	(void)state;
	char *error;
	struct definition *d = load("it.json",
		HEAD TRANSFERS("\"sizes_bytes\": {\"distribution\": \"pareto\", \"min\": 1000, "
			       "\"max\": 1e6, \"shape\": 1.2}, \"pause_ms\": {\"distribution\": "
			       "\"exponential\", \"min\": 0, \"max\": 500, \"mean\": 40}") TAIL,
		&error);
	assert_null(error);
	const struct transfer_load *t = &d->workload.transfers;
	assert_int_equal(t->count, 0);
	assert_int_equal(transfer_size(t, 3, 5), transfer_size(t, 3, 5));
	assert_int_not_equal(transfer_size(t, 3, 5), transfer_size(t, 4, 5));
	assert_int_not_equal(transfer_size(t, 3, 5), transfer_size(t, 3, 6));
	json_t *run = definition_of_run(d, &d->contestants[0], 1);
	const json_t *load = json_object_get(run, "workload");
	json_t *expected = json_loads(
		"{\"distribution\": \"pareto\", \"min\": 1e3, \"max\": 1e6, \"shape\": 1.2}", 0,
		NULL);
	assert_true(json_equal(json_object_get(load, "sizes_bytes"), expected));
	assert_true(json_is_null(json_object_get(load, "count")));
	json_decref(expected);
	json_decref(run);
	definition_free(d);
}

/* A contestant's own scenario and workload take the experiment's places for it alone. */
static void contestants_that_differ(void **state)
{
	(void)state;
	char *error;
	struct definition *d = load("it.json",
		HEAD "\"workload\": {\"kind\": \"udp\", \"rate_mbit\": 5, \"datagram_bytes\": "
		     "100}, \"duration_s\": 60, \"paper_duration_s\": 360, \"paper_warm_up_s\": "
		     "100, \"stretch_events\": true, \"repeats\": 1, \"contestants\": [{\"name\": "
		     "\"a\"}, {\"name\": \"b\", \"scenario\": \"other-lab.json\", \"workload\": "
		     "{\"rate_mbit\": 7}, \"sysctls\": {\"net.ipv4.tcp_recovery\": 0}}]}",
		&error);
	assert_null(error);
	struct definition a = definition_for(d, &d->contestants[0]);
	struct definition b = definition_for(d, &d->contestants[1]);
	assert_string_equal(a.scenario_digest, d->scenario_digest);
	assert_string_not_equal(b.scenario_digest, a.scenario_digest);
	assert_non_null(strstr(b.scenario_file, "/other-lab.json"));
	assert_true(a.workload.rate_mbit == 5 && b.workload.rate_mbit == 7);
	assert_int_equal(b.workload.datagram_bytes, 100);

	char first[SHA256_TEXT], other[SHA256_TEXT];
	definition_digest(d, &d->contestants[1], 1, first);
	json_object_set_new(d->contestants[1].sysctls, "net.ipv4.tcp_recovery", json_string("1"));
	definition_digest(d, &d->contestants[1], 1, other);
	assert_string_not_equal(first, other);
	/* Other NICs are another run, and so is one that may leave paths unused. */
	memcpy(first, other, sizeof(first));
	d->contestants[1].nics = json_pack("{s:[s]}", "client", "eth1");
	definition_digest(d, &d->contestants[1], 1, other);
	assert_string_not_equal(first, other);
	memcpy(first, other, sizeof(first));
	d->uneven_paths = true;
	definition_digest(d, &d->contestants[1], 1, other);
	assert_string_not_equal(first, other);

	assert_true(definition_stretch(d) == 1);
	definition_as_paper(d);
	assert_int_equal(d->duration_s, 360);
	assert_int_equal(d->warm_up_s, 100);
	assert_true(definition_stretch(d) == 6);
	definition_free(d);
}

#define CLOCK(skew)                                                                                \
	"\"duration_s\": 1, \"repeats\": 1, \"contestants\": [{\"name\": \"a\", \"mpipd\": {}, "   \
	"\"clock\": {\"host\": \"server\", \"skew_ppm\": " skew "}}]}"

/* The skew is drawn anew for each repetition and seed, and the same for the same. */
static void a_clock_that_runs_fast(void **state)
{
	(void)state;
	char *error;
	struct definition *d = load("it.json", HEAD TCP CLOCK("4.17"), &error);
	assert_null(error);
	json_t *clock = definition_clock(d, &d->contestants[0], 1);
	assert_true(json_number_value(json_object_get(clock, "skew_ppm")) == 4.17);
	json_decref(clock);
	definition_free(d);

	d = load("it.json", HEAD TCP CLOCK("[1, 50]"), &error);
	assert_null(error);
	double drawn[6];
	for (int i = 0; i < 6; i++) {
		d->seed = 1 + i / 3;
		clock = definition_clock(d, &d->contestants[0], 1 + i % 3);
		drawn[i] = json_number_value(json_object_get(clock, "skew_ppm"));
		assert_true(drawn[i] >= 1 && drawn[i] <= 50);
		for (int k = 0; k < i; k++)
			assert_true(drawn[i] != drawn[k]);
		json_t *again = definition_clock(d, &d->contestants[0], 1 + i % 3);
		assert_true(json_equal(clock, again));
		json_decref(again);
		json_decref(clock);
	}
	definition_free(d);
}

/* What is wrong, and the beginning of what is said of it. */
static const char *const faults[][2] = {
	{"{", "line 1: expected JSON"},
	{"[]", "top level: expected an object"},
	{HEAD TCP "\"repeat\": 1, " TAIL, "repeat: unknown key, expected about, title"},
	{"{\"title\": \"t\", " TCP TAIL, "scenario: missing, expected a string"},
	{"{\"title\": \"t\", \"scenario\": \"none.json\", " TCP TAIL,
		"scenario: expected a scenario's file"},
	{HEAD TAIL, "workload: missing, expected an object"},
	{HEAD "\"workload\": {\"kind\": \"sctp\"}, " TAIL,
		"workload.kind: expected tcp, udp, call, connections, transfers or quic"},
	{HEAD "\"workload\": {}, " TAIL, "workload.kind: missing"},
	{HEAD TCP CLOCK("[1]"), "contestants[0].clock.skew_ppm: expected a number, or two"},
	{HEAD TCP "\"duration_s\": 1, \"repeats\": 1, \"contestants\": [{\"name\": \"a\", "
		  "\"clock\": {\"host\": \"server\"}}]}",
		"contestants[0].clock: expected only with \"mpipd\""},
	{HEAD TCP "\"duration_s\": 1, \"repeats\": 1, \"contestants\": [{\"name\": \"a\", "
		  "\"mpipd\": {}, \"clock\": {\"host\": \"moon\"}}]}",
		"contestants[0].clock.host: expected client or server"},
	{HEAD TCP "\"duration_s\": 1, \"repeats\": 1, \"contestants\": [{\"name\": \"a\", "
		  "\"sysctls\": {\"../x\": 1}}]}",
		"contestants[0].sysctls.../x: expected a sysctl's name"},
	{HEAD TCP "\"duration_s\": 1, \"repeats\": 1, \"contestants\": [{\"name\": \"a\", "
		  "\"sysctls\": 3}]}",
		"contestants[0].sysctls: expected an object"},
	{HEAD TCP "\"duration_s\": 1, \"repeats\": 1, \"contestants\": [{\"name\": \"a\", "
		  "\"scenario\": \"none.json\"}]}",
		"contestants[0].scenario: expected a scenario's file"},
	{HEAD TCP "\"duration_s\": 1, \"repeats\": 1, \"contestants\": [{\"name\": \"a\", "
		  "\"workload\": {\"strems\": 2}}]}",
		"contestants[0].workload.strems: unknown key"},
	{HEAD TRANSFERS("\"count\": 3") TAIL, "workload.sizes_bytes: missing"},
	{HEAD TRANSFERS("\"sizes_bytes\": []") TAIL,
		"workload.sizes_bytes: expected 1 to 32 sizes"},
	{HEAD TRANSFERS("\"sizes_bytes\": [100, 15]") TAIL,
		"workload.sizes_bytes[1]: expected a whole number from 16"},
	{HEAD TRANSFERS("\"sizes_bytes\": {\"distribution\": \"zipf\"}") TAIL,
		"workload.sizes_bytes.distribution: expected uniform, lognormal, pareto or "
		"exponential"},
	{HEAD TRANSFERS("\"sizes_bytes\": {\"distribution\": \"uniform\", \"min\": 900, "
			"\"max\": 800}") TAIL,
		"workload.sizes_bytes.max: expected a number from 900"},
	{HEAD TRANSFERS("\"sizes_bytes\": {\"distribution\": \"uniform\", \"min\": 900, "
			"\"max\": 1000, \"shape\": 2}") TAIL,
		"workload.sizes_bytes.shape: unknown key"},
	{HEAD TRANSFERS("\"sizes_bytes\": {\"distribution\": \"lognormal\", \"min\": 900, "
			"\"max\": 1000, \"median\": 2000, \"sigma\": 1}") TAIL,
		"workload.sizes_bytes.median: expected a number from 900 to 1000"},
	{HEAD TRANSFERS("\"sizes_bytes\": 900, \"direction\": \"both\"") TAIL,
		"workload.direction: expected forward or reverse"},
	{HEAD TRANSFERS("\"sizes_bytes\": 900, \"pause_ms\": -1") TAIL,
		"workload.pause_ms: expected a number from 0"},
	{HEAD TRANSFERS("\"sizes_bytes\": 900, \"count\": 27001") TAIL,
		"workload.count: expected a whole number from 1 to 27000"},
	{HEAD MANY(", \"rate_mbit\": 8, \"message_bytes\": 500") TAIL,
		"workload.connections: missing"},
	{HEAD MANY(", \"connections\": 9, \"rate_mbit\": 8, \"message_bytes\": 15") TAIL,
		"workload.message_bytes: expected a whole number from 16"},
	{HEAD CALL("") TAIL, "workload.audio: missing, expected an object here or in"},
	{HEAD CALL(", \"audio\": {\"codec\": \"mp3\"}") TAIL,
		"workload.audio.codec: expected g711, g711-plc"},
	{HEAD CALL(", \"audio\": {\"datagram_bytes\": 43}") TAIL,
		"workload.audio.datagram_bytes: expected a whole number from 44"},
	{HEAD CALL(", \"video\": {}") TAIL, "workload.video.rate_mbit: missing"},
	{HEAD CALL(", \"audio\": {}, \"streams\": 2") TAIL, "workload.streams: unknown key"},
	{HEAD CALL(", \"audio\": {}, \"tcp\": {\"rate_mbit\": 2}") TAIL,
		"workload.tcp.rate_mbit: unknown key"},
	{HEAD "\"workload\": {\"kind\": \"tcp\", \"rate_mbit\": 1}, " TAIL,
		"workload.rate_mbit: expected only with"},
	{HEAD "\"workload\": {\"kind\": \"udp\", \"rate_mbit\": -1, \"datagram_bytes\": "
	      "100}, " TAIL,
		"workload.rate_mbit: expected a number from"},
	{HEAD "\"workload\": {\"kind\": \"tcp\", \"to\": \"client\"}, " TAIL,
		"workload.to: expected another host than"},
	{HEAD TCP "\"duration_s\": 0, \"repeats\": 1, \"contestants\": [{\"name\": \"a\"}]}",
		"duration_s: expected a whole number from 1"},
	{HEAD TCP "\"duration_s\": 1, \"repeats\": 1, \"contestants\": []}",
		"contestants: expected a list of at least one"},
	{HEAD TCP "\"duration_s\": 1, \"repeats\": 1, \"contestants\": [{\"name\": \"A "
		  "b\"}]}",
		"contestants[0].name: expected a name of small letters"},
	{HEAD TCP "\"duration_s\": 1, \"repeats\": 1, \"contestants\": [{\"name\": \"a\"}, "
		  "{\"name\": \"a\"}]}",
		"contestants[1].name: expected a name that no other"},
	{HEAD TCP "\"duration_s\": 1, \"repeats\": 1, \"contestants\": [{\"name\": \"a\", "
		  "\"mpipd\": 3}]}",
		"contestants[0].mpipd: expected an object"},
	{HEAD TCP "\"duration_s\": 1, \"repeats\": 1, \"contestants\": [{\"name\": \"a\", "
		  "\"mpipd\": {\"seed\": 3}}]}",
		"contestants[0].mpipd.seed: expected none"},
	{HEAD TCP "\"duration_s\": 1, \"repeats\": 1, \"contestants\": [{\"name\": \"a\", "
		  "\"paper\": \"x\"}]}",
		"contestants[0].paper: expected a JSON pointer"},
	{HEAD "\"workload\": {\"kind\": \"udp\", \"rate_mbit\": 1, \"datagram_bytes\": "
	      "99}, "
	      "\"duration_s\": 1, \"repeats\": 1, \"contestants\": [{\"name\": \"a\", "
	      "\"mptcp\": true}]}",
		"contestants[0].mptcp: expected none"},
};

static void errors_name_their_place(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		char *error, wanted[256];
		struct definition *d = load("it.json", faults[i][0], &error);
		assert_null(d);
		snprintf(wanted, sizeof(wanted), "%s/it.json: %s", directory, faults[i][1]);
		if (!error || strncmp(error, wanted, strlen(wanted)) != 0)
			fail_msg("wanted \"%s...\", got \"%s\"", wanted, error);
		assert_true(error && !strchr(error, '\n'));
		free(error);
	}
	char *error;
	assert_null(load("Bad.json", HEAD TCP TAIL, &error));
	assert_non_null(strstr(error, "expected a name of small letters"));
	free(error);
}

/* One line for what all have in common, and one for each contestant that is wrong. */
static void every_fault_is_told(void **state)
{
	(void)state;
	char *error, wanted[512];
	assert_null(load("it.json",
		HEAD "\"workload\": {\"kind\": \"tpc\"}, \"duration_s\": 5, \"repeats\": 2, "
		     "\"contestants\": [{\"name\": \"A\"}, {\"name\": \"plain\", "
		     "\"workload\": {\"streams\": 2}}, {\"mptpc\": true}]}",
		&error));
	snprintf(wanted, sizeof(wanted),
		"%s/it.json: workload.kind: expected tcp, udp, call, connections, transfers or "
		"quic\n"
		"%s/it.json: contestants[0].name: expected a name of small letters, digits, + and "
		"-, at most 40, got \"A\"\n"
		"%s/it.json: contestants[2].mptpc: unknown key, expected name, mptcp, mpipd, "
		"clock, "
		"paper, scenario, workload, nics or sysctls",
		directory, directory, directory);
	assert_string_equal(error, wanted);
	free(error);
}

static void digest_of(const char *content, int rep, char out[SHA256_TEXT])
{
	char *error;
	struct definition *d = load("it.json", content, &error);
	assert_non_null(d);
	definition_digest(d, &d->contestants[0], rep, out);
	definition_free(d);
}

/* What changes a run's numbers changes its digest; words and the number of repeats do not. */
static void the_digest_is_of_what_matters(void **state)
{
	(void)state;
	char first[SHA256_TEXT], other[SHA256_TEXT];
	digest_of(HEAD TCP TAIL, 1, first);

	static const char *const same[] = {
		"{\"title\": \"other\", \"scenario\": \"lab.json\", " TCP TAIL,
		"{\"title\": \"t\", \"scenario\": \"same-lab.json\", " TCP TAIL,
		HEAD TCP
		"\"duration_s\": 5, \"repeats\": 9, \"contestants\": [{\"name\": \"plain\", "
		"\"paper\": \"/a\"}, {\"name\": \"b\"}]}",
		HEAD "\"workload\": {\"kind\": \"tcp\", \"streams\": 1}, " TAIL,
	};
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		digest_of(same[i], 1, other);
		assert_string_equal(first, other);
	}

	static const char *const different[] = {
		"{\"title\": \"t\", \"scenario\": \"other-lab.json\", " TCP TAIL,
		HEAD "\"workload\": {\"kind\": \"tcp\", \"streams\": 2}, " TAIL,
		HEAD TCP "\"warm_up_s\": 1, " TAIL,
		HEAD TCP "\"seed\": 2, " TAIL,
		HEAD TCP
		"\"duration_s\": 6, \"repeats\": 2, \"contestants\": [{\"name\": \"plain\"}]}",
		HEAD TCP
		"\"duration_s\": 5, \"repeats\": 2, \"contestants\": [{\"name\": \"plain\", "
		"\"mptcp\": true}]}",
		HEAD TCP
		"\"duration_s\": 5, \"repeats\": 2, \"contestants\": [{\"name\": \"plain\", "
		"\"mpipd\": {}}]}",
	};
	for (size_t i = 0; i < sizeof(different) / sizeof(different[0]); i++) {
		digest_of(different[i], 1, other);
		assert_string_not_equal(first, other);
	}
	digest_of(HEAD TCP TAIL, 2, other);
	assert_string_not_equal(first, other);
}

static void seeds_do_not_repeat(void **state)
{
	(void)state;
	int64_t all[3 * 3 * 3];
	size_t count = 0;
	for (int seed = 0; seed < 3; seed++) {
		struct definition d = {.seed = seed};
		for (int rep = 1; rep <= 3; rep++)
			for (int index = 0; index < 3; index++)
				all[count++] = definition_seed(&d, rep, index);
	}
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < i; k++)
			assert_true(all[i] != all[k]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_whole_experiment),
		cmocka_unit_test(contestants_that_differ),
		cmocka_unit_test(a_clock_that_runs_fast),
		cmocka_unit_test(a_call_and_the_tcp_beside_it),
		cmocka_unit_test(many_connections),
		cmocka_unit_test(transfers_of_sizes),
		cmocka_unit_test(transfers_that_are_drawn),
		cmocka_unit_test(errors_name_their_place),
		cmocka_unit_test(every_fault_is_told),
		cmocka_unit_test(the_digest_is_of_what_matters),
		cmocka_unit_test(seeds_do_not_repeat),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
