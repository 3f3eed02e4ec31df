// SPDX-License-Identifier: BSD-2-Clause
/*
 * Monitors; what they are sent is in the header.
 *
 * Theory of operation: an event is made into a line once, if anybody wants its kind, and put into
 * each client's socket, without waiting. A socket's buffer is all that a client may lag behind by.
 * When it is full, events are counted; when most of it has been read, epoll says so, and the count
 * is sent before the next event. A line that was taken only in part is completed first.
 */

#include "mpip/io/monitor.h"

#include "mpip/core/tables.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BUFFER (64 << 10) /* bytes, as the kernel counts them: some hundred events */

_Static_assert(EVENT_KINDS <= 32, "a bit for each kind");

uint32_t monitor_kinds(const char *words, char **wrong)
{
	uint32_t kinds = 0;
	*wrong = NULL;
	for (words += strspn(words, " "); *words; words += strspn(words, " ")) {
		size_t length = strcspn(words, " ");
		unsigned i = 0;
		while (i < EVENT_KINDS && (strlen(event_names[i]) != length ||
						  memcmp(event_names[i], words, length) != 0))
			i++;
		if (i == EVENT_KINDS) {
			*wrong = strndup(words, length);
			return 0;
		}
		kinds |= 1u << i;
		words += length;
	}
	return kinds ? kinds : ~(1u << EVENT_WEIGHTS);
}

void monitors_open(struct monitors *m, int epoll, uint64_t source)
{
	m->epoll = epoll;
	m->source = source;
}

static void leave(struct monitor *one)
{
	close(one->fd);
	free(one->rest);
	*one = (struct monitor){0};
}

void monitors_close(struct monitors *m)
{
	for (unsigned i = 0; i < MONITORS_MAX; i++)
		if (m->one[i].used)
			leave(&m->one[i]);
}

unsigned monitors_count(const struct monitors *m)
{
	unsigned n = 0;
	for (unsigned i = 0; i < MONITORS_MAX; i++)
		n += m->one[i].used;
	return n;
}

static int watch(struct monitors *m, unsigned i, int operation, uint32_t events)
{
	struct epoll_event event = {.events = EPOLLIN | events, .data.u64 = m->source + i};
	return epoll_ctl(m->epoll, operation, m->one[i].fd, &event);
}

json_t *monitors_add(struct monitors *m, int fd, const char *words)
{
	char *wrong;
	int buffer = BUFFER;
	unsigned i = 0;
	uint32_t kinds = monitor_kinds(words, &wrong);
	if (wrong) {
		json_t *error = json_pack(
			"{s:o}", "error", json_sprintf("there is no kind of event '%.40s'", wrong));
		free(wrong);
		return error;
	}
	while (i < MONITORS_MAX && m->one[i].used)
		i++;
	if (i == MONITORS_MAX)
		return json_pack("{s:o}", "error",
			json_sprintf("there are %d monitors already", MONITORS_MAX));
	m->one[i] = (struct monitor){.used = true, .fd = fd, .kinds = kinds};
	setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &buffer, sizeof(buffer));
	if (fcntl(fd, F_SETFL, O_NONBLOCK) == 0 && watch(m, i, EPOLL_CTL_ADD, 0) == 0)
		return NULL;
	m->one[i] = (struct monitor){0};
	return json_pack("{s:s}", "error", strerror(errno));
}

/* --- lines --- */

static json_t *list_of(const char *text)
{
	json_t *list = json_array();
	while (*text) {
		size_t length = strcspn(text, ",");
		json_array_append_new(list, json_stringn(text, length));
		text += length + (text[length] == ',');
	}
	return list;
}

static json_t *paths_of(const struct session *s)
{
	json_t *all = json_array();
	for (unsigned i = 0; i < s->paths; i++) {
		const struct path *p = s->mp->path[i];
		json_array_append_new(all,
			json_pack("{s:i, s:b, s:i, s:i, s:i, s:i, s:i}", "path", (int)p->id.n,
				"in_use", p->state == PATH_IN_USE, "weight", p->weight, "delay_us",
				(int)p->delay, "min_delay_us", (int)p->min_delay, "queuing_us",
				(int)p->queuing, "max_queuing_us", (int)p->max_queuing));
	}
	return all;
}

