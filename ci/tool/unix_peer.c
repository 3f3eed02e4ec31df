// SPDX-License-Identifier: BSD-2-Clause
/*
 * An ill-behaved end of a unix socket.
 *
 *   unix_peer listen NAME TEXT      answers each client with TEXT, whatever it asks
 *   unix_peer connect NAME N TEXT   N connections that say TEXT and read nothing; each time that
 * the other end has closed some, "closed=" and how many in all
 *
 * NAME is a path, or @NAME in the abstract namespace. Runs until it is ended, or all are closed.
 */

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define CONNECTIONS_MAX 256

static socklen_t address_of(const char *name, struct sockaddr_un *address)
{
	size_t length = strlen(name);
	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (length >= sizeof(address->sun_path))
		return 0;
	memcpy(address->sun_path, name, length);
	if (name[0] == '@')
		address->sun_path[0] = '\0';
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
}

static int fail(const char *what)
{
	perror(what);
	return 1;
}

static int answer_all(int fd, const struct sockaddr_un *address, socklen_t length, const char *text)
{
	if (bind(fd, (const struct sockaddr *)address, length) < 0 || listen(fd, 8) < 0)
		return fail("listen");
	puts("listening");
	for (int client; (client = accept(fd, NULL, NULL)) >= 0; close(client))
		if (send(client, text, strlen(text), MSG_NOSIGNAL) < 0)
			perror("send");
	return fail("accept");
}

static int hold(const struct sockaddr_un *address, socklen_t length, int n, const char *text)
{
	struct pollfd held[CONNECTIONS_MAX];
	for (int i = 0; i < n; i++) {
		held[i] = (struct pollfd){.fd = socket(AF_UNIX, SOCK_STREAM, 0)};
		if (connect(held[i].fd, (const struct sockaddr *)address, length) < 0)
			return fail("connect");
		if (send(held[i].fd, text, strlen(text), MSG_NOSIGNAL) < 0)
			perror("send");
	}
	puts("connected");
	for (int closed = 0; closed < n; printf("closed=%d\n", closed)) {
		if (poll(held, (nfds_t)n, -1) < 0)
			return fail("poll");
		for (int i = 0; i < n; i++)
			if (held[i].fd >= 0 && held[i].revents & (POLLHUP | POLLERR)) {
				close(held[i].fd);
				held[i].fd = -1;
				closed++;
			}
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct sockaddr_un address;
	bool listens = argc == 4 && strcmp(argv[1], "listen") == 0;
	bool connects = argc == 5 && strcmp(argv[1], "connect") == 0;
	int n = connects ? atoi(argv[3]) : 0;
	if (!listens && (!connects || n < 1 || n > CONNECTIONS_MAX)) {
		fputs("usage: unix_peer listen NAME TEXT | connect NAME N TEXT\n", stderr);
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	socklen_t length = address_of(argv[2], &address);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (length == 0 || fd < 0)
		return fail(argv[2]);
	if (listens)
		return answer_all(fd, &address, length, argv[3]);
	close(fd);
	return hold(&address, length, n, argv[4]);
}
