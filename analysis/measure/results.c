// SPDX-License-Identifier: BSD-2-Clause
/*
 * Reading results.
 *
 * Theory of operation
 * -------------------
 * The runner leaves in runs.json which runs the last call was about, whether it made them or found
 * them. Only these are read: runs of another duration or definition that lie beside them measure
 * something else. A run with marks was not what it is called; it is kept apart and never averaged.
 *
 * Contestants may have scenarios of their own, each with a calibration of its own beside the runs.
 * Which calibration is a run's is told by what both say they are of, never by a file's name.
 */

#include "analysis/measure/results.h"

#include "experiments/record/names.h"
#include "experiments/record/resultfile.h"
#include "experiments/record/stats.h"
#include "mpip/base/error.h"
#include "mpip/base/jsonfile.h"

#include <dirent.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LATE_PART  10 /* of the delays: what a processor may be late by */
#define NAMED_MOST 3  /* contestants that a caveat names */
#define SCENARIO   "/provenance/digests/scenario"

static const char *text_of(const json_t *value)
{
	const char *text = json_string_value(value);
	return text ? text : "";
}

static void *grow(void *list, size_t count, size_t size)
{
	list = reallocarray(list, count, size);
	if (!list)
		abort();
	return list;
}

static struct contestant_results *find_or_add(struct results *r, const char *name)
{
	for (size_t i = 0; i < r->count; i++)
		if (strcmp(r->contestants[i].name, name) == 0)
			return &r->contestants[i];
	r->contestants = grow(r->contestants, r->count + 1, sizeof(*r->contestants));
	struct contestant_results *c = &r->contestants[r->count++];
	*c = (struct contestant_results){.name = name, .paper = NAN, .mean = NAN, .ci95 = NAN};
	return c;
}

/* The number there; of a list, which the paper gives for equal parts of the run, the mean. */
static double mean_at(const json_t *paper, const char *pointer)
{
	const json_t *value = json_pointer(paper, pointer), *part;
	size_t count = json_array_size(value), i;
	double sum = 0;
	if (count == 0)
		return json_number_at(paper, pointer);
	json_array_foreach ((json_t *)value, i, part)
		sum += json_number_value(part);
	return sum / (double)count;
}

static void add_run(struct results *r, json_t *run, const json_t *paper)
{
	struct contestant_results *c = find_or_add(r, text_of(json_object_get(run, "contestant")));
	const char *pointer = json_string_value(json_object_get(run, "paper"));
	if (pointer)
		c->paper = mean_at(paper, pointer);

	const char *form = json_string_value(json_pointer(run, "/mpipd/wire_form"));
	if (form)
		r->wire_form = !r->wire_form[0] || !strcmp(r->wire_form, form) ? form : "several";
	r->title = text_of(json_object_get(run, "title"));
	r->ground = text_of(json_object_get(run, "ground"));
	r->duration_s = (int)json_integer_value(json_object_get(run, "duration_s"));
	r->warm_up_s = (int)json_integer_value(json_object_get(run, "warm_up_s"));

	if (json_array_size(json_object_get(run, "marks"))) {
		c->marked = grow(c->marked, c->marked_count + 1, sizeof(json_t *));
		c->marked[c->marked_count++] = run;
		return;
	}
	c->runs = grow(c->runs, c->count + 1, sizeof(json_t *));
	c->goodput = grow(c->goodput, c->count + 1, sizeof(double));
	c->runs[c->count] = run;
	c->goodput[c->count++] = json_number_value(json_object_get(run, "goodput_mbit"));
}

/* A call of the runner makes runs of one definition, one duration and one seed, and claims pair
 * them by repetition. */
