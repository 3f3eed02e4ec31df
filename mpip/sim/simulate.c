// SPDX-License-Identifier: BSD-2-Clause
/*
 * simulate: the protocol simulator.
 *
 * Theory of operation: every seed is a run of its own, so they are spread over processes, which
 * take the next seed from shared memory and write their sums there. A process that crashes leaves
 * the seed it was at, so that is reported like a broken law; the seed can be replayed alone. What
 * takes longer than two seconds says how far it is: on a terminal in a line that is redrawn, else
 * in a line now and then.
 */

#include "mpip/base/output.h"
#include "mpip/base/version.h"
#include "mpip/sim/faults.h"
#include "mpip/sim/scenario.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WORKERS_MAX  256
#define FAILURES_MAX 10

struct failure {
	uint64_t seed;
	struct sim_broken broken;
	char law[32];
};

struct shared {
	_Atomic uint64_t next, done, events, packets;
	_Atomic uint64_t digest; /* the sum of the seeds': in whatever order they end */
	_Atomic uint64_t faults[SIM_FAULT_KINDS], ends[SIM_END_KINDS];
	_Atomic unsigned failures, least_faults, least_kinds; /* of a seed */
	struct failure failure[FAILURES_MAX];
	uint64_t at[WORKERS_MAX];        /* the seed that a worker is at, */
	int64_t reached_us[WORKERS_MAX]; /* and how far it is in it */
};

struct options {
	uint64_t first, last;
	unsigned jobs;
	struct scenario scenario;
	char again[200]; /* the arguments that a seed is replayed with, besides itself */
};

static volatile sig_atomic_t interrupted;

static void interrupt(int signal_number)
{
	(void)signal_number;
	interrupted = 1;
}

static const char usage[] =
	"usage: simulate [--seeds A-B | --seed N [--trace]] [--faults all|none|KIND,...]\n"
	"                [--wire FORM] [--many N] [--jobs N]\n"
	"Runs the protocol between simulated hosts, and checks its laws after every event.\n"
	"  --seeds A-B    these seeds (1-1000), over all cores\n"
	"  --seed N       this one; --trace shows all that happens\n"
	"  --faults LIST  what goes wrong: all, none, or kinds, e.g. loss,restart\n"
	"  --wire FORM    the wire form that all hosts wish for; else drawn by the seed\n"
	"  --many N       N sessions from each of two hosts at the same moment\n"
	"  --version, --help\n";

__attribute__((noreturn)) static void refuse(const char *what, const char *value)
{
	fprintf(stderr, "simulate: %s: %s\n", what, value);
	exit(2);
}

static uint64_t number(const char *option, const char *text, char stop, const char **rest)
{
	char *end;
	errno = 0;
	unsigned long long n = strtoull(text, &end, 10);
	if (errno || end == text || (*end != '\0' && *end != stop) || *text == '-')
		refuse(option, "expected a number");
	*rest = end;
	return n;
}

static int index_of(const char *const *list, unsigned n, const char *name, size_t length)
{
	for (unsigned i = 0; i < n; i++)
		if (list[i] && strlen(list[i]) == length && strncmp(list[i], name, length) == 0)
			return (int)i;
	return -1;
}

static void parse_faults(struct scenario *s, const char *list)
{
	if (strcmp(list, "all") == 0)
		return;
	memset(s->allowed, 0, sizeof(s->allowed));
	s->faults = strcmp(list, "none") != 0;
	while (s->faults && *list) {
		size_t length = strcspn(list, ",");
		int i = index_of(sim_fault_names, SIM_FAULT_KINDS, list, length);
		if (i < 0)
			refuse("--faults: there is no such kind", list);
		s->allowed[i] = true;
		list += length + (list[length] == ',');
	}
}

static void also(struct options *o, const char *option, const char *value)
{
	size_t length = strlen(o->again);
	snprintf(o->again + length, sizeof(o->again) - length, " %s %s", option, value);
}

