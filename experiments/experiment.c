// SPDX-License-Identifier: BSD-2-Clause
/*
 * The runner: experiment [options] FILE.json
 *
 * Theory of operation
 * -------------------
 * An experiment is a table, repetitions by contestants, run in turn A B C D, A B C D, so that what
 * changes slowly on the machine touches all contestants alike. Each cell is a directory under
 * OUT/EXPERIMENT. A cell whose result.json was made by the same definition is not run again,
 * whatever build made it: a result is data, and a commit does not make it untrue. A result of
 * another definition is replaced. Where mpipd has changed since, the runner says so, and --fresh
 * runs everything again.
 */

#include "experiments/files.h"
#include "experiments/progress.h"
#include "experiments/run.h"
#include "lab/lab.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define LAB_PREFIX "experiment-"
#define RUNS_FILE  "runs.json"

/* How long a run takes beyond its transfer, until one has been measured. */
#define SET_UP_SECONDS 1.5

struct options {
	const char *file, *out, *only, *ground;
	long duration, reps;
	long long seed;
	bool fresh;
};

/* What is to be done with one cell of the table. */
enum cell { CELL_TO_RUN, CELL_THERE, CELL_OTHER_DEFINITION };

struct session {
	const struct options *options;
	struct definition *definition;
	struct scenario *scenario;
	char *directory, *programs;
	char lab[LAB_NAME_MAX + 1];
	json_t *provenance;
	int lock;
	int there, other_definition, other_mpipd, failed;
	struct progress progress;
};

static const char usage[] = "usage: experiment [options] FILE.json\n"
			    "  --out DIR           where results go (default: out)\n"
			    "  --duration SECONDS  instead of the experiment's own\n"
			    "  --reps N            instead of the experiment's own\n"
			    "  --seed N            instead of the experiment's own\n"
			    "  --only CONTESTANT   this one alone\n"
			    "  --ground GROUND     host or auto\n"
			    "  --fresh             run again what is there already\n"
			    "  --help\n";

static long long number(
	const char *option, const char *value, long long min, long long max, char **error)
{
	char *end;
	errno = 0;
	long long n = strtoll(value, &end, 10);
	if (errno || end == value || *end || n < min || n > max)
		lab_fail(error, "--%s: expected a whole number from %lld to %lld, got \"%s\"",
			option, min, max, value);
	return n;
}

