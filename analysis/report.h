/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ANALYSIS_REPORT_H
#define ANALYSIS_REPORT_H

#include <jansson.h>

/* Writes OUT/claims.json and OUT/report.html from the results and the figures under OUT: one page
 * that needs no other file. Claims without results are in it as missing. 0, or -1 and *error: no
 * results at all, or some that cannot be used; then both files are as they were. */
int report_write(const char *out, const char *claims_file, const json_t *paper, char **error);

#endif
