// SPDX-License-Identifier: BSD-2-Clause
/*
 * mpipd's configuration file.
 *
 * Theory of operation: every number of the protocol is a row of one of two tables below, with its
 * key and bounds; so what can be configured, what is checked, and what an unknown key is told are
 * the same list.
 */

#include "mpip/io/config.h"

#include "mpip/base/jsonfile.h"
#include "mpip/core/reorder.h"
#include "mpip/io/policies.h"

#include <stdio.h>
#include <stdlib.h>

struct number {
	const char *key;
	size_t offset;
	int64_t min, max;
	int64_t unit; /* 0: an unsigned int; else a time, in units of so many microseconds */
};

#define COUNT(field, min, max)                                                                     \
	{                                                                                          \
#field, offsetof(struct settings, field), min, max, 0                              \
	}
#define TIME(key, field, unit, min, max)                                                           \
	{                                                                                          \
		key, offsetof(struct settings, field), min, max, unit                              \
	}
#define MS 1000
#define S  1000000

static const struct number numbers[] = {
	COUNT(query_threshold, 1, 255),
	TIME("query_interval_ms", query_interval, MS, 1, 60000),
	TIME("query_grace_ms", query_grace, MS, 1, 60000),
	TIME("no_expiry_s", no_expiry, S, 1, 86400),
	TIME("session_expiry_s", session_expiry, S, 1, 86400),
	TIME("session_retry_ms", session_retry, MS, 100, 600000),
	TIME("fallback_ms", fallback, MS, 10, 60000),
	TIME("heartbeat_ms", heartbeat, MS, 10, 60000),
	COUNT(wire_probes, 1, 1000),
	TIME("path_retry_s", path_retry, S, 1, 86400),
	COUNT(delay_gain_shift, 0, 10),
	TIME("min_delay_window_s", min_delay_window, S, 1, 3600),
	COUNT(max_active_paths, 0, MAX_PATHS),
	COUNT(weight_step, 0, 1000),
	TIME("weight_period_ms", weight_period, MS, 1, 60000),
	COUNT(weight_total, 1, 1000000),
	COUNT(weight_min, 1, 1000),
	COUNT(weight_max, 1, 1000000),
	TIME("silence_min_ms", silence_min, MS, 10, 60000),
	TIME("silence_max_ms", silence_max, MS, 10, 60000),
	TIME("probe_interval_ms", probe_interval, MS, 10, 60000),
	TIME("maintenance_ms", maintenance, MS, 1, 1000),
	COUNT(max_sessions, 1, 1000000),
	COUNT(max_paths, 1, 65535),
	COUNT(max_peers, 1, 1000000),
	COUNT(max_addresses, 2, 1000000),
};
#define NUMBERS (sizeof(numbers) / sizeof(numbers[0]))

static const struct number reorder_numbers[] = {
	{"buffer_packets", offsetof(struct settings, reorder_packets), 0, REORDER_MAX, 0},
	TIME("hold_ms", reorder_hold, MS, 0, 60000),
	{"pool_packets", offsetof(struct settings, reorder_pool), 0, 65000, 0},
};
#define REORDER_NUMBERS (sizeof(reorder_numbers) / sizeof(reorder_numbers[0]))

static void read_numbers(
	struct jat at, struct settings *set, const struct number *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct number *row = &rows[i];
		void *field = (char *)set + row->offset;
		if (row->unit) {
			struct usec *t = field;
			t->us = jat_integer_or(jat_key(at, row->key), row->min, row->max,
					t->us / row->unit) *
				row->unit;
		} else {
			unsigned *n = field;
			*n = (unsigned)jat_integer_or(
				jat_key(at, row->key), row->min, row->max, *n);
		}
	}
}

static void only_known(
	struct jat at, const char *const *more, const struct number *rows, size_t count)
{
	const char *names[64] = {NULL};
	size_t n = 0;
	while (more[n]) {
		names[n] = more[n];
		n++;
	}
	for (size_t i = 0; i < count; i++)
		names[n++] = rows[i].key;
	jat_only(at, names);
}

