// SPDX-License-Identifier: BSD-2-Clause
/*
 * `lab calibrate`: whether links are as their scenario says.
 *
 * Theory of operation
 * -------------------
 * With a scenario it builds a lab of its own, which is taken down again whatever the measurement
 * comes to; without one it measures a lab that is up. Progress goes to standard error, in place on
 * a terminal; the result goes to standard output, and to a file if one is named.
 */

#include "lab/build/lab.h"
#include "lab/calibrate/calibrate.h"
#include "lab/command.h"
#include "lab/scenario/scenario.h"
#include "lab/which.h"
#include "mpip/base/error.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void show_progress(
	void *terminal, size_t done, size_t of, const char *link, const char *direction)
{
	if (*(bool *)terminal)
		fprintf(stderr, "\rlab: %zu of %zu: %s %s    ", done + 1, of, link, direction);
	else
		fprintf(stderr, "lab: %zu of %zu: %s %s\n", done + 1, of, link, direction);
}

/* What was measured, wherever it shall go. */
static int report(const struct options *o, const struct scenario *s, const struct calibration *c,
	char **error)
{
	json_t *json = calibration_json(s, c);
	int result = 0;
	if (o->output && json_dump_file(json, o->output, JSON_INDENT(2)) < 0)
		result = error_set(error, "%s: cannot be written: %s", o->output, strerror(errno));
	if (o->json) {
		json_dumpf(json, stdout, JSON_INDENT(2));
		putchar('\n');
	} else {
		calibration_table(stdout, s, c);
	}
	json_decref(json);
	return result;
}

static int calibrate_lab(
	const struct options *o, const struct scenario *s, const char *name, char **error)
{
	bool terminal = isatty(STDERR_FILENO);
	struct calibrate_options options = {.brief = o->brief,
		.virtual_time = o->virtual_time,
		.progress = show_progress,
		.arg = &terminal};
	struct calibration *c = calibrate(s, name, &options, error);
	if (terminal)
		fputs("\r\033[K", stderr);
	if (!c)
		return -1;
	int result = report(o, s, c, error);
	if (result == 0 && !c->good)
		result = error_set(error, "%s: links are not as configured", name);
	calibration_free(c);
	return result;
}

int run_calibrate(const struct options *o, char **error)
{
	if (o->n_arguments > 1)
		usage_error("lab calibrate wants at most one scenario file");
	if (need_root("calibrate", error) < 0)
		return -1;
	bool own = o->n_arguments == 1;
	/* Not the name of a lab that somebody plays in while its scenario is calibrated. */
	char *name = own && !o->name ? text_format("calibrate%d", (int)getpid())
				     : which_lab(o->name, o->command, error);
	struct scenario *s = own    ? scenario_load(o->arguments[0], error)
			     : name ? lab_scenario(name, error)
				    : NULL;
	int result = s ? 0 : -1;
	if (s) {
		struct lab_owner owner = {getpid(), "lab calibrate"};
		catch_signals();
		if (own)
			lab_sweep(NULL, NULL); /* a number is used again */
		result = own ? lab_up(s, name, &owner, error) : 0;
	}
	if (s && result == 0) {
		result = calibrate_lab(o, s, name, error);
		if (own && lab_down(name, error) < 0)
			result = -1;
	}
	free(name);
	scenario_free(s);
	return result;
}
