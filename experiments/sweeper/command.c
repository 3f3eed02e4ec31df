// SPDX-License-Identifier: BSD-2-Clause
/* Programs that are called for their answer; the contract is in the header. */

#include "experiments/sweeper/command.h"

#include "experiments/probe/proc.h"
#include "mpip/base/error.h"
#include "mpip/base/files.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define LIMIT_S 30

static int body(void *argument)
{
	char *const *argv = argument;
	execvp(argv[0], argv);
	fprintf(stderr, "%s\n", strerror(errno));
	return 127;
}

/* The last line of a text, without its end. */
static const char *last_line(char *text)
{
	size_t length = strlen(text);
	while (length > 0 && text[length - 1] == '\n')
		text[--length] = '\0';
	const char *line = strrchr(text, '\n');
	line = line ? line + 1 : text;
	return *line ? line : "it said nothing";
}

/* What went to a descriptor's file. Allocated. */
static char *content(const char *file)
{
	char *ignored = NULL, *text = file_read(file, &ignored);
	free(ignored);
	return text ? text : text_format("%s", "");
}

char *command_run(const char *const *argv, char **error)
{
	int out = memfd_create("out", MFD_CLOEXEC), err = memfd_create("err", MFD_CLOEXEC);
	char *out_file = text_format("/proc/%d/fd/%d", (int)getpid(), out);
	char *err_file = text_format("/proc/%d/fd/%d", (int)getpid(), err);
	char *answer = NULL;
	struct child child;
	if (out < 0 || err < 0) {
		error_set(error, "memfd_create: %s", strerror(errno));
	} else if (child_start(&child, argv[0], body, (void *)(uintptr_t)argv, out_file, err_file,
			   -1, error) == 0) {
		enum wait_result how = child_wait(&child, now_us() + LIMIT_S * 1000000LL);
		child_end(&child, 1000);
		char *said = content(err_file);
		if (how == WAIT_ENDED && child.status == 0)
			answer = content(out_file);
		else if (how == WAIT_ENDED)
			error_set(error, "%s: %s", argv[0], last_line(said));
		else if (how == WAIT_TIME)
			error_set(error, "%s: no answer for %d s: %s", argv[0], LIMIT_S,
				last_line(said));
		free(said);
	}
	if (out >= 0)
		close(out);
	if (err >= 0)
		close(err);
	free(out_file);
	free(err_file);
	return answer;
}
