// SPDX-License-Identifier: BSD-2-Clause
/*
 * What an experiment's contestants were told differently.
 *
 * Theory of operation
 * -------------------
 * A result holds its definition. The settings in it are flattened, a name with dots for each value,
 * and those that all contestants have alike are left out. Which protocols a contestant uses its
 * name says; a clock has a figure of its own.
 */

#include "analysis/measure/settings.h"

#include "mpip/base/error.h"

#include <stdlib.h>

#define CONTESTANT "/provenance/definition/contestant"

/* A contestant's run, of whichever kind there is. */
static const json_t *run_of(const struct contestant_results *c)
{
	return c->count ? c->runs[0] : c->marked[0];
}

/* Adds each value below `value` to `flat`, under its name with dots. */
static void flatten(json_t *flat, const char *name, const json_t *value)
{
	const char *key;
	json_t *member;
	if (!json_is_object(value)) {
		json_object_set(flat, name, (json_t *)value);
		return;
	}
	json_object_foreach ((json_t *)value, key, member) {
		char *longer = text_format("%s%s%s", name, *name ? "." : "", key);
		flatten(flat, longer, member);
		free(longer);
	}
}

/* Takes out of each object of the list the members that all of them have alike. */
static void keep_differing(json_t *all)
{
	json_t *first = json_copy(json_array_get(all, 0)), *value, *one;
	const char *key;
	size_t i;
	json_object_foreach (first, key, value) {
		bool alike = true;
		json_array_foreach (all, i, one)
			alike = alike && json_equal(json_object_get(one, key), value);
		json_array_foreach (all, i, one)
			if (alike)
				json_object_del(one, key);
	}
	json_decref(first);
}

/* For each contestant, in their order, its settings of one kind as far as they differ; only those
 * that have the kind are compared where `among` says so. */
static json_t *of_kind(const struct results *r, const char *pointer, bool among)
{
	json_t *all = json_array(), *compared = json_array();
	for (size_t i = 0; i < r->count; i++) {
		const json_t *value = json_pointer(run_of(&r->contestants[i]), pointer);
		json_t *flat = json_object();
		flatten(flat, "", json_is_object(value) ? value : flat);
		json_array_append_new(all, flat);
		if (!among || json_is_object(value))
			json_array_append(compared, flat);
	}
	keep_differing(compared);
	json_decref(compared);
	return all;
}

json_t *settings_differing(const struct results *r)
{
	json_t *kinds[] = {of_kind(r, CONTESTANT "/mpipd", true),
		of_kind(r, CONTESTANT "/sysctls", false), of_kind(r, "/workload", false)};
	json_t *all = json_object();
	for (size_t i = 0; i < r->count; i++) {
		json_t *own = json_object();
		for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++)
			json_object_update(own, json_array_get(kinds[k], i));
		if (json_object_size(own))
			json_object_set(all, r->contestants[i].name, own);
		json_decref(own);
	}
	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++)
		json_decref(kinds[k]);
	return all;
}

/* A value for people. Allocated. */
static char *value_text(const json_t *value)
{
	if (json_is_string(value))
		return text_format("%s", json_string_value(value));
	if (json_is_real(value))
		return text_format("%g", json_real_value(value));
	char *text = json_dumps(value, JSON_ENCODE_ANY);
	if (!text)
		abort();
	return text;
}

char *settings_one_text(const char *contestant, const json_t *settings)
{
	char *text = text_format("%s:", contestant);
	const char *key, *between = " ";
	json_t *value;
	json_object_foreach ((json_t *)settings, key, value) {
		char *one = value_text(value);
		char *longer = text_format("%s%s%s %s", text, between, key, one);
		free(text);
		free(one);
		text = longer;
		between = ", ";
	}
	return text;
}

char *settings_text(const struct results *r)
{
	json_t *all = settings_differing(r), *settings;
	char *text = text_format("%s", "");
	const char *name;
	json_object_foreach (all, name, settings) {
		char *one = settings_one_text(name, settings);
		char *longer = text_format("%s%s%s", text, *text ? " · " : "", one);
		free(text);
		free(one);
		text = longer;
	}
	json_decref(all);
	return text;
}
