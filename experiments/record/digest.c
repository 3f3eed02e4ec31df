// SPDX-License-Identifier: BSD-2-Clause
/*
 * What was measured, in 64 digits.
 *
 * Theory of operation
 * -------------------
 * Two runs measured the same if each of their raw logs is equal byte for byte: each packet that
 * the witness sent, each interval of iperf3's, each row of the path logs, each reading of the
 * router's counters, with their microseconds. The lines that are hashed are those that sha256sum
 * prints, so that anybody can recompute them.
 */

#include "experiments/record/digest.h"

#include "mpip/base/files.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int ends_with(const char *name, const char *end)
{
	size_t n = strlen(name), m = strlen(end);
	return n >= m && strcmp(name + n - m, end) == 0;
}

static int is_log(const struct dirent *e)
{
	if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..") || e->d_type == DT_DIR)
		return 0;
	return strcmp(e->d_name, "result.json") != 0 &&
	       !(strncmp(e->d_name, "mpipd-", 6) == 0 && ends_with(e->d_name, ".json"));
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

json_t *digest_files(const char *directory, char **error)
{
	struct dirent **entries = NULL;
	int count = scandir(directory, &entries, is_log, by_name);
	if (count < 0) {
		error_set(error, "%s: %s", directory, strerror(errno));
		return NULL;
	}
	json_t *files = json_object();
	for (int i = 0; i < count; i++) {
		char digest[SHA256_TEXT];
		char *file = text_format("%s/%s", directory, entries[i]->d_name);
		if (sha256_file(file, digest) != 0)
			error_set(error, "%s: %s", file, strerror(errno));
		else
			json_object_set_new(files, entries[i]->d_name, json_string(digest));
		free(file);
		free(entries[i]);
	}
	free(entries);
	if ((int)json_object_size(files) == count)
		return files;
	json_decref(files);
	return NULL;
}

int digest_of_run(const char *directory, char out[SHA256_TEXT], char **error)
{
	json_t *files = digest_files(directory, error), *digest;
	if (!files)
		return -1;
	char *lines = NULL;
	size_t length = 0;
	FILE *f = open_memstream(&lines, &length);
	if (!f)
		abort();
	const char *name;
	json_object_foreach (files, name, digest)
		fprintf(f, "%s  %s\n", json_string_value(digest), name);
	if (fclose(f))
		abort();
	sha256_bytes(lines, length, out);
	free(lines);
	json_decref(files);
	return 0;
}
