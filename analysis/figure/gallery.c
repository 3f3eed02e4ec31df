// SPDX-License-Identifier: BSD-2-Clause
/*
 * Having pictures drawn by gnuplot.
 *
 * Theory of operation
 * -------------------
 * A figure is a script and its data, which stay beside the pictures so that one can change one by
 * hand. gnuplot reads them from memory and draws into memory; the disk is only written when all is
 * drawn, to files aside that are renamed in the end. So a full disk, a script that fails, or Ctrl-C
 * leaves what was there. gnuplot does not say that what it wrote is cut, and ends well: a picture
 * is whole if it has its end. It has something in it if gnuplot could read points of the data,
 * which the script asks for (gnuplot.c).
 *
 * What is the user's own does not change a picture: neither ~/.gnuplot (-d) nor variables of the
 * environment that gnuplot takes defaults from, nor the locale.
 */

#include "analysis/figure/gallery.h"

#include "analysis/measure/textlist.h"
#include "mpip/base/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SIZE_LEAST 100 /* pixels */
#define SIZE_MOST  10000

const char *const picture_formats[PICTURE_FORMATS] = {"svg", "png", "pdf"};

/* Pictures, and the script and its data. */
#define FILES (PICTURE_FORMATS + 2)

int gallery_set_formats(struct gallery *g, const char *text, char **error)
{
	char *copy = text_format("%s", text);
	bool any = false, good = true;
	memset(g->formats, 0, sizeof(g->formats));
	for (char *rest = copy, *one; (one = strsep(&rest, ", "));) {
		size_t i = 0;
		while (i < PICTURE_FORMATS && strcmp(one, picture_formats[i]) != 0)
			i++;
		if (i < PICTURE_FORMATS)
			g->formats[i] = any = true;
		good = good && (i < PICTURE_FORMATS || !*one);
	}
	free(copy);
	if (!good || !any)
		return error_set(error,
			"format %s: expected svg, png or pdf, or several with commas between",
			text);
	return 0;
}

int gallery_set_size(struct gallery *g, const char *text, char **error)
{
	int width = 0, height = 0, end = 0;
	if (sscanf(text, "%5dx%5d%n", &width, &height, &end) != 2 || text[end] ||
		width < SIZE_LEAST || height < SIZE_LEAST || width > SIZE_MOST ||
		height > SIZE_MOST)
		return error_set(error,
			"size %s: expected WIDTHxHEIGHT in pixels, each from %d to %d, such as "
			"1000x800",
			text, SIZE_LEAST, SIZE_MOST);
	g->width = width;
	g->height = height;
	return 0;
}

char *gallery_endings(const struct gallery *g)
{
	char *text = text_format("%s", "");
	for (size_t i = 0; i < PICTURE_FORMATS; i++) {
		if (!g->formats[i])
			continue;
		char *longer =
			text_format("%s%s.%s", text, *text ? " and " : "", picture_formats[i]);
		free(text);
		text = longer;
	}
	return text;
}

/* A file in memory; programs that are started can open it, see place_in_memory(). */
static int memory_file(const char *name)
{
	int fd = memfd_create(name, 0);
	if (fd < 0)
		abort();
	return fd;
}

struct picture picture_new(const char *name)
{
	return (struct picture){.name = text_format("%s", name),
		.script = memory_file("script"),
		.data = memory_file("data")};
}

void picture_free(struct picture *p)
{
	free(p->name);
	close(p->script);
	close(p->data);
	*p = (struct picture){0};
}

/* ---- gnuplot ---- */

/* The environment without what gnuplot takes defaults from. Its texts are those of `environ`. */
static char **neutral_environment(void)
{
	static const char *const without[] = {"GNUPLOT", "GNUTERM=", "LC_", "LANG=", "LANGUAGE="};
	size_t count = 0, kept = 0;
	while (environ[count])
		count++;
	char **list = calloc(count + 2, sizeof(*list));
	if (!list)
		abort();
	for (size_t i = 0; i < count; i++) {
		bool keep = true;
		for (size_t k = 0; k < sizeof(without) / sizeof(without[0]); k++)
			keep = keep && strncmp(environ[i], without[k], strlen(without[k])) != 0;
		if (keep)
			list[kept++] = environ[i];
	}
	list[kept] = "LC_ALL=C.UTF-8";
	return list;
}

/* The first line that gnuplot said, but for the place in a script that is nowhere; "" when it said
 * nothing. Allocated. */
