/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EXPERIMENTS_SWEEPER_LINE_H
#define EXPERIMENTS_SWEEPER_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The one progress line of a sweep. On a terminal it is rewritten about once a second, elsewhere it
 * is written now and then. Written to standard error. */
struct line {
	const char *name;
	size_t all, queued, running, done, failed; /* runs, of this call */
	double run_s;                              /* real time of one, as estimated */
	int at_a_time; /* how many run at once, for the first estimate */

	/* the rest is the line's own */
	bool terminal;
	int64_t began_us, shown_us;
};

void line_begin(struct line *l);
/* Shows it, if it is time. */
void line_show(struct line *l);
/* Says something that stays, on a line of its own. */
void line_say(struct line *l, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Takes it off the terminal. */
void line_clear(const struct line *l);

#endif