static void read_interfaces(struct jat at, struct config *config)
{
	size_t n = jat_length(at);
	if (n > MAX_ADDRESSES) {
		jat_fail(at, "expected at most %d interfaces", MAX_ADDRESSES);
		return;
	}
	for (size_t i = 0; i < n; i++)
		config->interfaces[i] = jat_string(jat_item(at, i));
}

/* The clock of an experiment (mpip/core/clock.h). */
static void read_clock(struct jat at, struct clock_distortion *clock)
{
	static const char *const keys[] = {"offset_us", "skew_ppm", "step", NULL};
	static const char *const step_keys[] = {"at_s", "by_us", NULL};
	static const double far = 1e15;
	if (!jat_present(at) || json_is_null(at.value))
		return;
	jat_only(at, keys);
	clock->any = true;
	clock->offset.us = jat_integer_or(jat_key(at, "offset_us"), (int64_t)-far, (int64_t)far, 0);
	clock->skew_ppb =
		(int64_t)(1000 * jat_number_or(jat_key(at, "skew_ppm"), -10000, 10000, 0));
	struct jat steps = jat_key(at, "step");
	size_t n = jat_length(steps);
	if (n > CLOCK_STEPS)
		jat_fail(steps, "expected at most %d steps", CLOCK_STEPS);
	for (size_t i = 0; i < n && i < CLOCK_STEPS; i++) {
		struct jat step = jat_item(steps, i);
		struct clock_step *out = &clock->step[clock->steps++];
		jat_only(step, step_keys);
		out->at.us = (int64_t)(1e6 * jat_number(jat_key(step, "at_s"), 0, 1e8));
		out->by.us = jat_integer(jat_key(step, "by_us"), (int64_t)-far, (int64_t)far);
	}
}

static void read_root(struct jat root, struct config *config)
{
	static const char *const others[] = {"wire_form", "wire_fallback", "scheduler", "min_delay",
		"policies", "clock", "seed", "reorder", "interfaces", "tun", "socket", "wire_port",
		"table", "rule_priority", "mark", "batch_us", "log_level", NULL};
	static const char *const none[] = {NULL};
	struct settings *set = &config->settings;

	only_known(root, others, numbers, NUMBERS);
	read_numbers(root, set, numbers, NUMBERS);
	if (set->weight_min > set->weight_max)
		jat_fail(jat_key(root, "weight_min"), "expected at most weight_max (%d)",
			set->weight_max);
	if (usec_before(set->silence_max, set->silence_min))
		jat_fail(jat_key(root, "silence_min_ms"), "expected at most silence_max_ms");

	struct jat reorder = jat_key(root, "reorder");
	if (jat_present(reorder))
		only_known(reorder, none, reorder_numbers, REORDER_NUMBERS);
	read_numbers(reorder, set, reorder_numbers, REORDER_NUMBERS);

	set->encap = (enum encapsulation)jat_choice_or(
		jat_key(root, "wire_form"), encap_names, set->encap);
	set->wire_fallback = jat_bool_or(jat_key(root, "wire_fallback"), set->wire_fallback);
	set->scheduler = (enum scheduler_kind)jat_choice_or(
		jat_key(root, "scheduler"), scheduler_names, set->scheduler);
	set->min_delay = (enum min_delay_kind)jat_choice_or(
		jat_key(root, "min_delay"), min_delay_names, set->min_delay);
	if (jat_present(jat_key(root, "policies")))
		policies_read(jat_key(root, "policies"), &set->policies);
	read_clock(jat_key(root, "clock"), &set->clock);
	struct jat seed = jat_key(root, "seed");
	config->seeded = jat_present(seed) && !json_is_null(seed.value);
	if (config->seeded)
		set->seed = (uint64_t)jat_integer(seed, 0, INT64_MAX);

	read_interfaces(jat_key(root, "interfaces"), config);
	const char *tun = jat_string_or(jat_key(root, "tun"), config->tun);
	if (tun[0] == '\0' || strlen(tun) >= sizeof(config->tun) - 3)
		jat_fail(jat_key(root, "tun"), "expected a device name of 1 to %zu characters",
			sizeof(config->tun) - 4);
	else
		memmove(config->tun, tun, strlen(tun) + 1);
	struct jat name = jat_key(root, "socket");
	const char *socket = json_is_null(name.value) ? NULL : jat_string_or(name, NULL);
	if (!socket)
		config->socket[0] = '\0';
	else if (socket[0] == '\0' || strlen(socket) >= sizeof(config->socket))
		jat_fail(name, "expected a path, @NAME or null");
	else
		memmove(config->socket, socket, strlen(socket) + 1);
	config->wire_port = htons((uint16_t)jat_integer_or(
		jat_key(root, "wire_port"), 1, 65535, ntohs(config->wire_port)));
	config->table = (unsigned)jat_integer_or(jat_key(root, "table"), 1, 1000000, config->table);
	config->rule_priority = (unsigned)jat_integer_or(
		jat_key(root, "rule_priority"), 1, 32000, config->rule_priority);
	config->mark = (uint32_t)jat_integer_or(jat_key(root, "mark"), 1, UINT32_MAX, config->mark);
	config->mask = config->mark;
	config->batch_us =
		(unsigned)jat_integer_or(jat_key(root, "batch_us"), 0, 10000, config->batch_us);
	config->log_level = (enum log_level)jat_choice_or(
		jat_key(root, "log_level"), log_level_names, config->log_level);
}

