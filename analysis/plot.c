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

#include "analysis/plot.h"

#include "analysis/plot_call.h"
#include "analysis/plot_clock.h"
#include "analysis/plot_connections.h"
#include "analysis/plot_goodput.h"
#include "analysis/plot_load.h"
#include "analysis/plot_paths.h"
#include "analysis/plot_settings.h"
#include "experiments/files.h"
#include "lab/error.h"
#include "lab/lock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static const struct {
	const char *suffix; /* of its name */
	int (*draw)(const struct results *r, const char *figures, bool *drawn, char **error);
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
};

static int remove_picture(
	const char *figures, const char *experiment, const char *suffix, char **error)
{
	static const char *const forms[] = {"svg", "png"};
	int rc = 0;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		char *file = lab_text("%s/%s%s.%s", figures, experiment, suffix, forms[i]);
		if (unlink(file) != 0 && errno != ENOENT)
			rc = lab_fail(error, "%s: %s", file, strerror(errno));
		free(file);
	}
	return rc;
}

static bool has_good_run(const struct results *r)
{
	for (size_t i = 0; i < r->count; i++)
		if (r->contestants[i].count)
			return true;
	return false;
}

static int draw_all(const struct results *r, bool any, const char *figures, char **error)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		bool drawn = false;
		if (any && kinds[i].draw(r, figures, &drawn, error) != 0)
			return -1;
		if (drawn)
			printf("%s/%s%s.svg and .png\n", figures, r->experiment, kinds[i].suffix);
		else if (remove_picture(figures, r->experiment, kinds[i].suffix, error) != 0)
			return -1;
	}
	return 0;
}

int plot_figures(const struct results *r, const char *figures, char **error)
{
	bool any = has_good_run(r);
	if (!any)
		printf("%s: no run without marks, nothing to draw\n", r->experiment);
	if (any && directory_make(figures, error) != 0)
		return -1;
	/* Who draws the same figures at the same time waits: their files have the same names. */
	int lock = lock_directory(figures, LOCK_EX);
	if (lock < 0 && errno == ENOENT)
		return 0;
	if (lock < 0)
		return lab_fail(error, "%s: %s", figures, strerror(errno));
	int rc = draw_all(r, any, figures, error);
	close(lock);
	return rc;
}
