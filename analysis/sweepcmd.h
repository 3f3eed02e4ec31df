/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ANALYSIS_SWEEPCMD_H
#define ANALYSIS_SWEEPCMD_H

#include "analysis/figure/gallery.h"
#include "analysis/figure/plot_map.h"

#include <stdbool.h>

/* The commands about sweeps. Each returns 0, or -1 and *error, one line. */

/* Prints the table of OUT/sweeps/NAME; of its first measure for NULL. */
int cells_command(
	const char *out, const char *name, const char *measure, bool csv, bool json, char **error);

/* Draws a sweep's pictures: the map and the distribution. */
int map_command(const char *out, const char *name, const char *measure, const struct map_view *view,
	const struct gallery *g, char **error);

/* Compares two directories of results, and prints what it finds. 1 where B is worse. */
int compare_command(
	const char *a, const char *b, const char *measure, bool csv, bool json, char **error);

#endif
