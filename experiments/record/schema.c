// SPDX-License-Identifier: BSD-2-Clause
/*
 * Checking JSON against a JSON Schema.
 *
 * Theory of operation
 * -------------------
 * One function per keyword, in a table. A value is checked against a schema by running every
 * keyword that the schema has; a keyword that is not in the table is an error of the schema. The
 * place in the value is kept as text, for the message.
 */

#include "experiments/record/schema.h"

#include "mpip/base/error.h"

#include <regex.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct check {
	const json_t *root; /* the whole schema, for $ref */
	const char *place;
	char **error;
};

static int check(const struct check *c, const json_t *schema, const json_t *value);

static int unlike(const struct check *c, const char *expected)
{
	return error_set(
		c->error, "%s: expected %s", c->place[0] ? c->place : "top level", expected);
}

static int check_below(const struct check *c, const json_t *schema, const json_t *value,
	const char *format, const char *key, size_t index)
{
	char *step = key ? text_format(format, key) : text_format("[%zu]", index);
	char *place = text_format("%s%s%s", c->place, c->place[0] && key ? "." : "", step);
	struct check below = {c->root, place, c->error};
	int rc = check(&below, schema, value);
	free(place);
	free(step);
	return rc;
}

static bool is_of_type(const json_t *value, const char *type)
{
	if (strcmp(type, "number") == 0)
		return json_is_number(value);
	if (strcmp(type, "integer") == 0)
		return json_is_integer(value);
	if (strcmp(type, "string") == 0)
		return json_is_string(value);
	if (strcmp(type, "boolean") == 0)
		return json_is_boolean(value);
	if (strcmp(type, "object") == 0)
		return json_is_object(value);
	if (strcmp(type, "array") == 0)
		return json_is_array(value);
	return strcmp(type, "null") == 0 && json_is_null(value);
}

static int check_type(
	const struct check *c, const json_t *schema, const json_t *rule, const json_t *value)
{
	(void)schema;
	char expected[128] = "";
	size_t count = json_is_array(rule) ? json_array_size(rule) : 1;
	for (size_t i = 0; i < count; i++) {
		const char *type =
			json_string_value(json_is_array(rule) ? json_array_get(rule, i) : rule);
		if (!type)
			return unlike(c, "a schema whose type is a name");
		if (is_of_type(value, type))
			return 0;
		size_t used = strlen(expected);
		snprintf(expected + used, sizeof(expected) - used, "%s%s", i ? " or " : "", type);
	}
	return unlike(c, expected);
}

static int check_required(
	const struct check *c, const json_t *schema, const json_t *rule, const json_t *value)
{
	(void)schema;
	size_t i;
	json_t *name;
	json_array_foreach ((json_t *)rule, i, name) {
		if (!json_is_object(value) || json_object_get(value, json_string_value(name)))
			continue;
		return error_set(c->error, "%s%s%s: missing", c->place, c->place[0] ? "." : "",
			json_string_value(name));
	}
	return 0;
}

static int check_properties(
	const struct check *c, const json_t *schema, const json_t *rule, const json_t *value)
{
	(void)schema;
	const char *key;
	json_t *below;
	json_object_foreach ((json_t *)rule, key, below) {
		const json_t *member = json_object_get(value, key);
		if (member && check_below(c, below, member, "%s", key, 0) != 0)
			return -1;
	}
	return 0;
}

static int check_additional(
	const struct check *c, const json_t *schema, const json_t *rule, const json_t *value)
{
	const json_t *known = json_object_get(schema, "properties");
	const char *key;
	json_t *member;
	if (!json_is_object(value))
		return 0;
	json_object_foreach ((json_t *)value, key, member) {
		if (json_object_get(known, key))
			continue;
		if (json_is_false(rule))
			return error_set(c->error, "%s%s%s: unknown key", c->place,
				c->place[0] ? "." : "", key);
		if (json_is_object(rule) && check_below(c, rule, member, "%s", key, 0) != 0)
			return -1;
	}
	return 0;
}

static int check_items(
	const struct check *c, const json_t *schema, const json_t *rule, const json_t *value)
{
	(void)schema;
	size_t i;
	json_t *item;
	json_array_foreach ((json_t *)value, i, item)
		if (check_below(c, rule, item, NULL, NULL, i) != 0)
			return -1;
	return 0;
}

static int check_enum(
	const struct check *c, const json_t *schema, const json_t *rule, const json_t *value)
{
	(void)schema;
	size_t i;
	json_t *one;
	json_array_foreach ((json_t *)rule, i, one)
		if (json_equal(one, value))
			return 0;
	char *names = json_dumps(rule, JSON_COMPACT | JSON_ENCODE_ANY);
	char *expected = text_format("one of %s", names);
	int rc = unlike(c, expected);
	free(expected);
	free(names);
	return rc;
}