static int check_fits(const struct results *r, const json_t *run, const char *file, char **error)
{
	if (strcmp(text_of(json_object_get(run, "experiment")), r->experiment) != 0)
		return error_set(error,
			"%s: experiment: expected %s, as its directory is called, got %s", file,
			r->experiment, text_of(json_object_get(run, "experiment")));
	static const char *const alike[] = {"duration_s", "warm_up_s", "seed"};
	const json_t *first = json_array_get(r->all, 0);
	for (size_t i = 0; first && i < sizeof(alike) / sizeof(alike[0]); i++)
		if (!json_equal(json_object_get(run, alike[i]), json_object_get(first, alike[i])))
			return error_set(error, "%s: %s: expected %lld, as in %s, got %lld", file,
				alike[i], json_integer_value(json_object_get(first, alike[i])),
				text_of(json_object_get(first, "run")),
				json_integer_value(json_object_get(run, alike[i])));
	return 0;
}

static int load_run(struct results *r, const char *name, const json_t *paper, char **error)
{
	char *file = text_format("%s/%s/result.json", r->directory, name);
	int rc = 0;
	if (access(file, F_OK) != 0) {
		r->missing++;
	} else {
		json_t *run = result_read(file, error);
		rc = run ? check_fits(r, run, file, error) : -1;
		if (rc == 0) {
			json_array_append(r->all, run);
			add_run(r, run, paper);
		}
		json_decref(run);
	}
	free(file);
	return rc;
}

/* The names of the runs, each once; NULL and *error. The caller's own. */
static json_t *load_names(const struct results *r, char **error)
{
	char *file = text_format("%s/runs.json", r->directory);
	json_t *names = NULL;
	if (!name_is_plain(r->experiment)) {
		error_set(error, "%s: expected an experiment's name, such as two-nics",
			r->experiment);
	} else if (access(file, F_OK) != 0) {
		error_set(error, "%s: not there: make experiment NAME=%s makes it", file,
			r->experiment);
	} else {
		struct jdoc *doc = jdoc_load(file);
		struct jat runs = jat_key(jdoc_root(doc), "runs");
		json_t *seen = json_object();
		if (!json_is_array(runs.value))
			jat_fail(runs, "expected a list of runs");
		for (size_t i = 0; i < jat_length(runs); i++) {
			struct jat name = jat_item(runs, i);
			if (!name_is_plain(jat_string(name)))
				jat_fail(name, "expected the name of a run, got \"%.60s\"",
					jat_string(name));
			if (json_object_get(seen, jat_string(name)))
				jat_fail(name, "expected each run once, %s is here again",
					jat_string(name));
			json_object_set_new(seen, jat_string(name), json_true());
		}
		if (jdoc_error(doc))
			error_set(error, "%s", jdoc_error(doc));
		else
			names = json_incref(runs.value);
		json_decref(seen);
		jdoc_free(doc);
	}
	free(file);
	return names;
}

bool results_is_late(const json_t *run)
{
	return json_number_at(run, "/witness/p99_ms") >
	       json_number_at(run, "/witness/delays_ms") / LATE_PART;
}

/* Being late is one of its reasons. */
bool results_is_limited(const json_t *run)
{
	return json_array_size(json_object_get(run, "cpu_limited")) > results_is_late(run);
}

bool results_is_loss_wrong(const json_t *run)
{
	size_t i;
	json_t *loss;
	json_array_foreach (json_object_get(run, "losses"), i, loss)
		if (!json_is_true(json_object_get(loss, "good")))
			return true;
	return false;
}

static bool is_of_scenario(const json_t *calibration, const json_t *run)
{
	return strcmp(text_of(json_object_get(calibration, "scenario_sha256")),
		       text_of(json_pointer(run, SCENARIO))) == 0;
}

const json_t *results_calibration(const struct results *r, const json_t *run)
{
	size_t i;
	json_t *calibration;
	json_array_foreach (r->calibrations, i, calibration)
		if (is_of_scenario(calibration, run) &&
			strcmp(text_of(json_object_get(calibration, "ground")), r->ground) == 0 &&
			json_integer_value(json_object_get(calibration, "gips")) ==
				json_integer_value(json_pointer(run, "/vm/gips")))
			return calibration;
	return NULL;
}

static int is_calibration(const struct dirent *e)
{
	const char *suffix = strrchr(e->d_name, '.');
	return strncmp(e->d_name, "calibration", 11) == 0 && suffix && strcmp(suffix, ".json") == 0;
}