/* 0 to go on, 1 when help was asked for, -1 and *error. */
static int read_options(int argc, char **argv, struct options *o, char **error)
{
	static const struct option names[] = {
		{"out", required_argument, NULL, 'o'},
		{"duration", required_argument, NULL, 'd'},
		{"reps", required_argument, NULL, 'r'},
		{"seed", required_argument, NULL, 's'},
		{"only", required_argument, NULL, 'c'},
		{"ground", required_argument, NULL, 'g'},
		{"fresh", no_argument, NULL, 'f'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	*o = (struct options){.out = "out", .ground = "auto", .seed = -1};
	opterr = 0;
	for (int c; (c = getopt_long(argc, argv, ":h", names, NULL)) != -1;) {
		switch (c) {
		case 'o':
			o->out = optarg;
			break;
		case 'd':
			o->duration = (long)number("duration", optarg, 1, 86400, error);
			break;
		case 'r':
			o->reps = (long)number("reps", optarg, 1, 999, error);
			break;
		case 's':
			o->seed = number("seed", optarg, 0, 1000000000, error);
			break;
		case 'c':
			o->only = optarg;
			break;
		case 'g':
			o->ground = optarg;
			break;
		case 'f':
			o->fresh = true;
			break;
		case 'h':
			fputs(usage, stdout);
			return 1;
		case ':':
			return lab_fail(error, "%s: expected a value", argv[optind - 1]);
		default:
			return lab_fail(error, "%s: unknown option, see --help", argv[optind - 1]);
		}
	}
	if (optind + 1 != argc)
		return lab_fail(error, "expected one experiment's file, see --help");
	o->file = argv[optind];
	return *error ? -1 : 0;
}

static const char *check_ground(const char *ground, char **error)
{
	if (strcmp(ground, "host") == 0)
		return "asked for";
	if (strcmp(ground, "auto") == 0)
		return "auto: the only ground there is";
	lab_fail(error, "ground %s: expected host or auto", ground);
	return NULL;
}

/* The hosts that the workload names must be in the scenario. */
static int check_hosts(const struct session *s, char **error)
{
	const struct workload *w = &s->definition->workload;
	const char *const names[][2] = {{"from", w->from}, {"to", w->to}};
	for (size_t i = 0; i < 2; i++) {
		const struct node *node = scenario_node(s->scenario, names[i][1]);
		if (!node || node->router)
			return lab_fail(error,
				"%s: workload.%s: expected a host of the scenario, got \"%s\"",
				s->definition->file, names[i][0], names[i][1]);
	}
	return 0;
}

static bool is_chosen(const struct session *s, const struct contestant *c)
{
	return !s->options->only || strcmp(s->options->only, c->name) == 0;
}

static int check_only(const struct session *s, char **error)
{
	const struct definition *d = s->definition;
	for (size_t i = 0; i < d->contestant_count; i++)
		if (is_chosen(s, &d->contestants[i]))
			return 0;
	return lab_fail(error, "--only: %s has no contestant \"%s\"", d->file, s->options->only);
}

/* BUILD, from where this program is: BUILD/experiments/experiment. */
static char *find_programs(char **error)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (n <= 0) {
		lab_fail(error, "/proc/self/exe: %s", strerror(errno));
		return NULL;
	}
	self[n] = '\0';
	return lab_text("%s", dirname(dirname(self)));
}

static int check_programs(const struct session *s, char **error)
{
	bool wanted = false;
	for (size_t i = 0; i < s->definition->contestant_count; i++) {
		const struct contestant *c = &s->definition->contestants[i];
		wanted = wanted || (c->mpipd && is_chosen(s, c));
	}
	static const char *const names[] = {"mpip/mpipd", "mpip/mpipctl"};
	for (size_t i = 0; wanted && i < 2; i++) {
		char *file = lab_text("%s/%s", s->programs, names[i]);
		if (access(file, X_OK) != 0)
			lab_fail(error, "%s: %s; run make first", file, strerror(errno));
		free(file);
	}
	return *error ? -1 : 0;
}

static int load(struct session *s, char **error)
{
	const struct options *o = s->options;
	struct definition *d = s->definition = definition_load(o->file, error);
	if (!d || !check_ground(o->ground, error))
		return -1;
	d->duration_s = o->duration ? (int)o->duration : d->duration_s;
	d->repeats = o->reps ? (int)o->reps : d->repeats;
	d->seed = o->seed >= 0 ? o->seed : d->seed;
	if (!(s->scenario = scenario_load(d->scenario_file, error)) || check_hosts(s, error) ||
		check_only(s, error))
		return -1;
	if (geteuid() != 0)
		return lab_fail(error, "must be root: network namespaces need it; make experiment "
				       "calls sudo by itself");
	s->programs = find_programs(error);
	return s->programs ? check_programs(s, error) : -1;
}

/* Removes what a killed runner left: unfinished directories in ours, and its labs. Under the lock
 * no other runner writes here; a lab is taken down only when its runner is gone. */
static int sweep(struct session *s, char **error)
{
	DIR *dir = opendir(s->directory);
	if (!dir)
		return lab_fail(error, "%s: %s", s->directory, strerror(errno));
	int rc = 0;
	for (struct dirent *e; rc == 0 && (e = readdir(dir)) != NULL;) {
		if (e->d_name[0] != '.' || !strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		char *path = lab_text("%s/%s", s->directory, e->d_name);
		rc = directory_remove(path, error);
		free(path);
	}
	closedir(dir);

	json_t *labs = lab_list(), *lab;
	size_t i;
	json_array_foreach (labs, i, lab) {
		const char *name = json_string_value(lab);
		if (rc != 0 || strncmp(name, LAB_PREFIX, strlen(LAB_PREFIX)) != 0)
			continue;
		char *end;
		long pid = strtol(name + strlen(LAB_PREFIX), &end, 10);
		if (pid > 0 && *end == '\0' && kill((pid_t)pid, 0) != 0 && errno == ESRCH)
			rc = lab_down(name, error);
	}
	json_decref(labs);
	return rc;
}

static int open_directory(struct session *s, char **error)
{
	s->directory = lab_text("%s/%s", s->options->out, s->definition->name);
	if (directory_make(s->directory, error) != 0 || give_to_caller(s->options->out, error) != 0)
		return -1;
	s->lock = open(s->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->lock < 0)
		return lab_fail(error, "%s: %s", s->directory, strerror(errno));
	if (flock(s->lock, LOCK_EX | LOCK_NB) != 0)
		return lab_fail(
			error, "%s: another runner is at work on this experiment", s->directory);
	return sweep(s, error);
}

static const char *inner_text(const json_t *value, const char *a, const char *b)
{
	const char *t = json_string_value(json_object_get(json_object_get(value, a), b));
	return t ? t : "";
}

/* Looks whether a cell's result is there; counts what is worth telling. */
static enum cell look(struct session *s, const struct contestant *c, int rep)
{
	char *name = definition_run_name(s->definition, c, rep);
	char *file = lab_text("%s/%s/result.json", s->directory, name);
	json_t *result = json_load_file(file, 0, NULL);
	free(file);
	free(name);
	if (!result)
		return CELL_TO_RUN;

	char digest[SHA256_TEXT];
	definition_digest(s->definition, c, rep, digest);
	const json_t *made_by = json_object_get(result, "provenance");
	bool same = !strcmp(inner_text(made_by, "digests", "definition"), digest);
	if (same && c->mpipd &&
		strcmp(inner_text(made_by, "programs_sha256", "mpipd"),
			inner_text(s->provenance, "programs_sha256", "mpipd")) != 0)
		s->other_mpipd++;
	json_decref(result);
	if (!same)
		s->other_definition++;
	else
		s->there++;
	return same ? CELL_THERE : CELL_OTHER_DEFINITION;
}

static void on_progress(void *argument, double seconds, double of)
{
	progress_tick(argument, seconds, of);
}

/* Runs one cell. 0 also when the run failed, which is told and counted; 1 when asked to stop. */
static int run_cell(struct session *s, const struct contestant *c, int rep)
{
	struct run_plan plan = {
		.definition = s->definition,
		.scenario = s->scenario,
		.contestant = c,
		.rep = rep,
		.lab = s->lab,
		.directory = s->directory,
		.programs = s->programs,
		.ground_why = check_ground(s->options->ground, NULL),
		.provenance = s->provenance,
		.progress = on_progress,
		.progress_argument = &s->progress,
	};
	char *error = NULL, *note;
	double goodput = 0;
	char *name = definition_run_name(s->definition, c, rep);
	progress_run(&s->progress, name);
	int rc = run_one(&plan, &goodput, &error);
	if (rc < 0) {
		s->failed++;
		note = lab_text("failed: %s", error);
	} else {
		note = lab_text("%.1f Mbit/s", goodput);
	}
	if (rc <= 0)
		progress_run_over(&s->progress, note, rc < 0);
	free(note);
	free(name);
	free(error);
	return rc > 0;
}

/* Calls `run_cell` for each cell that is to be run, in turn, or counts them with `count`. */
static int each_cell(struct session *s, int *count)
{
	const struct definition *d = s->definition;
	for (int rep = 1; rep <= d->repeats; rep++) {
		for (size_t i = 0; i < d->contestant_count; i++) {
			const struct contestant *c = &d->contestants[i];
			if (!is_chosen(s, c))
				continue;
			if (!s->options->fresh && look(s, c, rep) == CELL_THERE)
				continue;
			if (count)
				++*count;
			else if (run_cell(s, c, rep) != 0)
				return 1;
		}
	}
	return 0;
}

static void tell_plan(const struct session *s, int to_run)
{
	const char *name = s->definition->name;
	if (s->there)
		fprintf(stderr, "%s: %d run%s there already%s\n", name, s->there,
			s->there == 1 ? " is" : "s are",
			to_run ? "" : ", nothing to do; FRESH=1 (--fresh) runs them again");
	if (s->other_mpipd)
		fprintf(stderr,
			"%s: %d of them from another build of mpipd: kept; FRESH=1 (--fresh) "
			"runs them again\n",
			name, s->other_mpipd);
	if (s->other_definition)
		fprintf(stderr, "%s: %d made by another definition: run again and replaced\n", name,
			s->other_definition);
}

/* Leaves in runs.json which runs this call is about, made now or before, for the analysis. */
static int write_runs(const struct session *s, char **error)
{
	const struct definition *d = s->definition;
	json_t *names = json_array();
	for (size_t i = 0; i < d->contestant_count; i++) {
		for (int rep = 1; rep <= d->repeats; rep++) {
			char *name = definition_run_name(d, &d->contestants[i], rep);
			json_array_append_new(names, json_string(name));
			free(name);
		}
	}
	json_t *runs = json_pack("{s:s, s:o}", "experiment", d->name, "runs", names);
	char *file = lab_text("%s/" RUNS_FILE, s->directory);
	int rc = file_write_json(file, runs, error);
	if (rc == 0)
		rc = give_to_caller(file, error);
	free(file);
	json_decref(runs);
	return rc;
}

static int run_all(struct session *s, char **error)
{
	int to_run = 0;
	each_cell(s, &to_run);
	tell_plan(s, to_run);
	if (write_runs(s, error) != 0)
		return -1;
	s->progress = (struct progress){
		.experiment = s->definition->name,
		.runs = to_run,
		.run_seconds =
			s->definition->warm_up_s + s->definition->duration_s + SET_UP_SECONDS,
	};
	progress_begin(&s->progress);
	each_cell(s, NULL);
	if (proc_stop_signal()) {
		progress_clear(&s->progress);
		fprintf(stderr, "%s: stopped; %d of %d runs done, the others are run next time\n",
			s->definition->name, s->progress.done, to_run);
		return 128 + proc_stop_signal();
	}
	if (s->failed)
		lab_fail(error, "%s: %d of %d runs failed; their logs are in %s/failed",
			s->definition->name, s->failed, to_run, s->directory);
	return s->failed ? 1 : 0;
}

/* Without any run the directory and its list of runs are not worth keeping. */
static void leave_if_empty(const struct session *s)
{
	int entries = 0;
	DIR *dir = opendir(s->directory);
	for (struct dirent *e; dir && (e = readdir(dir)) != NULL;)
		entries += e->d_name[0] != '.' && strcmp(e->d_name, RUNS_FILE) != 0;
	if (dir)
		closedir(dir);
	if (entries)
		return;
	char *file = lab_text("%s/" RUNS_FILE, s->directory);
	unlink(file);
	rmdir(s->directory);
	rmdir(s->options->out);
	free(file);
}

static void close_session(struct session *s)
{
	if (s->lock >= 0) {
		leave_if_empty(s);
		close(s->lock);
	}
	json_decref(s->provenance);
	free(s->directory);
	free(s->programs);
	if (s->scenario)
		scenario_free(s->scenario);
	definition_free(s->definition);
}

int main(int argc, char **argv)
{
	struct options options;
	struct session s = {.options = &options, .lock = -1};
	char *error = NULL;
	int rc = read_options(argc, argv, &options, &error);
	if (rc == 0) {
		snprintf(s.lab, sizeof(s.lab), LAB_PREFIX "%d", (int)getpid());
		rc = proc_begin(&error);
		if (rc == 0)
			rc = load(&s, &error);
		if (rc == 0)
			rc = open_directory(&s, &error);
		if (rc == 0) {
			s.provenance = provenance(s.programs, argv);
			rc = run_all(&s, &error);
		}
		close_session(&s);
	} else if (rc > 0) {
		rc = 0;
	}
	if (error)
		fprintf(stderr, "%s\n", error);
	free(error);
	return rc < 0 ? 1 : rc;
}
