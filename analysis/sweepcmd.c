// SPDX-License-Identifier: BSD-2-Clause
/* The commands about sweeps; the contracts are in the header. */

#include "analysis/sweepcmd.h"

#include "analysis/figure/plot_cdf.h"
#include "analysis/sweep/cells_print.h"
#include "analysis/sweep/compare_print.h"
#include "experiments/record/names.h"
#include "mpip/base/error.h"

#include <stdio.h>
#include <stdlib.h>

/* By its name below OUT/sweeps. */
static struct sweep *load(const char *out, const char *name, const char *measure, char **error)
{
	if (!name_is_plain(name)) {
		error_set(error, "%s: expected a sweep's name, such as unequal", name);
		return NULL;
	}
	char *directory = text_format("%s/sweeps/%s", out, name);
	struct sweep *s = sweep_load(directory, measure, error);
	free(directory);
	return s;
}

int cells_command(
	const char *out, const char *name, const char *measure, bool csv, bool json, char **error)
{
	struct sweep *s = load(out, name, measure, error);
	if (!s)
		return -1;
	struct cells *c = cells_build(s);
	if (csv)
		cells_print_csv(c, stdout);
	else if (json)
		cells_print_json(c, stdout);
	else
		cells_print(c, stdout);
	cells_free(c);
	sweep_free(s);
	return 0;
}

int map_command(const char *out, const char *name, const char *measure, const struct map_view *view,
	const struct gallery *g, char **error)
{
	struct sweep *s = load(out, name, measure, error);
	if (!s)
		return -1;
	struct cells *c = cells_build(s);
	/* another measure than the first has pictures of its own */
	char *suffix = measure ? text_format("-%s", measure) : text_format("%s", "");
	int rc = plot_map(c, view, suffix, g, error);
	if (rc == 0)
		rc = plot_cdf(c, suffix, g, error);
	free(suffix);
	cells_free(c);
	sweep_free(s);
	return rc;
}

int compare_command(
	const char *a, const char *b, const char *measure, bool csv, bool json, char **error)
{
	struct series_set *before = series_load(a, measure, error), *after = NULL;
	struct comparison *c = NULL;
	if (before)
		after = series_load(b, before->measure.name, error);
	if (after)
		c = compare(before, after, error);
	if (c && csv)
		compare_print_csv(c, stdout);
	else if (c && json)
		compare_print_json(before, after, c, stdout);
	else if (c)
		compare_print(before, after, c, stdout);
	int rc = c ? c->is_worse : -1;
	comparison_free(c);
	series_free(after);
	series_free(before);
	return rc;
}
