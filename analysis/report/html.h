/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ANALYSIS_REPORT_HTML_H
#define ANALYSIS_REPORT_HTML_H

#include <jansson.h>
#include <stdio.h>

/* Writing HTML. */

/* Text, with what HTML would take for its own replaced. */
void html_text(FILE *f, const char *text);

/* Any JSON, for people: objects and lists as tables, long lists of numbers by their length. */
void html_json(FILE *f, const json_t *value);

/* The picture in an SVG file, as part of the page. Its ids get `prefix`, so that several pictures
 * in a page do not mix theirs. 0, or -1 and *error. */
int html_svg(FILE *f, const char *file, const char *prefix, char **error);

#endif
