// SPDX-License-Identifier: BSD-2-Clause
/*
 * Writing HTML.
 *
 * Theory of operation
 * -------------------
 * A picture is copied into the page from its <svg> on. Its definitions have ids, and gnuplot gives
 * the same ones in every picture, so each id and each reference to one gets the picture's name in
 * front on the way.
 */

#include "analysis/report/html.h"

#include "mpip/base/files.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define LONG_LIST 12

void html_text(FILE *f, const char *text)
{
	for (; *text; text++) {
		switch (*text) {
		case '<':
			fputs("&lt;", f);
			break;
		case '>':
			fputs("&gt;", f);
			break;
		case '&':
			fputs("&amp;", f);
			break;
		case '"':
			fputs("&quot;", f);
			break;
		default:
			fputc(*text, f);
		}
	}
}

static bool is_simple(const json_t *value)
{
	return !json_is_object(value) && !json_is_array(value);
}

static void simple(FILE *f, const json_t *value)
{
	if (json_is_string(value)) {
		html_text(f, json_string_value(value));
	} else if (json_is_real(value)) {
		fprintf(f, "%.6g", json_real_value(value));
	} else {
		char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
		html_text(f, text ? text : "");
		free(text);
	}
}

/* A list of objects is one table, if all of them have only simple members. */
static bool is_table(const json_t *list)
{
	size_t i;
	json_t *row, *value;
	const char *key;
	json_array_foreach (list, i, row) {
		if (!json_is_object(row))
			return false;
		json_object_foreach (row, key, value)
			if (!is_simple(value))
				return false;
	}
	return json_array_size(list) > 0;
}

static void table(FILE *f, const json_t *list)
{
	size_t i;
	json_t *row, *value;
	const char *key;
	fputs("<table><tr>", f);
	json_object_foreach (json_array_get(list, 0), key, value) {
		fputs("<th>", f);
		html_text(f, key);
	}
	json_array_foreach (list, i, row) {
		fputs("<tr>", f);
		json_object_foreach (json_array_get(list, 0), key, value) {
			fputs("<td>", f);
			if (json_object_get(row, key))
				simple(f, json_object_get(row, key));
		}
	}
	fputs("</table>\n", f);
}

static void list_of(FILE *f, const json_t *list)
{
	size_t i;
	json_t *value;
	if (is_table(list)) {
		table(f, list);
		return;
	}
	if (json_array_size(list) > LONG_LIST) {
		fprintf(f, "%zu values", json_array_size(list));
		return;
	}
	json_array_foreach (list, i, value) {
		if (i)
			fputs(is_simple(value) ? ", " : " ", f);
		html_json(f, value);
	}
}

void html_json(FILE *f, const json_t *value)
{
	const char *key;
	json_t *member;
	if (json_is_array(value)) {
		list_of(f, value);
	} else if (json_is_object(value)) {
		fputs("<table>", f);
		json_object_foreach ((json_t *)value, key, member) {
			fputs("<tr><th>", f);
			html_text(f, key);
			fputs("<td>", f);
			html_json(f, member);
		}
		fputs("</table>\n", f);
	} else {
		simple(f, value);
	}
}

int html_svg(FILE *f, const char *file, const char *prefix, char **error)
{
	static const char *const marks[] = {" id=\"", " id='", "href=\"#", "href='#", "url(#"};
	char *content = file_read(file, error);
	if (!content)
		return -1;
	const char *at = strstr(content, "<svg"), *end = at ? strstr(at, "</svg>") : NULL;
	if (!end) {
		free(content);
		return error_set(error, "%s: expected an SVG picture, it is cut", file);
	}
	while (at < end) {
		size_t length = 1;
		bool found = false;
		for (size_t i = 0; !found && i < sizeof(marks) / sizeof(marks[0]); i++) {
			found = strncmp(at, marks[i], strlen(marks[i])) == 0;
			length = found ? strlen(marks[i]) : 1;
		}
		fwrite(at, 1, length, f);
		if (found)
			fprintf(f, "%s-", prefix);
		at += length;
	}
	fputs("</svg>\n", f);
	free(content);
	return 0;
}
