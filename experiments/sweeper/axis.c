// SPDX-License-Identifier: BSD-2-Clause
/*
 * Reading an axis.
 *
 * Theory of operation
 * -------------------
 * Whatever way an axis is written, it becomes a list of values, each with all that it sets. A
 * number of a range is written down as a person would: a whole one without a fraction, one of a
 * logarithmic range with four digits. So the same value has the same bits in each sweep, and
 * with them a run the same digest.
 */

#include "experiments/sweeper/axis.h"

#include "experiments/sweeper/pointer.h"
#include "mpip/base/error.h"

#include <ctype.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIGITS 4 /* of a logarithmic range's values */

char *axis_value_text(const struct axis_value *v)
{
	const char *text = json_string_value(v->shown);
	return json_is_integer(v->shown)
		       ? text_format("%lld", (long long)json_integer_value(v->shown))
	       : text ? text_format("%s", text)
		      : text_format("%g", json_number_value(v->shown));
}

json_t *axis_json(const struct axis *a)
{
	json_t *values = json_array();
	for (size_t i = 0; i < a->count; i++)
		json_array_append(values, a->values[i].shown);
	return json_pack("{s:s, s:s, s:s, s:o}", "name", a->name, "title", a->title, "unit",
		a->unit, "values", values);
}

/* Takes both references. */
static void add(struct axis *a, json_t *shown, json_t *set)
{
	a->values = reallocarray(a->values, a->count + 1, sizeof(*a->values));
	if (!a->values)
		abort();
	a->values[a->count++] = (struct axis_value){shown, set};
}

static const char *read_pointer(struct jat at)
{
	const char *pointer = jat_string(at);
	if (pointer && !pointer_is_good(pointer))
		jat_fail(at, "expected a JSON pointer such as /scenario/links/0/delay_ms");
	return pointer;
}

/* What one value sets: each of the pointers. */
static json_t *set_of(json_t *pointers, json_t *value)
{
	json_t *set = json_object(), *pointer;
	size_t i;
	json_array_foreach (pointers, i, pointer)
		json_object_set(set, json_string_value(pointer), value);
	return set;
}

/* The list of pointers that an axis with values has; empty where there is a mistake. */
static json_t *read_pointers(struct jat at)
{
	struct jat one = jat_key(at, "pointer"), many = jat_key(at, "pointers");
	json_t *pointers = json_array();
	if (jat_present(one) == jat_present(many)) {
		jat_fail(at, "expected one of \"pointer\" and \"pointers\"");
		return pointers;
	}
	size_t count = jat_present(many) ? jat_length(many) : 1;
	if (count == 0)
		jat_fail(many, "expected a list of at least one JSON pointer");
	for (size_t i = 0; i < count; i++) {
		struct jat place = jat_present(many) ? jat_item(many, i) : one;
		const char *pointer = read_pointer(place);
		if (pointer && !jdoc_error(at.doc))
			json_array_append_new(pointers, json_string(pointer));
	}
	return pointers;
}

static void read_values(struct axis *a, struct jat list, json_t *pointers)
{
	size_t count = jat_length(list);
	if (count == 0)
		jat_fail(list, "expected a list of at least one value");
	for (size_t i = 0; i < count; i++) {
		struct jat at = jat_item(list, i);
		json_t *shown = json_is_number(at.value) || json_is_string(at.value)
					? json_incref(at.value)
				: json_is_boolean(at.value)
					? json_string(json_is_true(at.value) ? "true" : "false")
					: NULL;
		if (!shown) {
			jat_fail(at, "expected a number, a text, true or false; \"cases\" have "
				     "names for anything else");
			return;
		}
		add(a, shown, set_of(pointers, at.value));
	}
}

static void add_number(struct axis *a, double x, json_t *pointers)
{
	json_t *value = x == rint(x) && fabs(x) < 1e15 ? json_integer((json_int_t)x) : json_real(x);
	add(a, value, set_of(pointers, value));
}

/* As it is written down with so many digits. */
static double rounded(double x, int digits)
{
	char text[32];
	snprintf(text, sizeof(text), "%.*g", digits, x);
	return strtod(text, NULL);
}

static void read_range(struct axis *a, struct jat at, json_t *pointers)
{
	static const char *const keys[] = {"from", "to", "step", NULL};
	jat_only(at, keys);
	double from = jat_number(jat_key(at, "from"), -1e12, 1e12);
	double to = jat_number(jat_key(at, "to"), -1e12, 1e12);
	double step = jat_number(jat_key(at, "step"), -1e12, 1e12);
	if (jdoc_error(at.doc))
		return;
	if (step == 0) {
		jat_fail(jat_key(at, "step"), "expected another number than 0");
		return;
	}
	/* The end belongs to it, also where a tenth has no exact number. */
	double last = floor((to - from) / step + 1e-9);
	if (last < 0)
		jat_fail(at, "expected a range with values: from %g to %g by %g has none", from, to,
			step);
	else if (last >= AXIS_VALUES_MAX)
		jat_fail(at, "expected at most %d values", AXIS_VALUES_MAX);
	else
		for (size_t i = 0; i <= (size_t)last; i++)
			add_number(a, rounded(from + (double)i * step, 12), pointers);
}