static int check_bound(const struct check *c, double bound, double value, bool low)
{
	if (low ? value >= bound : value <= bound)
		return 0;
	char *expected = text_format("%s %g, got %g", low ? "at least" : "at most", bound, value);
	int rc = unlike(c, expected);
	free(expected);
	return rc;
}

static int check_minimum(
	const struct check *c, const json_t *schema, const json_t *rule, const json_t *value)
{
	(void)schema;
	return json_is_number(value)
		       ? check_bound(c, json_number_value(rule), json_number_value(value), true)
		       : 0;
}

static int check_maximum(
	const struct check *c, const json_t *schema, const json_t *rule, const json_t *value)
{
	(void)schema;
	return json_is_number(value)
		       ? check_bound(c, json_number_value(rule), json_number_value(value), false)
		       : 0;
}

static int check_min_items(
	const struct check *c, const json_t *schema, const json_t *rule, const json_t *value)
{
	(void)schema;
	return json_is_array(value) ? check_bound(c, json_number_value(rule),
					      (double)json_array_size(value), true)
				    : 0;
}

static int check_max_items(
	const struct check *c, const json_t *schema, const json_t *rule, const json_t *value)
{
	(void)schema;
	return json_is_array(value) ? check_bound(c, json_number_value(rule),
					      (double)json_array_size(value), false)
				    : 0;
}

static int check_pattern(
	const struct check *c, const json_t *schema, const json_t *rule, const json_t *value)
{
	(void)schema;
	if (!json_is_string(value))
		return 0;
	regex_t pattern;
	if (regcomp(&pattern, json_string_value(rule), REG_EXTENDED | REG_NOSUB) != 0)
		return unlike(c, "a schema whose pattern is a regular expression");
	bool fits = regexec(&pattern, json_string_value(value), 0, NULL, 0) == 0;
	regfree(&pattern);
	if (fits)
		return 0;
	char *expected = text_format("text like %s", json_string_value(rule));
	int rc = unlike(c, expected);
	free(expected);
	return rc;
}

static int check_ref(
	const struct check *c, const json_t *schema, const json_t *rule, const json_t *value)
{
	(void)schema;
	static const char start[] = "#/definitions/";
	const char *name = json_string_value(rule);
	const json_t *target = NULL;
	if (name && strncmp(name, start, sizeof(start) - 1) == 0)
		target = json_object_get(
			json_object_get(c->root, "definitions"), name + sizeof(start) - 1);
	if (!target)
		return unlike(c, "a schema whose $ref names one of its definitions");
	return check(c, target, value);
}

static int check_nothing(
	const struct check *c, const json_t *schema, const json_t *rule, const json_t *value)
{
	(void)c, (void)schema, (void)rule, (void)value;
	return 0;
}

static const struct {
	const char *name;
	int (*check)(const struct check *c, const json_t *schema, const json_t *rule,
		const json_t *value);
} keywords[] = {
	{"type", check_type},
	{"required", check_required},
	{"properties", check_properties},
	{"additionalProperties", check_additional},
	{"items", check_items},
	{"enum", check_enum},
	{"minimum", check_minimum},
	{"maximum", check_maximum},
	{"minItems", check_min_items},
	{"maxItems", check_max_items},
	{"pattern", check_pattern},
	{"$ref", check_ref},
	{"title", check_nothing},
	{"description", check_nothing},
	{"definitions", check_nothing},
	{"$schema", check_nothing},
	{"$id", check_nothing},
};

static int check(const struct check *c, const json_t *schema, const json_t *value)
{
	if (!json_is_object(schema))
		return unlike(c, "a schema that is an object");
	/* The type first: what a wrong type breaks elsewhere is no news. */
	const json_t *type = json_object_get(schema, "type");
	if (type && check_type(c, schema, type, value) != 0)
		return -1;

	const char *key;
	json_t *rule;
	json_object_foreach ((json_t *)schema, key, rule) {
		size_t i = 0, count = sizeof(keywords) / sizeof(keywords[0]);
		while (i < count && strcmp(keywords[i].name, key) != 0)
			i++;
		if (i == count)
			return error_set(c->error, "%s: the schema's keyword %s is not supported",
				c->place[0] ? c->place : "top level", key);
		if (keywords[i].check(c, schema, rule, value) != 0)
			return -1;
	}
	return 0;
}

int schema_check(const json_t *schema, const json_t *value, char **error)
{
	struct check c = {schema, "", error};
	return check(&c, schema, value);
}
