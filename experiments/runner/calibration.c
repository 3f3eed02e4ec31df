// SPDX-License-Identifier: BSD-2-Clause
/*
 * The calibrations of an experiment's links.
 *
 * Theory of operation
 * -------------------
 * A result says something about a protocol only if the links were what the scenario says. So before
 * its first run an experiment measures them (lab/calibrate/calibrate.h, in short), and keeps what
 * it found in a file beside the results. That file also says what it is of: the scenario's SHA-256,
 * the ground, and in guests the speed of their CPU. Where any of these is another, the links are
 * measured again. In guests the measuring itself is a guest's job (guests.c).
 */

#include "experiments/runner/calibration.h"

#include "experiments/probe/proc.h"
#include "lab/build/lab.h"
#include "lab/calibrate/calibrate.h"
#include "mpip/base/files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char *calibration_file(
	const char *directory, const struct definition *all, const struct definition *own)
{
	if (!strcmp(all->scenario_digest, own->scenario_digest))
		return text_format("%s/calibration.json", directory);
	const char *slash = strrchr(own->scenario_file, '/');
	const char *base = slash ? slash + 1 : own->scenario_file;
	return text_format(
		"%s/calibration-%s%s", directory, base, strstr(base, ".json") ? "" : ".json");
}

bool calibration_is_there(
	const char *directory, const struct definition *all, const struct definition *own)
{
	char *file = calibration_file(directory, all, own);
	json_t *had = json_load_file(file, 0, NULL);
	free(file);
	const char *scenario = json_string_value(json_object_get(had, "scenario_sha256"));
	const char *ground = json_string_value(json_object_get(had, "ground"));
	bool same = scenario && ground && !strcmp(scenario, own->scenario_digest) &&
		    !strcmp(ground, ground_names[all->ground]) &&
		    (all->ground == GROUND_HOST ||
			    json_integer_value(json_object_get(had, "gips")) == all->gips);
	json_decref(had);
	return same;
}

int calibration_keep(const char *directory, const struct definition *all,
	const struct definition *own, json_t *calibration, char **error)
{
	char *file = calibration_file(directory, all, own);
	json_object_set_new(calibration, "scenario_sha256", json_string(own->scenario_digest));
	json_object_set_new(calibration, "ground", json_string(ground_names[all->ground]));
	if (all->ground == GROUND_VM)
		json_object_set_new(calibration, "gips", json_integer(all->gips));
	int rc = file_write_json(file, calibration, error);
	if (rc == 0)
		rc = give_to_caller(file, error);
	if (!json_is_true(json_object_get(calibration, "good")))
		fprintf(stderr, "%s: a link is not as its scenario says, see %s\n", all->name,
			file);
	free(file);
	return rc;
}

/* Signals only ask us to stop (proc.h); this is where a calibration hears of it. */
static void stop_calibration(
	void *unused, size_t done, size_t of, const char *link, const char *direction)
{
	(void)unused, (void)done, (void)of, (void)link, (void)direction;
	if (proc_stop_signal())
		lab_stop = 1;
}

int calibration_make(const char *directory, const struct definition *all,
	const struct definition *own, const char *lab, char **error)
{
	struct calibrate_options how = {.brief = true, .progress = stop_calibration};
	struct scenario *scenario = definition_scenario(own, 0, error);
	char *what = text_format("the experiment %s", all->name);
	struct lab_owner owner = {getpid(), what};
	int up = scenario ? lab_up(scenario, lab, &owner, error) : -1;
	free(what);
	if (up != 0) {
		if (scenario)
			scenario_free(scenario);
		return -1;
	}
	fprintf(stderr, "%s: calibrating the links, about %zu s\n", all->name,
		2 * scenario->n_links);
	char *trouble = NULL;
	struct calibration *c = calibrate(scenario, lab, &how, &trouble);
	int rc = c ? 0 : 1;
	if (!c && !proc_stop_signal())
		rc = error_set(error, "%s", trouble);
	free(trouble);
	lab_stop = 0;
	if (lab_down(lab, error) != 0)
		rc = -1;
	json_t *json = c ? calibration_json(scenario, c) : NULL;
	if (rc == 0)
		rc = calibration_keep(directory, all, own, json, error);
	json_decref(json);
	if (c)
		calibration_free(c);
	scenario_free(scenario);
	return rc;
}