/* The calibrations beside the runs, each with its "file", sorted by it. One that cannot be read is
 * as good as none. */
static json_t *load_calibrations(const char *directory)
{
	json_t *list = json_array();
	struct dirent **found = NULL;
	int count = scandir(directory, &found, is_calibration, alphasort);
	for (int i = 0; i < count; i++) {
		char *file = text_format("%s/%s", directory, found[i]->d_name);
		json_t *calibration = json_load_file(file, 0, NULL);
		json_object_set_new(calibration, "file", json_string(found[i]->d_name));
		if (json_is_object(calibration))
			json_array_append(list, calibration);
		json_decref(calibration);
		free(file);
		free(found[i]);
	}
	free(found);
	return list;
}

/* Why nothing measured the links that this run was made on, or what it found; NULL when they are as
 * the scenario says. Allocated. */
static char *why_uncalibrated(const struct results *r, const json_t *run)
{
	const json_t *calibration = results_calibration(r, run), *other;
	if (calibration && json_is_true(json_object_get(calibration, "good")))
		return NULL;
	if (calibration)
		return text_format("a link is not as its scenario says, see %s/%s", r->directory,
			text_of(json_object_get(calibration, "file")));
	size_t i;
	json_array_foreach (r->calibrations, i, other)
		if (is_of_scenario(other, run))
			return text_format("%s/%s is of another ground or speed", r->directory,
				text_of(json_object_get(other, "file")));
	return text_format("no %s/calibration*.json is of the scenario of %s", r->directory,
		text_of(json_object_get(run, "contestant")));
}

/* Appends to a list of names; `head` goes before the first. */
static void append(char **text, const char *head, const char *name)
{
	char *longer = text_format("%s%s%s", *text, **text ? ", " : head, name);
	free(*text);
	*text = longer;
}

/* What is to be said of each scenario that the runs were made in; NULL: nothing. Allocated. */
static char *find_uncalibrated(const struct results *r)
{
	char *all = text_format("%s", "");
	size_t i;
	json_t *run;
	json_array_foreach (r->all, i, run) {
		bool seen = false;
		for (size_t k = 0; k < i && !seen; k++)
			seen = json_equal(json_pointer(run, SCENARIO),
				json_pointer(json_array_get(r->all, k), SCENARIO));
		char *why = seen ? NULL : why_uncalibrated(r, run);
		if (why)
			append(&all, "", why);
		free(why);
	}
	if (*all)
		return all;
	free(all);
	return NULL;
}

/* How many they are, in the place of more names than a figure has room for. */
static void count_instead(char **list, const char *what, size_t count, size_t of)
{
	if (count <= NAMED_MOST)
		return;
	free(*list);
	*list = text_format("%s%zu of %zu", what, count, of);
}

/* What is to be said of the processor's lateness. Allocated. */
static char *find_late(const struct results *r)
{
	double most = 0;
	for (size_t i = 0; i < r->count; i++)
		for (size_t k = 0; k < r->contestants[i].count; k++) {
			const json_t *run = r->contestants[i].runs[k];
			if (results_is_late(run))
				most = fmax(most, json_number_at(run, "/witness/p99_ms"));
		}
	if (most == 0)
		return text_format("%s", "");
	return text_format(
		"real time: the processor was late by up to %.3g ms (p99 of an idle link): "
		"delays below %.3g ms are not exact%s",
		most, LATE_PART * most,
		strcmp(r->ground, "host") == 0 ? "; in GROUND=vm they are" : "");
}