static struct options parse(int argc, char **argv)
{
	static const struct option options[] = {{"seeds", required_argument, NULL, 's'},
		{"seed", required_argument, NULL, 'n'}, {"trace", no_argument, NULL, 't'},
		{"faults", required_argument, NULL, 'f'}, {"wire", required_argument, NULL, 'w'},
		{"many", required_argument, NULL, 'm'}, {"jobs", required_argument, NULL, 'j'},
		{"help", no_argument, NULL, 'h'}, {"version", no_argument, NULL, 'v'},
		{NULL, 0, NULL, 0}};
	struct options o = {.first = 1,
		.last = 1000,
		.jobs = (unsigned)sysconf(_SC_NPROCESSORS_ONLN),
		.scenario = scenario_default()};
	const char *rest;
	int c;
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 's':
			o.first = number("--seeds", optarg, '-', &rest);
			if (*rest != '-')
				refuse("--seeds", "expected two numbers, e.g. 1-1000");
			o.last = number("--seeds", rest + 1, '\0', &rest);
			if (o.last < o.first)
				refuse("--seeds", "the second number is the smaller one");
			break;
		case 'n':
			o.first = o.last = number("--seed", optarg, '\0', &rest);
			break;
		case 't':
			o.scenario.trace = true;
			break;
		case 'f':
			parse_faults(&o.scenario, optarg);
			also(&o, "--faults", optarg);
			break;
		case 'w': {
			unsigned encaps = 0;
			while (encap_names[encaps])
				encaps++;
			o.scenario.encap = index_of(encap_names, encaps, optarg, strlen(optarg));
			if (o.scenario.encap < 0)
				refuse("--wire: there is no such form", optarg);
			also(&o, "--wire", optarg);
			break;
		}
		case 'm':
			o.scenario.many = (unsigned)number("--many", optarg, '\0', &rest);
			if (o.scenario.many > 250)
				refuse("--many", "at most 250");
			also(&o, "--many", optarg);
			break;
		case 'j':
			o.jobs = (unsigned)number("--jobs", optarg, '\0', &rest);
			break;
		case 'h':
			fputs(usage, stdout);
			exit(output_end(0));
		case 'v':
			version_print("simulate");
			exit(output_end(0));
		default:
			fputs(usage, stderr);
			exit(2);
		}
	}
	if (optind < argc)
		refuse("unexpected argument", argv[optind]);
	if (o.scenario.trace && o.first != o.last)
		refuse("--trace", "only with --seed");
	if (o.jobs == 0 || o.jobs > WORKERS_MAX)
		o.jobs = 1;
	return o;
}

static void fail(struct shared *all, uint64_t seed, const struct sim_broken *broken)
{
	unsigned place = atomic_fetch_add(&all->failures, 1);
	if (place >= FAILURES_MAX)
		return;
	struct failure *f = &all->failure[place];
	f->seed = seed;
	f->broken = *broken;
	snprintf(f->law, sizeof(f->law), "%s", broken->law);
}

static void keep_least(_Atomic unsigned *least, unsigned n)
{
	unsigned old = atomic_load(least);
	while (n < old && !atomic_compare_exchange_weak(least, &old, n))
		;
}

static void run_seed(struct shared *all, const struct options *o, unsigned worker, uint64_t seed)
{
	struct scenario scenario = o->scenario;
	scenario.reached_us = &all->reached_us[worker];
	struct sim *w = scenario_run(&scenario, seed);
	atomic_fetch_add(&all->events, w->events);
	atomic_fetch_add(&all->packets, w->launched);
	atomic_fetch_add(&all->digest, w->digest);
	unsigned faults = 0, kinds = 0;
	for (unsigned i = 0; i < SIM_FAULT_KINDS; i++) {
		atomic_fetch_add(&all->faults[i], w->faults[i]);
		faults += (unsigned)w->faults[i];
		kinds += w->faults[i] > 0;
	}
	keep_least(&all->least_faults, faults);
	keep_least(&all->least_kinds, kinds);
	for (unsigned i = 0; i < SIM_END_KINDS; i++)
		atomic_fetch_add(&all->ends[i], w->ended[i]);
	if (w->broken.law)
		fail(all, seed, &w->broken);
	sim_free(w);
	atomic_fetch_add(&all->done, 1);
}

static void work(struct shared *all, const struct options *o, unsigned worker)
{
	uint64_t seed;
	while (!interrupted && atomic_load(&all->failures) < FAILURES_MAX &&
		(seed = atomic_fetch_add(&all->next, 1)) <= o->last) {
		all->at[worker] = seed;
		run_seed(all, o, worker, seed);
	}
}

#define QUIET_S 2  /* what takes no longer says nothing on its way */
#define EVERY_S 30 /* a line, where they stay */

struct progress {
	struct timespec start;
	double next; /* seconds from the start */
	bool terminal;
};

static double seconds_since(struct timespec start)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - start.tv_sec) + (double)(now.tv_nsec - start.tv_nsec) / 1e9;
}

static void show_progress(struct progress *p, const struct shared *all, const struct options *o)
{
	double seconds = seconds_since(p->start);
	if (seconds < p->next)
		return;
	p->next = seconds + (p->terminal ? 1 : EVERY_S);
	uint64_t done = atomic_load(&all->done), seeds = o->last - o->first + 1;
	char rest[64];
	if (done)
		snprintf(rest, sizeof(rest), "%.0f s left",
			seconds * (double)(seeds - done) / (double)done);
	else
		snprintf(rest, sizeof(rest), "seed %llu at %.1f virtual s",
			(unsigned long long)all->at[0], (double)all->reached_us[0] / 1e6);
	fprintf(stderr, "%s%llu of %llu seeds, %u broken, %.0f s, %s%s",
		p->terminal ? "\r\033[K" : "simulate: ", (unsigned long long)done,
		(unsigned long long)seeds, atomic_load(&all->failures), seconds, rest,
		p->terminal ? "" : "\n");
}

