// SPDX-License-Identifier: BSD-2-Clause
/*
 * The runner's command line.
 *
 * Theory of operation
 * -------------------
 * A wrong value is one line that says what was expected; the first one stands. What is given here
 * takes the place of what the experiment says of itself, after its file has been read.
 */

#include "experiments/options.h"

#include "lab/error.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
	"usage: experiment [options] FILE.json\n"
	"  --out DIR           where results go (default: out)\n"
	"  --paper             the paper's durations instead of the short ones\n"
	"  --duration SECONDS  instead of the experiment's own\n"
	"  --warm-up SECONDS   instead of the experiment's own\n"
	"  --reps N            instead of the experiment's own\n"
	"  --seed N            instead of the experiment's own\n"
	"  --only CONTESTANT   this one alone\n"
	"  --ground GROUND     host, vm or auto (default): the host if it can\n"
	"  --gips N            instead of the experiment's own: the guest's speed, 10^9 "
	"instructions\n"
	"                      per second; 0: its processor takes no time\n"
	"  --jobs N            guests at a time (default: one per processor)\n"
	"  --rep N             this repetition alone\n"
	"  --twice             at twice that speed\n"
	"  --fresh             run again what is there already\n"
	"  --reproduce RUN     run the cell of that result again, in a guest, and compare the "
	"digests;\n"
	"                      FILE.json is found by itself where it is not given\n"
	"  --plan              only say how many runs are to be done, and about how many seconds\n"
	"                      they take: NAME RUNS SECONDS\n"
	"  --cell              inside a guest: progress to standard output\n"
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

int options_read(int argc, char **argv, struct options *o, char **error)
{
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
		{"cell", no_argument, NULL, 'C'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	*o = (struct options){
		.out = "out", .ground = "auto", .seed = -1, .warm_up = -1, .gips = -1};
	opterr = 0;
	for (int c; (c = getopt_long(argc, argv, ":h", names, NULL)) != -1;) {
		switch (c) {
		case 'o':
			o->out = optarg;
			break;
		case 'P':
			o->paper = true;
			break;
		case 'd':
			o->duration = (long)number("duration", optarg, 1, DURATION_MAX_S, error);
			break;
		case 'w':
			o->warm_up = (long)number("warm-up", optarg, 0, 600, error);
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
		case 'G':
			o->gips = (long)number("gips", optarg, 0, GIPS_MAX, error);
			break;
		case 'j':
			o->jobs = (long)number("jobs", optarg, 1, 256, error);
			break;
		case 'R':
			o->rep = (long)number("rep", optarg, 1, 999, error);
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
		case 'C':
			o->cell = true;
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
	if (o->reproduce && optind == argc)
		return *error ? -1 : 0;
	if (optind + 1 != argc)
		return lab_fail(error, "expected one experiment's file, see --help");
	o->file = argv[optind];
	return *error ? -1 : 0;
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
		return lab_fail(error, "--twice: expected a speed, see --gips");
	if (d->gips > GIPS_MAX)
		return lab_fail(error, "--twice: expected a speed of at most %d, got %d",
			GIPS_MAX / 2, d->gips / 2);
	return 0;
}
