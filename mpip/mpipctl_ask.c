// SPDX-License-Identifier: BSD-2-Clause
/*
 * Asking mpipd.
 *
 * Theory of operation: what answers at the socket is believed to be mpipd only if it is root's, or
 * this user's own: the kernel says who listens. And since what comes is shown on a terminal, no
 * text of it keeps a control character, whoever has put it there.
 */

#include "mpip/mpipctl_ask.h"

#include "mpip/io/control_name.h"
#include "mpip/mpipctl_show.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Whether the byte at `text` begins a control character: of ASCII, or U+0080 to U+009F. */
static int control_length(const char *text)
{
	unsigned char c = (unsigned char)text[0];
	if (c < 0x20 || c == 0x7f)
		return 1;
	return c == 0xc2 && (unsigned char)text[1] < 0xa0 ? 2 : 0;
}

static char *clean_text(const char *text)
{
	char *clean = malloc(strlen(text) + 1), *to = clean;
	if (!clean)
		abort();
	while (*text) {
		int length = control_length(text);
		*to++ = length ? '?' : *text;
		text += length ? length : 1;
	}
	*to = '\0';
	return clean;
}

static json_t *clean_object(const json_t *value)
{
	json_t *copy = json_object(), *member;
	const char *key;
	json_object_foreach ((json_t *)value, key, member) {
		char *clean = clean_text(key);
		json_object_set_new(copy, clean, ask_without_controls(member));
		free(clean);
	}
	return copy;
}

json_t *ask_without_controls(const json_t *value)
{
	if (json_is_object(value))
		return clean_object(value);
	if (json_is_array(value)) {
		json_t *copy = json_array();
		for (size_t i = 0; i < json_array_size(value); i++)
			json_array_append_new(copy, ask_without_controls(json_array_get(value, i)));
		return copy;
	}
	if (json_is_string(value)) {
		char *clean = clean_text(json_string_value(value));
		json_t *copy = json_string(clean);
		free(clean);
		return copy;
	}
	return json_incref((json_t *)value);
}

/* Whether the listener is root or this user; says so otherwise. */
static int check_who(int fd, const char *socket_name)
{
	struct ucred who;
	socklen_t length = sizeof(who);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &length) == 0 &&
		(who.uid == 0 || who.uid == geteuid()))
		return 0;
	fprintf(stderr,
		"mpipctl: %s: who answers here is user %u: expected mpipd, run by root or by you\n",
		socket_name, who.uid);
	return -1;
}

static int connect_to(const char *socket_name)
{
	struct sockaddr_un address;
	socklen_t length = control_address(socket_name, &address);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (length != 0 && fd >= 0 && connect(fd, (struct sockaddr *)&address, length) == 0)
		return fd;
	bool nobody = errno == ECONNREFUSED || errno == ENOENT;
	fprintf(stderr, "mpipctl: %s: %s\n", socket_name,
		length == 0 ? "the name is too long"
		: nobody    ? "no mpipd answers here (another network namespace? see --socket)"
		: errno == EACCES ? "permission denied: only root and mpipd's own user are answered"
				  : strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

int ask_stream(const char *socket_name, const char *words, FILE **reply)
{
	int fd = connect_to(socket_name);
	if (fd < 0)
		return -1;
	*reply = check_who(fd, socket_name) == 0 ? fdopen(fd, "r") : NULL;
	if (!*reply) {
		close(fd);
		return -1;
	}
	/* Also when this fails: who refuses us answers without reading. */
	(void)!send(fd, words, strlen(words), MSG_NOSIGNAL);
	return 0;
}

json_t *ask_mpipd(
	const char *socket_name, const char *words, const volatile sig_atomic_t *interrupted)
{
	FILE *reply;
	if (ask_stream(socket_name, words, &reply) < 0)
		return NULL;
	json_error_t error;
	json_t *answer = json_loadf(reply, 0, &error);
	fclose(reply);
	if (!answer) {
		if (!*interrupted)
			fprintf(stderr, "mpipctl: mpipd's answer was cut short\n");
		return NULL;
	}
	json_t *clean = ask_without_controls(answer);
	json_decref(answer);
	show_sort(clean);
	return clean;
}
