// SPDX-License-Identifier: BSD-2-Clause
/*
 * What is asked of Slurm.
 *
 * Theory of operation
 * -------------------
 * By its own programs, whose answers have been stable for many years, and not by its library, which
 * is not. Arrays are known by their names, of which no other job has the like: so nothing need be
 * written down after a submission, and one that died in it is found again. Tasks that wait are
 * asked for as ranges: a line for an array, not one for each of them.
 */

#include "experiments/sweeper/slurm.h"

#include "experiments/sweeper/command.h"
#include "mpip/base/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The number behind "NAME = " in what scontrol shows. */
static size_t setting(const char *text, const char *name)
{
	const char *at = strstr(text, name);
	at = at ? strchr(at, '=') : NULL;
	return at ? strtoul(at + 1, NULL, 10) : 0;
}

int slurm_ask_limits(struct slurm_limits *limits, char **error)
{
	static const char *const argv[] = {"scontrol", "show", "config", NULL};
	char *why = NULL, *text = command_run(argv, &why);
	if (text)
		*limits = (struct slurm_limits){
			setting(text, "\nMaxArraySize"), setting(text, "\nMaxJobCount")};
	int rc = 0;
	if (!text || limits->array == 0)
		rc = error_set(error, "--slurm (ON=slurm): expected a Slurm cluster: %s",
			why ? why : "scontrol does not tell its MaxArraySize");
	if (rc == 0 && limits->array < 2)
		rc = error_set(error,
			"--slurm (ON=slurm): expected a cluster with arrays of jobs, "
			"its MaxArraySize is %zu",
			limits->array);
	free(why);
	free(text);
	return rc;
}

int slurm_submit(const char *name, const char *script, const char *said, size_t count,
	char *const *options, char **error)
{
	size_t given = 0, n = 0;
	while (options[given])
		given++;
	char *array = text_format("--array=0-%zu", count - 1);
	char *job = text_format("--job-name=%s", name);
	char *output = text_format("--output=%s", said);
	const char **argv = calloc(given + 10, sizeof(*argv));
	if (!argv)
		abort();
	argv[n++] = "sbatch";
	argv[n++] = "--parsable";
	argv[n++] = "--ntasks=1";
	for (size_t i = 0; i < given; i++)
		argv[n++] = options[i];
	/* These are ours: what is lost we submit again ourselves. */
	argv[n++] = "--no-requeue";
	argv[n++] = "--open-mode=append";
	argv[n++] = array;
	argv[n++] = job;
	argv[n++] = output;
	argv[n++] = script;
	char *answer = command_run(argv, error);
	int rc = answer ? 0 : -1;
	free(answer);
	free(argv);
	free(output);
	free(job);
	free(array);
	return rc;
}

bool slurm_tasks(
	const char *text, void (*range)(void *argument, size_t first, size_t last), void *argument)
{
	bool many = *text == '[';
	const char *at = text + many;
	for (;;) {
		char *end;
		if (*at < '0' || *at > '9')
			return false;
		size_t first = strtoul(at, &end, 10), last = first;
		if (*end == '-')
			last = strtoul(end + 1, &end, 10);
		range(argument, first, last);
		if (*end != ',')
			return many ? *end == ']' || *end == '%' : *end == '\0';
		at = end + 1;
	}
}

struct looking {
	void (*found)(void *, const char *, size_t, size_t, bool);
	void *argument;
	const char *name;
	bool running;
};

static void found_range(void *argument, size_t first, size_t last)
{
	const struct looking *l = argument;
	l->found(l->argument, l->name, first, last, l->running);
}

/* "123_[5-9]|PENDING|mpip-unequal-0a1b2c3d" */
static void look_at_line(struct looking *l, char *line)
{
	char *rest = line, *id = strsep(&rest, "|"), *state = strsep(&rest, "|");
	const char *tasks = id ? strchr(id, '_') : NULL;
	if (!tasks || !state || !rest)
		return;
	/* Its processes have ended, or are being ended, which may take long where its node is lost.
	 */
	if (strcmp(state, "COMPLETING") == 0)
		return;
	l->name = rest;
	l->running = strcmp(state, "PENDING") != 0;
	slurm_tasks(tasks + 1, found_range, l);
}

int slurm_look(
	void (*found)(void *argument, const char *name, size_t first, size_t last, bool running),
	void *argument, char **error)
{
	/* Else a list of tasks that is long ends in dots. */
	static const char *const argv[] = {"env", "SLURM_BITSTR_LEN=0", "squeue", "--noheader",
		"--me", "--format=%i|%T|%j", NULL};
	struct looking l = {.found = found, .argument = argument};
	char *answer = command_run(argv, error), *save = NULL;
	if (!answer)
		return -1;
	for (char *line = strtok_r(answer, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		look_at_line(&l, line);
	free(answer);
	return 0;
}

int slurm_cancel(const char *name, char **error)
{
	char *job = text_format("--name=%s", name);
	const char *const argv[] = {"scancel", job, NULL};
	char *answer = command_run(argv, error);
	free(job);
	int rc = answer ? 0 : -1;
	free(answer);
	return rc;
}
