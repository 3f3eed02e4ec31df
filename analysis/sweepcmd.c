// SPDX-License-Identifier: BSD-2-Clause
/* The commands about sweeps; the contracts are in the header. */

#include "analysis/sweepcmd.h"

#include "analysis/figure/plot_cdf.h"
#include "analysis/sweep/cells_print.h"
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

int cells_command(const char *out, const char *name, const char *measure, bool csv, bool json,
	char **error)
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
