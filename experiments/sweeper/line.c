// SPDX-License-Identifier: BSD-2-Clause
/*
 * The progress line of a sweep.
 *
 * Theory of operation
 * -------------------
 * What is left takes as long, run for run, as what has been done since the call began, whatever
 * runs it; before the first run is over, an estimate is all there is.
 */

#include "experiments/sweeper/line.h"

#include "experiments/probe/proc.h"
#include "experiments/runner/progress.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#define TERMINAL_US  1000000
#define ELSEWHERE_US 15000000 /* in a file, a line for each second would be too much */

void line_begin(struct line *l)
{
	l->terminal = isatty(STDERR_FILENO);
	l->began_us = l->shown_us = now_us();
}

static double left_s(const struct line *l)
{
	double gone = (double)(now_us() - l->began_us) / 1e6;
	double over = (double)(l->done + l->failed), left = (double)(l->queued + l->running);
	int at_a_time = l->at_a_time > 0 ? l->at_a_time : 1;
	if (over > 0)
		return gone / over * left;
	double all = left * l->run_s / at_a_time;
	return all > gone ? all - gone : 1;
}

void line_clear(const struct line *l)
{
	if (l->terminal)
		fputs("\r\033[K", stderr);
}

void line_show(struct line *l)
{
	int64_t now = now_us();
	if (now - l->shown_us < (l->terminal ? TERMINAL_US : ELSEWHERE_US))
		return;
	l->shown_us = now;
	char left[32];
	line_clear(l);
	fprintf(stderr, "%s: %zu queued, %zu running, %zu done, %zu failed; %s left%s", l->name,
		l->queued, l->running, l->done, l->failed, progress_time(left_s(l), left),
		l->terminal ? "" : "\n");
	fflush(stderr);
}

void line_say(struct line *l, const char *format, ...)
{
	va_list ap;
	line_clear(l);
	fprintf(stderr, "%s: ", l->name);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputc('\n', stderr);
	if (l->terminal)
		l->shown_us = 0;
}
