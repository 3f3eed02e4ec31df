/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EXPERIMENTS_RUNNER_PROJECT_H
#define EXPERIMENTS_RUNNER_PROJECT_H

/* Where the project's own files are: in the folder that the programs were built in, wherever they
 * are called from; or, with a build folder elsewhere, in the current directory. `programs` is the
 * build folder. */

/* That folder, as an absolute path. Allocated; NULL: it is in neither place. */
char *project_directory(const char *programs);

/* A file of the project, "lab/vm/image.sh". Allocated; NULL and *error when it is not there. */
char *project_file(const char *programs, const char *name, char **error);

#endif
