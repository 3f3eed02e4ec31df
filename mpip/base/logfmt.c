// SPDX-License-Identifier: BSD-2-Clause
/* A line of key=value pairs; its format is in the header. */

#include "mpip/base/logfmt.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* All of it or nothing; a quote and the end of the line always have room behind it. */
static void put(struct logfmt *line, const char *text)
{
	size_t length = strlen(text);
	if (line->length + length + 2 > sizeof(line->text))
		return;
	memcpy(line->text + line->length, text, length + 1);
	line->length += length;
}

static bool is_control(char c)
{
	return (unsigned char)c < ' ' || c == 0x7f;
}

static bool needs_quotes(const char *value)
{
	bool needs = *value == '\0';
	for (; *value; value++)
		needs |= is_control(*value) || strchr(" \"=\\", *value);
	return needs;
}

static void put_escaped(struct logfmt *line, char c)
{
	char text[5] = {c};
	if (c == '"' || c == '\\')
		snprintf(text, sizeof(text), "\\%c", c);
	else if (c == '\n')
		memcpy(text, "\\n", 3);
	else if (c == '\t')
		memcpy(text, "\\t", 3);
	else if (is_control(c))
		snprintf(text, sizeof(text), "\\x%02x", (unsigned char)c);
	put(line, text);
}

void logfmt_add(struct logfmt *line, const char *key, const char *value)
{
	bool quotes = needs_quotes(value);
	if (line->length > 0)
		put(line, " ");
	put(line, key);
	put(line, quotes ? "=\"" : "=");
	for (; quotes && *value; value++)
		put_escaped(line, *value);
	if (!quotes) {
		put(line, value);
	} else {
		line->text[line->length++] = '"';
		line->text[line->length] = '\0';
	}
}
