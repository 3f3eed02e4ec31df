// SPDX-License-Identifier: BSD-2-Clause
/*
 * All figures of an experiment.
 *
 * Theory of operation
 * -------------------
 * A kind of figure is a function that draws it, where the experiment has what it shows. The report
 * takes every picture that it finds: so what is not drawn goes, or an old one would stand beside
 * new numbers.
 */

#include "analysis/figure/plot.h"

#include "analysis/figure/plot_call.h"
#include "analysis/figure/plot_clock.h"
#include "analysis/figure/plot_connections.h"
#include "analysis/figure/plot_goodput.h"
#include "analysis/figure/plot_load.h"
#include "analysis/figure/plot_paths.h"
#include "analysis/figure/plot_settings.h"
#include "analysis/figure/plot_transfers.h"
#include "mpip/base/error.h"

#include <stdio.h>
#include <stdlib.h>

static const struct {
	const char *suffix; /* of its name */
	int (*draw)(const struct results *r, const struct gallery *g, bool *drawn, char **error);
} kinds[] = {
	{"", plot_goodput},
	{"-paths", plot_paths},
	{"-queuing", plot_queuing},
	{"-shares", plot_shares},
	{"-packets", plot_packets},
	{"-call", plot_call},
	{"-clock", plot_clock},
	{"-load", plot_load},
	{"-offered", plot_offered},
	{"-settings", plot_settings},
	{"-connections", plot_connections},
	{"-transfers", plot_transfers},
};

static bool has_good_run(const struct results *r)
{
	for (size_t i = 0; i < r->count; i++)
		if (r->contestants[i].count)
			return true;
	return false;
}

int plot_figures(const struct results *r, const struct gallery *g, char **error)
{
	bool any = has_good_run(r);
	char *endings = gallery_endings(g);
	int rc = 0;
	if (!any)
		printf("%s: no run without marks, nothing to draw\n", r->experiment);
	for (size_t i = 0; rc == 0 && i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		char *name = text_format("%s%s", r->experiment, kinds[i].suffix);
		bool drawn = false;
		rc = any ? kinds[i].draw(r, g, &drawn, error) : 0;
		if (rc == 0 && drawn)
			printf("%s/%s%s\n", g->directory, name, endings);
		else if (rc == 0)
			rc = gallery_remove(g, name, error);
		free(name);
	}
	free(endings);
	return rc;
}
