// SPDX-License-Identifier: BSD-2-Clause
/*
 * json: reads one JSON text from standard input and prints what lies at a path in it.
 *
 * Theory of operation: a path is a sequence of steps, each applied to every value that the steps
 * before it led to: KEY (of an object), [] (every item of an array), [KEY=TEXT,KEY=TEXT] (the items
 * of an array whose members print as these). Values are printed one per line; a step that finds
 * nothing is an error, except the last kind, which may select nothing.
 */

#include "mpip/base/output.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *path;

static void fail(const char *at, const char *why)
{
	fprintf(stderr, "json: %s: at '%s': %s\n", path, at, why);
	exit(1);
}

static void text_of(const json_t *value, char *out, size_t size)
{
	char *dump = json_is_string(value) || !value ? NULL : json_dumps(value, JSON_ENCODE_ANY);
	const char *text = dump ? dump : json_string_value(value);
	snprintf(out, size, "%s", text ? text : "");
	free(dump);
}

static void print(json_t *value)
{
	if (json_is_string(value)) {
		puts(json_string_value(value));
		return;
	}
	json_dumpf(value, stdout, JSON_ENCODE_ANY);
	putchar('\n');
}

static void walk(json_t *value, const char *at);

/* Whether an item passes "[KEY=TEXT,KEY=TEXT]", of which `at` is behind the bracket. */
static bool selected(const json_t *item, const char *at)
{
	char key[64], wanted[256], text[256];
	while (*at != ']') {
		int used = 0;
		if (sscanf(at, "%63[^]=]=%255[^],]%n", key, wanted, &used) != 2)
			fail(at, "expected [] or [KEY=TEXT,KEY=TEXT]");
		text_of(json_object_get(item, key), text, sizeof(text));
		if (strcmp(text, wanted) != 0)
			return false;
		at += used + (at[used] == ',');
	}
	return true;
}

static void walk_items(json_t *array, const char *at)
{
	const char *end = strchr(at, ']');
	json_t *item;
	size_t i;
	if (!json_is_array(array) || !end)
		fail(at, "expected an array");
	json_array_foreach (array, i, item)
		if (selected(item, at + 1))
			walk(item, end + 1);
}

static void walk(json_t *value, const char *at)
{
	if (*at == '.')
		at++;
	if (*at == '\0') {
		print(value);
		return;
	}
	if (*at == '[') {
		walk_items(value, at);
		return;
	}
	size_t length = strcspn(at, ".[");
	char key[64];
	snprintf(key, sizeof(key), "%.*s", (int)length, at);
	json_t *member = json_object_get(value, key);
	if (!member)
		fail(at, "no such member");
	walk(member, at + length);
}

int main(int argc, char **argv)
{
	json_error_t error;
	if (argc != 2) {
		fputs("usage: json PATH <TEXT    e.g. json 'sessions[protocol=tcp].state'\n",
			stderr);
		return 2;
	}
	path = argv[1];
	json_t *root = json_loadf(stdin, 0, &error);
	if (!root) {
		fprintf(stderr, "json: not JSON: line %d: %s\n", error.line, error.text);
		return 1;
	}
	walk(root, strcmp(path, ".") == 0 ? "" : path);
	json_decref(root);
	return output_end(0);
}