static void find_caveats(struct results *r)
{
	char *limited = text_format("%s", ""), *losses = text_format("%s", "");
	size_t limited_count = 0, losses_count = 0;
	for (size_t i = 0; i < r->count; i++) {
		struct contestant_results *c = &r->contestants[i];
		bool wrong = false;
		for (size_t k = 0; k < c->count; k++) {
			c->limited_count += results_is_limited(c->runs[k]);
			wrong = wrong || results_is_loss_wrong(c->runs[k]);
		}
		limited_count += c->limited_count > 0;
		losses_count += wrong;
		if (c->limited_count)
			append(&limited, "CPU-limited: ", c->name);
		if (wrong)
			append(&losses, "losses not as configured: ", c->name);
	}
	count_instead(&limited, "CPU-limited: ", limited_count, r->count);
	count_instead(&losses, "losses not as configured: ", losses_count, r->count);
	r->uncalibrated = find_uncalibrated(r);
	r->late = find_late(r);
	r->caveats = text_format("%s%s%s%s%s", r->uncalibrated ? "uncalibrated" : "",
		r->uncalibrated && *limited ? "; " : "", limited,
		(r->uncalibrated || *limited) && *losses ? "; " : "", losses);
	free(limited);
	free(losses);
}

struct results *results_load(
	const char *out, const char *experiment, const json_t *paper, char **error)
{
	struct results *r = calloc(1, sizeof(*r));
	if (!r)
		abort();
	r->directory = text_format("%s/%s", out, experiment);
	r->all = json_array();
	r->paper = json_incref((json_t *)paper);
	r->calibrations = load_calibrations(r->directory);
	r->wire_form = r->title = r->ground = "";
	r->experiment = experiment;

	json_t *runs = load_names(r, error), *name;
	int rc = runs ? 0 : -1;
	size_t i;
	json_array_foreach (runs, i, name)
		if (rc == 0)
			rc = load_run(r, text_of(name), paper, error);
	json_decref(runs);

	for (i = 0; i < r->count; i++) {
		struct contestant_results *c = &r->contestants[i];
		c->mean = c->count ? stats_mean(c->goodput, c->count) : NAN;
		c->ci95 = stats_ci95(c->goodput, c->count);
	}
	find_caveats(r);
	if (rc == 0)
		return r;
	results_free(r);
	return NULL;
}

void results_free(struct results *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->count; i++) {
		free(r->contestants[i].runs);
		free(r->contestants[i].goodput);
		free(r->contestants[i].marked);
	}
	free(r->contestants);
	json_decref(r->all);
	json_decref(r->paper);
	json_decref(r->calibrations);
	free(r->uncalibrated);
	free(r->caveats);
	free(r->late);
	free(r->directory);
	free(r);
}

json_t *results_experiments(const char *out)
{
	json_t *list = json_array();
	struct dirent **found;
	int count = scandir(out, &found, NULL, alphasort);
	for (int i = 0; i < count; i++) {
		const char *name = found[i]->d_name;
		char *file = text_format("%s/%s/runs.json", out, name);
		if (name_is_plain(name) && access(file, R_OK) == 0)
			json_array_append_new(list, json_string(name));
		free(file);
		free(found[i]);
	}
	if (count >= 0)
		free(found);
	return list;
}

const struct contestant_results *results_find(const struct results *r, const char *name)
{
	for (size_t i = 0; i < r->count; i++)
		if (strcmp(r->contestants[i].name, name) == 0)
			return &r->contestants[i];
	return NULL;
}

/* Whether a run was made on the same links with the same load as another. */
static bool is_alike(const json_t *run, const json_t *other)
{
	static const char *const what[] = {
		SCENARIO, "/workload", "/provenance/definition/contestant/sysctls"};
	for (size_t i = 0; i < sizeof(what) / sizeof(what[0]); i++) {
		const json_t *a = json_pointer(run, what[i]), *b = json_pointer(other, what[i]);
		if (a != b && !json_equal(a, b))
			return false;
	}
	return true;
}

const struct contestant_results *results_plain(
	const struct results *r, const struct contestant_results *c)
{
	for (size_t i = 0; c->count && i < r->count; i++) {
		const struct contestant_results *plain = &r->contestants[i];
		if (plain->count && !json_is_object(json_object_get(plain->runs[0], "mpipd")) &&
			!json_is_object(json_object_get(plain->runs[0], "mptcp")) &&
			is_alike(plain->runs[0], c->runs[0]))
			return plain;
	}
	return NULL;
}
