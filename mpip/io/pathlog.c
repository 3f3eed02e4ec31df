// SPDX-License-Identifier: BSD-2-Clause
/* The path log; its format is in the header. Every run is flushed: a log may be read any time. */

#include "mpip/io/pathlog.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>

FILE *pathlog_open(const char *file, char **error)
{
	FILE *log = fopen(file, "we");
	if (!log) {
		if (asprintf(error, "path log %s: %s", file, strerror(errno)) < 0)
			*error = NULL;
		return NULL;
	}
	fputs("time_us,session,path,src,dst,delay_us,min_delay_us,queuing_us,max_queuing_us,weight,"
	      "usable,"
	      "sent_packets,sent_bytes\n",
		log);
	return log;
}

void pathlog_rows(void *context, const struct session *s, struct usec now)
{
	FILE *log = context;
	for (unsigned i = 0; i < s->paths; i++) {
		const struct path *p = s->path[i];
		char src[INET_ADDRSTRLEN], dst[INET_ADDRSTRLEN];
		inet_ntop(AF_INET, &p->src.ip, src, sizeof(src));
		inet_ntop(AF_INET, &p->dst.ip, dst, sizeof(dst));
		fprintf(log, "%" PRId64 ",%u,%u,%s,%s,%d,%d,%u,%u,%d,%d,%" PRIu64 ",%" PRIu64 "\n",
			now.us, s->key.id.n, p->id.n, src, dst, (int32_t)p->delay,
			(int32_t)p->min_delay, p->queuing, p->max_queuing, p->weight,
			p->state == PATH_IN_USE, p->sent_packets, p->sent_bytes);
	}
	fflush(log);
}