static char *first_said(int fd)
{
	char text[2048];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
	text[n > 0 ? n : 0] = '\0';
	char *rest = text, *line;
	while ((line = strsep(&rest, "\n"))) {
		const char *place = strstr(line, "line ");
		const char *colon = place ? strstr(place, ": ") : NULL;
		line = colon ? (char *)colon + 2 : line;
		if (line[strspn(line, " \t^")])
			return text_format("%s", line);
	}
	return text_format("%s", "");
}

/* 0 when gnuplot ended well; what it says goes to `said`. */
static int run_gnuplot(const struct picture *p, const char *settings, int said, char **error)
{
	char *script = text_format("/proc/self/fd/%d", p->script);
	char *own = text_format("%s", settings);
	char *arguments[] = {"gnuplot", "-d", "-e", own, script, NULL};
	char **environment = neutral_environment();
	posix_spawn_file_actions_t actions;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, said, STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&actions, said, STDERR_FILENO);
	pid_t pid;
	int status = -1, rc = posix_spawnp(&pid, "gnuplot", &actions, NULL, arguments, environment);
	posix_spawn_file_actions_destroy(&actions);
	free(environment);
	free(own);
	free(script);
	if (rc != 0)
		return error_set(error, "gnuplot: %s; apt install gnuplot-nox", strerror(rc));
	if (waitpid(pid, &status, 0) != pid)
		return error_set(error, "gnuplot: %s", strerror(errno));
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -1;
}

/* Whether the picture has its end: an SVG's last tag, a PNG's last chunk (and 4 bytes of CRC), a
 * PDF's last line. */
static bool is_whole(int fd, size_t format)
{
	static const char *const ends[PICTURE_FORMATS] = {"</svg>", "IEND", "%%EOF"};
	char tail[12];
	struct stat st;
	if (fstat(fd, &st) != 0 || st.st_size < (off_t)sizeof(tail))
		return false;
	ssize_t length = pread(fd, tail, sizeof(tail), st.st_size - (off_t)sizeof(tail));
	return length > 0 &&
	       memmem(tail, (size_t)length, ends[format], strlen(ends[format])) != NULL;
}

/* Into the file in memory `to`. */
static int draw(
	const struct gallery *g, const struct picture *p, size_t format, int to, char **error)
{
	char *size = g->width ? text_format("; width=%d; height=%d", g->width, g->height)
			      : text_format("%s", "");
	char *settings =
		text_format("form='%s'; output='/proc/self/fd/%d'; data='/proc/self/fd/%d'%s",
			picture_formats[format], to, p->data, size);
	int said = memory_file("said");
	int rc = run_gnuplot(p, settings, said, error);
	if (!*error && (rc != 0 || !is_whole(to, format))) {
		char *why = first_said(said);
		rc = error_set(error, "%s/%s.%s: gnuplot could not draw it%s%s", g->directory,
			p->name, picture_formats[format], *why ? ": " : "", why);
		free(why);
	}
	close(said);
	free(settings);
	free(size);
	return rc;
}

/* ---- Files ---- */

/* The ith file of a picture: in a format, or its script or its data; "." before its name while it
 * is aside. Allocated. */
static char *place_of(const struct gallery *g, const char *name, size_t i, bool aside)
{
	const char *dot = aside ? "." : "";
	if (i < PICTURE_FORMATS)
		return text_format("%s/%s%s.%s", g->directory, dot, name, picture_formats[i]);
	return text_format(
		"%s/data/%s%s.%s", g->directory, dot, name, i == PICTURE_FORMATS ? "gp" : "dat");
}

static int copy_to(int from, const char *file, char **error)
{
	char chunk[1 << 16];
	ssize_t n;
	off_t at = 0;
	int to = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	bool good = to >= 0;
	while (good && (n = pread(from, chunk, sizeof(chunk), at)) > 0) {
		ssize_t written = write(to, chunk, (size_t)n);
		good = written > 0;
		at += written;
	}
	if (!good)
		error_set(error, "%s: %s", file, strerror(errno));
	if (to >= 0 && close(to) != 0 && good)
		good = error_set(error, "%s: %s", file, strerror(errno)) == 0;
	return good ? 0 : -1;
}

