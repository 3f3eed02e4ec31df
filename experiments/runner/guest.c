// SPDX-License-Identifier: BSD-2-Clause
/*
 * One run in a guest.
 *
 * Theory of operation
 * -------------------
 * A run is one guest of lab/vm/guest.sh: its job directory holds the experiment with this
 * contestant alone, its scenario with what that names, and the command, which is the runner with
 * --cell. The guest says on its report line how many of its seconds are done. One that has done
 * them all and does not end is ended: guest.sh looks for silence, and a guest whose last second
 * takes for ever may go on talking. What it leaves in /out becomes the result's directory. A guest
 * knows nothing of the world: git's revision, the command line, the digests of the programs as they
 * were built are put into its result here, beside the image's hash. Nothing of it is in the job, so
 * that it cannot move a single bit of what is measured.
 */

#include "experiments/runner/guest.h"

#include "experiments/runner/place.h"
#include "experiments/runner/project.h"
#include "lab/scenario/scenario.h"
#include "mpip/base/files.h"
#include "mpip/base/jsonfile.h"
#include "mpip/base/lock.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define ENDING_S                                                                                   \
	300 /* that a guest may take at its end, on a slow machine; and more if it was slow */

struct image_call {
	const char *script, *programs, *gips;
	int to;
};

static int image_body(void *argument)
{
	const struct image_call *c = argument;
	setenv("BUILD", c->programs, 1);
	setenv("GIPS", c->gips, 1);
	if (dup2(c->to, STDOUT_FILENO) >= 0)
		execl(c->script, c->script, "run", (char *)NULL);
	perror(c->script);
	return 1;
}

/* What image.sh prints, in `line`; what it has to say on the way goes to standard error. */
static int make_image(struct image_call *call, char *line, size_t size, char **error)
{
	struct child child;
	if (child_start(&child, "image.sh", image_body, call, NULL, NULL, call->to, error) != 0)
		return -1;
	if (child_wait(&child, INT64_MAX) == WAIT_STOPPED) {
		kill(-child.pid, SIGTERM); /* and those that it waits for */
		child_end(&child, 3000);
		return -1;
	}
	ssize_t got = child.status == 0 ? pread(call->to, line, size - 1, 0) : 0;
	line[got > 0 ? got : 0] = '\0';
	line[strcspn(line, "\n")] = '\0';
	return line[0] ? 0 : error_set(error, "the guest's image could not be made");
}

/* image.sh keeps but few, and asks for this lock before it removes one. */
int guest_hold_image(const char *image, char **error)
{
	return lock_directory(image, LOCK_SH) >= 0
		       ? 0
		       : error_set(error, "%s: the guest's image is gone again", image);
}

char *guest_image(const char *programs, int gips, char **error)
{
	char line[PATH_MAX], *text = text_format("%d", gips);
	char *file = project_file(programs, "lab/vm/image.sh", error);
	struct image_call call = {file, programs, text, memfd_create("image", 0)};
	int rc = file ? 0 : -1;
	if (rc == 0 && call.to < 0)
		rc = error_set(error, "memfd_create: %s", strerror(errno));
	if (rc == 0)
		rc = make_image(&call, line, sizeof(line), error);
	if (call.to >= 0)
		close(call.to);
	free(file);
	free(text);
	if (rc == 0)
		rc = guest_hold_image(line, error);
	return rc == 0 ? text_format("%s", line) : NULL;
}

/* The scenario as it was read: with the content of the files that it names, and what is drawn. */
static int copy_scenario(const struct definition *own, int rep, const char *job, char **error)
{
	struct scenario *s = definition_scenario(own, rep, error);
	if (!s)
		return -1;
	char *to = text_format("%s/scenario.json", job);
	int rc = file_write_json(to, s->source, error);
	free(to);
	scenario_free(s);
	return rc;
}

/* The experiment with this contestant alone, whose scenario is beside it. */
static int write_experiment(
	const struct definition *d, const struct contestant *c, const char *file, char **error)
{
	json_t *experiment = json_deep_copy(jdoc_root(d->doc).value);
	json_object_set_new(experiment, "scenario", json_string("scenario.json"));
	json_object_set_new(experiment, "warm_up_s", json_integer(d->warm_up_s));
	json_t *all = json_object_get(experiment, "contestants"), *one = NULL;
	for (size_t i = 0; i < json_array_size(all); i++) {
		json_t *it = json_array_get(all, i);
		if (!strcmp(json_string_value(json_object_get(it, "name")), c->name))
			one = it;
	}
	json_object_del(one, "scenario");
	json_object_set_new(experiment, "contestants", json_pack("[O]", one));
	int rc = file_write_json(file, experiment, error);
	json_decref(experiment);
	return rc;
}

