// SPDX-License-Identifier: BSD-2-Clause
/* Directories that end with us; the contract is in the header. */

#include "experiments/runner/scratch.h"

#include "mpip/base/files.h"
#include "mpip/base/lock.h"

#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static char *held_file(const char *directory)
{
	return text_format("%s/.held", directory);
}

static bool is_ours(const char *directory)
{
	struct stat st;
	return lstat(directory, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid();
}

/* Removes one that nobody has any more. */
static void sweep_one(const char *directory)
{
	char *ignored = NULL, *held = held_file(directory);
	int lock = is_ours(directory) ? lock_directory(directory, LOCK_EX | LOCK_NB) : -1;
	if (lock >= 0 && access(held, F_OK) == 0)
		directory_remove(directory, &ignored);
	if (lock >= 0)
		close(lock);
	free(ignored);
	free(held);
}

static void sweep(const char *prefix)
{
	char *pattern = text_format("%s.??????", prefix);
	glob_t found;
	if (glob(pattern, GLOB_NOSORT, NULL, &found) == 0) {
		for (size_t i = 0; i < found.gl_pathc; i++)
			sweep_one(found.gl_pathv[i]);
		globfree(&found);
	}
	free(pattern);
}

char *scratch_make(const char *prefix, char **error)
{
	sweep(prefix);
	char *directory = text_format("%s.XXXXXX", prefix), *held = NULL;
	/* The lock stays with us to our end. */
	bool good = mkdtemp(directory) && lock_directory(directory, LOCK_EX) >= 0;
	if (!good)
		error_set(error, "%s: %s", directory, strerror(errno));
	held = held_file(directory);
	if (good && file_write(held, "", error) != 0)
		good = false;
	free(held);
	if (good)
		return directory;
	free(directory);
	return NULL;
}

void scratch_keep(const char *directory)
{
	char *held = held_file(directory);
	unlink(held);
	free(held);
}