static void read_log_range(struct axis *a, struct jat at, json_t *pointers)
{
	static const char *const keys[] = {"from", "to", "count", NULL};
	jat_only(at, keys);
	double from = jat_number(jat_key(at, "from"), 1e-9, 1e12);
	double to = jat_number(jat_key(at, "to"), 1e-9, 1e12);
	int64_t count = jat_integer(jat_key(at, "count"), 1, AXIS_VALUES_MAX);
	if (jdoc_error(at.doc))
		return;
	if (count == 1 && from != to)
		jat_fail(jat_key(at, "count"), "expected at least 2, for both ends");
	for (int64_t i = 0; i < count && !jdoc_error(at.doc); i++) {
		double part = count > 1 ? (double)i / (double)(count - 1) : 0;
		add_number(a, rounded(from * pow(to / from, part), DIGITS), pointers);
	}
}

static void read_cases(struct axis *a, struct jat list)
{
	static const char *const keys[] = {"name", "set", NULL};
	size_t count = jat_length(list);
	if (count == 0)
		jat_fail(list, "expected a list of at least one case");
	for (size_t i = 0; i < count; i++) {
		struct jat at = jat_item(list, i), set = jat_key(at, "set");
		jat_only(at, keys);
		const char *name = jat_string(jat_key(at, "name"));
		if (!json_is_object(set.value) || json_object_size(set.value) == 0)
			jat_fail(set, "expected an object of JSON pointers and their values");
		const char *pointer;
		json_t *value;
		json_object_foreach (set.value, pointer, value)
			if (!pointer_is_good(pointer))
				jat_fail(jat_key(set, pointer), "expected a JSON pointer such as "
								"/scenario/links/0/delay_ms");
		if (jdoc_error(at.doc))
			return;
		add(a, json_string(name), json_incref(set.value));
	}
}

/* The index of an equal value before this one; `i` itself: there is none. */
static size_t first_like(const struct axis *a, size_t i)
{
	size_t k = 0;
	while (k < i && !json_equal(a->values[k].shown, a->values[i].shown))
		k++;
	return k;
}

/* A value that is there twice would be two cells of one name. */
static void check_distinct(const struct axis *a, struct jat at)
{
	for (size_t i = 0; i < a->count && !jdoc_error(at.doc); i++) {
		if (first_like(a, i) == i)
			continue;
		char *text = axis_value_text(&a->values[i]);
		jat_fail(at, "expected values that differ, %s is there twice", text);
		free(text);
	}
}

/* It becomes a column's name and a part of figures' names. */
static void check_name(struct jat at, const char *name)
{
	size_t length = strlen(name);
	bool good = length > 0 && length <= 40;
	for (size_t i = 0; i < length; i++)
		good = good && (isalnum((unsigned char)name[i]) || strchr("_+-", name[i]));
	if (!good)
		jat_fail(at, "expected a name of letters, digits, _, + and -, at most 40");
}

struct axis axis_read(struct jat at)
{
	static const char *const keys[] = {"name", "title", "unit", "pointer", "pointers", "values",
		"range", "log_range", "cases", NULL};
	static const char *const kinds[] = {"values", "range", "log_range", "cases"};
	int kind = -1, given = 0;
	jat_only(at, keys);
	const char *name = jat_string(jat_key(at, "name"));
	if (name)
		check_name(jat_key(at, "name"), name);
	struct axis a = {
		.name = text_format("%s", name ? name : ""),
		.title = text_format("%s", jat_string_or(jat_key(at, "title"), name ? name : "")),
		.unit = text_format("%s", jat_string_or(jat_key(at, "unit"), "")),
	};
	for (int i = 0; i < 4; i++) {
		if (jat_present(jat_key(at, kinds[i]))) {
			kind = i;
			given++;
		}
	}
	if (given != 1)
		jat_fail(at, "expected one of \"values\", \"range\", \"log_range\" and \"cases\"");
	if (jdoc_error(at.doc))
		return a;
	struct jat list = jat_key(at, kinds[kind]);
	json_t *pointers = kind == 3 ? NULL : read_pointers(at);
	if (kind == 3 &&
		(jat_present(jat_key(at, "pointer")) || jat_present(jat_key(at, "pointers"))))
		jat_fail(at, "expected no \"pointer\" beside \"cases\", which have their own");
	if (kind == 0)
		read_values(&a, list, pointers);
	else if (kind == 1)
		read_range(&a, list, pointers);
	else if (kind == 2)
		read_log_range(&a, list, pointers);
	else
		read_cases(&a, list);
	check_distinct(&a, at);
	json_decref(pointers);
	return a;
}

void axis_free(struct axis *a)
{
	for (size_t i = 0; i < a->count; i++) {
		json_decref(a->values[i].shown);
		json_decref(a->values[i].set);
	}
	free(a->values);
	free(a->name);
	free(a->title);
	free(a->unit);
}