/* Files in memory, -1: this one is not drawn, to their places. */
static int place_all(
	const struct gallery *g, const struct picture *p, const int files[FILES], char **error)
{
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < FILES; i++) {
		char *aside = place_of(g, p->name, i, true);
		rc = files[i] < 0 ? 0 : copy_to(files[i], aside, error);
		free(aside);
	}
	for (size_t i = 0; i < FILES; i++) {
		char *aside = place_of(g, p->name, i, true), *file = place_of(g, p->name, i, false);
		if (rc == 0 && (files[i] < 0 ? unlink(file) != 0 && errno != ENOENT
					     : rename(aside, file) != 0))
			rc = error_set(error, "%s: %s", file, strerror(errno));
		if (rc != 0)
			unlink(aside);
		free(aside);
		free(file);
	}
	return rc;
}

/* Makes the directories and waits until nobody else writes there; -1 and *error. */
static int enter(const struct gallery *g, char **error)
{
	char *data = text_format("%s/data", g->directory);
	int lock = -1;
	if (directory_make(data, error) == 0) {
		lock = open(data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (lock < 0 || flock(lock, LOCK_EX) != 0)
			error_set(error, "%s: %s", data, strerror(errno));
	}
	if (*error && lock >= 0) {
		close(lock);
		lock = -1;
	}
	free(data);
	return lock;
}

int gallery_draw(const struct gallery *g, const struct picture *p, char **error)
{
	int files[FILES], rc = 0;
	for (size_t i = 0; i < PICTURE_FORMATS; i++) {
		files[i] = g->formats[i] ? memory_file("picture") : -1;
		if (rc == 0 && files[i] >= 0)
			rc = draw(g, p, i, files[i], error);
	}
	files[PICTURE_FORMATS] = p->script;
	files[PICTURE_FORMATS + 1] = p->data;
	int lock = rc == 0 ? enter(g, error) : -1;
	rc = lock < 0 ? -1 : place_all(g, p, files, error);
	if (lock >= 0)
		close(lock);
	for (size_t i = 0; i < PICTURE_FORMATS; i++)
		if (files[i] >= 0)
			close(files[i]);
	return rc;
}

int gallery_remove(const struct gallery *g, const char *name, char **error)
{
	int rc = 0;
	for (size_t i = 0; i < FILES; i++) {
		char *file = place_of(g, name, i, false);
		if (unlink(file) != 0 && errno != ENOENT && errno != ENOTDIR)
			rc = error_set(error, "%s: %s", file, strerror(errno));
		free(file);
	}
	return rc;
}

/* ---- Whose a picture is ---- */

#define FIRST_LINE "# Figure %s of the %s, drawn by analysis plot.\n"

char *gallery_first_line(const char *name, const char *of)
{
	return text_format(FIRST_LINE, name, of);
}

/* What a script, data/NAME.gp, was drawn of; NULL: it is not ours, or has got another name.
 * Allocated. */
static char *drawn_of(const struct gallery *g, const char *name)
{
	char line[256] = "", in_line[100], of[100], *found = NULL;
	char *file = place_of(g, name, PICTURE_FORMATS, false);
	FILE *f = fopen(file, "re");
	if (f && fgets(line, sizeof(line), f) &&
		sscanf(line, "# Figure %99s of the %99[^,], drawn", in_line, of) == 2 &&
		strcmp(in_line, name) == 0)
		found = text_format("%s", of);
	if (f)
		fclose(f);
	free(file);
	return found;
}

static int is_script(const struct dirent *entry)
{
	size_t length = strlen(entry->d_name);
	return length > 3 && strcmp(entry->d_name + length - 3, ".gp") == 0;
}

int gallery_prune(const struct gallery *g, const json_t *there, char **error)
{
	char *data = text_format("%s/data", g->directory);
	struct dirent **scripts = NULL;
	int count = scandir(data, &scripts, is_script, alphasort), rc = 0;
	for (int i = 0; i < count; i++) {
		char *name = text_format(
			"%.*s", (int)strlen(scripts[i]->d_name) - 3, scripts[i]->d_name);
		char *of = drawn_of(g, name);
		if (rc == 0 && of && !textlist_has(there, of)) {
			rc = gallery_remove(g, name, error);
			if (rc == 0)
				printf("%s/%s: removed, there are no results of %s any more\n",
					g->directory, name, of + strcspn(of, " ") + 1);
		}
		free(of);
		free(name);
		free(scripts[i]);
	}
	free(scripts);
	free(data);
	return rc;
}
