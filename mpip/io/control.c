// SPDX-License-Identifier: BSD-2-Clause
/*
 * The control socket.
 *
 * Theory of operation: packets never wait for a client. Each has a place of its own, with what has
 * come of its command and what is still to be sent of its answer, and nothing here blocks; the
 * sockets are in an epoll of their own, which is one source for the daemon's loop. A client has
 * CLIENT_TIME to ask and to read, whatever it does meanwhile. Who may not ask is told so and is
 * given no place, so that nobody but root and the daemon's user can take them all. A client that
 * wants to be told of events becomes a monitor (monitor.c), and its connection stays.
 *
 * The folder belongs to root, or to whom mpipd runs as, and nobody else may write there; the socket
 * is made with its mode. So a socket that is there is a daemon's, which either lives or was killed.
 */

#include "mpip/io/control.h"

#include "mpip/io/answers.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#define CLIENT_TIME usec_ms(5000)
#define LISTENER    CONTROL_CLIENTS /* in epoll, behind the numbers of the clients */

/* Opening */

static int fail(struct control *c, char **error, const char *name, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

static int fail(struct control *c, char **error, const char *name, const char *format, ...)
{
	char *why = NULL;
	va_list args;
	va_start(args, format);
	if (vasprintf(&why, format, args) < 0)
		abort();
	va_end(args);
	if (asprintf(error, "control socket %s: %s", name, why) < 0)
		abort();
	free(why);
	control_close(c);
	return -1;
}

/* The folder of the sockets that have no name of their own. */
static int make_folder(struct control *c, const char *name, char **error)
{
	struct stat s;
	if (mkdir(CONTROL_FOLDER, 0755) < 0 && errno != EEXIST)
		return fail(c, error, name, "cannot make " CONTROL_FOLDER ": %s", strerror(errno));
	if (lstat(CONTROL_FOLDER, &s) < 0)
		return fail(c, error, name, CONTROL_FOLDER ": %s", strerror(errno));
	if (!S_ISDIR(s.st_mode) || (s.st_uid != 0 && s.st_uid != geteuid()) || s.st_mode & 022)
		return fail(c, error, name,
			"expected " CONTROL_FOLDER
			" to be a folder that belongs to root and only root may write to");
	return 0;
}

/* Whether the file is a socket that nobody listens at any more. */
static bool is_left_behind(const struct sockaddr_un *address)
{
	struct stat s;
	if (lstat(address->sun_path, &s) < 0 || !S_ISSOCK(s.st_mode))
		return false;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	bool dead = fd >= 0 &&
		    connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 &&
		    errno == ECONNREFUSED;
	if (fd >= 0)
		close(fd);
	return dead;
}

static int bind_to(struct control *c, socklen_t length)
{
	mode_t before = umask(0177);
	int result = bind(c->fd, (struct sockaddr *)&c->address, length);
	if (result < 0 && errno == EADDRINUSE && c->address.sun_path[0]) {
		if (is_left_behind(&c->address)) {
			unlink(c->address.sun_path);
			result = bind(c->fd, (struct sockaddr *)&c->address, length);
		} else {
			errno = EADDRINUSE;
		}
	}
	umask(before);
	return result;
}

static int watch(const struct control *c, int operation, int fd, uint32_t events, unsigned number)
{
	struct epoll_event event = {.events = events, .data.u32 = number};
	return epoll_ctl(c->epoll, operation, fd, &event);
}

int control_open(struct control *c, const char *name, char **error)
{
	struct control_name own = control_own_name();
	c->fd = c->epoll = -1;
	c->inode = 0;
	c->expires = USEC_NEVER;
	for (unsigned i = 0; i < CONTROL_CLIENTS; i++)
		c->client[i] = (struct control_client){.fd = -1};
	if (!name && make_folder(c, own.text, error) < 0)
		return -1;
	if (!name)
		name = own.text;
	socklen_t length = control_address(name, &c->address);
	if (length == 0)
		return fail(c, error, name, "the name is too long");
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->fd < 0)
		return fail(c, error, name, "%s", strerror(errno));
	if (bind_to(c, length) < 0)
		return fail(c, error, name, "%s",
			errno == EADDRINUSE ? "in use: does mpipd run here already?"
					    : strerror(errno));
	struct stat s;
	if (c->address.sun_path[0] && lstat(c->address.sun_path, &s) == 0) {
		c->device = s.st_dev;
		c->inode = s.st_ino;
	}
	c->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (c->epoll < 0 || listen(c->fd, CONTROL_CLIENTS) < 0 ||
		watch(c, EPOLL_CTL_ADD, c->fd, EPOLLIN, LISTENER) < 0)
		return fail(c, error, name, "%s", strerror(errno));
	return 0;
}

static void drop(struct control_client *client)
{
	close(client->fd); /* and epoll forgets it */
	free(client->text);
	*client = (struct control_client){.fd = -1};
}

void control_close(struct control *c)
{
	struct stat s;
	if (c->fd < 0)
		return;
	for (unsigned i = 0; i < CONTROL_CLIENTS; i++)
		if (c->client[i].fd >= 0)
			drop(&c->client[i]);
	monitors_close(&c->monitors);
	if (c->inode && lstat(c->address.sun_path, &s) == 0 && s.st_dev == c->device &&
		s.st_ino == c->inode)
		unlink(c->address.sun_path);
	close(c->fd);
	if (c->epoll >= 0)
		close(c->epoll);
	c->fd = c->epoll = -1;
}

