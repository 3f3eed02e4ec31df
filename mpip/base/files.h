/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MPIP_BASE_FILES_H
#define MPIP_BASE_FILES_H

#include "mpip/base/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* Files. Every function that can fail takes `char **error` and reports as mpip/base/error.h says.
 */

/* The whole file as a string. NULL and *error when it cannot be read. Free with free(). */
char *file_read(const char *file, char **error);

/* Writes `content` as the whole file. 0, or -1 and *error. */
int file_write(const char *file, const char *content, char **error);

/* Writes JSON, indented, one object per line where it is small. The file appears whole, or stays as
 * it was: it is written aside, as FILE.new. 0, or -1 and *error. */
int file_write_json(const char *file, const json_t *value, char **error);

/* After something has failed that writes into the directory: if no more can be written there, a
 * full disk is the reason, whatever the symptom was. Puts "DIRECTORY: No space left on device: "
 * before *error, which may be NULL. */
void file_explain_full_disk(const char *directory, char **error);

/* Makes the directory and those above it. 0 also when it is there; or -1 and *error. */
int directory_make(const char *path, char **error);

/* Removes a directory and all in it; nothing there is fine. Never follows a symbolic link. 0, or
 * -1, *error and errno. */
int directory_remove(const char *path, char **error);

/* Makes directory `from` be `to`, in one step; what `to` was before is removed. 0, or -1 and
 * *error. */
int directory_replace(const char *from, const char *to, char **error);

/* When sudo started us, hands what we made to the person who called it, so that results can be
 * drawn and removed without being root. `path` and all in it. 0, or -1 and *error. */
int give_to_caller(const char *path, char **error);

/* The same of `path` alone. */
int give_one_to_caller(const char *path, char **error);

#endif
