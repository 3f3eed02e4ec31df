// SPDX-License-Identifier: BSD-2-Clause
/* Reading a JSON file that a person wrote; the theory of operation is in the header. */

#include "mpip/base/jsonfile.h"

#include "mpip/base/error.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct jdoc {
	char *file;
	json_t *root;
	char *error;
};

static char *not_json(const char *file, const json_error_t *e)
{
	return text_format("%s: line %d: expected JSON: %s", file, e->line, e->text);
}

json_t *json_read(const char *file, size_t flags, char **error)
{
	struct stat status;
	json_error_t e;
	json_t *root = NULL;
	FILE *f = fopen(file, "r");
	if (!f) {
		error_set(error, "%s: %s", file, strerror(errno));
	} else if (fstat(fileno(f), &status) == 0 && S_ISDIR(status.st_mode)) {
		error_set(error, "%s: expected a JSON file, this is a directory", file);
	} else if (!(root = json_loadf(f, flags, &e))) {
		char *text = not_json(file, &e);
		error_set(error, "%s", text);
		free(text);
	}
	if (f)
		fclose(f);
	return root;
}

/* Takes `root`, and `error`, which is why there is none. */
static struct jdoc *new_doc(const char *file, json_t *root, char *error)
{
	struct jdoc *doc = calloc(1, sizeof(*doc));
	if (!doc || !(doc->file = strdup(file)))
		abort();
	doc->root = root;
	doc->error = error;
	return doc;
}

struct jdoc *jdoc_load(const char *file)
{
	char *error = NULL;
	json_t *root = json_read(file, JSON_REJECT_DUPLICATES, &error);
	return new_doc(file, root, error);
}

struct jdoc *jdoc_parse(const char *file, const char *text, size_t length)
{
	json_error_t e;
	json_t *root = json_loadb(text, length, JSON_REJECT_DUPLICATES, &e);
	return new_doc(file, root, root ? NULL : not_json(file, &e));
}

struct jdoc *jdoc_of(const char *file, json_t *value)
{
	return new_doc(file, json_incref(value), NULL);
}

void jdoc_free(struct jdoc *doc)
{
	if (!doc)
		return;
	json_decref(doc->root);
	free(doc->error);
	free(doc->file);
	free(doc);
}

const char *jdoc_error(const struct jdoc *doc)
{
	return doc->error;
}

char *jdoc_take_error(struct jdoc *doc)
{
	char *error = doc->error;
	doc->error = NULL;
	return error;
}

const char *jdoc_file(const struct jdoc *doc)
{
	return doc->file;
}

void jat_fail(struct jat at, const char *format, ...)
{
	if (at.doc->error)
		return;

	char *text = NULL;
	va_list ap;
	va_start(ap, format);
	int n = vasprintf(&text, format, ap);
	va_end(ap);
	if (n < 0 || asprintf(&at.doc->error, "%s: %s: %s", at.doc->file,
			     at.place[0] ? at.place : "top level", text) < 0)
		abort();
	free(text);
}

struct jat jdoc_root(struct jdoc *doc)
{
	struct jat at = {.doc = doc, .value = doc->root};
	if (!doc->error && !json_is_object(at.value))
		jat_fail(at, "expected an object");
	return at;
}

bool jat_present(struct jat at)
{
	return at.value != NULL;
}

struct jat jat_key(struct jat at, const char *key)
{
	struct jat child = {.doc = at.doc, .value = json_object_get(at.value, key)};
	snprintf(child.place, sizeof(child.place), "%.100s%s%.50s", at.place,
		at.place[0] ? "." : "", key);
	return child;
}

struct jat jat_item(struct jat at, size_t index)
{
	struct jat child = {.doc = at.doc, .value = json_array_get(at.value, index)};
	snprintf(child.place, sizeof(child.place), "%.130s[%zu]", at.place, index);
	return child;
}

size_t jat_length(struct jat at)
{
	if (at.value && !json_is_array(at.value))
		jat_fail(at, "expected a list");
	return json_array_size(at.value);
}

/* The names as a person reads them, all of them: "a, b or c". Allocated. */
static char *list_names(const char *const *names)
{
	char *list = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&list, &size);
	if (!f)
		abort();
	for (size_t i = 0; names[i]; i++)
		fprintf(f, "%s%s", i == 0 ? "" : names[i + 1] ? ", " : " or ", names[i]);
	if (fclose(f))
		abort();
	return list;
}

void jat_only(struct jat at, const char *const *names)
{
	if (at.doc->error)
		return;
	if (!json_is_object(at.value)) {
		jat_fail(at, "expected an object");
		return;
	}

	const char *key;
	json_t *unused;
	json_object_foreach (at.value, key, unused) {
		size_t i = 0;
		while (names[i] && strcmp(names[i], key) != 0)
			i++;
		if (!names[i]) {
			char *known = list_names(names);
			jat_fail(jat_key(at, key), "unknown key, expected %s", known);
			free(known);
			return;
		}
	}
}

const char *jat_string_or(struct jat at, const char *fallback)
{
	if (!at.value)
		return fallback;
	if (!json_is_string(at.value)) {
		jat_fail(at, "expected a string");
		return fallback;
	}
	return json_string_value(at.value);
}

double jat_number_or(struct jat at, double min, double max, double fallback)
{
	if (!at.value)
		return fallback;
	double v = json_number_value(at.value);
	if (!json_is_number(at.value) || v < min || v > max) {
		jat_fail(at, "expected a number from %g to %g", min, max);
		return fallback;
	}
	return v;
}

int64_t jat_integer_or(struct jat at, int64_t min, int64_t max, int64_t fallback)
{
	if (!at.value)
		return fallback;
	json_int_t v = json_integer_value(at.value);
	if (!json_is_integer(at.value) || v < min || v > max) {
		jat_fail(at, "expected a whole number from %lld to %lld", (long long)min,
			(long long)max);
		return fallback;
	}
	return v;
}

bool jat_bool_or(struct jat at, bool fallback)
{
	if (!at.value)
		return fallback;
	if (!json_is_boolean(at.value)) {
		jat_fail(at, "expected true or false");
		return fallback;
	}
	return json_is_true(at.value);
}

int jat_choice_or(struct jat at, const char *const *names, int fallback)
{
	if (!at.value)
		return fallback;
	const char *text = json_string_value(at.value);
	for (int i = 0; text && names[i]; i++)
		if (strcmp(names[i], text) == 0)
			return i;

	char *known = list_names(names);
	jat_fail(at, "expected %s", known);
	free(known);
	return fallback;
}

/* A required value that is absent says so; the type is then checked by the optional getter. */
static bool required(struct jat at, const char *what)
{
	if (!at.value)
		jat_fail(at, "missing, expected %s", what);
	return at.value != NULL;
}

const char *jat_string(struct jat at)
{
	return required(at, "a string") ? jat_string_or(at, "") : "";
}

double jat_number(struct jat at, double min, double max)
{
	return required(at, "a number") ? jat_number_or(at, min, max, min) : min;
}

int64_t jat_integer(struct jat at, int64_t min, int64_t max)
{
	return required(at, "a whole number") ? jat_integer_or(at, min, max, min) : min;
}
