// SPDX-License-Identifier: BSD-2-Clause
/*
 * Running a result again.
 *
 * Theory of operation
 * -------------------
 * A result names all that decides its bits: the experiment, contestant, repetition, seed, duration,
 * the guest's speed, and the hash of the image. Whether its own logs still give its digest is
 * looked at first, as a comparison with logs that somebody has changed would say nothing. An
 * experiment of another definition measures something else, so it is refused; another image may
 * give other bits or not, so it is run, and told.
 */

#include "experiments/runner/reproduce.h"

#include "experiments/probe/proc.h"
#include "experiments/record/definition.h"
#include "experiments/record/digest.h"
#include "experiments/runner/guests.h"
#include "experiments/runner/provenance.h"
#include "experiments/runner/scratch.h"
#include "mpip/base/files.h"
#include "mpip/base/jsonfile.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A result and what it is compared with. */
struct again {
	char *run; /* its directory */
	char *result_file;
	json_t *result;
	struct definition *definition;
	const struct contestant *contestant;
	int rep;
	char *directory; /* where it is run again */
};

static const char *text_at(const json_t *value, const char *key)
{
	const char *text = json_string_value(json_object_get(value, key));
	return text ? text : "";
}

static int read_result(struct again *a, char **error)
{
	json_error_t e;
	a->result_file = text_format("%s/result.json", a->run);
	a->result = json_load_file(a->result_file, 0, &e);
	if (!a->result && e.line > 0)
		return error_set(
			error, "%s: line %d: expected JSON: %s", a->result_file, e.line, e.text);
	if (!a->result)
		return error_set(error,
			"%s: %s; expected the directory of a run, or the result.json in it",
			a->result_file, strerror(errno));
	if (strcmp(text_at(a->result, "ground"), "vm") != 0)
		return error_set(error,
			"%s: ground: expected vm, got %s: only there the same is run again",
			a->result_file, text_at(a->result, "ground"));
	return 0;
}

/* Says so when the logs are not those that the digest was made from. */
static int check_logs(const struct again *a, char **error)
{
	char digest[SHA256_TEXT];
	if (digest_of_run(a->run, digest, error) != 0)
		return -1;
	if (strcmp(digest, text_at(a->result, "digest")) != 0)
		printf("%s: digest: expected %s, as its logs make it, got %s: a log has been "
		       "changed since\n",
			a->result_file, digest, text_at(a->result, "digest"));
	fflush(stdout);
	return 0;
}

/* The experiment's file, as the command line that made the result had it. Allocated. */
static char *find_file(const struct again *a)
{
	char *end = text_format("%s.json", text_at(a->result, "experiment"));
	char *file = text_format("experiments/%s", end);
	size_t i;
	json_t *argument;
	json_array_foreach (
		json_object_get(json_object_get(a->result, "provenance"), "command_line"), i,
		argument) {
		const char *text = json_string_value(argument);
		const char *slash = text ? strrchr(text, '/') : NULL;
		if (!text || strcmp(slash ? slash + 1 : text, end) != 0 || access(text, R_OK) != 0)
			continue;
		free(file);
		file = text_format("%s", text);
	}
	free(end);
	return file;
}

static int whole(const json_t *value, const char *key)
{
	return (int)json_integer_value(json_object_get(value, key));
}

/* The definition of the run, as the experiment's file has it today. */
static int load_definition(struct again *a, const char *file, char **error)
{
	struct definition *d = a->definition = definition_load(file, error);
	if (!d)
		return -1;
	a->rep = whole(a->result, "rep");
	d->ground = GROUND_VM;
	d->duration_s = whole(a->result, "duration_s");
	d->warm_up_s = whole(a->result, "warm_up_s");
	d->seed = json_integer_value(json_object_get(a->result, "seed"));
	d->gips = whole(json_object_get(a->result, "vm"), "gips");
	const char *name = text_at(a->result, "contestant");
	for (size_t i = 0; i < d->contestant_count; i++)
		if (strcmp(d->contestants[i].name, name) == 0)
			a->contestant = &d->contestants[i];
	if (!a->contestant)
		return error_set(error, "%s: contestants: expected one named %s, as in %s", file,
			name, a->result_file);

	char digest[SHA256_TEXT];
	definition_digest(d, a->contestant, a->rep, digest);
	const json_t *made_by = json_object_get(a->result, "provenance");
	if (strcmp(digest, text_at(json_object_get(made_by, "digests"), "definition")) != 0)
		return error_set(error,
			"%s: the experiment's definition (%s, its scenario, or what a result is) "
			"has changed since: it would not be the same run",
			a->result_file, file);
	return 0;
}