/* Clients */

static bool is_allowed(int fd)
{
	struct ucred who;
	socklen_t length = sizeof(who);
	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &length) == 0 &&
	       (who.uid == 0 || who.uid == geteuid());
}

/* A free place, or that of the client that has had the longest time. */
static struct control_client *place(struct control *c)
{
	struct control_client *oldest = &c->client[0];
	for (unsigned i = 0; i < CONTROL_CLIENTS; i++) {
		if (c->client[i].fd < 0)
			return &c->client[i];
		if (usec_before(c->client[i].until, oldest->until))
			oldest = &c->client[i];
	}
	drop(oldest);
	return oldest;
}

static void take_clients(struct control *c, struct usec now)
{
	static const char refusal[] = "{\"error\": \"permission denied: only root and mpipd's own "
				      "user are answered\"}\n";
	/* As many as there are places: who connects again and again does not keep us here. */
	for (unsigned i = 0; i < CONTROL_CLIENTS; i++) {
		int fd = accept4(c->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0)
			return;
		if (!is_allowed(fd)) {
			(void)!send(fd, refusal, sizeof(refusal) - 1, MSG_NOSIGNAL);
			close(fd);
			continue;
		}
		struct control_client *client = place(c);
		client->fd = fd;
		client->until = usec_add(now, CLIENT_TIME);
		if (watch(c, EPOLL_CTL_ADD, fd, EPOLLIN, (unsigned)(client - c->client)) < 0)
			drop(client);
	}
}

/* Sends what the client's socket has room for. */
static void send_answer(struct control_client *client)
{
	while (client->sent < client->size) {
		ssize_t n = send(client->fd, client->text + client->sent,
			client->size - client->sent, MSG_NOSIGNAL);
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0)
			break;
		client->sent += (size_t)n;
	}
	drop(client);
}

/* The words behind a command that is `name`; NULL: it is another one. */
static const char *words_of(const char *command, const char *name)
{
	size_t length = strlen(name);
	bool is_it = strncmp(command, name, length) == 0 &&
		     (command[length] == ' ' || command[length] == '\0');
	return is_it ? command + length : NULL;
}

/* A client that may be told of events is no client any more. */
static bool becomes_monitor(struct control *c, struct control_client *client, const char *kinds)
{
	int fd = client->fd;
	epoll_ctl(c->epoll, EPOLL_CTL_DEL, fd, NULL);
	json_t *refusal = monitors_add(&c->monitors, fd, kinds);
	if (!refusal) {
		*client = (struct control_client){.fd = -1};
		return true;
	}
	client->text = json_dumps(refusal, JSON_COMPACT);
	json_decref(refusal);
	return false;
}

static void answer(
	struct control *c, struct control_client *client, struct engine *e, struct usec now)
{
	const char *kinds = words_of(client->command, "monitor");
	if (kinds) {
		if (becomes_monitor(c, client, kinds))
			return;
		(void)watch(c, EPOLL_CTL_ADD, client->fd, 0, 0);
	} else {
		json_t *json = answers_to(c, e, client->command, now);
		if (!json)
			json = json_pack("{s:s}", "error", "the command is no text");
		client->text = json_dumps(json, JSON_INDENT(2));
		json_decref(json);
	}
	client->size = client->text ? strlen(client->text) : 0;
	if (kinds && client->size) /* a monitor reads lines: over the end of the text */
		client->text[client->size++] = '\n';
	if (watch(c, EPOLL_CTL_MOD, client->fd, EPOLLOUT, (unsigned)(client - c->client)) < 0)
		client->size = 0;
	send_answer(client);
}

/* Reads of a command what there is of it; it ends with its line. */
static void take_command(
	struct control *c, struct control_client *client, struct engine *e, struct usec now)
{
	size_t room = sizeof(client->command) - 1 - client->have;
	ssize_t n = recv(client->fd, client->command + client->have, room, 0);
	if (n < 0 && errno == EAGAIN)
		return;
	if (n > 0)
		client->have += (size_t)n;
	client->command[client->have] = '\0';
	size_t length = strcspn(client->command, "\r\n");
	bool complete = length < client->have || (n == 0 && client->have > 0);
	if (!complete && n > 0 && client->have < sizeof(client->command) - 1)
		return;
	client->command[length] = '\0';
	if (complete || n > 0) /* one that is too long is none that is known */
		answer(c, client, e, now);
	else
		drop(client);
}

void control_serve(struct control *c, struct engine *e, struct usec now)
{
	struct epoll_event events[CONTROL_CLIENTS + 1];
	int n = epoll_wait(c->epoll, events, CONTROL_CLIENTS + 1, 0);
	bool came = false;
	for (int i = 0; i < n; i++) {
		if (events[i].data.u32 == LISTENER) {
			came = true;
			continue;
		}
		struct control_client *client = &c->client[events[i].data.u32];
		if (client->text)
			send_answer(client);
		else
			take_command(c, client, e, now);
	}
	/* The places change hands when all others have been looked at. */
	if (came)
		take_clients(c, now);
	c->expires = USEC_NEVER;
	for (unsigned i = 0; i < CONTROL_CLIENTS; i++) {
		struct control_client *client = &c->client[i];
		if (client->fd >= 0 && !usec_before(now, client->until))
			drop(client);
		if (client->fd >= 0)
			c->expires = usec_min(c->expires, client->until);
	}
}
