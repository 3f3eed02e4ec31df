// SPDX-License-Identifier: BSD-2-Clause
/* mpipctl monitor: events as lines of text. */

#include "mpip/mpipctl_monitor.h"

#include "mpip/mpipctl_ask.h"

#include "mpip/base/logfmt.h"
#include "mpip/base/output.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* A value as text, to be freed: what is in a list is joined by commas. */
static char *text_of(const json_t *value)
{
	char *text = NULL;
	if (json_is_string(value)) {
		text = strdup(json_string_value(value));
	} else if (json_is_array(value) && json_is_string(json_array_get(value, 0))) {
		size_t size, i;
		json_t *item;
		FILE *f = open_memstream(&text, &size);
		if (!f)
			abort();
		json_array_foreach (value, i, item)
			fprintf(f, "%s%s", i ? "," : "", json_string_value(item));
		fclose(f);
	} else {
		text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
	}
	if (!text)
		abort();
	return text;
}

/* An event as a line of text without its newline, to be freed: the time, its name, and the rest as
 * key=value. NULL: `line` is no event; `*error` is what the daemon says instead, to be freed, or
 * NULL. */
static char *monitor_text(const char *line, char **error)
{
	json_t *said = json_loads(line, 0, NULL), *value;
	json_t *event = ask_without_controls(said);
	json_decref(said);
	const char *time = json_string_value(json_object_get(event, "time"));
	const char *name = json_string_value(json_object_get(event, "event"));
	const char *refusal = json_string_value(json_object_get(event, "error"));
	const char *key;
	char *text = NULL;
	*error = refusal ? strdup(refusal) : NULL;
	if (time && name) {
		struct logfmt rest = {0};
		json_object_foreach (event, key, value) {
			if (strcmp(key, "time") == 0 || strcmp(key, "event") == 0 ||
				strcmp(key, "monotonic_us") == 0)
				continue;
			char *v = text_of(value);
			logfmt_add(&rest, key, v);
			free(v);
		}
		if (asprintf(&text, "%s %s%s%s", time, name, rest.length ? " " : "", rest.text) < 0)
			abort();
	}
	json_decref(event);
	return text;
}

/* Returns the exit status if this was the last one, else -1. */
static int print(const char *line, bool json)
{
	char *error, *text = monitor_text(line, &error);
	int status = text ? -1 : error ? 2 : 1;
	if (text && json)
		fputs(line, stdout);
	else if (text)
		puts(text);
	else
		fprintf(stderr, "mpipctl: %s\n",
			error ? error : "mpipd's answer is not understood");
	free(text);
	free(error);
	if (status < 0 && output_end(0) != 0)
		status = 1;
	return status;
}

int monitor(FILE *reply, bool json, const volatile sig_atomic_t *interrupted)
{
	char *line = NULL;
	size_t size = 0;
	int status = -1;
	while (status < 0) {
		ssize_t length = getline(&line, &size, reply);
		if (length > 0 && line[length - 1] == '\n') {
			status = print(line, json);
		} else if (*interrupted) {
			status = output_end(0);
		} else {
			fprintf(stderr, "mpipctl: mpipd has ended\n");
			status = 1;
		}
	}
	free(line);
	return status;
}