static int check_image(const struct again *a, const char *image, char **error)
{
	char *file = text_format("%s/image.json", image);
	json_t *now = json_read(file, 0, error);
	int rc = now ? 0 : -1;
	const char *had = text_at(json_object_get(a->result, "vm"), "hash");
	if (now && strcmp(had, text_at(now, "hash")) != 0)
		printf("the image's hash is %.16s, that of the result's %.16s: equal bits are "
		       "promised only for equal images\n",
			text_at(now, "hash"), had);
	fflush(stdout);
	json_decref(now);
	free(file);
	return rc;
}

static void print_digests(const struct again *a, const char *other)
{
	char *ignored = NULL;
	json_t *had = digest_files(a->run, &ignored), *got = digest_files(other, &ignored);
	const char *name;
	json_t *digest;
	json_object_foreach (had, name, digest) {
		const json_t *now = json_object_get(got, name);
		if (!now)
			printf("  %s: only in %s\n", name, a->run);
		else if (!json_equal(digest, now))
			printf("  %s\n", name);
	}
	json_object_foreach (got, name, digest)
		if (!json_object_get(had, name))
			printf("  %s: only in %s\n", name, other);
	json_decref(had);
	json_decref(got);
	free(ignored);
}

/* 0 when equal, 1 when not; -1 and *error. */
static int compare(const struct again *a, char **error)
{
	char *name = definition_run_name(a->definition, a->contestant, a->rep);
	char *other = text_format("%s/%s", a->directory, name);
	char digest[SHA256_TEXT];
	int rc = digest_of_run(other, digest, error);
	if (rc == 0 && strcmp(digest, text_at(a->result, "digest")) == 0) {
		printf("equal: %s\n", digest);
	} else if (rc == 0) {
		printf("differs: %s, not %s; the new run is in %s; the logs that differ:\n", digest,
			text_at(a->result, "digest"), other);
		print_digests(a, other);
		rc = 1;
	}
	free(other);
	free(name);
	return rc;
}

/* 0 when it has been run; 1 when asked to stop; -1 and *error. */
static int run_again(const struct again *a, const char *programs, char *const *argv, char **error)
{
	char *image = guest_image(programs, a->definition->gips, error);
	if (!image)
		return proc_stop_signal() ? 1 : -1;
	const struct definition *d = a->definition;
	struct progress progress = {
		.experiment = d->name, .runs = 1, .run_seconds = d->warm_up_s + d->duration_s};
	struct guest_cell cell = {a->contestant, a->rep};
	json_t *made_by = provenance(programs, argv);
	struct guests_plan plan = {.definition = d,
		.setting = {.image = image,
			.directory = a->directory,
			.programs = programs,
			.ground_why = "reproduced",
			.provenance = made_by},
		.jobs = 1,
		.progress = &progress};
	int failed = 0, rc = check_image(a, image, error);
	progress_begin(&progress);
	if (rc == 0)
		rc = guests_run(&plan, &cell, 1, &failed, error);
	progress_clear(&progress);
	if (rc == 0 && failed)
		rc = error_set(error, "%s: the run failed; its logs are in %s/failed", a->run,
			a->directory);
	json_decref(made_by);
	free(image);
	return rc;
}

/* The directory of a run that is named by it, or by the result in it. Allocated. */
static char *directory_of(const char *run)
{
	static const char end[] = "/result.json";
	size_t length = strlen(run), ends = strlen(end);
	if (strcmp(run, end + 1) == 0)
		return text_format(".");
	if (length > ends && strcmp(run + length - ends, end) == 0)
		length -= ends;
	return text_format("%.*s", (int)length, run);
}

int reproduce(
	const char *run, const char *file, const char *programs, char *const *argv, char **error)
{
	struct again a = {.run = directory_of(run)};
	const char *temporary = getenv("TMPDIR");
	char *found = NULL, *ignored = NULL;
	int rc = read_result(&a, error);
	if (rc == 0)
		rc = check_logs(&a, error);
	if (rc == 0) {
		found = file ? text_format("%s", file) : find_file(&a);
		rc = load_definition(&a, found, error);
	}
	if (rc == 0) {
		char *prefix = text_format("%s/mpip-reproduce", temporary ? temporary : "/tmp");
		a.directory = scratch_make(prefix, error);
		rc = a.directory ? 0 : -1;
		free(prefix);
	}
	if (rc == 0) {
		rc = run_again(&a, programs, argv, error);
		bool stopped = rc == 1, kept = rc < 0;
		if (rc == 0) {
			rc = compare(&a, error);
			kept = rc != 0;
		}
		if (stopped)
			rc = 128 + proc_stop_signal();
		if (kept)
			scratch_keep(a.directory);
		else
			directory_remove(a.directory, &ignored);
	}
	definition_free(a.definition);
	json_decref(a.result);
	free(a.result_file);
	free(a.directory);
	free(a.run);
	free(found);
	free(ignored);
	return rc;
}
