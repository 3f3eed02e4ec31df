// SPDX-License-Identifier: BSD-2-Clause
/*
 * Where a result comes from.
 *
 * Theory of operation
 * -------------------
 * A number is worth little a year later unless one can tell what made it. What is known when the
 * runner is compiled is taken from the headers, the rest is asked for once, before the first run.
 */

#include "experiments/provenance.h"

#include "experiments/files.h"
#include "experiments/sha256.h"

/* iperf_api.h needs it first */
#include <stdint.h>

#include <iperf_api.h>
#include <netlink/version.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#ifdef __clang__
#define COMPILER __VERSION__
#else
#define COMPILER "gcc " __VERSION__
#endif

/* The first line that a command prints, or JSON null when it fails or prints nothing. */
static json_t *first_line_of(const char *command)
{
	FILE *f = popen(command, "re");
	char line[256] = "";
	if (!f)
		return json_null();
	bool got = fgets(line, sizeof(line), f) != NULL;
	while (fgetc(f) != EOF)
		;
	bool worked = pclose(f) == 0;
	line[strcspn(line, "\n")] = '\0';
	return worked && got ? json_string(line) : json_null();
}

static json_t *git(void)
{
	json_t *revision = first_line_of("git rev-parse HEAD 2>/dev/null");
	json_t *change = first_line_of("git status --porcelain --untracked-files=no 2>/dev/null");
	bool dirty = json_is_string(change);
	json_decref(change);
	return json_pack("{s:o, s:b}", "revision", revision, "dirty", dirty);
}

static json_t *digest_of(const char *directory, const char *program)
{
	char *file = lab_text("%s/%s", directory, program);
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
		digest_of(programs, "experiments/experiment"), "git", git(), "command_line",
		command);
}