/* The job's directory: NAME.json with its scenario, and the command. */
static int write_job(const struct guest *g, const char *job, char **error)
{
	const struct definition own = definition_for(g->definition, g->contestant), *d = &own;
	if (directory_make(job, error) != 0 || copy_scenario(d, g->rep, job, error) != 0)
		return -1;
	char *file = text_format("%s/%s.json", job, d->name);
	int rc = write_experiment(d, g->contestant, file, error);
	free(file);

	char *command =
		g->rep ? text_format("exec build/experiments/experiment --cell --out /out "
				     "--only '%s' --rep %d --duration %d --seed %lld --gips %d "
				     "/job/%s.json\n",
				 g->contestant->name, g->rep, d->duration_s, (long long)d->seed,
				 d->gips, d->name)
		       : text_format("build/lab/lab calibrate --short --virtual-time --output "
				     "/out/calibration.json /job/scenario.json >&2\n"
				     "[ -s /out/calibration.json ]\n");
	file = text_format("%s/command", job);
	if (rc == 0)
		rc = file_write(file, command, error);
	free(command);
	free(file);
	return rc;
}

struct guest_call {
	char *script, *image, *job, *out, *seed, *gips, *slot, *scratch;
};

static int guest_body(void *argument)
{
	const struct guest_call *c = argument;
	setenv("SEED", c->seed, 1);
	setenv("GIPS", c->gips, 1);
	setenv("SLOT", c->slot, 1);
	setenv("SCRATCH", c->scratch, 1);
	execl(c->script, c->script, c->image, c->job, c->out, (char *)NULL);
	perror(c->script);
	return 125;
}

int guest_start(struct guest *g, int slot, char **error)
{
	const struct guest_setting *setting = g->setting;
	g->started_us = now_us();
	g->aside = place_unfinished(setting->directory, g->name);
	struct guest_call call = {
		.script = project_file(setting->programs, "lab/vm/guest.sh", error),
		.image = text_format("%s", setting->image),
		.job = text_format("%s/job", g->aside),
		.out = text_format("%s/out", g->aside),
		.seed = text_format("%lld", (long long)definition_seed(g->definition, g->rep, 8)),
		.gips = text_format("%d", g->definition->gips),
		.slot = text_format("%d", slot),
		.scratch = text_format("%s", g->aside),
	};
	char *said = text_format("%s/said", g->aside);
	int rc = call.script ? directory_remove(g->aside, error) : -1;
	if (rc == 0)
		rc = write_job(g, call.job, error);
	if (rc == 0)
		rc = child_start(&g->child, "the guest", guest_body, &call, said, said, -1, error);
	free(said);
	free(call.script);
	free(call.image);
	free(call.job);
	free(call.out);
	free(call.seed);
	free(call.gips);
	free(call.slot);
	free(call.scratch);
	return rc;
}

/* Takes what the guest has said of its progress: "progress SECONDS OF" lines, the last one. */
static void look(struct guest *g)
{
	char *ignored = NULL, *file = text_format("%s/out/.guest/report", g->aside);
	char *report = file_read(file, &ignored);
	free(ignored);
	free(file);
	char *last = NULL;
	for (char *p = report; p && (p = strstr(p, "progress ")) != NULL; p++)
		last = p;
	if (last && strchr(last, '\n'))
		sscanf(last, "progress %lf %lf", &g->seconds, &g->of);
	if (g->of > 0 && g->seconds >= g->of && g->over_us == 0)
		g->over_us = now_us();
	free(report);
}

double guest_ending_s(const struct guest *g)
{
	return g->over_us ? (double)(now_us() - g->over_us) / 1e6 : 0;
}

/* Whether a guest has been at its end for far longer than the run itself took. */
static bool is_stuck(const struct guest *g)
{
	return g->over_us &&
	       guest_ending_s(g) > ENDING_S + 3 * (double)(g->over_us - g->started_us) / 1e6;
}

bool guest_is_over(struct guest *g)
{
	look(g);
	if (child_wait(&g->child, 0) == WAIT_ENDED)
		return true;
	if (!is_stuck(g))
		return false;
	child_end(&g->child, 3000);
	return true;
}

/* What only the world outside knows. */
static int complete_result(const struct guest *g, json_t *result, char **error)
{
	char *image_file = text_format("%s/image.json", g->setting->image);
	json_t *vm = json_read(image_file, 0, error);
	free(image_file);
	if (!vm)
		return -1;
	json_object_set_new(vm, "gips", json_integer(g->definition->gips));
	json_object_set_new(vm, "wall_s", json_real((double)(now_us() - g->started_us) / 1e6));
	json_object_set_new(result, "vm", vm);
	json_object_set_new(result, "ground_why", json_string(g->setting->ground_why));
	json_t *made_by = json_object_get(result, "provenance");
	static const char *const ours[] = {"git", "command_line", "programs_sha256", "processors"};
	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		json_object_set(made_by, ours[i], json_object_get(g->setting->provenance, ours[i]));
	char digest[SHA256_TEXT];
	struct definition own = definition_for(g->definition, g->contestant);
	definition_digest(&own, g->contestant, g->rep, digest);
	json_object_set_new(made_by, "digests",
		json_pack("{s:s, s:s}", "definition", digest, "scenario", own.scenario_digest));
	return 0;
}

