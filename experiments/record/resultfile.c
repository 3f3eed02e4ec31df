// SPDX-License-Identifier: BSD-2-Clause
/*
 * One result.json.
 *
 * Theory of operation: a result is read in many places, and a value that is missing would be a 0 or
 * an empty text in each of them: an average of nothing, a figure of nobody. So what all of them
 * rely on is looked at once, here; what only one measure needs is NaN where it is not there.
 */

#include "experiments/record/resultfile.h"

#include "experiments/record/definition.h"
#include "experiments/record/names.h"
#include "mpip/base/error.h"
#include "mpip/base/jsonfile.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define REPETITIONS_MAX 1000000
#define RATE_MAX_MBIT   1e9

json_t *json_pointer(const json_t *value, const char *pointer)
{
	char *copy = text_format("%s", pointer), *rest = copy;
	strsep(&rest, "/"); /* what is before the first slash is empty */
	while (value && rest) {
		const char *step = strsep(&rest, "/");
		bool is_index = step[0] && step[strspn(step, "0123456789")] == '\0';
		if (!json_is_array(value))
			value = json_object_get(value, step);
		else
			value = is_index ? json_array_get(value, strtoul(step, NULL, 10)) : NULL;
	}
	free(copy);
	return (json_t *)value;
}

double json_number_at(const json_t *value, const char *pointer)
{
	const json_t *number = json_pointer(value, pointer);
	return json_is_number(number) ? json_number_value(number) : NAN;
}

static void check_version(struct jat root)
{
	struct jat at = jat_key(root, "schema_version");
	json_int_t version = json_integer_value(at.value);
	const char *experiment = json_string_value(json_object_get(root.value, "experiment"));
	if (!json_is_integer(at.value) || version != RESULT_VERSION)
		jat_fail(at,
			"expected %d, got %lld: a result of another version of this program; make "
			"experiment NAME=%s makes it again",
			RESULT_VERSION, (long long)version, experiment ? experiment : "...");
}

static void check_list(struct jat root, const char *key)
{
	struct jat list = jat_key(root, key);
	if (!json_is_array(list.value))
		jat_fail(list, "expected a list");
}

static void check_workload(struct jat at)
{
	static const char *const texts[] = {"kind", "direction", "from", "to"};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		jat_string(jat_key(at, texts[i]));
}

static void check_result(struct jat root)
{
	check_version(root);
	static const char *const names[] = {"experiment", "contestant"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		name_check(jat_key(root, names[i]), jat_string(jat_key(root, names[i])));
	static const char *const texts[] = {"run", "title", "ground"};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		jat_string(jat_key(root, texts[i]));
	jat_integer(jat_key(root, "rep"), 1, REPETITIONS_MAX);
	jat_integer(jat_key(root, "seed"), 0, INT64_MAX);
	jat_integer(jat_key(root, "duration_s"), 1, DURATION_MAX_S);
	jat_integer(jat_key(root, "warm_up_s"), 0, DURATION_MAX_S);
	jat_number(jat_key(root, "goodput_mbit"), 0, RATE_MAX_MBIT);
	check_list(root, "marks");
	check_list(root, "paths");
	check_list(root, "series");
	struct jat series = jat_key(root, "series");
	for (size_t i = 0; i < jat_length(series); i++)
		jat_number(jat_item(series, i), 0, RATE_MAX_MBIT);
	check_workload(jat_key(root, "workload"));
	struct jat nics = jat_key(jat_key(root, "links"), "nics");
	for (size_t i = 0; i < jat_length(nics); i++) {
		jat_string(jat_key(jat_item(nics, i), "host"));
		jat_string(jat_key(jat_item(nics, i), "nic"));
	}
}

json_t *result_read(const char *file, char **error)
{
	struct jdoc *doc = jdoc_load(file);
	struct jat root = jdoc_root(doc);
	if (!jdoc_error(doc))
		check_result(root);
	json_t *result = jdoc_error(doc) ? NULL : json_incref(root.value);
	if (!result)
		error_set(error, "%s", jdoc_error(doc));
	jdoc_free(doc);
	return result;
}
