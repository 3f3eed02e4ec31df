// SPDX-License-Identifier: BSD-2-Clause
/*
 * The kernel's SNMP counters.
 *
 * Theory of operation
 * -------------------
 * /proc/PID/net/snmp and netstat hold pairs of lines: the names of a group's counters, then their
 * values. They belong to the namespace of that process, so the runner reads them from outside, as
 * long as one process of its own lives in there.
 */

#include "experiments/probe/mib.h"

#include "mpip/base/files.h"

#include <stdlib.h>
#include <string.h>

/* Takes one pair of lines apart, both writable and without their group. */
static int parse_pair(char *names, char *values, json_t *group)
{
	char *at_name = NULL, *at_value = NULL;
	char *name = strtok_r(names, " ", &at_name);
	char *value = strtok_r(values, " ", &at_value);
	for (; name && value;
		name = strtok_r(NULL, " ", &at_name), value = strtok_r(NULL, " ", &at_value)) {
		char *end;
		long long number = strtoll(value, &end, 10);
		if (end == value || *end != '\0')
			return -1;
		json_object_set_new(group, name, json_integer(number));
	}
	return name || value ? -1 : 0;
}

int mib_parse(const char *content, json_t *into)
{
	char *copy = strdup(content);
	if (!copy)
		abort();

	int rc = 0;
	char *at = NULL;
	for (char *names = strtok_r(copy, "\n", &at); names && rc == 0;
		names = strtok_r(NULL, "\n", &at)) {
		char *values = strtok_r(NULL, "\n", &at);
		char *colon = strchr(names, ':');
		size_t length = colon ? (size_t)(colon - names) + 1 : 0;
		if (!values || !colon || strncmp(names, values, length) != 0) {
			rc = -1;
			break;
		}
		*colon = '\0';
		json_t *group = json_object();
		rc = parse_pair(colon + 1, values + length, group);
		json_object_set_new(into, names, group);
	}
	free(copy);
	return rc;
}

json_t *mib_read(pid_t pid, char **error)
{
	static const char *const files[] = {"snmp", "netstat"};
	json_t *all = json_object();
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		char *file = text_format("/proc/%d/net/%s", (int)pid, files[i]);
		char *content = file_read(file, error);
		int rc = content ? mib_parse(content, all) : -1;
		if (rc != 0)
			error_set(error, "%s: expected pairs of lines, names and values", file);
		free(content);
		free(file);
		if (rc != 0) {
			json_decref(all);
			return NULL;
		}
	}
	return all;
}

static json_int_t counter(const json_t *mib, const char *group, const char *name)
{
	return json_integer_value(json_object_get(json_object_get(mib, group), name));
}

json_int_t mib_difference(
	const json_t *before, const json_t *after, const char *group, const char *name)
{
	return counter(after, group, name) - counter(before, group, name);
}
