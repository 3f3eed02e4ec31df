/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MPIP_BASE_JSONFILE_H
#define MPIP_BASE_JSONFILE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Reading a JSON file that a person wrote: a scenario, an experiment, a configuration.
 *
 * Theory of operation
 * -------------------
 * A `struct jat` is a value together with its place in the file ("links[2].rate_mbit"). Getters
 * take one, check it, and hand back a plain C value. The first thing found wrong is kept in the
 * document as one line, "FILE: PLACE: expected ...", and every later getter returns its fallback;
 * so a reader is written without a test after each line, and asks jdoc_error() once at its end.
 */

/* A JSON file as it is, with jansson's flags. NULL with *error: "FILE: why", "FILE: line N:
 * expected JSON: ...". */
json_t *json_read(const char *file, size_t flags, char **error);

struct jdoc;

struct jat {
	struct jdoc *doc;
	json_t *value; /* NULL: absent. Borrowed from the document. */
	char place[160];
};

/* Reads `file`; never NULL (out of memory ends the program). Failure to open or parse is the
 * document's error. Free with jdoc_free(), which ends the life of every value got from it. */
struct jdoc *jdoc_load(const char *file);
/* The same of a text that is there already; `file` is its name in messages. */
struct jdoc *jdoc_parse(const char *file, const char *text, size_t length);
/* The same of a value that is there already, of which the document takes a reference. */
struct jdoc *jdoc_of(const char *file, json_t *value);
void jdoc_free(struct jdoc *doc);

/* The first error, one line without a newline; NULL while there is none. Owned by the document. */
const char *jdoc_error(const struct jdoc *doc);
/* The same, for a reader that goes on: the document then has no error, and the next thing found
 * wrong, in another part of it, is its first one. The caller's own, to be freed; NULL while there
 * is none. */
char *jdoc_take_error(struct jdoc *doc);
const char *jdoc_file(const struct jdoc *doc);

/* The whole document: an object, or the document's error is set. */
struct jat jdoc_root(struct jdoc *doc);

/* Makes an error at this place: "FILE: PLACE: <your text>". The first one stands. */
void jat_fail(struct jat at, const char *format, ...) __attribute__((format(printf, 2, 3)));

bool jat_present(struct jat at);

/* A member; absent members have value NULL and a place all the same. */
struct jat jat_key(struct jat at, const char *key);
/* An element; `index` must be below jat_length(). */
struct jat jat_item(struct jat at, size_t index);
/* The length of an array; 0 when absent; an error when it is something else. */
size_t jat_length(struct jat at);

/* Every key of the object `at` must be one of `names` (NULL-terminated). */
void jat_only(struct jat at, const char *const *names);

/* Required values: absent is an error. */
const char *jat_string(struct jat at);                        /* borrowed from the document */
double jat_number(struct jat at, double min, double max);     /* min <= value <= max */
int64_t jat_integer(struct jat at, int64_t min, int64_t max); /* a whole number */

/* Optional values: absent gives the fallback. */
const char *jat_string_or(struct jat at, const char *fallback);
double jat_number_or(struct jat at, double min, double max, double fallback);
int64_t jat_integer_or(struct jat at, int64_t min, int64_t max, int64_t fallback);
bool jat_bool_or(struct jat at, bool fallback);

/* One of `names` (NULL-terminated) by its index; absent gives `fallback`. */
int jat_choice_or(struct jat at, const char *const *names, int fallback);

#endif
