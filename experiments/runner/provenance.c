// SPDX-License-Identifier: BSD-2-Clause
/*
 * Where a result comes from.
 *
 * Theory of operation
 * -------------------
 * A number is worth little a year later unless one can tell what made it. What is known when the
 * runner is compiled is taken from the headers, the rest is asked for once, before the first run.
 */

#include "experiments/runner/provenance.h"

#include "experiments/runner/project.h"
#include "mpip/base/files.h"
#include "mpip/base/sha256.h"

/* iperf_api.h needs it first */
#include <stdint.h>

#include <fcntl.h>
#include <iperf_api.h>
#include <limits.h>
#include <netlink/version.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef __clang__
#define COMPILER __VERSION__
#else
#define COMPILER "gcc " __VERSION__
#endif

/* The first line that git prints about the folder, or JSON null when it fails or prints nothing.
 * `words`: at most 4, NULL at the end. */
static json_t *git_line(const char *directory, const char *const *words)
{
	const char *argv[8] = {"git", "-C", directory};
	for (size_t i = 0; words[i]; i++)
		argv[3 + i] = words[i];
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) != 0)
		return json_null();
	pid_t pid = fork();
	if (pid == 0) {
		/* Whoever calls us from a hook of his own repository has these set. */
		unsetenv("GIT_DIR");
		unsetenv("GIT_WORK_TREE");
		dup2(ends[1], STDOUT_FILENO);
		dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), STDERR_FILENO);
		execvp(argv[0], (char *const *)argv);
		_exit(127);
	}
	close(ends[1]);
	FILE *f = fdopen(ends[0], "r");
	char line[PATH_MAX] = "";
	bool got = f && fgets(line, sizeof(line), f);
	while (f && fgetc(f) != EOF)
		;
	if (f)
		fclose(f);
	int status = -1;
	bool worked = pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
	line[strcspn(line, "\n")] = '\0';
	return worked && got ? json_string(line) : json_null();
}

/* The project's revision, if the project's folder is a repository of its own: one that lies in
 * somebody else's, as sources out of an archive may, has none. */
static json_t *git(const char *programs)
{
	static const char *const top_level[] = {"rev-parse", "--show-toplevel", NULL};
	static const char *const head[] = {"rev-parse", "HEAD", NULL};
	static const char *const changes[] = {
		"status", "--porcelain", "--untracked-files=no", NULL};
	char *ours = project_directory(programs);
	json_t *top = ours ? git_line(ours, top_level) : json_null();
	json_t *revision = json_null(), *dirty = json_null();
	if (ours && json_is_string(top) && strcmp(json_string_value(top), ours) == 0) {
		revision = git_line(ours, head);
		json_t *change = git_line(ours, changes);
		dirty = json_boolean(json_is_string(change));
		json_decref(change);
	}
	json_decref(top);
	free(ours);
	return json_pack("{s:o, s:o}", "revision", revision, "dirty", dirty);
}

static json_t *digest_of(const char *directory, const char *program)
{
	char *file = text_format("%s/%s", directory, program);
	char digest[SHA256_TEXT];
	int rc = sha256_file(file, digest);
	free(file);
	return rc == 0 ? json_string(digest) : json_null();
}

static json_t *processor(void)
{
	char *ignored = NULL, *info = file_read("/proc/cpuinfo", &ignored);
	char *model = info ? strstr(info, "model name") : NULL;
	char *colon = model ? strchr(model, ':') : NULL;
	json_t *name = json_null();
	if (colon) {
		colon[strcspn(colon, "\n")] = '\0';
		name = json_string(colon + 2);
	}
	free(info);
	free(ignored);
	return json_pack(
		"{s:o, s:I}", "model", name, "count", (json_int_t)sysconf(_SC_NPROCESSORS_ONLN));
}

json_t *provenance(const char *programs, char *const *argv)
{
	struct utsname u;
	uname(&u);
	json_t *command = json_array();
	for (; *argv; argv++)
		json_array_append_new(command, json_string(*argv));
	return json_pack("{s:{s:s, s:s, s:s}, s:o, s:s, s:{s:s, s:s, s:s}, s:{s:o, s:o}, s:o, s:o}",
		"kernel", "release", u.release, "version", u.version, "architecture", u.machine,
		"processors", processor(), "compiler", COMPILER, "libraries", "iperf",
		iperf_get_iperf_version(), "libnl", LIBNL_STRING, "jansson", jansson_version_str(),
		"programs_sha256", "mpipd", digest_of(programs, "mpip/mpipd"), "experiment",
		digest_of(programs, "experiments/experiment"), "git", git(programs), "command_line",
		command);
}
