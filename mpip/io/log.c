// SPDX-License-Identifier: BSD-2-Clause
/*
 * The daemon's log; its format is in the header.
 *
 * Theory of operation: at `info`, which is the default, is what an administrator wants to know of a
 * host that is up: which peers there are, paths that fail and come back, connections that lose all
 * of them and why, addresses that change. What each connection does in the course of its life is
 * `debug`. When a cable is pulled, thousands of sessions may say so in the same millisecond; the
 * log is written by the thread that forwards packets, so of each kind of event it takes only so
 * many a second, and counts the others.
 */

#include "mpip/io/log.h"

#include "mpip/base/logfmt.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

const char *const log_level_names[] = {"error", "warning", "info", "debug", NULL};

static const enum log_level event_levels[EVENT_KINDS] = {
	[EVENT_PEER_MET] = LEVEL_INFO,
	[EVENT_PEER_LEFT] = LEVEL_INFO,
	[EVENT_PEER_ADDRESSES] = LEVEL_INFO,
	[EVENT_ADDRESSES] = LEVEL_INFO,
	[EVENT_SESSION_BEGUN] = LEVEL_DEBUG,
	[EVENT_SESSION_MULTIPATH] = LEVEL_DEBUG,
	[EVENT_SESSION_FALLBACK] = LEVEL_INFO,
	[EVENT_SESSION_RESUMED] = LEVEL_DEBUG,
	[EVENT_SESSION_REGULAR] = LEVEL_DEBUG,
	[EVENT_SESSION_ENDED] = LEVEL_DEBUG,
	[EVENT_PATH_REFLEXIVE] = LEVEL_DEBUG,
	[EVENT_PATH_ENCAPSULATION] = LEVEL_DEBUG,
	[EVENT_PATH_VALIDATED] = LEVEL_DEBUG,
	[EVENT_PATH_STANDBY] = LEVEL_DEBUG,
	[EVENT_PATH_ACTIVE] = LEVEL_DEBUG,
	[EVENT_PATH_DOWN] = LEVEL_INFO,
	[EVENT_PATH_UP] = LEVEL_INFO,
	[EVENT_PATH_REMOVED] = LEVEL_DEBUG,
	[EVENT_PATH_MTU] = LEVEL_DEBUG,
};

static struct {
	enum log_level most;
	bool journald;
	struct {
		struct usec second; /* when it began */
		unsigned lines;     /* in it */
		uint64_t left_out;
	} kind[EVENT_KINDS];
	bool any_left_out;
} state = {.most = LEVEL_INFO};

/* journald tells the programs whose standard error it reads which device and inode that is. */
static bool journald_reads(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	char text[64];
	struct stat status;
	if (!stream || fstat(STDERR_FILENO, &status) < 0)
		return false;
	snprintf(text, sizeof(text), "%ju:%ju", (uintmax_t)status.st_dev, (uintmax_t)status.st_ino);
	return strcmp(text, stream) == 0;
}

void log_open(enum log_level most)
{
	state.most = most;
	state.journald = journald_reads();
}

static void begin(struct logfmt *line, enum log_level level)
{
	*line = (struct logfmt){0};
	logfmt_add(line, "level", log_level_names[level]);
}

static void end(const struct logfmt *line, enum log_level level)
{
	static const char priority[] = {'3', '4', '6', '7'}; /* of syslog(3) */
	char text[LOGFMT_MAX + 8];
	int length = state.journald
			     ? snprintf(text, sizeof(text), "<%c>%s\n", priority[level], line->text)
			     : snprintf(text, sizeof(text), "%s\n", line->text);
	if (write(STDERR_FILENO, text, (size_t)length) < 0)
		return; /* there is nowhere to say so */
}

void log_say(enum log_level level, const char *format, ...)
{
	char text[LOGFMT_MAX];
	struct logfmt line;
	va_list ap;
	if (level > state.most)
		return;
	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	begin(&line, level);
	logfmt_add(&line, "message", text);
	end(&line, level);
}

/* The second is over. */
static void begin_second(enum event_kind kind, struct usec now)
{
	uint64_t left_out = state.kind[kind].left_out;
	state.kind[kind].second = now;
	state.kind[kind].lines = 0;
	state.kind[kind].left_out = 0;
	if (left_out == 0)
		return;
	struct logfmt line;
	char text[24];
	snprintf(text, sizeof(text), "%" PRIu64, left_out);
	begin(&line, event_levels[kind]);
	logfmt_add(&line, "event", event_names[kind]);
	logfmt_add(&line, "left_out", text);
	end(&line, event_levels[kind]);
}

static bool second_is_over(enum event_kind kind, struct usec now)
{
	return usec_sub(now, state.kind[kind].second).us >= 1000000;
}

void log_event(const struct event *event, struct usec now)
{
	enum event_kind kind = event->kind;
	enum log_level level = event_levels[kind];
	if (kind == EVENT_WEIGHTS || level > state.most)
		return;
	if (second_is_over(kind, now))
		begin_second(kind, now);
	if (state.kind[kind].lines++ >= LOG_PER_SECOND) {
		state.kind[kind].left_out++;
		state.any_left_out = true;
		return;
	}
	struct logfmt line;
	struct event_field field[EVENT_FIELDS];
	unsigned n = event_fields(event, field);
	begin(&line, level);
	logfmt_add(&line, "event", event_names[kind]);
	for (unsigned i = 0; i < n; i++)
		logfmt_add(&line, field[i].key, field[i].text);
	end(&line, level);
}

void log_tick(struct usec now)
{
	if (!state.any_left_out)
		return;
	state.any_left_out = false;
	for (enum event_kind kind = 0; kind < EVENT_KINDS; kind++) {
		if (state.kind[kind].left_out && second_is_over(kind, now))
			begin_second(kind, now);
		state.any_left_out |= state.kind[kind].left_out > 0;
	}
}
