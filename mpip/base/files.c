// SPDX-License-Identifier: BSD-2-Clause
/* Files; the contracts are in the header. */

#include "mpip/base/files.h"

#include "mpip/base/output.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

char *file_read(const char *file, char **error)
{
	FILE *f = fopen(file, "re");
	if (!f) {
		error_set(error, "%s: %s", file, strerror(errno));
		return NULL;
	}

	/* Files under /proc have no size, so the end is found by reading. */
	char *content = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&content, &size);
	if (!out)
		abort();
	char chunk[4096];
	size_t n;
	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		fwrite(chunk, 1, n, out);
	int bad = ferror(f);
	fclose(f);
	if (fclose(out))
		abort();
	if (bad) {
		error_set(error, "%s: cannot be read: %s", file, strerror(errno));
		free(content);
		return NULL;
	}
	return content;
}

int file_write(const char *file, const char *content, char **error)
{
	FILE *f = fopen(file, "we");
	if (!f)
		return error_set(error, "%s: %s", file, strerror(errno));
	fputs(content, f);
	const char *why = output_close(f);
	return why ? error_set(error, "%s: cannot be written: %s", file, why) : 0;
}

/* Beside its place first, so that what is there stays until the new one is whole. */
int file_write_json(const char *file, const json_t *value, char **error)
{
	char *content = json_dumps(value, JSON_INDENT(1) | JSON_REAL_PRECISION(9));
	if (!content)
		abort();
	char *line = text_format("%s\n", content), *aside = text_format("%s.new", file);
	int rc = file_write(aside, line, error);
	if (rc == 0 && rename(aside, file) != 0)
		rc = error_set(error, "%s: cannot be written: %s", file, strerror(errno));
	if (rc != 0)
		unlink(aside);
	free(aside);
	free(line);
	free(content);
	return rc;
}

void file_explain_full_disk(const char *directory, char **error)
{
	static const int reasons[] = {ENOSPC, EDQUOT};
	char block[4097], *file = text_format("%s/.full", directory), *why = NULL;
	memset(block, ' ', sizeof(block) - 1);
	block[sizeof(block) - 1] = '\0';
	int full = file_write(file, block, &why);
	for (size_t i = 0; full && i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		const char *reason = strerror(reasons[i]);
		if (!strstr(why, reason) || (*error && strstr(*error, reason)))
			continue;
		char *both = text_format(
			"%s: %s%s%s", directory, reason, *error ? ": " : "", *error ? *error : "");
		free(*error);
		*error = both;
	}
	unlink(file);
	free(why);
	free(file);
}

int directory_make(const char *path, char **error)
{
	char *part = strdup(path);
	if (!part)
		abort();
	int rc = 0;
	for (char *p = part + 1; rc == 0; p++) {
		if (*p != '/' && *p != '\0')
			continue;
		char end = *p;
		*p = '\0';
		if (mkdir(part, 0777) != 0 && errno != EEXIST)
			rc = error_set(error, "%s: %s", part, strerror(errno));
		*p = end;
		if (end == '\0')
			break;
	}
	free(part);
	return rc;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

int directory_remove(const char *path, char **error)
{
	if (nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS) == 0 || errno == ENOENT)
		return 0;
	int why = errno;
	error_set(error, "%s: cannot be removed: %s", path, strerror(why));
	errno = why;
	return -1;
}

int directory_replace(const char *from, const char *to, char **error)
{
	if (rename(from, to) == 0)
		return 0;
	if (errno == ENOTEMPTY || errno == EEXIST) {
		if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_EXCHANGE) == 0)
			return directory_remove(from, error);
		/* Some file systems do not have it. */
		if (directory_remove(to, error) != 0)
			return -1;
		if (rename(from, to) == 0)
			return 0;
	}
	return error_set(error, "%s: %s", to, strerror(errno));
}

static uid_t caller_uid;
static gid_t caller_gid;

static int give_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return lchown(path, caller_uid, caller_gid);
}

/* Sets who called sudo. False when nobody did. */
static bool find_caller(void)
{
	const char *uid = getenv("SUDO_UID"), *gid = getenv("SUDO_GID");
	if (geteuid() != 0 || !uid || !gid)
		return false;
	caller_uid = (uid_t)strtoul(uid, NULL, 10);
	caller_gid = (gid_t)strtoul(gid, NULL, 10);
	return true;
}

static int fail_give(const char *path, char **error)
{
	return error_set(
		error, "%s: cannot be given to the caller of sudo: %s", path, strerror(errno));
}

int give_to_caller(const char *path, char **error)
{
	if (find_caller() && nftw(path, give_one, 16, FTW_PHYS) != 0)
		return fail_give(path, error);
	return 0;
}

int give_one_to_caller(const char *path, char **error)
{
	if (find_caller() && lchown(path, caller_uid, caller_gid) != 0)
		return fail_give(path, error);
	return 0;
}
