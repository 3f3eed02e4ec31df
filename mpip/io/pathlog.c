// SPDX-License-Identifier: BSD-2-Clause
/*
 * The path log; its format is in the header.
 *
 * Theory of operation: the rows of a run are written by one call, so a log may be read any time. On
 * a full disk a run is left out as a whole: what a write has left of it is cut off again. The
 * daemon goes on, and what becomes of the log is said once when it begins to fail and once when it
 * is over.
 */

#include "mpip/io/pathlog.h"

#include "mpip/core/tables.h"
#include "mpip/io/log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct pathlog {
	char *file;
	int fd;
	uint64_t missing; /* runs that could not be written, since the last one that was */
};

#define ROW_MAX 192 /* characters */

/* All of the text or nothing. False with errno. */
static bool write_all(int fd, const char *text, size_t length)
{
	off_t before = lseek(fd, 0, SEEK_CUR);
	ssize_t n = write(fd, text, length);
	if (n == (ssize_t)length)
		return true;
	int why = n < 0 ? errno : ENOSPC;
	if (before >= 0 && n > 0 && (ftruncate(fd, before) < 0 || lseek(fd, before, SEEK_SET) < 0))
		why = errno;
	errno = why;
	return false;
}

struct pathlog *pathlog_open(const char *file, char **error)
{
	static const char head[] = "time_us,session,path,src,dst,delay_us,min_delay_us,queuing_us,"
				   "max_queuing_us,weight,usable,sent_packets,sent_bytes\n";
	struct pathlog *log = calloc(1, sizeof(*log));
	if (!log || !(log->file = strdup(file)))
		abort();
	log->fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (log->fd >= 0 && write_all(log->fd, head, sizeof(head) - 1))
		return log;
	if (asprintf(error, "path log %s: %s", file, strerror(errno)) < 0)
		*error = NULL;
	pathlog_close(log);
	return NULL;
}

void pathlog_close(struct pathlog *log)
{
	if (!log)
		return;
	if (log->missing)
		log_say(LEVEL_WARNING, "path log %s: %" PRIu64 " runs are missing at its end",
			log->file, log->missing);
	if (log->fd >= 0)
		close(log->fd);
	free(log->file);
	free(log);
}

void pathlog_event(struct pathlog *log, const struct event *event, struct usec now)
{
	const struct session *s = event->session;
	if (event->kind != EVENT_WEIGHTS)
		return;
	static char text[MAX_PATHS * ROW_MAX];
	size_t length = 0;
	for (unsigned i = 0; i < s->paths; i++) {
		const struct path *p = s->mp->path[i];
		length += (size_t)snprintf(text + length, sizeof(text) - length,
			"%" PRId64 ",%u,%u,%s,%s,%d,%d,%u,%u,%d,%d,%" PRIu64 ",%" PRIu64 "\n",
			now.us, s->mp->key.id.n, p->id.n, address_text(p->src.ip).text,
			address_text(p->dst.ip).text, (int32_t)p->delay, (int32_t)p->min_delay,
			p->queuing, p->max_queuing, p->weight, p->state == PATH_IN_USE,
			p->sent_packets, p->sent_bytes);
	}
	if (!write_all(log->fd, text, length)) {
		if (log->missing++ == 0)
			log_say(LEVEL_ERROR, "path log %s: cannot be written: %s", log->file,
				strerror(errno));
	} else if (log->missing) {
		log_say(LEVEL_WARNING, "path log %s: written again, %" PRIu64 " runs are missing",
			log->file, log->missing);
		log->missing = 0;
	}
}
