/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ANALYSIS_CLOCK_SKEWCMD_H
#define ANALYSIS_CLOCK_SKEWCMD_H

#include <stdbool.h>

/* analysis skew FILE.csv: finds and prints skew, steps and the trend before and after their
 * correction; with `json` as JSON. `unit` is that of columns whose names do not say theirs: "s",
 * "ms", "us" or "ns". `corrected` (or NULL) is a file to which the corrected delays
 * are written, another than the log; what it held before stays if that fails. 0, or -1 and *error.
 */
int skew_command(
	const char *file, const char *unit, const char *corrected, bool json, char **error);

#endif
