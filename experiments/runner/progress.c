// SPDX-License-Identifier: BSD-2-Clause
/*
 * The progress line.
 *
 * Theory of operation
 * -------------------
 * The time left is the number of runs left times what a run has taken so far on average, set-up and
 * taking down included; before the first run is over, an estimate. The run under way counts by what
 * is left of it. When more has gone than was thought, the line says by how much: while something is
 * not done, 0 is never left.
 */

#include "experiments/runner/progress.h"

#include "experiments/probe/proc.h"

#include <stdio.h>
#include <unistd.h>

#define LATE_S 10 /* the end of a run takes a few seconds */

const char *progress_time(double seconds, char out[32])
{
	long s = seconds > 0 ? (long)(seconds + 0.5) : 0;
	if (s >= 3600)
		snprintf(out, 32, "%ld h %ld min", s / 3600, s % 3600 / 60);
	else if (s >= 60)
		snprintf(out, 32, "%ld min %ld s", s / 60, s % 60);
	else
		snprintf(out, 32, "%ld s", s);
	return out;
}

const char *progress_left(double seconds, char out[48])
{
	char time[32];
	if (seconds >= 0)
		snprintf(out, 48, "%s left", progress_time(seconds < 1 ? 1 : seconds, time));
	else
		snprintf(out, 48, "%s more than estimated",
			progress_time(seconds > -1 ? 1 : -seconds, time));
	return out;
}

static double per_run(const struct progress *p)
{
	return p->done ? p->spent_seconds / p->done : p->run_seconds;
}

void progress_begin(struct progress *p)
{
	p->terminal = isatty(STDERR_FILENO);
	p->began_us = now_us();
	p->done = 0;
	p->spent_seconds = 0;
}

void progress_run(struct progress *p, const char *run)
{
	snprintf(p->run, sizeof(p->run), "%s", run);
	p->run_started_us = now_us();
	progress_tick(p, 0, 0);
}

void progress_tick(struct progress *p, double seconds, double of)
{
	if (!p->terminal)
		return;
	char left[48], here[64] = "setting up";
	double rest = per_run(p) - (double)(now_us() - p->run_started_us) / 1e6;
	int after = p->runs - p->done - 1;
	if (rest < 0 && after > 0)
		rest = 0;
	if (of > 0)
		snprintf(here, sizeof(here), "%.0f of %.0f s", seconds, of);
	fprintf(stderr, "\r\033[K%s: run %d of %d, %s: %s; %s", p->experiment, p->done + 1, p->runs,
		p->run, here, progress_left(rest + after * per_run(p), left));
	fflush(stderr);
}

void progress_run_over(struct progress *p, const char *note, bool worth_keeping)
{
	p->done++;
	p->spent_seconds += (double)(now_us() - p->run_started_us) / 1e6;
	progress_clear(p);
	if (p->terminal && !worth_keeping)
		return;
	char left[32];
	fprintf(stderr, "%s: run %d of %d, %s: %s; %s left\n", p->experiment, p->done, p->runs,
		p->run, note, progress_time((p->runs - p->done) * per_run(p), left));
}

/* Several at a time: what a run costs is wall time divided by how many there were. Runs under way
 * are not done before they have ended: negative once they should have. */
static double wall_left(const struct progress *p)
{
	double gone = (double)(now_us() - p->began_us) / 1e6;
	double done = p->done + p->part_done;
	if (p->done < p->runs && done >= p->runs)
		return p->ending_s > 0 ? -p->ending_s : 1;
	return done > 0.05 ? gone / done * (p->runs - done) : p->runs * p->run_seconds - gone;
}

void progress_guests(struct progress *p, int running, double seconds, double of, double ending_s)
{
	p->part_done = of > 0 ? running * seconds / of : 0;
	p->ending_s = ending_s;
	if (!p->terminal || p->done == p->runs)
		return;
	char left[48], late[48] = "", time[32];
	if (ending_s >= LATE_S)
		snprintf(late, sizeof(late), ", one not ended for %s",
			progress_time(ending_s, time));
	fprintf(stderr,
		"\r\033[K%s: %d of %d runs done, %d guests at work: %.0f of %.0f virtual s%s; %s",
		p->experiment, p->done, p->runs, running, seconds, of, late,
		progress_left(wall_left(p), left));
	fflush(stderr);
}

void progress_guest_over(struct progress *p, const char *run, const char *note, bool worth_keeping,
	double wall_seconds)
{
	p->done++;
	progress_clear(p);
	if (p->terminal && !worth_keeping)
		return;
	char left[32];
	fprintf(stderr, "%s: %d of %d runs done, %s: %s, took %.0f s; %s left\n", p->experiment,
		p->done, p->runs, run, note, wall_seconds, progress_time(wall_left(p), left));
}

void progress_clear(const struct progress *p)
{
	if (p->terminal)
		fputs("\r\033[K", stderr);
}
