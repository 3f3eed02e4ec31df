// SPDX-License-Identifier: BSD-2-Clause
/*
 * Loading an experiment.
 *
 * Theory of operation
 * -------------------
 * On which ground it runs decides whose kernel has to know its sysctls, so the ground is chosen
 * first, by the scenarios, and then all of the definition is checked. Inside a guest there is only
 * what the cell needs, and all has been looked at outside.
 */

#include "experiments/runner/checks.h"

#include "experiments/runner/check.h"
#include "lab/build/qdisc.h"
#include "mpip/base/error.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char *find_programs(char **error)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (n <= 0) {
		error_set(error, "/proc/self/exe: %s", strerror(errno));
		return NULL;
	}
	self[n] = '\0';
	return text_format("%s", dirname(dirname(self)));
}

/* The host that was asked for must have what the scenario needs before the first run, whichever
 * contestant's it is. Without root this cannot be told yet. */
static int check_host_ground(
	const struct scenario *s, const struct ground_choice *choice, char **error)
{
	char *place = NULL;
	int rc = 0;
	if (choice->ground == GROUND_HOST && !choice->by_sudo && scenario_needs_netem(s, &place)) {
		int has = qdisc_kernel_has_netem(error);
		if (has == 0)
			error_set(error,
				"%s: %s: expected a kernel with sch_netem, which this one is not; "
				"GROUND=vm (--ground vm) has one",
				s->file, place);
		rc = has > 0 ? 0 : -1;
	}
	free(place);
	return rc;
}

/* Chooses one ground for all contestants: the host only where each can have it. A scenario that
 * cannot be loaded has no say; it is told elsewhere. */
static int choose_ground(const struct options *o, const struct definition *d,
	struct ground_choice *ground, char **error)
{
	for (size_t i = 0; i < d->contestant_count; i++) {
		if (!options_choose(o, &d->contestants[i]))
			continue;
		struct definition own = definition_for(d, &d->contestants[i]);
		struct scenario *scenario = definition_scenario(&own, 0, NULL);
		if (!scenario)
			continue;
		struct ground_choice choice = {.ground = GROUND_VM};
		int rc = 0;
		if (o->cell)
			choice.why = text_format("in a guest");
		else
			rc = ground_choose(o->ground, scenario, &choice, error);
		if (rc == 0 && !o->cell && !o->check) /* no mistake of the file's */
			rc = check_host_ground(scenario, &choice, error);
		scenario_free(scenario);
		if (rc == 0 && (!ground->why || choice.ground == GROUND_VM)) {
			free(ground->why);
			*ground = choice;
		} else {
			free(choice.why);
		}
		if (rc != 0)
			return rc;
	}
	return 0;
}

struct definition *checks_load(
	const struct options *o, const char *programs, struct ground_choice *ground, char **error)
{
	char *faults = NULL, *notes = NULL;
	struct definition *d = definition_read(o->file, &faults);
	int rc = choose_ground(o, d, ground, error);
	bool on_host = ground->why && ground->ground == GROUND_HOST;
	if (rc == 0 && !o->cell)
		definition_check(d, programs, on_host, &faults, &notes);
	if (notes)
		fprintf(stderr, "%s\n", notes);
	if (rc == 0 && faults)
		rc = error_set(error, "%s", faults);
	d->ground = ground->ground;
	if (rc != 0) {
		definition_free(d);
		d = NULL;
	}
	free(notes);
	free(faults);
	return d;
}

int checks_files(const struct options *o, char **error)
{
	char *programs = find_programs(error);
	int bad = 0;
	for (char **file = o->files; programs && *file; file++) {
		struct options one = *o;
		struct ground_choice ground = {0};
		char *faults = NULL;
		one.file = *file;
		struct definition *d = checks_load(&one, programs, &ground, &faults);
		if (d)
			printf("%s: good: %zu contestants\n", *file, d->contestant_count);
		else
			fprintf(stderr, "%s\n", faults);
		bad = bad || !d;
		free(faults);
		free(ground.why);
		definition_free(d);
	}
	free(programs);
	return programs ? bad : -1;
}

int checks_list(const struct options *o)
{
	int bad = 0;
	for (char **file = o->files; *file; file++) {
		char *error = NULL;
		struct definition *d = definition_load(*file, &error);
		if (d)
			printf("%-16s %s\n", d->name, d->title);
		else
			fprintf(stderr, "%s\n", error);
		bad = bad || !d;
		free(error);
		definition_free(d);
	}
	return bad;
}