static struct config config_default(void)
{
	return (struct config){
		.settings = settings_default(),
		.tun = "mpip0",
		.wire_port = htons(5280),
		.table = 5280,
		.rule_priority = 10, /* in front of the host's own source rules */
		.mark = 0x4d500000,
		.mask = 0x4d500000,
		.batch_us = 100,
		.log_level = LEVEL_INFO,
	};
}

static void put_numbers(
	json_t *object, const struct settings *set, const struct number *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct number *row = &rows[i];
		const void *field = (const char *)set + row->offset;
		json_int_t n = row->unit ? ((const struct usec *)field)->us / row->unit
					 : *(const unsigned *)field;
		json_object_set_new(object, row->key, json_integer(n));
	}
}

json_t *config_defaults(void)
{
	struct config config = config_default();
	const struct settings *set = &config.settings;
	json_t *reorder = json_object();
	put_numbers(reorder, set, reorder_numbers, REORDER_NUMBERS);
	/* What has no value of its own unless it is given is null. */
	json_t *all = json_pack("{s:s, s:b, s:s, s:s, s:[], s:n, s:n, s:o, s:[], s:s, s:n, s:i, "
				"s:I, s:I, s:I, s:I, s:s}",
		"wire_form", encap_names[set->encap], "wire_fallback", set->wire_fallback,
		"scheduler", scheduler_names[set->scheduler], "min_delay",
		min_delay_names[set->min_delay], "policies", "clock", "seed", "reorder", reorder,
		"interfaces", "tun", config.tun, "socket", "wire_port", ntohs(config.wire_port),
		"table", (json_int_t)config.table, "rule_priority",
		(json_int_t)config.rule_priority, "mark", (json_int_t)config.mark, "batch_us",
		(json_int_t)config.batch_us, "log_level", log_level_names[config.log_level]);
	put_numbers(all, set, numbers, NUMBERS);
	return all;
}

void config_check(struct jat at)
{
	struct config config = config_default();
	read_root(at, &config);
}

void config_check_clock(struct jat at)
{
	struct clock_distortion clock = {0};
	read_clock(at, &clock);
}

int config_read(struct config *config, const char *file, char **error)
{
	*config = config_default();
	if (!file)
		return 0;
	config->doc = jdoc_load(file);
	struct jat root = jdoc_root(config->doc);
	if (!jdoc_error(config->doc))
		read_root(root, config);
	if (!jdoc_error(config->doc))
		return 0;
	*error = strdup(jdoc_error(config->doc));
	config_close(config);
	return -1;
}

void config_close(struct config *config)
{
	jdoc_free(config->doc);
	config->doc = NULL;
}
