// SPDX-License-Identifier: BSD-2-Clause
/*
 * The runner's command line.
 *
 * Theory of operation
 * -------------------
 * A wrong value is one line that says what was expected; the first one stands. What is given here
 * takes the place of what the experiment says of itself, after its file has been read.
 */

#include "experiments/runner/options.h"

#include "mpip/base/error.h"
#include "mpip/base/version.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
	"Runs an experiment: what is missing of it, one result for each contestant and "
	"repetition.\n"
	"\n"
	"  experiment [OPTION...] FILE.json    run it\n"
	"  experiment --plan FILE.json         only say how many runs are to be done, and about "
	"how\n"
	"                                      many seconds they take: NAME RUNS SECONDS\n"
	"  experiment --check FILE.json...     only look for mistakes, in all that the files "
	"name:\n"
	"                                      mpipd's settings, scenarios, sysctls, the paper's\n"
	"                                      values; a line for each; exit status 1 if there is "
	"one\n"
	"  experiment --list FILE.json...      say what each is about: NAME TITLE\n"
	"  experiment --reproduce RUN [FILE.json]  run a result's cell again, in a guest, and "
	"compare\n"
	"                                      the digests; RUN is its directory or its "
	"result.json;\n"
	"                                      FILE.json is found by itself\n"
	"\n"
	"In the place of what the experiment says itself:\n"
	"  --paper             the paper's durations instead of the short ones\n"
	"  --duration SECONDS  of the measured part, 1 to 86400\n"
	"  --warm-up SECONDS   sent before, and not measured, 0 to 600\n"
	"  --reps N            how many repetitions, 1 to 999\n"
	"  --seed N            of all that is drawn, 0 to 1000000000\n"
	"  --gips N            the guest's speed, 10^9 instructions per second, 1 to 64; 0: its\n"
	"                      processor takes no time\n"
	"  --twice             at twice that speed\n"
	"\n"
	"How it is run:\n"
	"  --only CONTESTANT   this one alone\n"
	"  --rep N             this repetition alone\n"
	"  --fresh             again what is there already, too\n"
	"  --out DIR           where results go (out)\n"
	"  --ground GROUND     host: namespaces of this kernel, with root; vm: guests in virtual "
	"time;\n"
	"                      auto (default): the host if it can\n"
	"  --jobs N            guests at a time, 1 to 256 (one per processor)\n"
	"  --cell              inside a guest: progress to standard output\n"
	"  --make              before other options: errors say what to type to make\n"
	"  --help              this\n"
	"  --version           the version\n"
	"\n"
	"Exit status: 0 when all runs are there; 1 when some failed, their logs are in "
	"DIR/NAME/failed;\n"
	"2 when nothing could be run, which a line explains; 128 and the signal's number when it "
	"was\n"
	"stopped. --check and --reproduce: 1 when there is a mistake, or the digests differ.\n"
	"\n"
	"experiments/README.md describes the files and the results.\n";

/* An option as who called typed it: --warm-up, or WARM_UP= to make. */
static const char *as_typed(const char *option, bool make)
{
	static char word[32];
	snprintf(word, sizeof(word), make ? "%s=" : "--%s", option);
	for (char *c = word; make && *c; c++)
		*c = *c == '-' ? '_' : (char)toupper((unsigned char)*c);
	return word;
}

long long options_number(const char *option, const char *value, long long min, long long max,
	bool make, char **error)
{
	char *end;
	errno = 0;
	long long n = strtoll(value, &end, 10);
	if (errno || end == value || *end || n < min || n > max)
		error_set(error, "%s: expected a whole number from %lld to %lld, got \"%s\"",
			as_typed(option, make), min, max, value);
	return n;
}

static long long number(
	const struct options *o, const char *option, long long min, long long max, char **error)
{
	return options_number(option, optarg, min, max, o->make, error);
}

/* What is left behind the options. */
static int take_files(int argc, char **argv, struct options *o, char **error)
{
	int count = argc - optind;
	o->files = argv + optind;
	o->file = o->files[0];
	if (o->check || o->list)
		return count > 0 ? 0
				 : error_set(error, "expected one or more experiments' files, see "
						    "--help");
	if (count != 1 && !(o->reproduce && count == 0))
		return error_set(error, "expected one experiment's file, see --help");
	return 0;
}

/* "host", "vm" or "auto", which is looked at here, before any file. */
static const char *ground(const char *value, char **error)
{
	if (strcmp(value, "host") != 0 && strcmp(value, "vm") != 0 && strcmp(value, "auto") != 0)
		error_set(error, "ground %s: expected host, vm or auto", value);
	return value;
}