char *guest_run_directory(const struct guest *g)
{
	char *name = definition_run_name(g->definition, g->contestant, g->rep);
	char *directory = text_format("%s/out/%s/%s", g->aside, g->definition->name, name);
	free(name);
	return directory;
}

json_t *guest_result(const struct guest *g, char **error)
{
	char *directory = guest_run_directory(g);
	char *file = text_format("%s/result.json", directory);
	json_t *result = json_read(file, 0, error);
	if (result && (complete_result(g, result, error) != 0 ||
			      file_write_json(file, result, error) != 0)) {
		json_decref(result);
		result = NULL;
	}
	free(file);
	free(directory);
	return result;
}

/* Why a guest came to grief: the first line of what guest.sh said. Allocated. */
static char *first_said(const struct guest *g)
{
	char *ignored = NULL, *file = text_format("%s/said", g->aside);
	char *said = file_read(file, &ignored), *why;
	if (said)
		said[strcspn(said, "\n")] = '\0';
	if (said && said[0])
		why = text_format("%s", strncmp(said, "vm: ", 4) == 0 ? said + 4 : said);
	else
		why = text_format("the guest %s", child_fate(&g->child));
	free(said);
	free(ignored);
	free(file);
	return why;
}

/* Keeps what a guest that failed has left: its logs, its console, and what guest.sh said. Where:
 * allocated. */
static char *keep_failed(const struct guest *g)
{
	place_keep_failed(g->setting->directory, g->name, g->aside);
	return text_format("%s/failed/%s", g->setting->directory, g->name);
}

/* The last line of the guest's console that is no kernel message, for a cell that failed by itself.
 */
static char *console_line(const struct guest *g)
{
	char *ignored = NULL, *file = text_format("%s/out/.guest/console", g->aside);
	char *console = file_read(file, &ignored);
	char *best = text_format("%s", "");
	char *save = NULL;
	for (char *line = console ? strtok_r(console, "\r\n", &save) : NULL; line;
		line = strtok_r(NULL, "\r\n", &save)) {
		if (line[0] == '[' || strncmp(line, "init:", 5) == 0)
			continue;
		free(best);
		best = text_format("%s", line);
	}
	free(console);
	free(ignored);
	free(file);
	return best;
}

/* As guest.sh tells them apart from a job's own. */
enum { CAME_TO_GRIEF = 125, CANNOT_RUN = 126 };

/* What is said of a guest that failed, in one line: `error` is what was wrong with its result.
 * Allocated; its files are kept. */
static char *failure(const struct guest *g, const char *error)
{
	int status = WIFEXITED(g->child.status) ? WEXITSTATUS(g->child.status) : CAME_TO_GRIEF;
	char *why = first_said(g), *line = console_line(g), *place = keep_failed(g);
	if (is_stuck(g))
		error = "its time was long over, and it did not end";
	char *note = error ? text_format("failed: %s; its logs are in %s", error, place)
		     : status != CAME_TO_GRIEF && line[0]
			     ? text_format("failed: %s; its logs are in %s", line, place)
			     : text_format("failed: %s; its console is in %s/out/.guest/console",
				       why, place);
	free(place);
	free(line);
	free(why);
	return note;
}

int guest_finish(struct guest *g, guest_take *take, void *argument, char **note, char **error)
{
	char *why = NULL, *ignored = NULL;
	if (WIFEXITED(g->child.status) && WEXITSTATUS(g->child.status) == CANNOT_RUN) {
		char *said = first_said(g);
		error_set(error, "%s", said);
		free(said);
		return -1;
	}
	int rc = g->child.status == 0 ? take(argument, g, &why) : -1;
	if (rc == 0) {
		directory_remove(g->aside, &ignored);
	} else {
		file_explain_full_disk(g->setting->directory, &why);
		*note = failure(g, why);
		rc = 1;
	}
	free(ignored);
	free(why);
	return rc;
}

void guest_free(struct guest *g)
{
	char *ignored = NULL;
	child_end(&g->child, 3000);
	if (g->aside)
		directory_remove(g->aside, &ignored);
	free(ignored);
	free(g->name);
	free(g->aside);
	*g = (struct guest){0};
}
