// SPDX-License-Identifier: BSD-2-Clause
/* The project's own files; the contract is in the header. */

#include "experiments/runner/project.h"

#include "mpip/base/error.h"

#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

/* What only the project's folder has, a guest's copy of it included. */
#define LANDMARK "lab/scenarios"

char *project_directory(const char *programs)
{
	/* build, build/asan, or a build folder elsewhere */
	char *const places[] = {text_format("%s/..", programs), text_format("%s/../..", programs),
		text_format(".")};
	char *directory = NULL;
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		char *landmark = text_format("%s/" LANDMARK, places[i]);
		if (!directory && access(landmark, F_OK) == 0)
			directory = realpath(places[i], NULL);
		free(landmark);
		free(places[i]);
	}
	return directory;
}

char *project_file(const char *programs, const char *name, char **error)
{
	char *directory = project_directory(programs);
	char *file = directory ? text_format("%s/%s", directory, name) : NULL;
	if (!file || access(file, F_OK) != 0) {
		error_set(error, "%s: expected to be called in the project's directory", name);
		free(file);
		file = NULL;
	}
	free(directory);
	return file;
}