/* An object that has its time and name. */
static json_t *begin(const char *name, struct usec now)
{
	struct timespec t;
	struct tm utc;
	char text[40];
	clock_gettime(CLOCK_REALTIME, &t);
	gmtime_r(&t.tv_sec, &utc);
	size_t length = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &utc);
	snprintf(text + length, sizeof(text) - length, ".%06ldZ", t.tv_nsec / 1000);
	return json_pack(
		"{s:s, s:I, s:s}", "time", text, "monotonic_us", (json_int_t)now.us, "event", name);
}

static char *line_of(json_t *object)
{
	char *json = json_dumps(object, JSON_COMPACT), *line = NULL;
	if (!json || asprintf(&line, "%s\n", json) < 0)
		abort();
	free(json);
	json_decref(object);
	return line;
}

static char *event_line(const struct event *event, struct usec now)
{
	struct event_field field[EVENT_FIELDS];
	unsigned n = event_fields(event, field);
	json_t *object = begin(event_names[event->kind], now);
	for (unsigned i = 0; i < n; i++) {
		const char *text = field[i].text;
		json_object_set_new(object, field[i].key,
			field[i].type == EVENT_NUMBER ? json_integer(strtoll(text, NULL, 10))
			: field[i].type == EVENT_LIST ? list_of(text)
						      : json_string(text));
	}
	if (event->kind == EVENT_WEIGHTS)
		json_object_set_new(object, "paths", paths_of(event->session));
	return line_of(object);
}

/* --- sending --- */

/* False: nothing of it fits. Who is gone is left to monitors_ready(). */
static bool push(struct monitor *one, const char *text, size_t length)
{
	ssize_t n = send(one->fd, text, length, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n <= 0)
		return n < 0 && errno != EAGAIN;
	if ((size_t)n < length) {
		one->rest_length = length - (size_t)n;
		one->rest = malloc(one->rest_length);
		if (!one->rest)
			abort();
		memcpy(one->rest, text + n, one->rest_length);
	}
	return true;
}

static void wait_for_room(struct monitors *m, unsigned i)
{
	struct monitor *one = &m->one[i];
	bool waits = one->rest || one->lost;
	if (waits != one->waits)
		watch(m, i, EPOLL_CTL_MOD, waits ? EPOLLOUT : 0);
	one->waits = waits;
}

void monitors_event(struct monitors *m, const struct event *event, struct usec now)
{
	char *line = NULL;
	for (unsigned i = 0; i < MONITORS_MAX; i++) {
		struct monitor *one = &m->one[i];
		if (!one->used || !(one->kinds & 1u << event->kind))
			continue;
		if (!line)
			line = event_line(event, now);
		if (one->waits || !push(one, line, strlen(line)))
			one->lost++;
		wait_for_room(m, i);
	}
	free(line);
}

static void send_what_waits(struct monitor *one, struct usec now)
{
	if (one->rest) {
		char *rest = one->rest;
		one->rest = NULL;
		if (!push(one, rest, one->rest_length)) {
			one->rest = rest;
			return;
		}
		free(rest);
	}
	if (one->rest || one->lost == 0)
		return;
	json_t *object = begin("lost", now);
	json_object_set_new(object, "lost", json_integer((json_int_t)one->lost));
	char *line = line_of(object);
	if (push(one, line, strlen(line)))
		one->lost = 0;
	free(line);
}

void monitors_ready(struct monitors *m, unsigned i, struct usec now)
{
	struct monitor *one = &m->one[i];
	char words[256]; /* a monitor has nothing more to say */
	if (!one->used)
		return;
	ssize_t n = recv(one->fd, words, sizeof(words), MSG_DONTWAIT);
	if (n == 0 || (n < 0 && errno != EAGAIN)) {
		leave(one);
		return;
	}
	send_what_waits(one, now);
	wait_for_room(m, i);
}
