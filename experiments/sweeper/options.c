// SPDX-License-Identifier: BSD-2-Clause
/* The command line of sweep: a wrong value is one line that says what was expected. */

#include "experiments/sweeper/options.h"

#include "experiments/record/definition.h"
#include "experiments/runner/options.h"
#include "mpip/base/error.h"
#include "mpip/base/version.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
	"Runs a sweep: an experiment, with values in it changed over axes, with many seeds.\n"
	"\n"
	"  sweep [OPTION...] FILE.json           run what is missing of it\n"
	"  sweep status [OPTION...] FILE.json    say what is there, and what is under way\n"
	"  sweep cancel [OPTION...] FILE.json    end what is under way; what is done stays\n"
	"  sweep collect [OPTION...] FILE.json   make the table of results again, from the runs\n"
	"  sweep plan [OPTION...] FILE.json      only say how many runs are to be done, and about\n"
	"                                        how many seconds they take: NAME RUNS SECONDS\n"
	"  sweep check FILE.json...              only look for mistakes, in each cell\n"
	"  sweep list FILE.json...               say what each is about: NAME TITLE\n"
	"\n"
	"In the place of what the sweep says itself:\n"
	"  --seeds SEEDS       such as 1-20, or 1,3,5-9\n"
	"  --duration SECONDS  of the measured part, 1 to 86400\n"
	"  --warm-up SECONDS   sent before, and not measured, 0 to 600\n"
	"\n"
	"How it is run:\n"
	"  --out DIR           where results go: DIR/sweeps/NAME (out)\n"
	"  --only CONTESTANT   this one alone\n"
	"  --jobs N            guests at a time, 1 to 256 (one per processor)\n"
	"  --keep              all logs of each run, not its result alone\n"
	"  --fresh             again what is there already, too\n"
	"  --slurm             not here, but as array jobs of Slurm; DIR and the programs must be\n"
	"                      in a folder that all nodes have\n"
	"  --slurm-options O   of sbatch, after those of the sweep's file: '--partition=long'\n"
	"  --plan, --check     as plan and check\n"
	"  --help              this\n"
	"  --version           the version\n"
	"\n"
	"Exit status: 0 when all runs are there; 1 when some failed, their logs are in\n"
	"DIR/sweeps/NAME/failed; 2 when nothing could be run, which a line explains; 128 and the\n"
	"signal's number when it was stopped.\n"
	"\n"
	"experiments/README.md describes the files and the results.\n";

static const struct {
	const char *name;
	enum command command;
} commands[] = {
	{"status", COMMAND_STATUS},
	{"cancel", COMMAND_CANCEL},
	{"collect", COMMAND_COLLECT},
	{"plan", COMMAND_PLAN},
	{"check", COMMAND_CHECK},
	{"list", COMMAND_LIST},
	{"task", COMMAND_TASK},
};

static const struct option names[] = {
	{"out", required_argument, NULL, 'o'},
	{"seeds", required_argument, NULL, 's'},
	{"duration", required_argument, NULL, 'd'},
	{"warm-up", required_argument, NULL, 'w'},
	{"only", required_argument, NULL, 'c'},
	{"jobs", required_argument, NULL, 'j'},
	{"keep", no_argument, NULL, 'K'},
	{"fresh", no_argument, NULL, 'f'},
	{"slurm", no_argument, NULL, 'S'},
	{"slurm-options", required_argument, NULL, 'O'},
	{"plan", no_argument, NULL, 'l'},
	{"check", no_argument, NULL, 'k'},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, 'v'},
	{0},
};

static long number(const char *option, long min, long max, char **error)
{
	return (long)options_number(option, optarg, min, max, false, error);
}

/* One option and its value, in optarg. 0 to go on, 1 after help, -1 and *error. */
static int take_option(int c, char **argv, struct sweep_options *o, char **error)
{
	switch (c) {
	case 'o':
		o->out = optarg;
		break;
	case 's':
		o->seeds = optarg;
		break;
	case 'd':
		o->duration = number("duration", 1, DURATION_MAX_S, error);
		break;
	case 'w':
		o->warm_up = number("warm-up", 0, 600, error);
		break;
	case 'c':
		o->only = optarg;
		break;
	case 'j':
		o->jobs = number("jobs", 1, 256, error);
		break;
	case 'K':
		o->keep = true;
		break;
	case 'f':
		o->fresh = true;
		break;
	case 'S':
		o->slurm = true;
		break;
	case 'O':
		o->slurm_options = optarg;
		break;
	case 'l':
		o->command = COMMAND_PLAN;
		break;
	case 'k':
		o->command = COMMAND_CHECK;
		break;
	case 'h':
		fputs(usage, stdout);
		return 1;
	case 'v':
		version_print("sweep");
		return 1;
	case ':':
		return error_set(error, "%s: expected a value", argv[optind - 1]);
	default:
		return error_set(error, "%s: unknown option, see --help", argv[optind - 1]);
	}
	return 0;
}

/* The word before the options, if it is one. */
static int take_command(int argc, char **argv, struct sweep_options *o)
{
	for (size_t i = 0; argc > 1 && i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(argv[1], commands[i].name) == 0) {
			o->command = commands[i].command;
			return 1;
		}
	}
	return 0;
}

static int check_options(const struct sweep_options *o, int count, char **error)
{
	bool many = o->command == COMMAND_CHECK || o->command == COMMAND_LIST;
	if (count == 0 || (count > 1 && !many))
		return error_set(error, "expected %s, see --help",
			o->command == COMMAND_TASK ? "the folder of an array of tasks"
			: many                     ? "one or more sweeps' files"
						   : "one sweep's file");
	if (o->slurm && o->jobs)
		return error_set(error,
			"--jobs: expected none with --slurm, where the cluster decides; see "
			"--slurm-options");
	if (o->slurm && o->fresh)
		return error_set(
			error, "--fresh: expected none with --slurm; --out names another place");
	if (o->slurm_options && !o->slurm)
		return error_set(error, "--slurm-options: expected only with --slurm (ON=slurm)");
	return 0;
}

int sweep_options_read(int argc, char **argv, struct sweep_options *o, char **error)
{
	*o = (struct sweep_options){.out = "out", .warm_up = -1};
	int skip = take_command(argc, argv, o);
	opterr = 0;
	for (int c; (c = getopt_long(argc - skip, argv + skip, ":h", names, NULL)) != -1;) {
		int result = take_option(c, argv + skip, o, error);
		if (result != 0)
			return result;
	}
	o->files = argv + skip + optind;
	return *error ? -1 : check_options(o, argc - skip - optind, error);
}
