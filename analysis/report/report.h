/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ANALYSIS_REPORT_REPORT_H
#define ANALYSIS_REPORT_REPORT_H

#include <jansson.h>

/* Writes OUT/claims.json and OUT/report.html from the results and the figures under OUT: one page
 * that needs no other file. Claims without results are in it as missing, results that cannot be
 * used and that no claim is about as a line each. 0, or -1 and *error: no results at all, or some
 * of a claim that cannot be used; then both files are as they were. `claims_file` NULL: the rules
 * that are built in. */
int report_write(const char *out, const char *claims_file, const json_t *paper, char **error);

#endif
