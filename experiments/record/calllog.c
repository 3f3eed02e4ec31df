// SPDX-License-Identifier: BSD-2-Clause
/* Reading the logs of a call's ends. */

#include "experiments/record/call.h"

#include "experiments/record/lines.h"
#include "mpip/base/error.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const call_stream_names[CALL_STREAMS] = {"audio", "video"};

static void *room_for(void *list, size_t count, size_t size)
{
	if (count & (count - 1))
		return list;
	list = reallocarray(list, count ? 2 * count : 1, size);
	if (!list)
		abort();
	return list;
}

static int stream_of(const char *name)
{
	for (int i = 0; i < CALL_STREAMS; i++)
		if (strcmp(name, call_stream_names[i]) == 0)
			return i;
	return -1;
}

static bool read_sent(struct call_log *log, const char *line)
{
	struct call_sent row;
	char name[8];
	int end = 0;
	if (sscanf(line, "%7[a-z],%" SCNu32 ",%" SCNd64 ",%d%n", name, &row.seq, &row.sent_us,
		    &row.bytes, &end) != 4 ||
		line[end] != '\0' || (row.stream = stream_of(name)) < 0)
		return false;
	log->sent = room_for(log->sent, log->sent_count, sizeof(row));
	log->sent[log->sent_count++] = row;
	return true;
}

static bool read_received(struct call_log *log, const char *line)
{
	struct call_received row;
	char name[8];
	int end = 0, last = 0;
	if (sscanf(line, "%7[a-z],%" SCNu32 ",%" SCNd64 ",%" SCNd64 ",%d,%n", name, &row.seq,
		    &row.sent_us, &row.arrived_us, &row.bytes, &end) != 5 ||
		end == 0 || (row.stream = stream_of(name)) < 0)
		return false;
	row.rtt_us = -1;
	if (line[end] != '\0' && sscanf(line + end, "%" SCNd64 "%n", &row.rtt_us, &last) != 1)
		return false;
	if (line[end + last] != '\0')
		return false;
	log->received = room_for(log->received, log->received_count, sizeof(row));
	log->received[log->received_count++] = row;
	return true;
}

static int read_file(const char *file, const char *header,
	bool (*row)(struct call_log *log, const char *line), struct call_log *log, char **error)
{
	struct lines lines;
	int rc = lines_open(&lines, file, error), more = 0;
	while (rc == 0 && (more = lines_next(&lines, error)) > 0) {
		bool good =
			lines.number == 1 ? strcmp(lines.text, header) == 0 : row(log, lines.text);
		if (!good)
			rc = error_set(
				error, "%s: line %zu: expected %s", file, lines.number, header);
	}
	if (rc == 0 && more == 0 && lines.number == 0)
		rc = error_set(error, "%s: expected a log of a call, it is empty", file);
	lines_close(&lines);
	return rc != 0 || more < 0 ? -1 : 0;
}

int call_log_read(const char *sent, const char *received, struct call_log *log, char **error)
{
	*log = (struct call_log){0};
	int rc = read_file(sent, CALL_SENT_HEADER, read_sent, log, error);
	if (rc == 0)
		rc = read_file(received, CALL_RECEIVED_HEADER, read_received, log, error);
	if (rc != 0)
		call_log_free(log);
	return rc;
}

void call_log_free(struct call_log *log)
{
	free(log->sent);
	free(log->received);
	*log = (struct call_log){0};
}