static const struct option names[] = {
	{"out", required_argument, NULL, 'o'},
	{"paper", no_argument, NULL, 'P'},
	{"duration", required_argument, NULL, 'd'},
	{"warm-up", required_argument, NULL, 'w'},
	{"reps", required_argument, NULL, 'r'},
	{"seed", required_argument, NULL, 's'},
	{"only", required_argument, NULL, 'c'},
	{"ground", required_argument, NULL, 'g'},
	{"gips", required_argument, NULL, 'G'},
	{"jobs", required_argument, NULL, 'j'},
	{"rep", required_argument, NULL, 'R'},
	{"twice", no_argument, NULL, 't'},
	{"reproduce", required_argument, NULL, 'p'},
	{"fresh", no_argument, NULL, 'f'},
	{"plan", no_argument, NULL, 'l'},
	{"check", no_argument, NULL, 'k'},
	{"list", no_argument, NULL, 'L'},
	{"cell", no_argument, NULL, 'C'},
	{"make", no_argument, NULL, 'm'},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, 'v'},
	{0},
};

/* One option and its value, in optarg. 0 to go on, 1 after help, -1 and *error. */
static int take_option(int c, char **argv, struct options *o, char **error)
{
	switch (c) {
	case 'o':
		o->out = optarg;
		break;
	case 'P':
		o->paper = true;
		break;
	case 'd':
		o->duration = (long)number(o, "duration", 1, DURATION_MAX_S, error);
		break;
	case 'w':
		o->warm_up = (long)number(o, "warm-up", 0, 600, error);
		break;
	case 'r':
		o->reps = (long)number(o, "reps", 1, 999, error);
		break;
	case 's':
		o->seed = number(o, "seed", 0, 1000000000, error);
		break;
	case 'c':
		o->only = optarg;
		break;
	case 'g':
		o->ground = ground(optarg, error);
		break;
	case 'G':
		o->gips = (long)number(o, "gips", 0, GIPS_MAX, error);
		break;
	case 'j':
		o->jobs = (long)number(o, "jobs", 1, 256, error);
		break;
	case 'R':
		o->rep = (long)number(o, "rep", 1, 999, error);
		break;
	case 't':
		o->twice = true;
		break;
	case 'p':
		o->reproduce = optarg;
		break;
	case 'f':
		o->fresh = true;
		break;
	case 'l':
		o->plan = true;
		break;
	case 'k':
		o->check = true;
		break;
	case 'L':
		o->list = true;
		break;
	case 'C':
		o->cell = true;
		break;
	case 'm':
		o->make = true;
		break;
	case 'h':
		fputs(usage, stdout);
		return 1;
	case 'v':
		version_print("experiment");
		return 1;
	case ':':
		return error_set(error, "%s: expected a value", argv[optind - 1]);
	default:
		return error_set(error, "%s: unknown option, see --help", argv[optind - 1]);
	}
	return 0;
}

int options_read(int argc, char **argv, struct options *o, char **error)
{
	*o = (struct options){
		.out = "out", .ground = "auto", .seed = -1, .warm_up = -1, .gips = -1};
	opterr = 0;
	for (int c; (c = getopt_long(argc, argv, ":h", names, NULL)) != -1;) {
		int result = take_option(c, argv, o, error);
		if (result != 0)
			return result;
	}
	return *error ? -1 : take_files(argc, argv, o, error);
}

bool options_choose(const struct options *o, const struct contestant *c)
{
	return !o->only || strcmp(o->only, c->name) == 0;
}

int options_apply(const struct options *o, struct definition *d, char **error)
{
	if (o->paper)
		definition_as_paper(d);
	d->duration_s = o->duration ? (int)o->duration : d->duration_s;
	d->warm_up_s = o->warm_up >= 0 ? (int)o->warm_up : d->warm_up_s;
	d->repeats = o->reps ? (int)o->reps : d->repeats;
	d->repeats = o->rep > d->repeats ? (int)o->rep : d->repeats;
	d->seed = o->seed >= 0 ? o->seed : d->seed;
	d->gips = (o->gips >= 0 ? (int)o->gips : d->gips) * (o->twice ? 2 : 1);
	if (d->gips == 0 && o->twice)
		return error_set(error, "--twice: expected a speed, see --gips");
	if (d->gips > GIPS_MAX)
		return error_set(error, "--twice: expected a speed of at most %d, got %d",
			GIPS_MAX / 2, d->gips / 2);
	return 0;
}