/* A worker has ended; unless it was told to, or had no more to do, at the seed that it was at. */
static void note_end(struct shared *all, int status, unsigned worker)
{
	if ((WIFEXITED(status) && WEXITSTATUS(status) == 0) || interrupted)
		return;
	struct sim_broken crash = {.law = "crash"};
	snprintf(crash.what, sizeof(crash.what), "the process ended with %s %d",
		WIFSIGNALED(status) ? "signal" : "status",
		WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	fail(all, all->at[worker], &crash);
}

/* Waits for the workers, and shows how far they are. */
static void wait_for_workers(struct shared *all, const struct options *o, const pid_t *pid)
{
	struct timespec tick = {0, 50000000};
	struct progress p = {.next = QUIET_S, .terminal = isatty(STDERR_FILENO)};
	clock_gettime(CLOCK_MONOTONIC, &p.start);
	bool told = false;
	for (unsigned running = o->jobs; running > 0;) {
		int status;
		if (interrupted && !told) {
			told = true;
			for (unsigned i = 0; i < o->jobs; i++)
				kill(pid[i], SIGTERM);
		}
		pid_t gone = waitpid(-1, &status, WNOHANG);
		if (gone > 0) {
			running--;
			unsigned i = 0;
			while (i < o->jobs && pid[i] != gone)
				i++;
			note_end(all, status, i);
			continue;
		}
		nanosleep(&tick, NULL);
		show_progress(&p, all, o);
	}
	if (p.terminal)
		fputs("\r\033[K", stderr);
}

static void print_counts(
	const char *title, const char *const *names, const _Atomic uint64_t *n, unsigned count)
{
	uint64_t all = 0;
	for (unsigned i = 0; i < count; i++)
		all += n[i];
	printf("%s %llu", title, (unsigned long long)all);
	for (unsigned i = 0; i < count; i++)
		if (n[i])
			printf(", %s %llu", names[i], (unsigned long long)n[i]);
	putchar('\n');
}

static int report(const struct shared *all, const struct options *o)
{
	unsigned failures = all->failures;
	for (unsigned i = 0; i < failures && i < FAILURES_MAX; i++)
		printf("seed %llu, event %llu: %s: %s\n  again: %s --seed %llu%s --trace\n",
			(unsigned long long)all->failure[i].seed,
			(unsigned long long)all->failure[i].broken.event, all->failure[i].law,
			all->failure[i].broken.what, program_invocation_name,
			(unsigned long long)all->failure[i].seed, o->again);
	printf("%llu seeds, %u broken: events %llu, packets %llu\n", (unsigned long long)all->done,
		failures, (unsigned long long)all->events, (unsigned long long)all->packets);
	print_counts("faults", sim_fault_names, all->faults, SIM_FAULT_KINDS);
	if (o->scenario.faults && all->done)
		printf("in each seed at least %u faults, of at least %u kinds\n", all->least_faults,
			all->least_kinds);
	print_counts("packets ended", sim_end_names, all->ends, SIM_END_KINDS);
	printf("digest %016llx\n", (unsigned long long)all->digest);
	if (interrupted)
		return 130;
	return failures || all->done != o->last - o->first + 1;
}

int main(int argc, char **argv)
{
	struct options o = parse(argc, argv);
	struct shared *all =
		mmap(NULL, sizeof(*all), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (all == MAP_FAILED) {
		perror("simulate");
		return 1;
	}
	all->next = o.first;
	all->least_faults = all->least_kinds = UINT32_MAX;
	if (o.scenario.trace) { /* says all the time how far it is */
		work(all, &o, 0);
		return output_end(report(all, &o));
	}
	struct sigaction stop = {.sa_handler = interrupt};
	sigaction(SIGINT, &stop, NULL);
	sigaction(SIGTERM, &stop, NULL);
	if (o.jobs > o.last - o.first + 1)
		o.jobs = (unsigned)(o.last - o.first + 1);
	pid_t pid[WORKERS_MAX];
	fflush(stdout);
	for (unsigned i = 0; i < o.jobs; i++) {
		pid[i] = fork();
		if (pid[i] < 0) {
			perror("simulate");
			return 1;
		}
		if (pid[i] == 0) {
			/* A seed may take minutes: it is for the parent to hear Ctrl-C, and to end
			 * us in the middle of it. */
			signal(SIGINT, SIG_IGN);
			signal(SIGTERM, SIG_DFL);
			work(all, &o, i);
			exit(0);
		}
	}
	wait_for_workers(all, &o, pid);
	return output_end(report(all, &o));
}
